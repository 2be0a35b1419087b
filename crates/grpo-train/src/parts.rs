//! What a recipe names, opened and looked at before anything is trained or written.

use crate::{
    Error, Machine, Metric, ModelConfig, Question, Questions, Recipe, Workers, guard::Guard, imitation,
};
use grpo_lm::{LanguageModel, Tokenizer};
use grpo_rewards::RewardSpec;
use grpo_rewards::{RewardKind, RewardSet};

/// What a recipe names, opened.
pub(crate) struct Parts {
    pub(crate) questions: Questions,
    pub(crate) rewards: RewardSet,
    pub(crate) guard: Option<Guard>,
    pub(crate) workers: Workers,
}

impl Parts {
    /// With the model as it is before the first step.
    pub(crate) fn open(recipe: &Recipe, machine: &Machine) -> Result<(Self, LanguageModel), Error> {
        let validation = recipe.imitation.as_ref().map_or(0, |i| i.validation_questions);
        let questions = Questions::open(&recipe.data, recipe.seed, validation, recipe.evaluation.questions)?;
        let rewards = RewardSet::from_specs(&recipe.rewards)?;
        let guard = Guard::open(&recipe.guard, &recipe.evaluation.metric)?;
        let model = fresh_model(recipe, &questions, machine)?;
        let workers = Workers::fitting(machine.workers, model.parameters())?;
        Ok((Self { questions, rewards, guard, workers }, model))
    }

    /// Refuses questions that can't be asked before anything is trained or written: all of a file's, and the first of a
    /// generator's.
    pub(crate) fn check_fit(&self, recipe: &Recipe, model: &LanguageModel) -> Result<(), Error> {
        let context = model.config().max_position_embeddings;
        let new = recipe.sampling.max_new_tokens;
        if new >= context {
            let fix = format!("use less than the model's context of {context} tokens");
            return Err(Error::setting("sampling.max_new_tokens", format!("is {new}"), fix));
        }
        let too_long = |what: &str, prompt: &str, tokens: usize, fix: &str| {
            let problem = format!(
                "{what} of {prompt:?} takes {tokens} tokens, more than the model's context of {context}"
            );
            Err(Error::setting("data", problem, fix))
        };
        let held_out = self.questions.held_out();
        let sample = self.questions.training_sample();
        check_references(recipe, &sample)?;
        if recipe.evaluation.metric == Metric::FinalText && held_out.iter().all(|q| q.reference.is_none()) {
            return Err(Error::setting(
                "evaluation.metric",
                "is \"final_text\", but no held-out question has a final answer",
                "name the field that has it in `data.final`, or choose a verifier as `evaluation.metric.score`",
            ));
        }
        for question in &sample {
            let prompt = model.encode_prompt(&question.prompt)?.len();
            if prompt + new > context {
                let fix = "leave the question out, lower `sampling.max_new_tokens` or use a model with a larger context";
                return too_long("asking and answering", &question.prompt, prompt + new, fix);
            }
            if recipe.imitation.is_some() {
                let solution = imitation::solution(question)?;
                let tokens = prompt + model.tokenizer().encode(solution)?.len() + 1;
                if tokens > context {
                    let fix = "leave the question out or use a model with a larger context";
                    return too_long("the worked solution", &question.prompt, tokens, fix);
                }
            }
        }
        Ok(())
    }
}

/// The model as it is before the first step.
fn fresh_model(recipe: &Recipe, questions: &Questions, machine: &Machine) -> Result<LanguageModel, Error> {
    let device = machine.device.clone().autodiff();
    let model = match &recipe.model {
        ModelConfig::Folder(folder) => {
            let dtype = folder.dtype.on(&machine.device, machine.is_gpu, recipe.lora.is_some())?;
            LanguageModel::load_as(&folder.path, dtype, &device)?
        }
        ModelConfig::Random(shape) => {
            let tokenizer = Tokenizer::from_words(&questions.vocabulary()?)?;
            let config = shape.config(tokenizer.len());
            LanguageModel::init(config, tokenizer, recipe.seed, &device)?
        }
    };
    let model = match &recipe.lora {
        Some(lora) => model.with_adapter(lora, recipe.seed)?,
        None => model,
    };
    Ok(match &recipe.chat {
        Some(chat) => model.with_chat(chat)?,
        None => model,
    })
}

impl Question {
    /// Whether it has what a reward compares with: a final answer, or a field that serves as one.
    pub fn has_reference(&self, kind: &RewardKind) -> bool {
        let row = self.fields.as_ref();
        let has = |field: &str| row.and_then(|row| row.get(field)).is_some_and(|value| !value.is_null());
        self.reference.is_some() || kind.reference_fields().into_iter().any(has)
    }
}

/// Refuses rewards that compare with a final answer where no question has one, and those that ask items where there are none: every
/// episode would go without.
fn check_references(recipe: &Recipe, questions: &[Question]) -> Result<(), Error> {
    let asks_items = |spec: &RewardSpec| matches!(spec.kind, RewardKind::ItemScore(_));
    if let Some(index) = recipe.rewards.iter().position(asks_items)
        && questions.iter().all(|question| question.item.is_none())
    {
        return Err(Error::setting(
            format!("rewards[{index}]"),
            "is \"item\", but no question is an item with a scoring of its own",
            "use a question bank (`data.format` = \"qti\", \"gift\" or \"csv\"), or choose another reward",
        ));
    }
    let without = |kind: &RewardKind| !questions.iter().any(|question| question.has_reference(kind));
    let lacking = |kind: &RewardKind| kind.needs_reference() && without(kind);
    match recipe.rewards.iter().enumerate().find(|(_, spec)| lacking(&spec.kind)) {
        Some((index, spec)) => Err(Error::setting(
            format!("rewards[{index}]"),
            format!("is {:?}, which compares with a final answer, but no question has one", spec.kind.kind()),
            "name the field that has it in `data.final`, or choose another reward",
        )),
        None => Ok(()),
    }
}
