use crate::panics;
use crate::words::{count, duration, percent, thousands};
use grpo_train::{Event, Observer, Set, Stage, StepMetrics};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::Instant;

/// Shows a person how a run is going, on stderr: a bar per stage on a terminal, else plain lines.
pub(crate) struct Progress {
    screen: Screen,
    stage: Option<StageProgress>,
    /// The last stage that is over.
    last: Option<Stage>,
    /// Whether the training has begun, so that there is a run folder.
    pub(crate) started: bool,
    /// Questions of the last evaluation on the whole held-out set.
    pub(crate) held_out: Option<usize>,
}

/// Where messages go. A clone writes to the same place.
#[derive(Clone)]
pub(crate) enum Screen {
    /// A terminal, with bars at its bottom.
    Bars(MultiProgress),
    /// A file or a pipe.
    Lines,
    /// Nothing is to be shown.
    Quiet,
}

impl Screen {
    fn open(quiet: bool) -> Self {
        match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Bars(MultiProgress::new()),
            (false, false) => Self::Lines,
        }
    }

    /// One line. That nobody reads it is no reason to end a run.
    pub(crate) fn line(&self, text: &str) {
        let _ = match self {
            Self::Bars(bars) => bars.println(text),
            Self::Lines => writeln!(std::io::stderr(), "{text}"),
            Self::Quiet => Ok(()),
        };
    }
}

struct StageProgress {
    stage: Stage,
    steps: usize,
    /// Steps that were done before this session.
    before: usize,
    done: usize,
    start: Instant,
    bar: Option<ProgressBar>,
    tokens: usize,
    seconds: f64,
    /// Reward or loss.
    value: String,
    accuracy: Option<f64>,
    /// Of a tutor's sessions in an examination.
    worth: Option<f64>,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { screen: Screen::open(quiet), stage: None, last: None, started: false, held_out: None }
    }

    pub(crate) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Takes the bar away.
    pub(crate) fn close(&mut self) {
        if let Some(bar) = self.stage.take().and_then(|stage| stage.bar) {
            bar.finish_and_clear();
        }
    }

    fn stage_started(&mut self, stage: Stage, steps: usize, done: usize) {
        let bar = match &self.screen {
            Screen::Bars(bars) => {
                let bar = bars.add(ProgressBar::new(steps as u64).with_position(done as u64));
                let template = "{prefix:9} {bar:24} {pos}/{len}  {wide_msg}";
                // A template that can't be read leaves indicatif's own style.
                bar.set_style(
                    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
                );
                bar.set_prefix(stage.name());
                bar.tick();
                Some(bar)
            }
            _ => None,
        };
        self.stage = Some(StageProgress {
            stage,
            steps,
            before: done,
            done,
            start: Instant::now(),
            bar,
            tokens: 0,
            seconds: 0.0,
            value: String::new(),
            accuracy: None,
            worth: None,
        });
    }

    fn stepped(&mut self, step: usize, metrics: &StepMetrics) {
        let Some(stage) = &mut self.stage else { return };
        stage.done = step;
        stage.tokens += metrics.tokens();
        stage.seconds += metrics.step_time();
        stage.value = match metrics {
            StepMetrics::Imitation(m) => format!("loss {:.3}", m.loss),
            StepMetrics::Grpo(m) => format!("reward {:.3}", m.reward),
            StepMetrics::Sessions(m) => format!("reward {:.3}", m.reward),
        };
        if let Some(bar) = &stage.bar {
            bar.set_position(step as u64);
            bar.set_message(stage.message());
        } else if step.is_multiple_of((stage.steps / 20).max(1)) || step == stage.steps {
            self.screen.line(&format!("{} {step}/{}  {}", stage.stage.name(), stage.steps, stage.message()));
        }
    }

    fn examined(&mut self, step: usize, worth: f64, learners: usize) {
        let Some(stage) = &mut self.stage else { return };
        stage.worth = Some(worth);
        match &stage.bar {
            Some(bar) => bar.set_message(stage.message()),
            None => {
                let steps = stage.steps;
                let learners = count(learners, "learner", "learners");
                self.screen.line(&format!("sessions {step}/{steps}  examination {worth:.3} with {learners}"));
            }
        }
    }

    fn evaluated(&mut self, set: Set, step: usize, accuracy: f64, questions: usize, too_long: usize) {
        let asked = count(questions, "question", "questions");
        if set == Set::HeldOut {
            if too_long > 0 && self.held_out.is_none() {
                self.screen.line(&format!(
                    "{} of {asked} don't fit the model's context and count as wrong",
                    thousands(too_long)
                ));
            }
            self.held_out = Some(questions);
        }
        if let Some(stage) = &mut self.stage {
            stage.accuracy = Some(accuracy);
            if let Some(bar) = &stage.bar {
                bar.set_message(stage.message());
            }
        }
        // Bars show the accuracy beside them.
        if matches!(self.screen, Screen::Lines) || self.stage.is_none() {
            let what = if set == Set::Validation { "validation" } else { "held-out" };
            let when = match (&self.stage, self.last) {
                (Some(stage), _) => format!("{} {step}/{}", stage.stage.name(), stage.steps),
                (None, Some(last)) => format!("after {}", last.name()),
                (None, None) => "before".into(),
            };
            self.screen.line(&format!("{when}  {what} accuracy {} of {asked}", percent(accuracy)));
        }
    }
}

impl StageProgress {
    fn message(&self) -> String {
        let mut text = self.value.clone();
        if let Some(accuracy) = self.accuracy {
            let _ = write!(text, "  accuracy {}", percent(accuracy));
        }
        if let Some(worth) = self.worth {
            let _ = write!(text, "  examination {worth:.3}");
        }
        if self.seconds > 0.0 {
            let what = if self.stage == Stage::Sessions { "choices" } else { "tokens" };
            let _ = write!(text, "  {} {what}/s", thousands((self.tokens as f64 / self.seconds) as usize));
        }
        if let Some(left) =
            seconds_left(self.start.elapsed().as_secs_f64(), self.done - self.before, self.steps - self.done)
        {
            let _ = write!(text, "  {} left", duration(left));
        }
        text
    }
}

/// By the pace so far, evaluations included.
fn seconds_left(elapsed: f64, done: usize, left: usize) -> Option<f64> {
    (done > 0 && left > 0).then(|| elapsed / done as f64 * left as f64)
}

impl Observer for Progress {
    fn on(&mut self, event: Event<'_>) {
        match event {
            Event::Started { folder, parameters, trained, resumed, notes } => {
                self.started = true;
                panics::remember_run(folder);
                let verb = if resumed { "going on with" } else { "run" };
                self.screen.line(&format!(
                    "{verb} {}: a model of {} parameters{}",
                    folder.display(),
                    thousands(parameters),
                    match trained == parameters {
                        true => String::new(),
                        false => format!(", {} of them trained", thousands(trained)),
                    }
                ));
                notes.iter().for_each(|note| self.screen.line(&format!("note: {note}")));
            }
            Event::StageStarted { stage, steps, done } => self.stage_started(stage, steps, done),
            Event::Stepped { step, metrics, .. } => self.stepped(step, metrics),
            Event::Evaluated { set, step, accuracy, questions, too_long, .. } => {
                self.evaluated(set, step, accuracy, questions, too_long);
            }
            Event::Examined { step, worth, learners } => self.examined(step, worth, learners),
            Event::StageFinished { stage, steps, why } => {
                let seconds = self.stage.as_ref().map_or(0.0, |s| s.start.elapsed().as_secs_f64());
                self.close();
                self.last = Some(stage);
                let steps = count(steps, "step", "steps");
                self.screen.line(&format!(
                    "{} is over after {steps} and {}: {why}",
                    stage.name(),
                    duration(seconds)
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_the_pace() {
        assert_eq!(seconds_left(10.0, 5, 20), Some(40.0));
        assert_eq!(seconds_left(10.0, 0, 20), None);
        assert_eq!(seconds_left(10.0, 5, 0), None);
    }
}
