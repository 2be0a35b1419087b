//! Rewards made of other rewards.
//!
//! | `kind` | settings | what it makes of its parts |
//! |---|---|---|
//! | `sum` | [`Sum`] | the weighted sum |
//! | `product` | [`Product`] | the product |
//! | `gate` | [`Gate`] | the reward where a condition holds ("no format, no credit") |
//! | `first` | [`First`] | the first that applies |
//! | `clip` | [`Clip`] | the value, between bounds |
//! | `normalized` | [`Normalized`] | the distance from its running mean in running standard deviations |
//! | `rank` | [`Rank`] | the place within the group |
//! | `pass_at_k` | [`PassAtK`] | the credit that trains pass@k instead of pass@1 |
//!
//! A part's weight multiplies its value wherever it stands, and parts may themselves be made of others. A part that fails fails the
//! whole, for its own episode; a part that does not apply is left out.
//!
//! ```
//! use grpo_rewards::{RewardSet, RewardSpec, Sample};
//!
//! let specs: Vec<RewardSpec> = serde_json::from_str(
//!     r#"[{ "kind": "gate", "condition": { "kind": "format" }, "reward": { "kind": "number" } }]"#,
//! )?;
//! let set = RewardSet::from_specs(&specs)?;
//! let answers = ["6 * 7 = 42\n#### 42", "42"].map(|answer| Sample::new("", answer).with_reference("42"));
//! let result = set.evaluate(&answers);
//! assert_eq!(result.combined, [Some(1.0), Some(0.0)]);
//! assert_eq!(result.columns[0].outcomes[1].reason(), "format does not hold: `####` is missing");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clip;
mod first;
mod gate;
mod group;
mod normalized;
mod pass_at_k;
mod product;
mod rank;
mod sum;

pub use clip::Clip;
pub use first::First;
pub use gate::Gate;
pub use normalized::Normalized;
pub use pass_at_k::{PassAtK, pass_at_k, pass_at_k_credit};
pub use product::Product;
pub use rank::Rank;
pub use sum::Sum;

pub(crate) use group::groups;

use serde_json::Value;

use crate::{Outcome, Reward, RewardError, RewardSpec, Sample, Score};

/// A reward within another one.
struct Part {
    name: String,
    weight: f64,
    reward: Box<dyn Reward>,
}

impl Part {
    fn build(key: &str, spec: &RewardSpec) -> Result<Self, RewardError> {
        let reward = spec.build().map_err(|error| error.within(key))?;
        Ok(Self { name: spec.name().to_owned(), weight: spec.weight, reward })
    }

    /// A list of at least one.
    fn build_all(key: &str, specs: &[RewardSpec]) -> Result<Vec<Self>, RewardError> {
        if specs.is_empty() {
            return Err(RewardError::invalid(key, "is empty", "list at least one reward"));
        }
        specs.iter().enumerate().map(|(at, spec)| Self::build(&format!("{key}[{at}]"), spec)).collect()
    }

    fn outcomes(&self, samples: &[Sample<'_>]) -> Vec<Outcome> {
        let mut outcomes = self.reward.score_batch(samples);
        for outcome in &mut outcomes {
            if let Outcome::Scored(score) = outcome {
                score.value *= self.weight;
            }
        }
        outcomes
    }

    /// A reason of this part among those of others.
    fn said(&self, reason: &str) -> String {
        format!("{}: {reason}", self.name)
    }

    fn failed(&self, why: &str) -> Outcome {
        Outcome::Failed(self.said(why))
    }
}

/// How the outcomes of parts become one.
trait Combine: Send + Sync {
    /// The kind's name.
    fn kind(&self) -> &'static str;

    /// What it is made of.
    fn parts(&self) -> &[Part];

    /// Whether a sample's outcome depends on that sample alone, as far as this kind goes.
    fn per_episode(&self) -> bool {
        true
    }

    /// One outcome per sample, from one column of outcomes per part.
    fn combine(&self, samples: &[Sample<'_>], columns: Vec<Vec<Outcome>>) -> Vec<Outcome>;

    /// What it has learnt itself so far.
    fn own_state(&self) -> Value {
        Value::Null
    }

    fn restore_own(&self, _state: &Value) -> Result<(), String> {
        Ok(())
    }
}

struct Composite<C>(C);

impl<C: Combine> Reward for Composite<C> {
    fn name(&self) -> &str {
        self.0.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        match self.score_batch(std::slice::from_ref(sample)).pop()? {
            Outcome::Scored(score) => Some(score),
            Outcome::NotApplicable => None,
            Outcome::Failed(why) => Some(Score::failed(why)),
        }
    }

    fn score_batch(&self, samples: &[Sample<'_>]) -> Vec<Outcome> {
        let columns = self.0.parts().iter().map(|part| part.outcomes(samples)).collect();
        let finite = |outcome| match outcome {
            Outcome::Scored(score) => Outcome::from_score(Some(score)),
            other => other,
        };
        self.0.combine(samples, columns).into_iter().map(finite).collect()
    }

    fn per_episode(&self) -> bool {
        self.0.per_episode() && self.0.parts().iter().all(|part| part.reward.per_episode())
    }

    fn keeps_time(&self) -> bool {
        // Its parts come from a configuration, and so have a limit or need none.
        true
    }

    fn state(&self) -> Value {
        let own = self.0.own_state();
        let parts: Vec<Value> = self.0.parts().iter().map(|part| part.reward.state()).collect();
        match own.is_null() && parts.iter().all(Value::is_null) {
            true => Value::Null,
            false => serde_json::json!({ "own": own, "parts": parts }),
        }
    }

    fn restore(&self, state: &Value) -> Result<(), String> {
        let parts = self.0.parts();
        self.0.restore_own(&state["own"])?;
        if state.is_null() {
            return parts.iter().try_for_each(|part| part.reward.restore(&Value::Null));
        }
        let states = state["parts"].as_array().filter(|states| states.len() == parts.len());
        let states = states.ok_or_else(|| format!("`{}` has other parts than before", self.0.kind()))?;
        parts.iter().zip(states).try_for_each(|(part, state)| part.reward.restore(state))
    }
}

/// For kinds that look at one episode at a time: row by row, the outcomes of the parts.
fn by_row(columns: Vec<Vec<Outcome>>, rows: usize, row: impl Fn(Vec<Outcome>) -> Outcome) -> Vec<Outcome> {
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    (0..rows).map(|_| row(columns.iter_mut().filter_map(Iterator::next).collect())).collect()
}
