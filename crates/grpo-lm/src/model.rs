use crate::{
    ChatTemplate, Decoder, DecoderConfig, Error, LoraConfig, Message, Replay, SharedPrompts, Tokenizer,
    adapter, checkpoint, decode, ops::Places,
};
use burn::{
    module::Module,
    tensor::{DType, Device, Int, Tensor},
};
use grpo_rollout::{Evaluation, Group, Policy, Sampler, Sampling, Streams};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// Of the adapter, where there is one.
    lora: Option<Arc<LoraConfig>>,
    /// How prompts are put to it.
    chat: Option<Arc<Chat>>,
    /// Whether training computes layers again instead of keeping what they computed.
    replays: bool,
}

/// How a question becomes a prompt for a model that was made for conversations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChatConfig {
    /// The system message; none leaves it to the template, which may have one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// More variables for the template, for instance `enable_thinking = false`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, serde_json::Value>,
}

/// A template with its settings.
#[derive(Debug)]
struct Chat {
    template: ChatTemplate,
    system: Option<String>,
}

impl LanguageModel {
    /// Joins the parts.
    pub fn new(decoder: Decoder, config: DecoderConfig, tokenizer: Tokenizer) -> Self {
        Self {
            decoder,
            config: Arc::new(config),
            tokenizer: Arc::new(tokenizer),
            temperature: 1.0,
            lora: None,
            chat: None,
            replays: false,
        }
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
        Ok(Self::new(Decoder::init(&config, seed, device)?, config, tokenizer))
    }

    /// Loads a model folder in Hugging Face layout: `config.json`, `model.safetensors` (or shards with their index), `tokenizer.json`,
    /// and where they exist `generation_config.json`, `tokenizer_config.json` and `chat_template.jinja`.
    ///
    /// # Errors
    /// Names the file, the key or the tensor that is missing or doesn't fit.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, Error> {
        Self::load_as(folder, DType::F32, device)
    }

    /// The same with the weights in memory as `dtype`, whatever they are on disk: `bf16` and `f16` halve the memory of weights that are
    /// not trained, on a device that computes with them.
    ///
    /// # Errors
    /// As [`LanguageModel::load`].
    pub fn load_as(folder: &Path, dtype: DType, device: &Device) -> Result<Self, Error> {
        let config = DecoderConfig::load(folder)?;
        let tokenizer = Tokenizer::load(folder, &config)?;
        let decoder = checkpoint::load_weights(folder, &config, dtype, device)?;
        Ok(Self::new(decoder, config, tokenizer))
    }

    /// Writes a model folder that [`LanguageModel::load`] and Python's `transformers` read. An adapter is merged into the weights.
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
        // Without a graph: adapters are merged.
        checkpoint::save_weights(&self.decoder.valid(), folder)
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

    /// Number of parameters that are trained: those of the adapter, where there is one.
    pub fn trained_parameters(&self) -> usize {
        self.decoder.trained_params()
    }

    /// Whether this token ends a completion.
    pub fn is_stop(&self, token: u32) -> bool {
        self.tokenizer.stop_tokens().contains(&token)
    }
}

/// Adapters.
impl LanguageModel {
    /// The same weights, frozen, with a fresh adapter that is trained instead.
    ///
    /// # Errors
    /// When the configuration makes no sense or names projections that the decoder doesn't have.
    pub fn with_adapter(self, config: &LoraConfig, seed: u64) -> Result<Self, Error> {
        let decoder = self.decoder.clone().with_adapter(config, seed)?;
        Ok(Self { decoder, lora: Some(Arc::new(config.clone())), ..self })
    }

    /// The same weights, frozen, with the adapter of a folder as Python's `peft` writes it.
    ///
    /// # Errors
    /// When a file is missing or malformed, asks for what isn't computed, or doesn't fit the decoder.
    pub fn load_adapter(self, folder: &Path) -> Result<Self, Error> {
        let (decoder, config) = adapter::load(self.decoder.clone(), folder)?;
        Ok(Self { decoder, lora: Some(Arc::new(config)), ..self })
    }

    /// Writes the adapter so that Python's `peft` reads it; `base` names the model that it belongs to. Without an adapter nothing is
    /// written.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn save_adapter(&self, base: &str, folder: &Path) -> Result<(), Error> {
        self.lora.as_ref().map_or(Ok(()), |lora| adapter::save(&self.decoder, lora, base, folder))
    }

    /// The adapter's configuration.
    pub fn adapter(&self) -> Option<&LoraConfig> {
        self.lora.as_deref()
    }

    /// The policy with its adapter switched off: what training began with. It shares the weights.
    pub fn without_adapter(&self) -> Self {
        Self { decoder: self.decoder.without_adapter(), lora: None, ..self.clone() }
    }
}

/// Prompts.
impl LanguageModel {
    /// The same model, which is asked as in a conversation.
    ///
    /// # Errors
    /// When the model folder has no chat template, or one that can't be used.
    pub fn with_chat(self, config: &ChatConfig) -> Result<Self, Error> {
        let template = self.tokenizer.chat_template()?.ok_or_else(|| Error::Config {
            key: "chat",
            value: "set".into(),
            reason: "the model folder has no chat template (chat_template.jinja, or `chat_template` in tokenizer_config.json); \
                     leave [chat] out and write the prompt in `data.prompt`"
                .into(),
        })?;
        let template = config
            .variables
            .iter()
            .fold(template, |template, (name, value)| template.with_variable(name, value));
        let chat = Chat { template, system: config.system.clone() };
        Ok(Self { chat: Some(Arc::new(chat)), ..self })
    }

    /// Whether it is asked as in a conversation.
    pub fn has_chat(&self) -> bool {
        self.chat.is_some()
    }

    /// Token ids of a question: put as a user's message where this model is asked so, else as it is.
    ///
    /// # Errors
    /// When the template or the tokenizer fails, or the text has no tokens.
    pub fn encode_prompt(&self, text: &str) -> Result<Vec<u32>, Error> {
        match &self.chat {
            None => self.tokenizer.encode_prompt(text),
            Some(_) => self.encode_chat(&[Message::user(text)]),
        }
    }

    /// Token ids of a conversation that the model is to go on with. The system message of [`LanguageModel::with_chat`] comes first,
    /// unless the conversation has its own.
    ///
    /// # Errors
    /// When there is no template, or it or the tokenizer fails.
    pub fn encode_chat(&self, messages: &[Message]) -> Result<Vec<u32>, Error> {
        let Some(chat) = &self.chat else {
            let last = messages.last().map_or("", |message| message.content.as_str());
            return self.tokenizer.encode_prompt(last);
        };
        let mut all = Vec::with_capacity(messages.len() + 1);
        if let Some(system) = &chat.system
            && messages.first().is_none_or(|message| message.role != "system")
        {
            all.push(Message::system(system));
        }
        all.extend_from_slice(messages);
        // The template writes the special tokens itself.
        self.tokenizer.encode(&chat.template.render(&all, true)?)
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
        let hidden = self.hidden_of(states, &actions, false)?.0;
        self.statistics(hidden, states, actions)
    }
}

/// Training.
impl LanguageModel {
    /// The same model, whose [`LanguageModel::evaluate_replayed`] computes layers again on the way back instead of keeping what they
    /// computed: a third more work, and a small part of the memory.
    pub fn with_replay(self, replays: bool) -> Self {
        Self { replays, ..self }
    }

    /// [`Policy::evaluate`], for a model that replays with what [`Replay::gradients`] needs.
    ///
    /// # Errors
    /// As [`Policy::evaluate`].
    pub fn evaluate_replayed(
        &self,
        states: &SharedPrompts,
        actions: Tensor<2, Int>,
    ) -> Result<(Evaluation, Option<Replay>), grpo_rollout::Error> {
        let (hidden, replay) = self.hidden_of(states, &actions, self.replays)?;
        Ok((self.statistics(hidden, states, actions)?, replay))
    }

    /// [`LanguageModel::evaluate_replayed`], and the exact divergence `KL(π ‖ π_ref)` of every step from a reference model with the same
    /// vocabulary, `[rows, targets]` in nats. Only this model's part is differentiated. It is that of the whole distributions: what a
    /// sampler's rules leave of them is not looked at.
    ///
    /// # Errors
    /// As [`Policy::evaluate`], and when the vocabularies differ.
    pub fn evaluate_against(
        &self,
        reference: &Self,
        states: &SharedPrompts,
        actions: Tensor<2, Int>,
    ) -> Result<(Evaluation, Tensor<2>, Option<Replay>), grpo_rollout::Error> {
        let (hidden, replay) = self.hidden_of(states, &actions, self.replays)?;
        let plain = states.clone().without_dropout();
        let (ref_hidden, _) = reference.hidden_of(&plain, &actions, false)?;
        let (head, ref_head) = (self.decoder.linear_head(), reference.decoder.linear_head());
        let tokens = Tokens::new(states, &hidden.device());
        let one = |hidden: Tensor<2>| tokens.as_one_row(hidden);
        let kl =
            grpo_core::linear_kl(one(hidden.clone()), &head, one(ref_hidden), &ref_head, self.temperature)
                .map_err(policy_error)?;
        let kl = tokens.to_grid(kl);
        Ok((self.statistics(hidden, states, actions)?, kl, replay))
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
        let (hidden, _) = self.hidden_of(states, &actions, false)?;
        let grid = Tokens::new(states, &hidden.device()).grid_of_rows(hidden.clone());
        Ok((self.statistics(hidden, states, actions)?, grid))
    }

    /// Hidden states that predict every completion token, `[rows, targets, hidden]`. Entries beyond a completion's end hold anything.
    ///
    /// # Errors
    /// As [`Policy::evaluate`].
    pub fn hidden(
        &self,
        states: &SharedPrompts,
        actions: &Tensor<2, Int>,
    ) -> Result<Tensor<3>, grpo_rollout::Error> {
        let (hidden, _) = self.hidden_of(states, actions, false)?;
        Ok(Tokens::new(states, &hidden.device()).grid_of_rows(hidden))
    }

    /// Hidden states that predict every completion token, one after another without padding, `[tokens, hidden]`.
    fn hidden_of(
        &self,
        states: &SharedPrompts,
        actions: &Tensor<2, Int>,
        replays: bool,
    ) -> Result<(Tensor<2>, Option<Replay>), grpo_rollout::Error> {
        let [rows, steps] = actions.dims();
        if (rows, steps) != (states.rows(), states.targets) {
            return Err(grpo_rollout::Error::Count {
                what: "actions (rows times the longest completion)",
                got: rows * steps,
                want: states.rows() * states.targets,
            });
        }
        let (hidden, replay) = if replays {
            let (hidden, replay) = self.decoder.hidden_replayed(states).map_err(decode::policy_error)?;
            (hidden, Some(replay))
        } else {
            (self.decoder.hidden(states).map_err(decode::policy_error)?, None)
        };
        let predicting = Places::new(states.predicting(), &hidden.device());
        Ok((hidden.select(0, predicting.tensor()), replay))
    }

    fn statistics(
        &self,
        hidden: Tensor<2>,
        states: &SharedPrompts,
        actions: Tensor<2, Int>,
    ) -> Result<Evaluation, grpo_rollout::Error> {
        let (head, tokens) = (self.decoder.linear_head(), Tokens::new(states, &hidden.device()));
        if let Some(rules) = &states.rules {
            let hidden = tokens.grid_of_rows(hidden);
            let statistics =
                grpo_core::linear_log_probs_under(hidden, &head, actions, self.temperature, rules.clone())
                    .map_err(policy_error)?;
            return Ok(Evaluation { log_probs: statistics.log_probs, entropy: statistics.entropies });
        }
        let actions = tokens.flat(actions);
        let statistics =
            grpo_core::linear_log_probs(tokens.as_one_row(hidden), &head, actions, self.temperature)
                .map_err(policy_error)?;
        Ok(Evaluation {
            log_probs: tokens.to_grid(statistics.log_probs),
            entropy: tokens.to_grid(statistics.entropies),
        })
    }
}

/// The tokens of completions, one after another, and as the grid `[rows, targets]` that objectives work on.
struct Tokens {
    rows: usize,
    targets: usize,
    /// Place in the grid of each token, and token of each place (the first one beyond a completion's end); none where nothing is
    /// padded.
    padded: Option<(Places, Places)>,
}

impl Tokens {
    fn new(states: &SharedPrompts, device: &Device) -> Self {
        let (rows, targets) = (states.rows(), states.targets);
        let padded = states.lengths().any(|len| len < targets).then(|| {
            let (mut places, mut tokens, mut next) = (Vec::new(), Vec::with_capacity(rows * targets), 0);
            for (row, len) in states.lengths().enumerate() {
                places.extend(row * targets..row * targets + len);
                tokens.extend((0..targets).map(|step| if step < len { next + step } else { 0 }));
                next += len;
            }
            (Places::new(places, device), Places::new(tokens, device))
        });
        Self { rows, targets, padded }
    }

    /// `[rows, targets]` to `[1, tokens]`.
    fn flat(&self, x: Tensor<2, Int>) -> Tensor<2, Int> {
        let x = x.reshape([1, self.rows * self.targets]);
        match &self.padded {
            Some((places, _)) => x.select(1, places.tensor()),
            None => x,
        }
    }

    /// `[1, tokens]` to `[rows, targets]`.
    fn to_grid(&self, x: Tensor<2>) -> Tensor<2> {
        let x = match &self.padded {
            Some((_, tokens)) => x.select(1, tokens.tensor()),
            None => x,
        };
        x.reshape([self.rows, self.targets])
    }

    /// `[tokens, hidden]` to `[1, tokens, hidden]`.
    fn as_one_row(&self, x: Tensor<2>) -> Tensor<3> {
        x.unsqueeze_dim(0)
    }

    /// `[tokens, hidden]` to `[rows, targets, hidden]`.
    fn grid_of_rows(&self, x: Tensor<2>) -> Tensor<3> {
        let width = x.dims()[1];
        let x = match &self.padded {
            Some((_, tokens)) => x.select(0, tokens.tensor()),
            None => x,
        };
        x.reshape([self.rows, self.targets, width])
    }
}

fn policy_error(error: impl std::fmt::Display) -> grpo_rollout::Error {
    grpo_rollout::Error::Policy(error.to_string())
}
