use crate::{Error, Workers};
use grpo_lm::LanguageModel;
use grpo_rollout::{Group, Sampler, Sampling, Streams};

/// Samples groups in parts of about `rows` episodes, one part per worker at a time. The parts depend on `rows` alone, so the
/// groups don't depend on the number of workers.
pub(crate) fn sample(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    group_size: usize,
    sampling: &Sampling,
    streams: Streams,
    step: u64,
    rows: usize,
    workers: &Workers,
) -> Result<Vec<Group>, Error> {
    let prompts_per_part = (rows / group_size.max(1)).max(1);
    let parts: Vec<(usize, &[Vec<u32>])> =
        prompts.chunks(prompts_per_part).enumerate().map(|(i, part)| (i * prompts_per_part, part)).collect();
    let model = model.frozen();
    let groups = workers.map(&parts, |&(first, part)| {
        let mut groups = model.sample(part, group_size, sampling, &streams.starting_at(first), step)?;
        for group in &mut groups {
            group.prompt += first;
        }
        Ok(groups)
    })?;
    Ok(groups.into_iter().flatten().collect())
}
