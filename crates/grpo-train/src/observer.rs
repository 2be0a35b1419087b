use crate::{Stage, StepMetrics};
use std::path::Path;

/// What happens during a run, for whoever shows it to a person.
#[derive(Debug)]
pub enum Event<'a> {
    /// The model and the data are ready.
    Started {
        /// The run folder.
        folder: &'a Path,
        /// Number of parameters.
        parameters: usize,
        /// Number of those that are trained.
        trained: usize,
        /// Whether an earlier run is being continued.
        resumed: bool,
        /// What of the data can't be asked, and why.
        notes: &'a [String],
    },
    /// A stage begins.
    StageStarted {
        /// Which.
        stage: Stage,
        /// Steps it has at most.
        steps: usize,
        /// Steps that are done already.
        done: usize,
    },
    /// A step is done.
    Stepped {
        /// The stage.
        stage: Stage,
        /// Step within the stage, from 1.
        step: usize,
        /// Its numbers.
        metrics: &'a StepMetrics,
    },
    /// Questions were asked.
    Evaluated {
        /// The stage that is running (or about to begin, or just over).
        stage: Stage,
        /// Steps of the stage that are done.
        step: usize,
        /// What was asked.
        set: Set,
        /// Mean score.
        accuracy: f64,
        /// Questions asked.
        questions: usize,
        /// Questions too long for the model's context; they count as wrong.
        too_long: usize,
    },
    /// A tutor taught the first learners of its examination, on the way.
    Examined {
        /// Steps that are done.
        step: usize,
        /// What its sessions were worth, mean.
        worth: f64,
        /// How many learners.
        learners: usize,
    },
    /// A stage is over.
    StageFinished {
        /// Which.
        stage: Stage,
        /// Steps it had.
        steps: usize,
        /// Why it ended, in plain words.
        why: &'a str,
    },
}

/// What an evaluation asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// Questions for choices made while training.
    Validation,
    /// Some of the held-out questions, on the way.
    HeldOutSample,
    /// All held-out questions, before or after a stage.
    HeldOut,
}

/// Hears of events.
pub trait Observer {
    /// Called on the training thread: return soon.
    fn on(&mut self, event: Event<'_>);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on(&mut self, _: Event<'_>) {}
}
