//! Log-probabilities from hidden states: through the logits, and without them. Seconds for forward plus backward, and memory.
//!
//! ```sh
//! cargo bench --workspace --bench log_probs                    # each path in a process of its own, one JSON line each
//! cargo bench --workspace --bench log_probs -- --only linear_log_probs --tokens 1024
//! python benches/peers/torch_logprobs.py --only dense          # PyTorch on the same work
//! ```

use anyhow::{Context, Result, anyhow};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::log_softmax};
use grpo_core::{LinearHead, Tiles, linear_log_probs, token_log_probs};
use grpo_rollout::Streams;
use rand_chacha::rand_core::RngCore;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

/// burn's `log_softmax` and `gather` on the logits, `token_log_probs` on the logits, and `linear_log_probs` without them.
const PATHS: [&str; 3] = ["log_softmax", "token_log_probs", "linear_log_probs"];

fn main() -> Result<()> {
    let (sizes, only) = arguments()?;
    match only {
        Some(path) => measure(&path, &sizes),
        // Memory is told by the process, so each path has its own.
        None => PATHS.iter().try_for_each(|path| {
            let mut arguments = vec!["--only".to_string(), (*path).to_string()];
            arguments.extend(sizes.iter().flat_map(|(key, value)| [format!("--{key}"), value.to_string()]));
            let status = Command::new(std::env::current_exe()?).args(arguments).status()?;
            status.success().then_some(()).ok_or_else(|| anyhow!("{path}: {status}"))
        }),
    }
}

/// Sizes by name, and the one path to measure.
fn arguments() -> Result<(BTreeMap<String, usize>, Option<String>)> {
    let mut sizes: BTreeMap<String, usize> = [
        ("tokens", 4096),
        ("hidden", 576),
        ("vocab", 49152),
        ("repeat", 3),
        ("tile-tokens", 0),
        ("tile-vocab", 0),
    ]
    .map(|(k, v)| (k.into(), v))
    .into();
    let mut only = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix("--") {
            Some("bench") => {} // cargo bench adds it
            // cargo bench's own check that benchmarks run at all.
            Some("test") => sizes = sizes.into_keys().map(|key| (key, 16)).collect(),
            Some("only") => only = arguments.next(),
            Some(key) if sizes.contains_key(key) => {
                let value = arguments.next().with_context(|| format!("--{key} needs a number"))?;
                sizes.insert(key.into(), value.parse().with_context(|| format!("--{key} {value}"))?);
            }
            _ => return Err(anyhow!("{argument}: known are --only and {:?}", sizes.keys())),
        }
    }
    Ok((sizes, only))
}

fn measure(path: &str, sizes: &BTreeMap<String, usize>) -> Result<()> {
    let [tokens, hidden, vocab, repeat] = ["tokens", "hidden", "vocab", "repeat"].map(|key| sizes[key]);
    let host = grpo_device::from_env()?;
    let device = host.clone().autodiff();
    let mut work = Work::new(tokens, hidden, vocab, &host, &device);
    let tiles = Tiles { tokens: sizes["tile-tokens"], vocab: sizes["tile-vocab"] };
    work.tiles = (tiles.tokens > 0 && tiles.vocab > 0).then_some(tiles);
    let before = grpo_device::peak_rss_bytes();
    let mut best = f64::INFINITY;
    for _ in 0..repeat.max(1) {
        let start = Instant::now();
        let log_probs = match path {
            "log_softmax" => work.log_softmax(),
            "token_log_probs" => work.token_log_probs()?,
            "linear_log_probs" => work.linear_log_probs()?,
            other => return Err(anyhow!("--only {other}: use one of {PATHS:?}")),
        };
        let gradients = log_probs.sum().backward();
        // Reading waits for the device.
        let hidden = work.hidden.grad(&gradients).context("hidden states without gradient")?;
        let weight = work.weight.grad(&gradients).context("head without gradient")?;
        let _ = (hidden.sum().into_scalar::<f32>(), weight.sum().into_scalar::<f32>());
        best = best.min(start.elapsed().as_secs_f64());
    }
    let growth = grpo_device::peak_rss_bytes().zip(before).map(|(after, before)| (after - before) >> 20);
    println!(
        "{{\"path\": \"{path}\", \"device\": \"{}\", \"seconds\": {best:.3}, \"peak_growth_mib\": {}}}",
        grpo_device::describe(&host),
        growth.map_or("null".into(), |mib| mib.to_string())
    );
    Ok(())
}

struct Work {
    hidden: Tensor<2>,
    weight: Tensor<2>,
    targets: Tensor<2, Int>,
    /// `None`: the default.
    tiles: Option<Tiles>,
}

impl Work {
    fn new(tokens: usize, hidden: usize, vocab: usize, host: &Device, device: &Device) -> Self {
        let mut rng = Streams::new(1).stream(0, 0, 0);
        let mut matrix = |rows: usize, columns: usize, size: f32| {
            let mut uniform = || (rng.next_u32() >> 8) as f32 / (1 << 24) as f32 - 0.5;
            let values: Vec<f32> = (0..rows * columns).map(|_| size * uniform()).collect();
            Tensor::from_data(TensorData::new(values, [rows, columns]), device).require_grad()
        };
        let (hidden, weight) = (matrix(tokens, hidden, 3.5), matrix(vocab, hidden, 0.07));
        let targets: Vec<i32> = (0..tokens).map(|i| (i * 7919 % vocab) as i32).collect();
        Self {
            hidden,
            weight,
            targets: Tensor::from_data(TensorData::new(targets, [1, tokens]), host),
            tiles: None,
        }
    }

    fn logits(&self) -> Tensor<3> {
        self.hidden.clone().matmul(self.weight.clone().transpose()).unsqueeze_dim(0)
    }

    fn log_softmax(&self) -> Tensor<2> {
        log_softmax(self.logits(), 2).gather(2, self.targets.clone().unsqueeze_dim(2)).squeeze_dim(2)
    }

    fn token_log_probs(&self) -> Result<Tensor<2>> {
        Ok(token_log_probs(self.logits(), self.targets.clone(), 1.0)?)
    }

    fn linear_log_probs(&self) -> Result<Tensor<2>> {
        let mut head = LinearHead::new(self.weight.clone());
        if let Some(tiles) = self.tiles {
            head = head.with_tiles(tiles);
        }
        Ok(linear_log_probs(self.hidden.clone().unsqueeze_dim(0), &head, self.targets.clone(), 1.0)?
            .log_probs)
    }
}
