use crate::{
    Error, ImitationConfig, ImitationMetrics, OptimizerConfig, Question, Questions, Stage, Update, Workers,
    rows::Rows,
};
use burn::optim::{GradientsParams, ModuleOptimizer};
use grpo_core::Aggregate;
use grpo_lm::{LanguageModel, SharedPrompts};
use grpo_rollout::Policy;
use std::time::Instant;

/// A worked solution as token ids: prompt, and completion with its stop token.
struct Demonstration {
    prompt: Vec<u32>,
    completion: Vec<u32>,
}

/// Stage 1, learning by imitation: one optimizer step on the mean negative log-likelihood of the solutions' tokens.
///
/// ```text
/// L = -1/N Σ_i Σ_t log π(o_it | q_i, o_i,<t)        N = all solution tokens of the step
/// ```
///
/// # Errors
/// When a question has no solution, doesn't fit the context, or the step's numbers are not finite (the model before it
/// is then still in `model`).
pub(crate) fn step(
    model: &mut LanguageModel,
    optimizer: &mut ModuleOptimizer,
    questions: &Questions,
    config: &ImitationConfig,
    optimizer_config: &OptimizerConfig,
    workers: &Workers,
    step: usize,
) -> Result<ImitationMetrics, Error> {
    let start = Instant::now();
    let batch = questions.batch(Stage::Imitation, step, config.batch_size);
    let batch = batch.iter().map(|q| Demonstration::new(q, model)).collect::<Result<Vec<_>, _>>()?;
    let lengths: Vec<usize> = batch.iter().map(|d| d.completion.len()).collect();
    let weights: Vec<f32> =
        Aggregate::TokenMean.row_weights(&lengths).into_iter().map(|w| w as f32).collect();

    let parts: Vec<(&[Demonstration], &[f32])> =
        batch.chunks(config.micro_batch_size).zip(weights.chunks(config.micro_batch_size)).collect();
    let (mut update, mut loss, mut computed) = (Update::default(), 0.0_f64, 0);
    let differentiate = |&(part, weights): &(&[Demonstration], &[f32])| gradients(model, part, weights);
    workers.each(&parts, differentiate, |part| {
        update.add(model.decoder(), part.gradients);
        loss += part.loss;
        computed += part.computed_tokens;
    })?;
    let rate = config.schedule().rate(step);
    let (decoder, most) = (model.decoder().clone(), optimizer_config.max_grad_norm);
    let (decoder, grad_norm) =
        update.apply_finite(decoder, optimizer, rate, most, loss, ("imitation", step))?;
    *model = model.with_decoder(decoder);
    Ok(ImitationMetrics {
        loss,
        grad_norm,
        learning_rate: rate,
        tokens: lengths.iter().sum(),
        computed_tokens: computed,
        step_time: start.elapsed().as_secs_f64(),
    })
}

/// What one micro-batch contributes.
struct Part {
    gradients: GradientsParams,
    loss: f64,
    computed_tokens: usize,
}

fn gradients(model: &LanguageModel, part: &[Demonstration], weights: &[f32]) -> Result<Part, Error> {
    let model = &model.for_worker();
    let prompts: Vec<&[u32]> = part.iter().map(|d| d.prompt.as_slice()).collect();
    let completions: Vec<&[u32]> = part.iter().map(|d| d.completion.as_slice()).collect();
    let states = SharedPrompts::new(&prompts, &completions)?;
    let device = model.decoder().device();
    let rows = Rows::new(completions.iter().map(|c| c.len()).collect(), &device);
    let weights: Vec<Vec<f32>> = completions.iter().zip(weights).map(|(c, w)| vec![*w; c.len()]).collect();
    let log_probs = model.log_prob(&states, rows.actions(completions.iter().copied()))?;
    let loss = (log_probs * rows.numbers(weights.iter().map(Vec::as_slice))).sum().neg();
    Ok(Part {
        gradients: Update::gradients(model.decoder(), &loss),
        loss: f64::from(loss.into_scalar::<f32>()),
        computed_tokens: states.computed_tokens(),
    })
}

impl Demonstration {
    fn new(question: &Question, model: &LanguageModel) -> Result<Self, Error> {
        let solution = solution(question)?;
        let tokenizer = model.tokenizer();
        let mut completion = tokenizer.encode(solution)?;
        completion.extend(tokenizer.stop_tokens().first());
        Ok(Self { prompt: model.encode_prompt(&question.prompt)?, completion })
    }
}

/// The worked solution that a question must have for this stage.
pub(crate) fn solution(question: &Question) -> Result<&str, Error> {
    question.solution.as_deref().ok_or_else(|| {
        Error::setting(
            "imitation",
            format!("is set, but the question {:?} has no worked solution", question.prompt),
            "name the field that has it in `data.solution`, or leave [imitation] out",
        )
    })
}
