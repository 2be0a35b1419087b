use serde::{Deserialize, Serialize};

/// How the learning rate moves after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Stays.
    Constant,
    /// Falls in a straight line.
    Linear,
    /// Falls along half a cosine (SGDR, arXiv:1608.03983).
    #[default]
    Cosine,
}

/// Learning rate as a pure function of the step: nothing to save, nothing to restore.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The largest rate.
    pub peak: f64,
    /// Steps of linear warm-up.
    pub warmup: usize,
    /// Steps in all.
    pub steps: usize,
    /// Shape of the way down.
    pub decay: Decay,
    /// Share of the peak that is left at the end.
    pub floor: f64,
}

impl Schedule {
    /// Rate of step `step`, counted from 0.
    pub fn rate(&self, step: usize) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        let span = self.steps.saturating_sub(self.warmup).max(1) as f64;
        let progress = ((step - self.warmup) as f64 / span).min(1.0);
        let share = match self.decay {
            Decay::Constant => 1.0,
            Decay::Linear => 1.0 - progress,
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        };
        self.peak * (self.floor + (1.0 - self.floor) * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warms_up_then_falls_to_the_floor() {
        for decay in [Decay::Linear, Decay::Cosine, Decay::Constant] {
            let schedule = Schedule { peak: 2.0, warmup: 4, steps: 104, decay, floor: 0.1 };
            assert_eq!(schedule.rate(0), 0.5);
            assert_eq!(schedule.rate(3), 2.0);
            assert_eq!(schedule.rate(4), 2.0);
            let (middle, end) = match decay {
                Decay::Constant => (2.0, 2.0),
                _ => (1.1, 0.2),
            };
            assert!((schedule.rate(54) - middle).abs() < 1e-12, "{decay:?}");
            assert!((schedule.rate(104) - end).abs() < 1e-12);
            assert!((1..104).all(|s| s < 4 || schedule.rate(s) <= schedule.rate(s - 1)));
        }
    }

    #[test]
    fn degenerate_lengths_stay_finite() {
        let schedule = Schedule { peak: 1.0, warmup: 0, steps: 0, decay: Decay::Cosine, floor: 0.0 };
        assert!(schedule.rate(0).is_finite() && schedule.rate(10).is_finite());
    }
}
