//! The tables of a task.

use super::super::table::{Column, Table};
use super::super::text::{count, counted, decimals, fixed, short};
use super::numbers;
use crate::comparing::{
    Arm, Cost, Task, bootstrap, bootstrap_difference, mean, median, reaching as cost_of_reaching,
};

/// The task in words.
pub(super) fn about(task: &Task) -> String {
    format!(
        "A session's worth: {}. Every examination has the same {}, none of whom is taught in training.",
        task.measure,
        counted(task.learners as u64, "learner")
    )
}

/// What every arm reached, best first.
pub(super) fn outcome(task: &Task) -> Table {
    let digits = numbers::digits(task);
    let first = task.arms.first();
    let mut columns = vec![
        Column::text("Arm"),
        Column::number("Final worth (95\u{a0}% interval)"),
        Column::number("Seeds"),
        Column::number("Environment steps each"),
        Column::number("Parameters"),
        Column::number("Learning rate"),
        Column::number("Passes \u{d7} parts"),
    ];
    if let (Some(first), 2..) = (first, task.arms.len()) {
        columns.insert(2, Column::number(&format!("Against {}", first.name)));
    }
    let row = |arm: &Arm| {
        let worths = numbers::final_worths(arm);
        let last: Vec<f64> =
            arm.runs.iter().filter_map(|run| run.points.last()).map(|point| Cost::Steps.at(point)).collect();
        let mut row = vec![
            arm.name.clone(),
            bootstrap(&worths, mean).map_or_else(|| "no run".into(), |it| numbers::worth(it, digits)),
            count(worths.len() as u64),
            if last.is_empty() { String::new() } else { count(median(&last).round() as u64) },
            count(arm.parameters as u64),
            numbers::rate(arm.learning_rate),
            format!("{} \u{d7} {}", arm.iterations, arm.minibatches),
        ];
        if let (Some(first), 2..) = (first, task.arms.len()) {
            let against = bootstrap_difference(&worths, &numbers::final_worths(first));
            let told = against.map_or_else(String::new, |it| numbers::difference(it, digits));
            row.insert(2, if std::ptr::eq(first, arm) { "\u{2013}".into() } else { told });
        }
        row
    };
    let mut arms: Vec<&Arm> = task.arms.iter().collect();
    let key = |arm: &Arm| {
        Some(mean(&numbers::final_worths(arm))).filter(|it| !it.is_nan()).unwrap_or(f64::NEG_INFINITY)
    };
    arms.sort_by(|a, b| key(b).total_cmp(&key(a)));
    Table {
        caption: format!("What every arm reached on {}, best first", task.name),
        columns,
        heads: 1,
        rows: arms.into_iter().map(row).collect(),
        note: format!(
            "Worth: mean over seeds. Intervals: percentile bootstrap over seeds, 10,000 resamples. Steps: median over seeds. Passes over a \
             step's sessions and parts of a pass, an optimizer step each: {}.",
            if task.arms.iter().all(|arm| arm.tried.is_empty()) {
                "they and the learning rate stand in the recipe, no others were tried"
            } else {
                "they and the learning rate are the best of the settings that were tried with seeds of their own"
            }
        ),
    }
}

/// The settings that were tried, arm by arm, best first; none where nothing was tried.
pub(super) fn tried(task: &Task) -> Option<Table> {
    let digits = decimals(task.arms.iter().flat_map(|arm| &arm.tried).map(|tried| tried.worth));
    let rows: Vec<Vec<String>> = task
        .arms
        .iter()
        .flat_map(|arm| {
            let mut tried: Vec<_> = arm.tried.iter().collect();
            tried.sort_by(|a, b| b.worth.total_cmp(&a.worth));
            tried.into_iter().map(|tried| {
                let is_chosen = tried.learning_rate == arm.learning_rate
                    && (tried.iterations, tried.minibatches) == (arm.iterations, arm.minibatches);
                vec![
                    arm.name.clone(),
                    numbers::rate(tried.learning_rate),
                    count(tried.iterations as u64),
                    count(tried.minibatches as u64),
                    fixed(tried.worth, digits),
                    if is_chosen { "chosen" } else { "" }.into(),
                ]
            })
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        caption: format!("Settings that were tried on {}, best first", task.name),
        columns: vec![
            Column::text("Arm"),
            Column::number("Learning rate"),
            Column::number("Passes"),
            Column::number("Parts"),
            Column::number("Worth"),
            Column::text("Chosen"),
        ],
        heads: 1,
        rows,
        note: "Tried with seeds of their own. Worth: mean at the end, over those seeds; the best of many is a little flattered, which is \
               why the runs above have other seeds."
            .into(),
    })
}

/// What it took to reach each level; none where no level is asked for.
pub(super) fn reaching(task: &Task) -> Option<Table> {
    let mut columns =
        vec![Column::number("Worth of"), Column::text("Arm"), Column::text("Runs that reach it")];
    columns.extend(Cost::ALL.map(|cost| {
        let name = numbers::name(cost);
        Column::number(&format!("{}{}", name[..1].to_uppercase(), &name[1..]))
    }));
    let mut rows = Vec::new();
    for level in &task.thresholds {
        for arm in &task.arms {
            let mut row = vec![short(*level), arm.name.clone()];
            let costs = Cost::ALL.map(|cost| Some((cost, cost_of_reaching(&arm.runs, *level, cost)?)));
            match &costs[0] {
                None => row.push("no run".into()),
                Some((_, it)) if it.reached == it.runs => row.push(format!("all {}", it.runs)),
                Some((_, it)) => row.push(format!("{} of {} never", it.runs - it.reached, it.runs)),
            }
            let told = |it: &Option<_>| {
                it.as_ref().map_or_else(String::new, |(cost, it)| numbers::reaching(it, *cost))
            };
            row.extend(costs.iter().map(told));
            rows.push(row);
        }
    }
    (!rows.is_empty()).then(|| Table {
        caption: format!("What it takes to reach a level on {}, median over runs (95\u{a0}% interval)", task.name),
        columns,
        heads: 2,
        rows,
        note: "Counted up to the first examination that finds the level; nothing is interpolated. A run that never reaches it counts \
               as taking longer than any: where half of the runs or more never do, the median is \u{201c}not reached\u{201d}. \
               Intervals: percentile bootstrap over runs, 10,000 resamples."
            .into(),
    })
}
