use crate::{Decoder, DecoderConfig, Error, SharedPrompts, Tokenizer, checkpoint, decode};
use burn::{
    module::Module,
    tensor::{Device, Int, Tensor},
};
use grpo_rollout::{Evaluation, Group, Policy, Sampler, Sampling, Streams};
use std::path::Path;
use std::sync::Arc;

/// A decoder with its tokenizer and its stop tokens: a language-model policy.
///
/// Cloning is cheap: the weights are shared until an optimizer replaces them.
#[derive(Debug, Clone)]
pub struct LanguageModel {
    decoder: Decoder,
    config: Arc<DecoderConfig>,
    tokenizer: Arc<Tokenizer>,
    temperature: f64,
}

impl LanguageModel {
    /// Joins the parts.
    pub fn new(decoder: Decoder, config: DecoderConfig, tokenizer: Tokenizer) -> Self {
        Self { decoder, config: Arc::new(config), tokenizer: Arc::new(tokenizer), temperature: 1.0 }
    }

    /// A model of the given shape with random weights.
    ///
    /// # Errors
    /// When the shape makes no sense or the tokenizer has more ids than the vocabulary.
    pub fn init(
        config: DecoderConfig,
        tokenizer: Tokenizer,
        seed: u64,
        device: &Device,
    ) -> Result<Self, Error> {
        config.validate()?;
        tokenizer.check_fits(config.vocab_size)?;
        Ok(Self::new(Decoder::init(&config, seed, device), config, tokenizer))
    }

    /// Loads a model folder in Hugging Face layout: `config.json`, `model.safetensors`, `tokenizer.json`, and where they
    /// exist `generation_config.json` and `tokenizer_config.json`.
    ///
    /// # Errors
    /// Names the file, the key or the tensor that is missing or doesn't fit.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, Error> {
        let config = DecoderConfig::load(folder)?;
        let tokenizer = Tokenizer::load(folder, &config)?;
        tokenizer.check_fits(config.vocab_size)?;
        let decoder = checkpoint::load_weights(folder, &config, device)?;
        Ok(Self::new(decoder, config, tokenizer))
    }

    /// Writes a model folder that [`LanguageModel::load`] and Python's `transformers` read.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(Error::write(folder))?;
        let path = folder.join("config.json");
        let text = serde_json::to_string_pretty(&*self.config)
            .map_err(|e| Error::Json { path: path.clone(), reason: e.to_string() })?;
        std::fs::write(&path, text).map_err(Error::write(&path))?;
        self.tokenizer.save(folder)?;
        checkpoint::save_weights(&self.decoder, folder)
    }

    /// The shape.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The network.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The same model with other weights, for instance after an optimizer step.
    pub fn with_decoder(&self, decoder: Decoder) -> Self {
        Self { decoder, ..self.clone() }
    }

    /// The same model, whose [`Policy::evaluate`] divides logits by this temperature: the one that was sampled with.
    pub fn with_temperature(self, temperature: f64) -> Self {
        Self { temperature, ..self }
    }

    /// The same weights without gradient tracking, for sampling, evaluation and as a reference policy.
    pub fn frozen(&self) -> Self {
        self.with_decoder(self.decoder.valid())
    }

    /// The same weights as leaves of a graph of their own, so that several threads can differentiate at the same time. Parameters keep
    /// their ids: gradients of all copies add up.
    pub fn for_worker(&self) -> Self {
        self.with_decoder(self.decoder.clone().fork(&self.decoder.device()))
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.decoder.num_params()
    }

    /// Whether this token ends a completion.
    pub fn is_stop(&self, token: u32) -> bool {
        self.tokenizer.stop_tokens().contains(&token)
    }
}

impl Sampler for LanguageModel {
    type Prompt = Vec<u32>;

    fn sample(
        &self,
        prompts: &[Vec<u32>],
        group_size: usize,
        sampling: &Sampling,
        streams: &Streams,
        step: u64,
    ) -> Result<Vec<Group>, grpo_rollout::Error> {
        decode::sample(&self.frozen(), prompts, group_size, sampling, streams, step)
    }
}

impl Policy for LanguageModel {
    type States = SharedPrompts;

    /// `actions` is `[rows, targets]` and holds the completions of `states`, padded with any valid id.
    fn evaluate(
        &self,
        states: &SharedPrompts,
        actions: Tensor<2, Int>,
    ) -> Result<Evaluation, grpo_rollout::Error> {
        let hidden = self.hidden(states, &actions)?;
        self.statistics(hidden, actions)
    }
}

impl LanguageModel {
    /// [`Policy::evaluate`], and the exact divergence `KL(π ‖ π_ref)` of every step from a reference model with the same
    /// vocabulary, `[rows, targets]` in nats. Only this model's part is differentiated.
    ///
    /// # Errors
    /// As [`Policy::evaluate`], and when the vocabularies differ.
    pub fn evaluate_against(
        &self,
        reference: &Self,
        states: &SharedPrompts,
        actions: Tensor<2, Int>,
    ) -> Result<(Evaluation, Tensor<2>), grpo_rollout::Error> {
        let hidden = self.hidden(states, &actions)?;
        let ref_hidden = reference.hidden(states, &actions)?;
        let (head, ref_head) = (self.decoder.linear_head(), reference.decoder.linear_head());
        let kl = grpo_core::linear_kl(hidden.clone(), &head, ref_hidden, &ref_head, self.temperature)
            .map_err(policy_error)?;
        Ok((self.statistics(hidden, actions)?, kl))
    }

    /// [`Policy::evaluate`], and the hidden states that predict every completion token, `[rows, targets, hidden]`, for a critic on the same
    /// network.
    ///
    /// # Errors
    /// As [`Policy::evaluate`].
    pub fn evaluate_with_hidden(
        &self,
        states: &SharedPrompts,
        actions: Tensor<2, Int>,
    ) -> Result<(Evaluation, Tensor<3>), grpo_rollout::Error> {
        let hidden = self.hidden(states, &actions)?;
        Ok((self.statistics(hidden.clone(), actions)?, hidden))
    }

    fn statistics(
        &self,
        hidden: Tensor<3>,
        actions: Tensor<2, Int>,
    ) -> Result<Evaluation, grpo_rollout::Error> {
        let head = self.decoder.linear_head();
        let statistics =
            grpo_core::linear_log_probs(hidden, &head, actions, self.temperature).map_err(policy_error)?;
        Ok(Evaluation { log_probs: statistics.log_probs, entropy: statistics.entropies })
    }

    /// Hidden states that predict every completion token, `[rows, targets, hidden]`.
    ///
    /// # Errors
    /// As [`Policy::evaluate`].
    pub fn hidden(
        &self,
        states: &SharedPrompts,
        actions: &Tensor<2, Int>,
    ) -> Result<Tensor<3>, grpo_rollout::Error> {
        let [rows, steps] = actions.dims();
        if (rows, steps) != (states.rows(), states.targets) {
            return Err(grpo_rollout::Error::Count {
                what: "actions (rows times the longest completion)",
                got: rows * steps,
                want: states.rows() * states.targets,
            });
        }
        // The last token of a completion isn't fed, so the network doesn't look at it.
        if let Some((prompt, id)) = states.last_token_beyond(self.config.vocab_size) {
            let last = self.config.vocab_size as u32 - 1;
            return Err(grpo_rollout::Error::Token { prompt, id, last });
        }
        self.decoder.completion_hidden(states, &self.config).map_err(|e| match e {
            Error::Rollout(e) => e,
            other => policy_error(other),
        })
    }
}

fn policy_error(error: impl std::fmt::Display) -> grpo_rollout::Error {
    grpo_rollout::Error::Policy(error.to_string())
}
