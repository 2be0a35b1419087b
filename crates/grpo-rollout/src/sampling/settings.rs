use super::DrawRules;
use crate::Error;
use serde::{Deserialize, Serialize};

/// How actions are drawn from the policy's distribution, and when an episode ends.
///
/// The rules are applied in the order of Hugging Face's transformers: repetition penalty, exclusion of end-of-sequence
/// tokens, temperature, top-k, top-p, min-p. What is left is renormalised; recorded log-probabilities and entropies are those of
/// that distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Divides the logits before the softmax. 0 is greedy decoding, only meaningful for evaluation: `top_k`, `top_p` and `min_p`
    /// have no effect then.
    pub temperature: f64,
    /// An episode is truncated after this many tokens.
    pub max_new_tokens: usize,
    /// Until an episode has this many tokens, end-of-sequence tokens are excluded. 0 excludes nothing.
    pub min_new_tokens: usize,
    /// Keeps the k most probable tokens, and those as probable as the k-th. 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest most probable tokens whose probabilities add up to at least this: the nucleus of Holtzman et al.
    /// (<https://arxiv.org/abs/1904.09751>). 1 keeps all.
    pub top_p: f64,
    /// Keeps the tokens that are at least this many times as probable as the most probable one (Nguyen et al.,
    /// <https://arxiv.org/abs/2407.01082>). 0 keeps all.
    pub min_p: f64,
    /// Divides the positive and multiplies the negative logits of every token that occurs in the prompt or the completion so far
    /// (CTRL, Keskar et al., <https://arxiv.org/abs/1909.05858>). 1 changes nothing.
    pub repetition_penalty: f64,
    /// Texts that end an episode as soon as its decoded completion contains one of them.
    pub stop: Vec<String>,
    /// Whether an episode goes on after an end-of-sequence token, as `ignore_eos` of vLLM does.
    pub ignore_eos: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            max_new_tokens: 64,
            min_new_tokens: 0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            stop: Vec::new(),
            ignore_eos: false,
        }
    }
}

impl Sampling {
    /// Always the most probable action.
    pub fn greedy(max_new_tokens: usize) -> Self {
        Self { temperature: 0.0, max_new_tokens, ..Self::default() }
    }

    /// Whether improbable tokens are left out: `top_k`, `top_p` or `min_p` is on.
    pub fn truncates(&self) -> bool {
        self.top_k > 0 || self.top_p < 1.0 || self.min_p > 0.0
    }

    /// Whether the distribution that is drawn from is the policy's own but for the temperature. Stop strings and `ignore_eos`
    /// end episodes and don't change it.
    pub fn is_plain(&self) -> bool {
        !self.truncates() && self.repetition_penalty == 1.0 && self.min_new_tokens == 0
    }

    /// The rules for the next token of an episode, given the ids of its prompt and of its completion so far and the
    /// end-of-sequence ids.
    pub fn rules<'a>(&self, prompt: &'a [u32], completion: &'a [u32], ends: &'a [u32]) -> DrawRules<'a> {
        DrawRules {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            seen: [prompt, completion],
            excluded: if completion.len() < self.min_new_tokens { ends } else { &[] },
        }
    }

    /// Where the first of the stop strings begins in a text, as a byte offset that is also a character's boundary; `None` if
    /// the text contains none of them.
    pub fn find_stop(&self, text: &str) -> Option<usize> {
        self.stop.iter().filter_map(|stop| text.find(stop.as_str())).min()
    }

    /// Refuses values that can't work.
    ///
    /// # Errors
    /// [`Error::Setting`] names the key, the value and what would be right.
    pub fn validate(&self) -> Result<(), Error> {
        require(
            self.temperature == 0.0 || (1e-6..=f64::MAX).contains(&self.temperature),
            "sampling.temperature",
            self.temperature,
            "use 0 for greedy decoding, or a finite number of at least 1e-6, for instance 1.0",
        )?;
        require(
            self.max_new_tokens > 0,
            "sampling.max_new_tokens",
            self.max_new_tokens,
            "an episode needs at least one token",
        )?;
        require(
            self.min_new_tokens <= self.max_new_tokens,
            "sampling.min_new_tokens",
            self.min_new_tokens,
            "it must not exceed `sampling.max_new_tokens`; use 0 to let an episode end at any token",
        )?;
        require(
            self.top_p > 0.0 && self.top_p <= 1.0,
            "sampling.top_p",
            self.top_p,
            "use a probability above 0 and up to 1, for instance 0.95; 1 turns it off",
        )?;
        require(
            (0.0..=1.0).contains(&self.min_p),
            "sampling.min_p",
            self.min_p,
            "use a share of the largest probability from 0 to 1, for instance 0.05; 0 turns it off",
        )?;
        require(
            (0.01..=100.0).contains(&self.repetition_penalty),
            "sampling.repetition_penalty",
            self.repetition_penalty,
            "use a factor from 0.01 to 100, for instance 1.1; 1 turns it off",
        )?;
        require(
            self.stop.iter().all(|stop| !stop.is_empty()),
            "sampling.stop",
            format_args!("{:?}", self.stop),
            "every text contains the empty one, so no episode would get past its first token; remove it",
        )
    }
}

fn require(
    right: bool,
    key: &'static str,
    value: impl std::fmt::Display,
    reason: &'static str,
) -> Result<(), Error> {
    if right { Ok(()) } else { Err(Error::Setting { key, value: value.to_string(), reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_refused_by_name() {
        let fine = Sampling::default();
        assert!(fine.validate().is_ok() && Sampling::greedy(3).validate().is_ok());
        let wrong = [
            ("sampling.temperature", Sampling { temperature: 1e-7, ..fine.clone() }),
            ("sampling.temperature", Sampling { temperature: -1.0, ..fine.clone() }),
            ("sampling.temperature", Sampling { temperature: f64::INFINITY, ..fine.clone() }),
            ("sampling.temperature", Sampling { temperature: f64::NAN, ..fine.clone() }),
            ("sampling.max_new_tokens", Sampling { max_new_tokens: 0, ..fine.clone() }),
            ("sampling.min_new_tokens", Sampling { min_new_tokens: 65, ..fine.clone() }),
            ("sampling.top_p", Sampling { top_p: 0.0, ..fine.clone() }),
            ("sampling.top_p", Sampling { top_p: 1.01, ..fine.clone() }),
            ("sampling.top_p", Sampling { top_p: f64::NAN, ..fine.clone() }),
            ("sampling.min_p", Sampling { min_p: -0.1, ..fine.clone() }),
            ("sampling.min_p", Sampling { min_p: f64::NAN, ..fine.clone() }),
            ("sampling.repetition_penalty", Sampling { repetition_penalty: 0.0, ..fine.clone() }),
            ("sampling.repetition_penalty", Sampling { repetition_penalty: f64::NAN, ..fine.clone() }),
            ("sampling.stop", Sampling { stop: vec!["\n".into(), String::new()], ..fine.clone() }),
        ];
        for (name, sampling) in wrong {
            match sampling.validate() {
                Err(Error::Setting { key, .. }) => assert_eq!(key, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_changes_the_distribution_is_known() {
        let fine = Sampling { stop: vec!["x".into()], ignore_eos: true, ..Sampling::default() };
        assert!(fine.is_plain() && !fine.truncates());
        for sampling in [
            Sampling { top_k: 1, ..fine.clone() },
            Sampling { top_p: 0.9, ..fine.clone() },
            Sampling { min_p: 0.1, ..fine.clone() },
        ] {
            assert!(!sampling.is_plain() && sampling.truncates());
        }
        for sampling in [
            Sampling { repetition_penalty: 1.1, ..fine.clone() },
            Sampling { min_new_tokens: 1, ..fine.clone() },
        ] {
            assert!(!sampling.is_plain() && !sampling.truncates());
        }
    }

    #[test]
    fn ends_are_excluded_until_there_are_enough_tokens() {
        let sampling = Sampling { min_new_tokens: 2, ..Sampling::default() };
        assert_eq!(sampling.rules(&[7, 8, 9], &[1], &[2]).excluded, [2]);
        assert!(sampling.rules(&[7], &[1, 1], &[2]).excluded.is_empty());
    }

    #[test]
    fn the_first_stop_string_is_found() {
        let sampling = Sampling { stop: vec!["###".into(), "é\n".into()], ..Sampling::default() };
        assert_eq!(sampling.find_stop("né\n###"), Some(1));
        assert_eq!(sampling.find_stop("## #é"), None);
        assert_eq!(Sampling::default().find_stop("anything"), None);
    }
}
