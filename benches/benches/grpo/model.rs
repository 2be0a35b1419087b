//! The model of the embedded recipe and its questions.

use anyhow::Result;
use burn::tensor::Device;
use grpo_edu::{Arithmetic, ArithmeticConfig, Problem};
use grpo_lm::{DecoderConfig, LanguageModel, Tokenizer};

/// A decoder of about a million parameters with random weights.
pub(crate) fn model(device: &Device) -> Result<LanguageModel> {
    let tokenizer = Tokenizer::from_words(&Arithmetic::new(ArithmeticConfig::default(), 1)?.vocabulary())?;
    let config = DecoderConfig::llama(tokenizer.len(), 192, 448, 3, 6, 3, 64);
    Ok(LanguageModel::init(config, tokenizer, 1, device)?)
}

/// Questions, and their token ids.
pub(crate) fn questions(model: &LanguageModel, count: u64) -> Result<(Vec<Problem>, Vec<Vec<u32>>)> {
    let arithmetic = Arithmetic::new(ArithmeticConfig::default(), 1)?;
    let problems: Vec<Problem> = (0..count).map(|index| arithmetic.problem(index)).collect();
    let prompts: Result<Vec<_>, _> =
        problems.iter().map(|p| model.tokenizer().encode_prompt(&p.question)).collect();
    Ok((problems, prompts?))
}
