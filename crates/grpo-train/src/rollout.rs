use crate::{Error, Workers};
use grpo_lm::LanguageModel;
use grpo_rollout::{Group, Sampler, Sampling, Streams};

/// How groups are sampled: in parts of about `rows` episodes, one part per worker at a time. The parts depend on `rows` alone,
/// so the groups don't depend on the number of workers.
pub(crate) struct Rollout<'a> {
    pub(crate) group_size: usize,
    pub(crate) sampling: &'a Sampling,
    pub(crate) streams: Streams,
    pub(crate) rows: usize,
    pub(crate) workers: &'a Workers,
}

impl Rollout<'_> {
    /// One group for each prompt, in the order of the prompts.
    pub(crate) fn sample(
        &self,
        model: &LanguageModel,
        prompts: &[Vec<u32>],
        step: u64,
    ) -> Result<Vec<Group>, Error> {
        let prompts_per_part = (self.rows / self.group_size.max(1)).max(1);
        let parts: Vec<(usize, &[Vec<u32>])> = prompts
            .chunks(prompts_per_part)
            .enumerate()
            .map(|(i, part)| (i * prompts_per_part, part))
            .collect();
        let model = model.frozen();
        let groups = self.workers.map(&parts, |&(first, part)| {
            let streams = self.streams.starting_at(first);
            let mut groups = model.sample(part, self.group_size, self.sampling, &streams, step)?;
            for group in &mut groups {
                group.prompt += first;
            }
            Ok(groups)
        })?;
        Ok(groups.into_iter().flatten().collect())
    }
}
