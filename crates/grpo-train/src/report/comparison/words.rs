//! The outcome of a comparison in plain words.

use super::super::text::{number, short};
use super::{machine, numbers};
use crate::comparing::{
    Arm, Comparison, Cost, Estimate, Task, bootstrap, bootstrap_difference, mean, median, taken,
};

/// Sentences: what they are about, and what there is to say. Plain text.
pub(super) fn sentences(comparison: &Comparison) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for task in &comparison.tasks {
        let told: Vec<String> = [highest(task), soonest(task)].into_iter().flatten().collect();
        let told = if told.is_empty() { "no run has an examination yet.".into() } else { told.join(" ") };
        out.push((task.name.clone(), told));
    }
    out.extend(memory(comparison).map(|told| ("Memory".to_owned(), told)));
    out.extend(latency(comparison).map(|told| ("Time to answer".to_owned(), told)));
    out
}

/// Which arm ends highest, and whether it is clearly ahead of the next.
fn highest(task: &Task) -> Option<String> {
    let digits = numbers::digits(task);
    let mut arms: Vec<(&Arm, Vec<f64>, Estimate)> = task
        .arms
        .iter()
        .filter_map(|arm| {
            let worths = numbers::final_worths(arm);
            let estimate = bootstrap(&worths, mean).filter(|it| it.value.is_finite())?;
            Some((arm, worths, estimate))
        })
        .collect();
    arms.sort_by(|a, b| b.2.value.total_cmp(&a.2.value));
    let (best, worths, estimate) = arms.first()?;
    let mut out = format!("{} ends highest, at {}", best.name, numbers::worth(*estimate, digits));
    let Some((next, others, _)) = arms.get(1) else { return Some(out + "; it is the only arm.") };
    let ahead = bootstrap_difference(worths, others)?;
    out += &format!(", {} ahead of {}", numbers::difference(ahead, digits), next.name);
    out += match ahead.interval {
        Some((low, _)) if low > 0.0 => ": a clear difference.",
        Some(_) => ": no clear difference, the interval holds zero.",
        None => ": too few seeds to tell whether that is more than chance.",
    };
    Some(out)
}

/// Which arm reaches the highest level that any arm reaches with the fewest environment steps, and how the others compare.
fn soonest(task: &Task) -> Option<String> {
    let mut levels = task.thresholds.clone();
    levels.sort_by(|a, b| b.total_cmp(a));
    let medians = |level: f64| -> Vec<(&Arm, f64)> {
        let with_runs = task.arms.iter().filter(|arm| !arm.runs.is_empty());
        let mut all: Vec<_> =
            with_runs.map(|arm| (arm, median(&taken(&arm.runs, level, Cost::Steps)))).collect();
        all.sort_by(|a, b| a.1.total_cmp(&b.1));
        all
    };
    let told = levels
        .into_iter()
        .map(|level| (level, medians(level)))
        .find(|(_, arms)| arms.first().is_some_and(|(_, steps)| steps.is_finite()));
    let Some((level, arms)) = told else {
        let is_asked =
            !task.thresholds.is_empty() && task.arms.iter().any(|arm| !numbers::final_worths(arm).is_empty());
        return is_asked
            .then(|| "None of the levels is reached by more than half of the runs of any arm.".into());
    };
    let (first, least) = *arms.first()?;
    let mut out = format!(
        "A worth of {} is reached first by {}, after {} environment steps (median)",
        short(level),
        first.name,
        numbers::spent(least, Cost::Steps)
    );
    for (arm, steps) in arms.iter().skip(1) {
        out += &match steps / least {
            _ if steps.is_infinite() => {
                format!("; {} does not reach it in half of its runs or more", arm.name)
            }
            times if times.is_finite() => format!("; {} takes {times:.2} times as many", arm.name),
            _ => format!("; {} takes {}", arm.name, numbers::spent(*steps, Cost::Steps)),
        };
    }
    Some(out + ".")
}

fn memory(comparison: &Comparison) -> Option<String> {
    let mut models: Vec<&str> = Vec::new();
    for row in &comparison.memory {
        if !models.contains(&row.model.as_str()) {
            models.push(&row.model);
        }
    }
    let told = models.into_iter().filter_map(|model| {
        let of_model: Vec<_> = comparison.memory.iter().filter(|it| it.model == model).collect();
        // Of one alone there is nothing to say.
        let least = *of_model
            .iter()
            .filter(|_| of_model.len() > 1)
            .min_by(|a, b| a.bytes_per_parameter.total_cmp(&b.bytes_per_parameter))?;
        let against = match machine::yardstick(&comparison.memory, model) {
            Some(ppo) if !std::ptr::eq(ppo, least) => format!(
                " ({} against {})",
                numbers::change(least.bytes_per_parameter, ppo.bytes_per_parameter),
                ppo.configuration
            ),
            _ => String::new(),
        };
        Some(format!(
            "{model} needs the least with {}, {} bytes per parameter by counting{against}.",
            least.configuration,
            number(least.bytes_per_parameter)
        ))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(" "))
}

fn latency(comparison: &Comparison) -> Option<String> {
    let mut told = Vec::new();
    for (index, first) in comparison.latency.iter().enumerate() {
        if comparison.latency[..index].iter().any(|it| it.work == first.work) {
            continue;
        }
        let of_work: Vec<_> = comparison
            .latency
            .iter()
            .filter(|it| it.work == first.work && it.answers == first.answers)
            .collect();
        let fastest = of_work.iter().filter(|_| of_work.len() > 1).min_by(|a, b| a.p50.total_cmp(&b.p50));
        if let Some(fastest) = fastest.copied() {
            let against = if std::ptr::eq(first, fastest) {
                String::new()
            } else {
                format!(" ({} against {})", numbers::change(fastest.p50, first.p50), first.configuration)
            };
            told.push(format!(
                "{} is fastest with {}, {}\u{a0}ms in the median{against}.",
                first.work,
                fastest.configuration,
                number(fastest.p50)
            ));
        }
    }
    (!told.is_empty()).then(|| told.join(" "))
}
