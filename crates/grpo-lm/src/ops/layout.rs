use crate::{SharedPrompts, kernel::attention::Segment};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::sync::{Arc, OnceLock};

/// Where the sequences of a batch stand in the list of its tokens: the same for all layers.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Prompts first, then completions.
    pub(crate) segments: Arc<[Segment]>,
    pub(crate) prompts: usize,
    /// The same as a grid, for backends that want one.
    grid: Arc<OnceLock<Grid>>,
}

/// The tokens of prompts and completions as rectangles, padded on the right.
#[derive(Debug)]
pub(crate) struct Grid {
    pub(crate) prompts: usize,
    /// Longest prompt.
    pub(crate) prompt_len: usize,
    /// Most completions of a prompt.
    pub(crate) width: usize,
    /// Longest completion.
    pub(crate) steps: usize,
    /// Token in each place of `[prompts, prompt_len]`, then of `[prompts, width, steps]`; token 0 in empty places.
    pub(crate) tokens: Tensor<1, Int>,
    /// Place of each token.
    pub(crate) places: Tensor<1, Int>,
    pub(crate) prompt_lengths: Vec<usize>,
}

/// Rows of a tensor, on the host and on the device.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) host: Arc<[usize]>,
    device: Device,
    tensor: OnceLock<Tensor<1, Int>>,
}

impl Places {
    pub(crate) fn new(host: Vec<usize>, device: &Device) -> Self {
        Self { host: host.into(), device: device.clone(), tensor: OnceLock::new() }
    }

    /// Once for all layers.
    pub(crate) fn tensor(&self) -> Tensor<1, Int> {
        self.tensor.get_or_init(|| indices(self.host.iter().copied(), &self.device)).clone()
    }
}

/// Row numbers as a tensor.
pub(crate) fn indices(rows: impl ExactSizeIterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let count = rows.len();
    let rows: Vec<i32> = rows.map(|row| row as i32).collect();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}

impl Layout {
    pub(crate) fn new(batch: &SharedPrompts) -> Self {
        Self { segments: batch.segments().into(), prompts: batch.prompts(), grid: Arc::default() }
    }

    pub(crate) fn grid(&self, device: &Device) -> &Grid {
        self.grid.get_or_init(|| Grid::new(&self.segments, self.prompts, device))
    }
}

impl Grid {
    fn new(segments: &[Segment], prompts: usize, device: &Device) -> Self {
        let (own, completions) = segments.split_at(prompts);
        let prompt_lengths: Vec<usize> = own.iter().map(|s| s.len).collect();
        let prompt_len = prompt_lengths.iter().copied().max().unwrap_or(0);
        let steps = completions.iter().map(|s| s.len).max().unwrap_or(0);
        let mut of_prompt = vec![Vec::new(); prompts];
        let mut prompt = 0;
        for segment in completions {
            // Completions stand in the order of their prompts.
            while own[prompt].first != segment.prefix.start {
                prompt += 1;
            }
            of_prompt[prompt].push(segment);
        }
        let width = of_prompt.iter().map(Vec::len).max().unwrap_or(0);
        let total = segments.iter().map(|s| s.len).sum();
        let mut tokens = vec![0; prompts * (prompt_len + width * steps)];
        let mut places = vec![0; total];
        let mut put = |segment: &Segment, start: usize| {
            for j in 0..segment.len {
                tokens[start + j] = segment.first + j;
                places[segment.first + j] = start + j;
            }
        };
        for (prompt, segment) in own.iter().enumerate() {
            put(segment, prompt * prompt_len);
        }
        for (prompt, segments) in of_prompt.iter().enumerate() {
            for (row, segment) in segments.iter().enumerate() {
                put(segment, prompts * prompt_len + (prompt * width + row) * steps);
            }
        }
        Self {
            prompts,
            prompt_len,
            width,
            steps,
            tokens: indices(tokens.into_iter(), device),
            places: indices(places.into_iter(), device),
            prompt_lengths,
        }
    }
}
