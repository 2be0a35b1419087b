//! The operations composed of burn's own. Sums of squares, scores and softmax are in `f32`, whatever the type of the weights.

use super::layout::{Grid, Layout, Places, indices};
use super::{KeyValues, NormPlan};
use crate::{
    family::Activation,
    kernel::{attention::Heads, decode::DecodeRow},
    rope::Rotation,
};
use burn::tensor::{
    DType, Device, IndexingUpdateOp, Tensor, TensorData,
    activation::{silu, softmax},
};

/// A score that no softmax notices. Finite, so that a row without any allowed key stays free of NaN.
const EXCLUDED: f32 = -1e9;

pub(super) fn rms_norm(x: Tensor<2>, gamma: Tensor<1>, norm: NormPlan) -> Tensor<2> {
    let ([tokens, columns], dtype) = (x.dims(), x.dtype());
    let x = x.cast(DType::F32).reshape([tokens * norm.heads, columns / norm.heads]);
    let inverse = (x.clone().square().mean_dim(1) + norm.epsilon).sqrt().recip();
    let gamma = gamma.cast(DType::F32);
    let gamma = if norm.offset == 0.0 { gamma } else { gamma + norm.offset };
    (x * inverse * gamma.unsqueeze_dim(0)).reshape([tokens, columns]).cast(dtype)
}

pub(super) fn gated(gate: Tensor<2>, up: Tensor<2>, activation: Activation) -> Tensor<2> {
    match activation {
        Activation::Silu => silu(gate) * up,
        Activation::GeluTanh => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            let inner = (gate.clone() + gate.clone().powi_scalar(3) * 0.044_715) * root;
            gate * 0.5 * (inner.tanh() + 1.0) * up
        }
    }
}

pub(super) fn rotate(x: Tensor<2>, rotation: &Rotation, width: usize) -> Tensor<2> {
    let ([tokens, columns], dtype, half) = (x.dims(), x.dtype(), width / 2);
    let [cos, sin] = rotation.tables(&x.device());
    let x = x.cast(DType::F32).reshape([tokens, columns / width, width]);
    let (a, b) = (x.clone().narrow(2, 0, half), x.narrow(2, half, half));
    let first = a.clone() * cos.clone() - b.clone() * sin.clone();
    let second = b * cos + a * sin;
    Tensor::cat(vec![first, second], 2).reshape([tokens, columns]).cast(dtype)
}

pub(super) fn attend(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, layout: &Layout, heads: Heads) -> Tensor<2> {
    let (device, dtype) = (q.device(), q.dtype());
    let grid = layout.grid(&device);
    let (p, t, g, s) = (grid.prompts, grid.prompt_len, grid.width, grid.steps);
    let [q, k, v] = [q, k, v].map(|x| x.cast(DType::F32).select(0, grid.tokens.clone()));
    let prompt =
        |x: Tensor<2>| x.narrow(0, 0, p * t).reshape([p, t, heads.kv, heads.width]).permute([0, 2, 1, 3]);
    let (keys, values) = (prompt(k.clone()), prompt(v.clone()));
    let mut mixed = within_prompts(q.clone().narrow(0, 0, p * t), &keys, &values, grid, heads);
    if g * s > 0 {
        let own = |x: Tensor<2>| {
            x.narrow(0, p * t, p * g * s).reshape([p, g, s, heads.kv, heads.width]).permute([0, 3, 1, 2, 4])
        };
        let masks = Masks {
            prompt: to_prompt_mask(grid, heads, &device),
            own: causal(heads.group(), s, heads.window, &device).map(|mask| mask.unsqueeze()),
        };
        let q = q.narrow(0, p * t, p * g * s);
        let shape = [p, g, s];
        let completions = from_completions(q, [keys, values], [own(k), own(v)], masks, shape, heads);
        mixed = Tensor::cat(vec![mixed, completions], 0);
    }
    mixed.select(0, grid.places.clone()).cast(dtype)
}

/// `repeat` lower-triangular `[n, n]` blocks on top of each other, as scores to be added; `None` where nothing is hidden.
fn causal(repeat: usize, n: usize, window: Option<usize>, device: &Device) -> Option<Tensor<2>> {
    if n <= 1 {
        return None;
    }
    let sees = |i: usize, j: usize| j <= i && window.is_none_or(|w| i - j < w);
    let one = (0..n).flat_map(|i| (0..n).map(move |j| if sees(i, j) { 0.0 } else { EXCLUDED }));
    let one: Vec<f32> = one.collect();
    Some(Tensor::from_data(TensorData::new(one.repeat(repeat), [repeat * n, n]), device))
}

/// What completion tokens see of their prompt, to be added to scores `[prompts, 1, width * group * steps, prompt_len]`; the third
/// dimension is 1 where all see the same.
fn to_prompt_mask(grid: &Grid, heads: Heads, device: &Device) -> Option<Tensor<4>> {
    let (t, s) = (grid.prompt_len, grid.steps);
    let value = |sees: bool| if sees { 0.0 } else { EXCLUDED };
    let Some(window) = heads.window else {
        return grid.prompt_lengths.iter().any(|&l| l < t).then(|| {
            let values: Vec<f32> =
                grid.prompt_lengths.iter().flat_map(|&l| (0..t).map(move |i| value(i < l))).collect();
            Tensor::from_data(TensorData::new(values, [grid.prompts, 1, 1, t]), device)
        });
    };
    let repeat = grid.width * heads.group();
    let mut values = Vec::with_capacity(grid.prompts * repeat * s * t);
    for &length in &grid.prompt_lengths {
        let sees = |step: usize, key: usize| key < length && length + step - key < window;
        let one: Vec<f32> = (0..s).flat_map(|step| (0..t).map(move |key| value(sees(step, key)))).collect();
        (0..repeat).for_each(|_| values.extend_from_slice(&one));
    }
    Some(Tensor::from_data(TensorData::new(values, [grid.prompts, 1, repeat * s, t]), device))
}

/// Causal attention among the tokens of each prompt, `[prompts * prompt_len, query * width]`. Padding stands on the right, so
/// causality alone keeps it out of sight.
fn within_prompts(
    q: Tensor<2>,
    keys: &Tensor<4>,
    values: &Tensor<4>,
    grid: &Grid,
    heads: Heads,
) -> Tensor<2> {
    let (p, t, r, d) = (grid.prompts, grid.prompt_len, heads.group(), heads.width);
    let q = q.reshape([p, t, heads.kv, r, d]).permute([0, 2, 3, 1, 4]).reshape([p, heads.kv, r * t, d]);
    let mut scores = q.mul_scalar(heads.scale).matmul(keys.clone().swap_dims(2, 3));
    if let Some(mask) = causal(r, t, heads.window, &scores.device()) {
        scores = scores + mask.unsqueeze::<4>();
    }
    softmax(scores, 3)
        .matmul(values.clone())
        .reshape([p, heads.kv, r, t, d])
        .permute([0, 3, 1, 2, 4])
        .reshape([p * t, heads.query * d])
}

/// What is added to the scores of completion tokens.
struct Masks {
    /// `[prompts, 1, rows * group * steps or 1, prompt_len]`.
    prompt: Option<Tensor<4>>,
    /// `[prompts or 1, 1, rows or 1, group * steps or 1, own_len]`.
    own: Option<Tensor<5>>,
}

/// Attention of completion tokens to the keys of their prompt, `[prompts, kv, prompt_len, width]`, which all rows of a group read
/// where they are, and to the keys of their own row, `[prompts, kv, rows, own_len, width]`, under one softmax.
fn from_completions(
    q: Tensor<2>,
    [keys, values]: [Tensor<4>; 2],
    [own_keys, own_values]: [Tensor<5>; 2],
    masks: Masks,
    [p, g, s]: [usize; 3],
    heads: Heads,
) -> Tensor<2> {
    let (kv, r, d) = (heads.kv, heads.group(), heads.width);
    let (t, own_len) = (keys.dims()[2], own_keys.dims()[3]);
    // [prompts, kv_heads, rows, sharing, steps, head_dim]: a group's rows lie together for the product with the prompt's keys, and
    // each row's own queries lie together for the product with its own keys.
    let q = q.mul_scalar(heads.scale).reshape([p, g, s, kv, r, d]).permute([0, 3, 1, 4, 2, 5]);
    let q = q.reshape([p, kv, g, r * s, d]);
    let mut to_prompt = q.clone().reshape([p, kv, g * r * s, d]).matmul(keys.swap_dims(2, 3));
    if let Some(mask) = masks.prompt {
        to_prompt = to_prompt + mask;
    }
    let mut to_own = q.matmul(own_keys.swap_dims(3, 4));
    if let Some(mask) = masks.own {
        to_own = to_own + mask;
    }
    let weights = softmax(Tensor::cat(vec![to_prompt, to_own.reshape([p, kv, g * r * s, own_len])], 3), 3);
    let from_prompt = weights.clone().narrow(3, 0, t).matmul(values);
    let from_own = weights.narrow(3, t, own_len).reshape([p, kv, g, r * s, own_len]).matmul(own_values);
    (from_prompt.reshape([p, kv, g, r * s, d]) + from_own)
        .reshape([p, kv, g, r, s, d])
        .permute([0, 2, 4, 1, 3, 5])
        .reshape([p * g * s, heads.query * d])
}

pub(super) fn store(cache: Tensor<2>, new: Tensor<2>, places: &Places) -> Tensor<2> {
    // Not every backend can assign rows, but all can add: to exactly zero, and then what is new.
    let old = cache.clone().select(0, places.tensor());
    let cleared = cache.select_assign(0, places.tensor(), old.neg(), IndexingUpdateOp::Add);
    cleared.select_assign(0, places.tensor(), new, IndexingUpdateOp::Add)
}

pub(super) fn attend_step(
    q: Tensor<2>,
    prompts: &KeyValues,
    own: &KeyValues,
    rows: &[DecodeRow],
    heads: Heads,
) -> Tensor<2> {
    let (device, dtype) = (q.device(), q.dtype());
    let steps = Steps::new(rows);
    let (p, g, t, l) = (steps.prompts.len(), steps.width, steps.prompt_len, steps.own_len);
    let at = |rows: Vec<usize>| indices(rows.into_iter(), &device);
    let prompt_rows = at(steps.prompt_rows());
    let prompt = |x: &Tensor<2>| {
        x.clone()
            .select(0, prompt_rows.clone())
            .cast(DType::F32)
            .reshape([p, t, heads.kv, heads.width])
            .permute([0, 2, 1, 3])
    };
    let own_rows = at(steps.own_rows(rows));
    let of_rows = |x: &Tensor<2>| {
        x.clone()
            .select(0, own_rows.clone())
            .cast(DType::F32)
            .reshape([p, g, l, heads.kv, heads.width])
            .permute([0, 3, 1, 2, 4])
    };
    let q = q.cast(DType::F32).select(0, at(steps.rows.iter().map(|row| row.unwrap_or(0)).collect()));
    let masks = steps.masks(rows, heads, &device);
    let (keys, values) = (prompt(&prompts.keys), prompt(&prompts.values));
    let own = [of_rows(&own.keys), of_rows(&own.values)];
    let mixed = from_completions(q, [keys, values], own, masks, [p, g, 1], heads);
    let mut back = vec![0; rows.len()];
    for (place, row) in steps.rows.iter().enumerate() {
        if let Some(row) = row {
            back[*row] = place;
        }
    }
    mixed.select(0, at(back)).cast(dtype)
}

/// The rows of a decoding step as a grid `[prompts, width]`.
struct Steps {
    prompts: Vec<std::ops::Range<usize>>,
    width: usize,
    prompt_len: usize,
    own_len: usize,
    /// The row in each place of the grid.
    rows: Vec<Option<usize>>,
}

impl Steps {
    fn new(rows: &[DecodeRow]) -> Self {
        let mut of_prompt: Vec<(std::ops::Range<usize>, Vec<usize>)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            match of_prompt.iter_mut().find(|(prompt, _)| *prompt == row.prompt) {
                Some((_, members)) => members.push(at),
                None => of_prompt.push((row.prompt.clone(), vec![at])),
            }
        }
        let width = of_prompt.iter().map(|(_, members)| members.len()).max().unwrap_or(0);
        let places = of_prompt.iter().flat_map(|(_, members)| (0..width).map(|i| members.get(i).copied()));
        Self {
            width,
            prompt_len: of_prompt.iter().map(|(prompt, _)| prompt.len()).max().unwrap_or(0),
            own_len: rows.iter().map(|row| row.own_len).max().unwrap_or(0),
            rows: places.collect(),
            prompts: of_prompt.into_iter().map(|(prompt, _)| prompt).collect(),
        }
    }

    fn prompt_rows(&self) -> Vec<usize> {
        let rows = |p: &std::ops::Range<usize>| {
            let p = p.clone();
            (0..self.prompt_len).map(move |i| if i < p.len() { p.start + i } else { p.start })
        };
        self.prompts.iter().flat_map(rows).collect()
    }

    fn own_rows(&self, rows: &[DecodeRow]) -> Vec<usize> {
        let of = |row: &Option<usize>| {
            let (start, len) = row.map_or((0, 0), |row| (rows[row].slot_start, rows[row].own_len));
            (0..self.own_len).map(move |i| if i < len { start + i } else { start })
        };
        self.rows.iter().flat_map(of).collect()
    }

    fn masks(&self, rows: &[DecodeRow], heads: Heads, device: &Device) -> Masks {
        let (p, g, r) = (self.prompts.len(), self.width, heads.group());
        let value = |sees: bool| if sees { 0.0 } else { EXCLUDED };
        // The query's position, and the first that it sees.
        let first = |row: &Option<usize>, prompt: usize| {
            let own = row.map_or(1, |row| rows[row].own_len);
            heads.window.map_or(0, |w| (prompt + own).saturating_sub(w))
        };
        let (mut to_prompt, mut to_own) = (Vec::new(), Vec::new());
        for (place, row) in self.rows.iter().enumerate() {
            let prompt = self.prompts[place / g].len();
            let from = first(row, prompt);
            let one: Vec<f32> = (0..self.prompt_len).map(|i| value(i >= from && i < prompt)).collect();
            (0..r).for_each(|_| to_prompt.extend_from_slice(&one));
            let own = row.map_or(1, |row| rows[row].own_len);
            to_own.extend((0..self.own_len).map(|i| value(prompt + i >= from && i < own)));
        }
        Masks {
            prompt: Some(Tensor::from_data(
                TensorData::new(to_prompt, [p, 1, g * r, self.prompt_len]),
                device,
            )),
            own: Some(Tensor::from_data(TensorData::new(to_own, [p, 1, g, 1, self.own_len]), device)),
        }
    }
}
