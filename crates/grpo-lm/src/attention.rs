use crate::{SharedPrompts, rope::Rotation};
use burn::{
    module::Module,
    nn::Linear,
    tensor::{Device, Tensor, TensorData, activation::softmax},
};

/// A score that no softmax notices. Finite, so that a row without any allowed key stays free of NaN.
const EXCLUDED: f32 = -1e9;

/// Grouped-query attention with rotary positions (Llama 2, arXiv:2307.09288; GQA, arXiv:2305.13245).
#[derive(Module, Debug)]
pub(crate) struct Attention {
    pub(crate) q_proj: Linear,
    pub(crate) k_proj: Linear,
    pub(crate) v_proj: Linear,
    pub(crate) o_proj: Linear,
}

/// Numbers of heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) query: usize,
    pub(crate) kv: usize,
    pub(crate) width: usize,
}

impl Heads {
    /// Query heads that share one key-value head.
    fn sharing(self) -> usize {
        self.query / self.kv
    }
}

/// What all layers of one forward pass share: sizes, positions, masks.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) prompts: usize,
    pub(crate) prompt_len: usize,
    pub(crate) rows_per_prompt: usize,
    /// Completion tokens of each row in this pass.
    pub(crate) steps: usize,
    pub(crate) rotation: Rotation,
    /// Causal mask among the tokens of a prompt, `[1, 1, sharing * prompt_len, prompt_len]`.
    prompt_causal: Option<Tensor<4>>,
    /// Hides the padding of shorter prompts from completions, `[prompts, 1, 1, prompt_len]`.
    prompt_padding: Option<Tensor<4>>,
    /// Causal mask among the tokens of a completion, `[1, 1, 1, sharing * steps, steps]`.
    own_causal: Option<Tensor<5>>,
}

impl Shape {
    pub(crate) fn new(batch: &SharedPrompts, heads: Heads, theta: f64, device: &Device) -> Self {
        let (t, s, repeat) = (batch.prompt_len, batch.steps, heads.sharing());
        Self {
            prompts: batch.prompts(),
            prompt_len: t,
            rows_per_prompt: batch.rows_per_prompt,
            steps: s,
            rotation: Rotation::new(&batch.positions, heads.width, theta, device),
            prompt_causal: (t > 1).then(|| {
                Tensor::from_data(TensorData::new(causal(repeat, t), [1, 1, repeat * t, t]), device)
            }),
            prompt_padding: Self::padding(&batch.prompt_lengths, t, device),
            own_causal: (s > 1).then(|| {
                Tensor::from_data(TensorData::new(causal(repeat, s), [1, 1, 1, repeat * s, s]), device)
            }),
        }
    }

    /// One decoding step: `rows_per_prompt` rows of one token each for the prompts of the given lengths.
    pub(crate) fn decode(
        prompt_lengths: &[usize],
        prompt_len: usize,
        rows_per_prompt: usize,
        positions: &[usize],
        heads: Heads,
        theta: f64,
        device: &Device,
    ) -> Self {
        Self {
            prompts: prompt_lengths.len(),
            prompt_len,
            rows_per_prompt,
            steps: 1,
            rotation: Rotation::new(positions, heads.width, theta, device),
            prompt_causal: None,
            prompt_padding: Self::padding(prompt_lengths, prompt_len, device),
            own_causal: None,
        }
    }

    fn padding(lengths: &[usize], width: usize, device: &Device) -> Option<Tensor<4>> {
        lengths.iter().any(|&l| l < width).then(|| {
            let values: Vec<f32> = lengths
                .iter()
                .flat_map(|&l| (0..width).map(move |i| if i < l { 0.0 } else { EXCLUDED }))
                .collect();
            Tensor::from_data(TensorData::new(values, [lengths.len(), 1, 1, width]), device)
        })
    }
}

/// `repeat` lower-triangular `[n, n]` blocks on top of each other.
fn causal(repeat: usize, n: usize) -> Vec<f32> {
    let one = (0..n).flat_map(|i| (0..n).map(move |j| if j <= i { 0.0 } else { EXCLUDED }));
    let one: Vec<f32> = one.collect();
    one.repeat(repeat)
}

/// Keys and values of the prompts in one layer, `[prompts, kv_heads, prompt_len, head_dim]`.
#[derive(Debug, Clone)]
pub(crate) struct PromptKeys {
    pub(crate) keys: Tensor<4>,
    pub(crate) values: Tensor<4>,
}

/// Keys and values of the completions in one layer, `[prompts, kv_heads, rows_per_prompt, capacity, head_dim]`, written
/// in place; the first `filled` positions hold tokens.
#[derive(Debug)]
pub(crate) struct OwnKeys {
    pub(crate) keys: Tensor<5>,
    pub(crate) values: Tensor<5>,
    pub(crate) filled: usize,
}

impl OwnKeys {
    fn push(&mut self, keys: Tensor<5>, values: Tensor<5>) -> (Tensor<5>, Tensor<5>) {
        let [p, h, g, _, d] = self.keys.dims();
        let at = self.filled;
        let place = [0..p, 0..h, 0..g, at..at + 1, 0..d];
        self.filled += 1;
        // Assigning takes the buffer out of `self` first, so that its only owner can write it in place.
        let assign = |buffer: &mut Tensor<5>, new: Tensor<5>| {
            buffer.inplace(|b| b.slice_assign(place.clone(), new));
            buffer.clone().narrow(3, 0, at + 1)
        };
        (assign(&mut self.keys, keys), assign(&mut self.values, values))
    }
}

impl Attention {
    /// Attends within prompts and from completions to their prompt and themselves.
    ///
    /// `x` is `[prompts * prompt_len + rows * steps, hidden]`; so is the result.
    pub(crate) fn forward(&self, x: Tensor<2>, heads: Heads, shape: &Shape) -> (Tensor<2>, PromptKeys) {
        let (q, k, v) = self.project(x, heads, &shape.rotation);
        let prompt_tokens = shape.prompts * shape.prompt_len;
        let total = q.dims()[0];
        let own_tokens = total - prompt_tokens;
        let split = |x: Tensor<3>| (x.clone().narrow(0, 0, prompt_tokens), x);
        let (q_prompt, q) = split(q);
        let (k_prompt, k) = split(k);
        let (v_prompt, v) = split(v);

        let to_heads = |x: Tensor<3>| {
            x.reshape([shape.prompts, shape.prompt_len, heads.kv, heads.width]).permute([0, 2, 1, 3])
        };
        let prompt = PromptKeys { keys: to_heads(k_prompt), values: to_heads(v_prompt) };
        let mut mixed = self.within_prompts(q_prompt, &prompt, heads, shape);
        if own_tokens > 0 {
            let own = |x: Tensor<3>| own_heads(x.narrow(0, prompt_tokens, own_tokens), heads, shape);
            let q = q.narrow(0, prompt_tokens, own_tokens);
            let completions = from_completions(q, &prompt, own(k), own(v), heads, shape);
            mixed = Tensor::cat(vec![mixed, completions], 0);
        }
        (self.o_proj.forward(mixed), prompt)
    }

    /// One decoding step: `x` is `[rows, hidden]`, one token for each row; its keys go into `own`.
    pub(crate) fn decode(
        &self,
        x: Tensor<2>,
        heads: Heads,
        shape: &Shape,
        prompt: &PromptKeys,
        own: &mut OwnKeys,
    ) -> Tensor<2> {
        let (q, k, v) = self.project(x, heads, &shape.rotation);
        let (k, v) = own.push(own_heads(k, heads, shape), own_heads(v, heads, shape));
        self.o_proj.forward(from_completions(q, prompt, k, v, heads, shape))
    }

    /// Queries (scaled by `1/sqrt(head_dim)`), keys and values, `[tokens, heads, head_dim]`.
    fn project(&self, x: Tensor<2>, heads: Heads, rotation: &Rotation) -> (Tensor<3>, Tensor<3>, Tensor<3>) {
        let tokens = x.dims()[0];
        let q = self.q_proj.forward(x.clone()).reshape([tokens, heads.query, heads.width]);
        let k = self.k_proj.forward(x.clone()).reshape([tokens, heads.kv, heads.width]);
        let v = self.v_proj.forward(x).reshape([tokens, heads.kv, heads.width]);
        let q = rotation.apply(q).mul_scalar((heads.width as f32).powf(-0.5));
        (q, rotation.apply(k), v)
    }

    /// Causal attention among the tokens of each prompt, `[prompts * prompt_len, query_heads * head_dim]`. Padding stands
    /// on the right, so causality alone keeps it out of sight.
    fn within_prompts(&self, q: Tensor<3>, prompt: &PromptKeys, heads: Heads, shape: &Shape) -> Tensor<2> {
        let (p, t, r) = (shape.prompts, shape.prompt_len, heads.sharing());
        let q = q.reshape([p, t, heads.kv, r, heads.width]).permute([0, 2, 3, 1, 4]).reshape([
            p,
            heads.kv,
            r * t,
            heads.width,
        ]);
        let mut scores = q.matmul(prompt.keys.clone().swap_dims(2, 3));
        if let Some(mask) = &shape.prompt_causal {
            scores = scores + mask.clone();
        }
        softmax(scores, 3)
            .matmul(prompt.values.clone())
            .reshape([p, heads.kv, r, t, heads.width])
            .permute([0, 3, 1, 2, 4])
            .reshape([p * t, heads.query * heads.width])
    }
}

/// `[rows * steps, kv_heads, head_dim]` to `[prompts, kv_heads, rows_per_prompt, steps, head_dim]`, without a copy.
fn own_heads(x: Tensor<3>, heads: Heads, shape: &Shape) -> Tensor<5> {
    x.reshape([shape.prompts, shape.rows_per_prompt, shape.steps, heads.kv, heads.width])
        .permute([0, 3, 1, 2, 4])
}

/// Attention of completion tokens to the keys of their prompt, which all rows of a group read where they are, and to
/// the keys of their own row, under one softmax. `[rows * steps, query_heads * head_dim]`.
fn from_completions(
    q: Tensor<3>,
    prompt: &PromptKeys,
    own_keys: Tensor<5>,
    own_values: Tensor<5>,
    heads: Heads,
    shape: &Shape,
) -> Tensor<2> {
    let (p, g, s, t) = (shape.prompts, shape.rows_per_prompt, shape.steps, shape.prompt_len);
    let (kv, r, d) = (heads.kv, heads.sharing(), heads.width);
    let own_len = own_keys.dims()[3];
    // [prompts, kv_heads, rows_per_prompt, sharing, steps, head_dim]: a group's rows lie together for the product with
    // the prompt's keys, and each row's own queries lie together for the product with its own keys.
    let q = q.reshape([p, g, s, kv, r, d]).permute([0, 3, 1, 4, 2, 5]).reshape([p, kv, g, r * s, d]);

    let mut to_prompt = q.clone().reshape([p, kv, g * r * s, d]).matmul(prompt.keys.clone().swap_dims(2, 3));
    if let Some(padding) = &shape.prompt_padding {
        to_prompt = to_prompt + padding.clone();
    }
    let mut to_own = q.matmul(own_keys.swap_dims(3, 4));
    if let Some(mask) = &shape.own_causal {
        to_own = to_own + mask.clone();
    }
    let weights = softmax(Tensor::cat(vec![to_prompt, to_own.reshape([p, kv, g * r * s, own_len])], 3), 3);
    let from_prompt = weights.clone().narrow(3, 0, t).matmul(prompt.values.clone());
    let from_own = weights.narrow(3, t, own_len).reshape([p, kv, g, r * s, own_len]).matmul(own_values);

    (from_prompt.reshape([p, kv, g, r * s, d]) + from_own)
        .reshape([p, kv, g, r, s, d])
        .permute([0, 2, 4, 1, 3, 5])
        .reshape([p * g * s, heads.query * d])
}
