//! `metrics.jsonl` of a tutor's run as curves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use super::super::axis::Ticks;
use super::super::curves::{Stage, numbers, place};
use super::super::figure::Figure;
use super::super::figures::{stacked, thin, with_spread};
use super::super::text::{count, escape, number};
use super::super::{Error, jsonl, page};
use super::outcomes;

pub(super) const STEP: &str = "training step";

/// How the tutor was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Grpo,
    Ppo,
}

impl Algorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Grpo => "GRPO",
            Self::Ppo => "PPO",
        }
    }
}

/// Everything that the page draws of `metrics.jsonl`.
#[derive(Debug, Default)]
pub(super) struct Training {
    /// That of the first line that is known.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) stage: Stage,
    /// The sum of `step_time`.
    pub(super) seconds: f64,
    /// Lines of each stage that is not the run's.
    pub(super) other_stages: BTreeMap<String, u64>,
    /// Whether there was a file at all.
    pub(super) found: bool,
    /// The last line, where it was cut off.
    pub(super) cut: Option<usize>,
    /// Examinations on the way: step and worth.
    gains: Vec<(f64, f64)>,
    /// Metrics that the page doesn't draw.
    others: BTreeSet<String>,
}

impl Training {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let mut training = Self::default();
        if let Some(read) = jsonl::for_each(path, |_, row: Map<String, Value>| training.push(&row))? {
            training.found = true;
            training.cut = read.cut;
        }
        Ok(training)
    }

    fn push(&mut self, row: &Map<String, Value>) -> Result<(), String> {
        let (stage, step) = place(row)?;
        let algorithm = match stage {
            "grpo" => Some(Algorithm::Grpo),
            "ppo" => Some(Algorithm::Ppo),
            _ => None,
        };
        self.algorithm = self.algorithm.or(algorithm);
        if algorithm.is_none() || algorithm != self.algorithm {
            *self.other_stages.entry(stage.to_owned()).or_default() += 1;
            return Ok(());
        }
        let numbers = numbers(row, is_drawn)?;
        let find = |key: &str| numbers.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        self.seconds += find("step_time").filter(|seconds| *seconds >= 0.0).unwrap_or(0.0);
        self.gains.extend(find("gain").map(|gain| (step as f64, gain)));
        for key in row.keys().filter(|key| !matches!(key.as_str(), "stage" | "step")) {
            if !is_drawn(key) && !self.others.contains(key) {
                self.others.insert(key.clone());
            }
        }
        self.stage.push(step, &numbers);
        Ok(())
    }

    /// The last examination on the way: its step and what it found.
    pub(super) fn last_gain(&self) -> Option<(u64, f64)> {
        self.stage.last("gain")
    }

    /// The sections of the training curves.
    pub(super) fn sections(&self) -> Result<String, (String, String)> {
        let stage = &self.stage;
        let mut learning = vec![self.gain(), reward(stage)];
        if self.algorithm != Some(Algorithm::Ppo) || stage.last("frac_reward_zero_std").is_some() {
            learning.push(without_spread(stage));
        }
        let mut sections = vec![("How it learned", learning)];
        let outcomes = outcomes::figures(stage);
        if !outcomes.is_empty() {
            sections.push(("What sessions were worth", outcomes));
        }
        sections.push(("How the policy moved", vec![entropy(stage), clip(stage), length(stage)]));
        if self.algorithm == Some(Algorithm::Ppo) {
            sections.push(("Critic", vec![value_loss(stage), explained_variance(stage)]));
        }
        sections.push(("Optimizer", vec![gradient(stage), rate(stage), loss(stage)]));
        sections.push(("Where the time went", vec![time(stage)]));
        let mut out = String::new();
        for (title, figures) in sections {
            out += &format!("<section>\n<h2>{title}</h2>\n{}</section>\n", page::grid(figures)?);
        }
        if !self.others.is_empty() {
            let names: Vec<_> = self.others.iter().map(String::as_str).collect();
            out += &format!(
                "<p class=\"note\">Also in metrics.jsonl and not drawn here: {}.</p>\n",
                escape(&names.join(", "))
            );
        }
        Ok(out)
    }

    fn gain(&self) -> Figure {
        let latest = self.last_gain().map(|(step, gain)| format!("{} (step {})", number(gain), count(step)));
        Figure::new(
            "Worth on the way",
            STEP,
            "Examinations during training, on learners that are not taught in it. Healthy: it rises and levels off. A \
             reward that rises while this doesn't means that the tutor fits its own learners alone.",
        )
        .panel("worth of a session", Ticks::Number, &[])
        .dots(thin(self.gains.clone()), "examination", 0, latest)
    }
}

const DRAWN: [&str; 15] = [
    "loss",
    "reward",
    "reward_std",
    "frac_reward_zero_std",
    "entropy",
    "clip_ratio/region_mean",
    "grad_norm",
    "learning_rate",
    "steps",
    "step_time",
    "time/rollout",
    "time/update",
    "gain",
    "value_loss",
    "explained_variance",
];

fn is_drawn(key: &str) -> bool {
    DRAWN.contains(&key) || outcomes::is_drawn(key)
}

fn reward(stage: &Stage) -> Figure {
    let figure = Figure::new(
        "Reward",
        STEP,
        "What the sessions of training were worth; the band is their spread. Healthy: the mean rises and levels off, the \
         band stays open while it rises: without spread between sessions there is no signal.",
    )
    .panel("reward of a session", Ticks::Number, &[]);
    with_spread(figure, stage)
}

fn without_spread(stage: &Stage) -> Figure {
    Figure::new(
        "Groups without signal",
        STEP,
        "The share of groups whose sessions were all worth the same: their advantages are zero and they teach nothing. \
         Healthy: close to zero.",
    )
    .panel("groups (%)", Ticks::Percent, &[0.0, 1.0])
    .metric(stage, "frac_reward_zero_std", "without spread", 0)
}

fn entropy(stage: &Stage) -> Figure {
    Figure::new(
        "Entropy",
        STEP,
        "How undecided the tutor is at each step of a session. Healthy: it falls gently. A collapse to zero ends \
         exploration: every session of a learner becomes the same.",
    )
    .panel("entropy (nats per step)", Ticks::Number, &[0.0])
    .metric(stage, "entropy", "mean over steps", 0)
}

fn clip(stage: &Stage) -> Figure {
    Figure::new(
        "Clip share",
        STEP,
        "The share of steps whose importance ratio was clipped. Healthy: a few percent or less. Tens of percent mean \
         that updates are too large.",
    )
    .panel("steps (%)", Ticks::Percent, &[0.0])
    .metric(stage, "clip_ratio/region_mean", "clipped", 0)
}

fn length(stage: &Stage) -> Figure {
    Figure::new(
        "Steps played",
        STEP,
        "Steps of the environment that one training step played, over all its sessions. It falls where sessions end \
         sooner.",
    )
    .panel("steps", Ticks::Number, &[0.0])
    .metric(stage, "steps", "steps", 0)
}

fn value_loss(stage: &Stage) -> Figure {
    Figure::new(
        "Value loss",
        STEP,
        "How far off the critic's forecasts of a session's worth are, squared. Healthy: it falls, then follows the \
         spread of the rewards.",
    )
    .panel("mean squared error", Ticks::Number, &[0.0])
    .metric(stage, "value_loss", "value loss", 0)
}

fn explained_variance(stage: &Stage) -> Figure {
    Figure::new(
        "Explained variance",
        STEP,
        "The share of the returns' variance that the critic foresees: 1 is all of it, 0 no more than their mean, below 0 is \
         worse than that. Healthy: it rises well above zero.",
    )
    .panel("explained variance", Ticks::Number, &[0.0, 1.0])
    .metric(stage, "explained_variance", "explained variance", 0)
}

fn gradient(stage: &Stage) -> Figure {
    Figure::new(
        "Gradient norm",
        STEP,
        "Healthy: a steady band, with a rare spike at most. Growing without end means that the learning rate is too \
         high; zero means that nothing is learned.",
    )
    .panel("norm before clipping", Ticks::Number, &[0.0])
    .metric(stage, "grad_norm", "gradient norm", 0)
}

fn rate(stage: &Stage) -> Figure {
    Figure::new("Learning rate", STEP, "The schedule as it was applied.")
        .panel("learning rate (per update)", Ticks::Number, &[0.0])
        .metric(stage, "learning_rate", "learning rate", 0)
}

fn loss(stage: &Stage) -> Figure {
    Figure::new(
        "Loss",
        STEP,
        "No measure of progress: advantages cancel out, so it hovers around zero however well the tutor does. A jump by \
         orders of magnitude deserves a look.",
    )
    .panel("loss", Ticks::Number, &[0.0])
    .metric(stage, "loss", "loss", 0)
}

fn time(stage: &Stage) -> Figure {
    let figure = Figure::new(
        "Time per step",
        STEP,
        "The parts are stacked; the line above is the whole training step. Healthy: flat.",
    )
    .panel("time (seconds)", Ticks::Number, &[0.0]);
    stacked(figure, stage, &[("time/rollout", "sessions"), ("time/update", "update")])
}
