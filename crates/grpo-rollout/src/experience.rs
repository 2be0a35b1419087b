use crate::{Episode, Error, Group};
use std::ops::Range;

/// One optimizer step's worth of episodes with their advantages, ready to be cut into micro-batches.
///
/// Rows (episodes) are ordered group by group. A micro-batch never mixes parts of groups of different sizes, so
/// a policy can compute a prompt once for all rows that share it.
#[derive(Debug, Clone)]
pub struct Experience {
    groups: Vec<Group>,
    advantages: Vec<f32>,
    starts: Vec<usize>,
}

/// Rows of an [`Experience`] that go through the policy together: `prompts × rows_per_prompt` episodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MicroBatch {
    /// Groups (indices into the step's groups) whose prompts are computed.
    pub groups: Range<usize>,
    /// The rows of the whole step, in order: `groups.len() * rows_per_prompt` of them.
    pub rows: Range<usize>,
    /// Episodes for each prompt.
    pub rows_per_prompt: usize,
}

impl Experience {
    /// Joins groups with one advantage per episode (rows in the order of the groups).
    ///
    /// # Errors
    /// [`Error::Empty`] for a group or episode without content, [`Error::Count`] when the number of advantages
    /// or of an episode's log-probabilities is off.
    pub fn new(groups: Vec<Group>, advantages: Vec<f32>) -> Result<Self, Error> {
        let mut starts = Vec::with_capacity(groups.len() + 1);
        let mut rows = 0;
        for (index, group) in groups.iter().enumerate() {
            if group.episodes.is_empty() || group.episodes.iter().any(Episode::is_empty) {
                return Err(Error::Empty { group: index });
            }
            for episode in &group.episodes {
                if episode.log_probs.len() != episode.actions.len() {
                    return Err(Error::Count {
                        what: "recorded log-probabilities of an episode",
                        got: episode.log_probs.len(),
                        want: episode.actions.len(),
                    });
                }
            }
            starts.push(rows);
            rows += group.episodes.len();
        }
        starts.push(rows);
        if advantages.len() != rows {
            return Err(Error::Count { what: "advantages", got: advantages.len(), want: rows });
        }
        Ok(Self { groups, advantages, starts })
    }

    /// The groups.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// One advantage per row.
    pub fn advantages(&self) -> &[f32] {
        &self.advantages
    }

    /// Number of episodes.
    pub fn rows(&self) -> usize {
        self.advantages.len()
    }

    /// The episodes in row order.
    pub fn episodes(&self) -> impl Iterator<Item = &Episode> {
        self.groups.iter().flat_map(|g| &g.episodes)
    }

    /// Steps of each row.
    pub fn lengths(&self) -> Vec<usize> {
        self.episodes().map(Episode::len).collect()
    }

    /// Cuts the rows into micro-batches of at most `size` episodes (at least one).
    ///
    /// Whole groups of equal size stay together while they fit; a group larger than `size` is cut into parts
    /// that share its prompt.
    pub fn micro_batches(&self, size: usize) -> Vec<MicroBatch> {
        let size = size.max(1);
        let mut out: Vec<MicroBatch> = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let (start, g) = (self.starts[index], group.episodes.len());
            if g > size {
                for from in (0..g).step_by(size) {
                    let rows = start + from..start + (from + size).min(g);
                    out.push(MicroBatch { groups: index..index + 1, rows_per_prompt: rows.len(), rows });
                }
                continue;
            }
            match out.last_mut() {
                Some(last)
                    if last.rows_per_prompt == g
                        && last.groups.end == index
                        && last.rows.len() + g <= size
                        && last.rows.end == start =>
                {
                    last.groups.end += 1;
                    last.rows.end += g;
                }
                _ => out.push(MicroBatch {
                    groups: index..index + 1,
                    rows: start..start + g,
                    rows_per_prompt: g,
                }),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FinishReason;

    fn experience(sizes: &[usize]) -> Experience {
        let groups = sizes
            .iter()
            .enumerate()
            .map(|(prompt, &g)| Group {
                prompt,
                episodes: vec![
                    Episode {
                        actions: vec![1],
                        log_probs: vec![-0.5],
                        entropies: vec![0.5],
                        supports: vec![],
                        finish: FinishReason::Terminated
                    };
                    g
                ],
            })
            .collect();
        Experience::new(groups, vec![0.0; sizes.iter().sum()]).unwrap()
    }

    #[test]
    fn micro_batches_cover_every_row_once_and_share_prompts() {
        for sizes in [&[4usize, 4, 4][..], &[8, 2, 2, 5], &[1], &[3, 3, 7, 3]] {
            let experience = experience(sizes);
            for size in 1..20 {
                let batches = experience.micro_batches(size);
                let rows: Vec<usize> = batches.iter().flat_map(|b| b.rows.clone()).collect();
                assert_eq!(rows, (0..experience.rows()).collect::<Vec<_>>());
                for b in &batches {
                    assert!(b.rows.len() <= size);
                    assert_eq!(b.rows.len(), b.groups.len() * b.rows_per_prompt);
                    for (slot, group) in b.groups.clone().enumerate() {
                        let first = b.rows.start + slot * b.rows_per_prompt;
                        assert!(first >= experience.starts[group] && first < experience.starts[group + 1]);
                    }
                }
            }
        }
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let good = experience(&[2]).groups().to_vec();
        assert!(matches!(
            Experience::new(good.clone(), vec![0.0]),
            Err(Error::Count { got: 1, want: 2, .. })
        ));
        let mut bad = good.clone();
        bad[0].episodes[1].actions.clear();
        assert!(matches!(Experience::new(bad, vec![0.0; 2]), Err(Error::Empty { group: 0 })));
        let mut bad = good;
        bad[0].episodes[0].log_probs.push(0.0);
        assert!(matches!(Experience::new(bad, vec![0.0; 2]), Err(Error::Count { got: 2, want: 1, .. })));
    }
}
