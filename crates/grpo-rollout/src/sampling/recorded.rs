use super::Sampling;
use crate::Episode;
use grpo_core::{EpisodeRules, LogitRules};
use std::collections::BTreeMap;

impl Sampling {
    /// The rules that episodes were drawn under, for [`grpo_core::linear_log_probs_under`]: each step's recorded support, and from which step on
    /// the repetition penalty was for which id. `rows` are episodes, each with the ids of its prompt. `None` where no rule left anything out or
    /// changed a logit: the temperature is no rule.
    pub fn logit_rules<'a>(
        &self,
        rows: impl Iterator<Item = (&'a [u32], &'a Episode)>,
    ) -> Option<LogitRules> {
        let penalised = self.repetition_penalty != 1.0;
        let of_row = |(prompt, episode): (&[u32], &Episode)| EpisodeRules {
            seen: if penalised { seen(prompt, episode) } else { Vec::new() },
            allowed: episode.supports.clone(),
        };
        let episodes: Vec<EpisodeRules> = rows.map(of_row).collect();
        let changes = penalised || episodes.iter().any(|rules| !rules.allowed.is_empty());
        changes.then_some(LogitRules { repetition_penalty: self.repetition_penalty, episodes })
    }
}

/// Ids that the repetition penalty is for, each with the first step that it counts at.
fn seen(prompt: &[u32], episode: &Episode) -> Vec<(u32, usize)> {
    let mut first: BTreeMap<u32, usize> = prompt.iter().map(|&id| (id, 0)).collect();
    for (step, &id) in episode.actions.iter().enumerate() {
        first.entry(id).or_insert(step + 1);
    }
    first.into_iter().collect()
}
