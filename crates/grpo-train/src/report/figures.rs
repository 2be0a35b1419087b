//! Which curves the page shows, and what is said of each.

use super::axis::Ticks;
use super::curves::{Curves, Evaluation, MOST_POINTS, Points, Stage};
use super::figure::{Figure, last};
use super::summary::Summary;
use super::text::{number, percent};

const STEP: &str = "GRPO step";
/// Curves of one chart that can still be told apart.
const MOST_REWARDS: usize = 6;

/// Figures that belong together.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) figures: Vec<Figure>,
}

/// Every figure of a run, those without a curve included.
pub(super) fn sections(curves: &Curves, summary: &Summary) -> Vec<Section> {
    let grpo = &curves.grpo;
    let mut learning = vec![accuracy(curves, summary), reward(grpo)];
    learning.extend(named_rewards(grpo));
    learning.extend(guard(grpo));
    learning.push(without_spread(grpo));
    vec![
        Section { title: "What it learned", figures: learning },
        Section {
            title: "How the policy moved",
            figures: vec![kl(grpo), entropy(grpo), length(grpo), clip(grpo)],
        },
        Section {
            title: "Optimizer",
            figures: vec![
                over_run(
                    curves,
                    "Gradient norm",
                    "grad_norm",
                    "norm before clipping",
                    "Healthy: a steady band, with a rare spike at most. Growing without end means that the learning \
                     rate is too high; zero means that nothing is learned.",
                ),
                over_run(
                    curves,
                    "Learning rate",
                    "learning_rate",
                    "learning rate (per update)",
                    "The schedule as it was applied: a short rise, then the planned decay.",
                ),
                imitation(&curves.imitation),
                loss(grpo),
            ],
        },
        Section { title: "Where the time went", figures: vec![time(grpo)] },
    ]
}

fn accuracy(curves: &Curves, summary: &Summary) -> Figure {
    let timed = curves.untimed == 0 && curves.seconds > 0.0;
    let (unit, divisor) = match curves.seconds {
        seconds if seconds < 300.0 => ("seconds", 1.0),
        seconds if seconds < 3.0 * 3600.0 => ("minutes", 60.0),
        _ => ("hours", 3600.0),
    };
    let (x_label, boundary) = if timed {
        (format!("time spent in steps ({unit})"), curves.imitation_seconds / divisor)
    } else {
        ("steps of both stages".into(), curves.imitation.last_step as f64)
    };
    let curve = |evaluations: &[Evaluation]| -> Vec<(f64, f64)> {
        let at = |it: &Evaluation| if timed { it.seconds / divisor } else { it.steps };
        evaluations.iter().map(|it| (at(it), it.accuracy)).collect()
    };
    let (mut held_out, validation) = (curve(&curves.evaluations), curve(&curves.validations));
    // What the summary knows and no step does: the accuracies before the first and between the stages.
    if let Some(after) = summary.accuracy("imitation").filter(|_| curves.imitation.rows > 0) {
        let place = held_out.partition_point(|(x, _)| *x < boundary);
        if held_out.get(place).is_none_or(|(x, _)| *x > boundary) {
            held_out.insert(place, (boundary, after));
        }
    }
    if let Some(initial) =
        summary.accuracy("initial").filter(|_| curves.imitation.rows + curves.grpo.rows > 0)
    {
        held_out.insert(0, (0.0, initial));
    }
    let last_of = |points: &[(f64, f64)]| points.last().map(|(_, accuracy)| percent(*accuracy));
    let (held_out_last, validation_last) = (last_of(&held_out), last_of(&validation));
    let both = curves.imitation.rows > 0 && curves.grpo.rows > 0;
    Figure::new(
        "Held-out accuracy",
        &x_label,
        "The share of prompts solved that were never trained on. Healthy: imitation takes it part of the way, GRPO \
         the rest. A reward that rises while this falls means that the reward is being gamed. Validation prompts \
         are others again: they decide when imitation stops.",
    )
    .panel("accuracy (%)", Ticks::Percent, &[0.0, 1.0])
    .boundary(both.then_some(boundary))
    .dots(thin(held_out), "held-out", 0, held_out_last)
    .dots(thin(validation), "validation", 1, validation_last)
}

/// At most `MOST_POINTS` points: means of neighbours.
pub(super) fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let width = points.len().div_ceil(MOST_POINTS).max(1);
    let mean = |chunk: &[(f64, f64)]| {
        let of = |pick: fn(&(f64, f64)) -> f64| chunk.iter().map(pick).sum::<f64>() / chunk.len() as f64;
        (of(|point| point.0), of(|point| point.1))
    };
    if width == 1 { points } else { points.chunks(width).map(mean).collect() }
}

fn reward(grpo: &Stage) -> Figure {
    with_spread(
        Figure::new(
        "Reward",
        STEP,
        "The total reward of the sampled completions; the band is the mean spread within a group. Healthy: the mean rises \
         and levels off, the band stays open while it rises (no spread, no signal) and closes at the end.",
    )
    .panel("reward (points)", Ticks::Number, &[0.0]), grpo)
}

/// Adds the mean reward with its spread as a band.
pub(super) fn with_spread(figure: Figure, stage: &Stage) -> Figure {
    let Some(mean) = stage.points("reward", 0.0) else { return figure };
    let figure = match stage.points("reward_std", 0.0) {
        Some(std) => {
            let edge = |side: f64| -> Points {
                let both = mean.iter().zip(&std);
                both.map(|(mean, std)| (mean.0, mean.1.zip(std.1).map(|(mean, std)| mean + side * std)))
                    .collect()
            };
            let spread = last(stage, "reward_std", Ticks::Number);
            figure.band((edge(-1.0), edge(1.0)), 0.2, "\u{b1} standard deviation", 0, spread)
        }
        None => figure,
    };
    figure.line(mean, "mean", 0, last(stage, "reward", Ticks::Number))
}

fn named_rewards(grpo: &Stage) -> Vec<Figure> {
    let names: Vec<&str> = grpo.reward_names().collect();
    let parts = names.len().div_ceil(MOST_REWARDS);
    let chart = |(part, names): (usize, &[&str])| {
        let title = match parts {
            1 => "Each reward".to_owned(),
            _ => format!("Each reward (part {} of {parts})", part + 1),
        };
        let caption = "The mean of each reward before weighting. Healthy: all rise or hold. One that falls while \
                       another rises is being traded away; easy ones (format) level off first.";
        let figure = Figure::new(&title, STEP, caption).panel("reward (points)", Ticks::Number, &[0.0]);
        names.iter().enumerate().fold(figure, |figure, (style, name)| {
            figure.metric(grpo, &format!("rewards/{name}/mean"), name, style)
        })
    };
    if names.is_empty() {
        return vec![Figure::new("Each reward", STEP, "")];
    }
    names.chunks(MOST_REWARDS).enumerate().map(chart).collect()
}

/// Where the run had a check.
fn guard(grpo: &Stage) -> Option<Figure> {
    let figure = Figure::new(
        "Check beside the reward",
        STEP,
        "What a check that is no part of the reward says of the same completions, and how many of those that beat their group fail it. \
         Healthy: the first rises with the reward, the second falls. A reward that rises alone is being gamed.",
    )
    .panel("completions (%)", Ticks::Percent, &[0.0, 1.0])
    .metric(grpo, "guard/check", "the check, mean", 0)
    .metric(grpo, "guard/suspects", "beat their group and fail it", 1);
    figure.has_curves().then_some(figure)
}

fn without_spread(grpo: &Stage) -> Figure {
    Figure::new(
        "Groups without signal",
        STEP,
        "The share of groups whose completions were all rewarded alike: their advantages are zero and they teach \
         nothing. Healthy: well below 100%, rising late because most prompts are solved.",
    )
    .panel("groups (%)", Ticks::Percent, &[0.0, 1.0])
    .metric(grpo, "frac_reward_zero_std", "without spread", 0)
}

fn kl(grpo: &Stage) -> Figure {
    Figure::new(
        "KL divergence",
        STEP,
        "The distance from the reference policy. Healthy: it grows slowly and settles. A sudden climb means that \
         the policy is leaving what it knew: lower the learning rate or raise the KL penalty.",
    )
    .panel("KL (nats per token)", Ticks::Number, &[0.0])
    .metric(grpo, "kl", "KL to the reference policy", 0)
}

fn entropy(grpo: &Stage) -> Figure {
    Figure::new(
        "Entropy",
        STEP,
        "How undecided the policy is at each token. Healthy: it falls gently and stays above zero. A collapse to \
         zero ends exploration: every completion of a group becomes the same; a steady rise is drift into noise.",
    )
    .panel("entropy (nats per token)", Ticks::Number, &[0.0])
    .metric(grpo, "entropy", "mean over tokens", 0)
}

fn length(grpo: &Stage) -> Figure {
    Figure::new(
        "Completion length",
        STEP,
        "Tokens to a completion, and the share cut off at the limit before it ended. Healthy: the length finds its \
         level and hardly any is truncated. Length that grows without reward is padding.",
    )
    .panel("mean length (tokens)", Ticks::Number, &[0.0])
    .metric(grpo, "completions/mean_length", "mean length", 0)
    .panel("truncated (%)", Ticks::Percent, &[0.0])
    .metric(grpo, "completions/clipped_ratio", "truncated share", 1)
}

fn clip(grpo: &Stage) -> Figure {
    Figure::new(
        "Clip fractions",
        STEP,
        "The share of tokens whose importance ratio was clipped: below, above, or either (region). Healthy: a few \
         percent or less. Zero throughout is normal with one update for each batch; tens of percent mean that \
         updates are too large.",
    )
    .panel("tokens (%)", Ticks::Percent, &[0.0])
    .metric(grpo, "clip_ratio/region_mean", "region", 0)
    .metric(grpo, "clip_ratio/low_mean", "low", 1)
    .metric(grpo, "clip_ratio/high_mean", "high", 2)
}

/// A metric of both stages, one after the other.
fn over_run(curves: &Curves, title: &str, key: &str, label: &str, caption: &str) -> Figure {
    let offset = curves.imitation.last_step as f64;
    let both = curves.imitation.rows > 0 && curves.grpo.rows > 0;
    Figure::new(title, "steps of both stages", caption)
        .panel(label, Ticks::Number, &[0.0])
        .boundary(both.then_some(offset))
        .metric(&curves.imitation, key, "imitation", 0)
        .metric_after(&curves.grpo, offset, key, "GRPO", 1)
}

fn imitation(stage: &Stage) -> Figure {
    Figure::new(
        "Imitation",
        "imitation step",
        "The mean negative log-likelihood of worked solutions. Healthy: it falls steeply, then flattens. The token \
         accuracy, where it is recorded, is the share of their tokens that the policy would have chosen.",
    )
    .panel("loss (nats per token)", Ticks::Number, &[0.0])
    .metric(stage, "loss", "loss", 0)
    .panel("right tokens (%)", Ticks::Percent, &[0.0, 1.0])
    .metric(stage, "token_accuracy", "token accuracy", 1)
}

fn loss(grpo: &Stage) -> Figure {
    Figure::new(
        "GRPO loss",
        STEP,
        "No measure of progress: advantages within a group cancel out, so it hovers around zero however well the \
         policy does. Healthy: small. A jump by orders of magnitude deserves a look.",
    )
    .panel("loss", Ticks::Number, &[0.0])
    .metric(grpo, "loss", "loss", 0)
}

fn time(grpo: &Stage) -> Figure {
    let parts = [("time/rollout", "rollout"), ("time/reward", "reward"), ("time/update", "update")];
    let figure = Figure::new(
        "Time per step",
        STEP,
        "The parts are stacked; the line above is the whole step, evaluation and bookkeeping included. Healthy: \
         flat, with most of it spent in rollout. A slow climb usually comes from longer completions.",
    )
    .panel("time (seconds)", Ticks::Number, &[0.0]);
    stacked(figure, grpo, &parts)
}

/// Adds the parts of a step's time on top of each other (metrics and their names), and the whole step as a line.
pub(super) fn stacked(mut figure: Figure, stage: &Stage, parts: &[(&str, &str)]) -> Figure {
    let seconds = |key: &str| stage.last(key).map(|(_, seconds)| format!("{}\u{a0}s", number(seconds)));
    let mut below: Option<Points> = None;
    for (style, (key, name)) in parts.iter().enumerate() {
        let Some(own) = stage.points(key, 0.0) else { continue };
        let low = below.unwrap_or_else(|| own.iter().map(|(x, y)| (*x, y.map(|_| 0.0))).collect());
        let high: Points =
            own.iter().zip(&low).map(|(own, low)| (own.0, own.1.zip(low.1).map(|(a, b)| a + b))).collect();
        figure = figure.band((low, high.clone()), 0.5, name, style, seconds(key));
        below = Some(high);
    }
    match stage.points("step_time", 0.0) {
        Some(points) => figure.line(points, "whole step", 3, seconds("step_time")),
        None => figure,
    }
}
