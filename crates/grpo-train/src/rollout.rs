use crate::{Error, Workers, workers::LARGE};
use grpo_lm::LanguageModel;
use grpo_rollout::{Group, Sampler, Sampling, Streams};
use std::ops::Range;

/// How groups are sampled: in parts of about `rows` episodes, one part per worker at a time. The parts depend on `rows` and the groups'
/// sizes alone, so the groups don't depend on the number of workers.
pub(crate) struct Rollout<'a> {
    pub(crate) sampling: &'a Sampling,
    pub(crate) streams: Streams,
    pub(crate) rows: usize,
    pub(crate) workers: &'a Workers,
}

impl Rollout<'_> {
    /// One group of the size asked for for each prompt, in the order of the prompts. Neighbours of one size are sampled together.
    pub(crate) fn sample(
        &self,
        model: &LanguageModel,
        prompts: &[Vec<u32>],
        sizes: &[usize],
        step: u64,
    ) -> Result<Vec<Group>, Error> {
        // A large model's weights are read once for all rows; a small one's rows are spread over the workers.
        let rows = if model.parameters() > LARGE { usize::MAX } else { self.rows };
        let mut parts: Vec<Range<usize>> = Vec::new();
        for (at, &size) in sizes.iter().enumerate().take(prompts.len()) {
            let most = (rows / size.max(1)).max(1);
            match parts.last_mut() {
                Some(last) if sizes[last.start] == size && last.len() < most => last.end = at + 1,
                _ => parts.push(at..at + 1),
            }
        }
        let model = model.frozen();
        let groups = self.workers.map(&parts, |part| {
            let streams = self.streams.starting_at(part.start);
            let (own, size) = (&prompts[part.clone()], sizes[part.start]);
            let mut groups = model.sample(own, size, self.sampling, &streams, step)?;
            for group in &mut groups {
                group.prompt += part.start;
            }
            Ok(groups)
        })?;
        Ok(groups.into_iter().flatten().collect())
    }
}
