//! Numbers of another implementation, and how ours are compared with them.
#![allow(dead_code)] // every test file uses its own part

use burn::tensor::Tensor;
use grpo_lm::{LanguageModel, SharedPrompts};
use serde::Deserialize;
use std::path::Path;

pub(crate) const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
pub(crate) struct Parity {
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) prompt: String,
    pub(crate) ids: Vec<u32>,
    pub(crate) logits_first8: Vec<Vec<f64>>,
    pub(crate) argmax: Vec<usize>,
    pub(crate) top5_ids: Vec<Vec<usize>>,
    pub(crate) top5_logits: Vec<Vec<f64>>,
    pub(crate) logsumexp: Vec<f64>,
    pub(crate) next_logprobs: Vec<f64>,
    pub(crate) next_logprob_sum: f64,
    pub(crate) entropy_last: f64,
    pub(crate) greedy_ids: Vec<u32>,
    pub(crate) greedy_text: String,
    /// What was said as a user's message, where the prompt is a conversation.
    #[serde(default)]
    pub(crate) chat_user: Option<String>,
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Logits of every position, prompt after prompt.
pub(crate) fn prompt_logits(model: &LanguageModel, prompts: &[Vec<u32>]) -> Vec<Vec<f64>> {
    let none: [&[u32]; 0] = [];
    let batch = SharedPrompts::new(prompts, &none).unwrap();
    let logits = model.decoder().prompt_logits(&batch).unwrap();
    let vocab = logits.dims()[1];
    floats(logits).chunks(vocab).map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect()
}

pub(crate) fn compare(case: &Case, logits: &[Vec<f64>]) {
    assert_eq!(case.argmax.len(), case.ids.len());
    for (position, row) in logits[..case.ids.len()].iter().enumerate() {
        let at = |what: &str| format!("{:?}, position {position}, {what}", case.prompt);
        for (got, want) in row.iter().zip(&case.logits_first8[position]) {
            close(*got, *want, &at("one of the first 8 logits"));
        }
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        assert_eq!(order[0], case.argmax[position], "{}", at("argmax"));
        assert_eq!(order[..5], case.top5_ids[position], "{}", at("top 5"));
        for (id, want) in order.iter().zip(&case.top5_logits[position]) {
            close(row[*id], *want, &at("one of the top 5 logits"));
        }
        close(logsumexp(row), case.logsumexp[position], &at("logsumexp"));
        if let (Some(&next), Some(&want)) = (case.ids.get(position + 1), case.next_logprobs.get(position)) {
            close(row[next as usize] - logsumexp(row), want, &at("log-probability of the next token"));
        }
    }
}

pub(crate) fn close(got: f64, want: f64, what: &str) {
    assert!((got - want).abs() < TOLERANCE, "{what}: {got}, but {want} expected");
}

pub(crate) fn logsumexp(row: &[f64]) -> f64 {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln()
}

pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().unwrap()
}
