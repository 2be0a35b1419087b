use crate::{
    dropout::Dropout,
    family::{LayerPlan, Plan},
    kernel::{attention::Heads, decode::DecodeRow},
    ops::{self, KeyValues, Layout, NormPlan, Places},
    projection::Projection,
    rope::Rotation,
};
use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use std::sync::Arc;

/// The weights of an RMS norm.
#[derive(Module, Debug)]
pub(crate) struct Norm {
    /// `[width]`.
    pub(crate) weight: Param<Tensor<1>>,
}

impl Norm {
    /// Normalises rows.
    pub(crate) fn forward(&self, x: Tensor<2>, plan: &Plan) -> Tensor<2> {
        self.of_heads(x, 1, plan)
    }

    fn of_heads(&self, x: Tensor<2>, heads: usize, plan: &Plan) -> Tensor<2> {
        let norm = NormPlan { offset: plan.norm_offset, epsilon: plan.epsilon, heads };
        ops::rms_norm(x, self.weight.val(), norm)
    }
}

/// Grouped-query attention with rotary positions (Llama 2, arXiv:2307.09288; GQA, arXiv:2305.13245).
#[derive(Module, Debug)]
pub(crate) struct Attention {
    pub(crate) q_proj: Projection,
    pub(crate) k_proj: Projection,
    pub(crate) v_proj: Projection,
    pub(crate) o_proj: Projection,
    /// Norms of each query and each key (Qwen3, Gemma 3).
    pub(crate) q_norm: Option<Norm>,
    pub(crate) k_norm: Option<Norm>,
}

/// The gated block (arXiv:2002.05202): `down(activation(gate(x)) * up(x))`.
#[derive(Module, Debug)]
pub(crate) struct Mlp {
    pub(crate) gate_proj: Projection,
    pub(crate) up_proj: Projection,
    pub(crate) down_proj: Projection,
}

/// One transformer layer. With the last two norms, what attention and the gated block add is normalised as well, and
/// `post_attention_layernorm` belongs to the former (Gemma's sandwich); without them it stands before the gated block.
#[derive(Module, Debug)]
pub(crate) struct Layer {
    pub(crate) input_layernorm: Norm,
    pub(crate) self_attn: Attention,
    pub(crate) post_attention_layernorm: Norm,
    pub(crate) pre_feedforward_layernorm: Option<Norm>,
    pub(crate) post_feedforward_layernorm: Option<Norm>,
    pub(crate) mlp: Mlp,
}

/// What all layers of one pass share.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) plan: Arc<Plan>,
    pub(crate) layout: Layout,
    /// One for each of the plan's ropes.
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) dropout: Option<Dropout>,
}

/// One decoding step of a batch of rows.
pub(crate) struct Step {
    pub(crate) plan: Arc<Plan>,
    pub(crate) rotations: Vec<Rotation>,
    /// Where the new keys go.
    pub(crate) places: Places,
    pub(crate) rows: Arc<[DecodeRow]>,
}

impl Plan {
    fn heads(&self, layer: &LayerPlan) -> Heads {
        Heads {
            query: self.query_heads,
            kv: self.kv_heads,
            width: self.head_width,
            scale: self.attention_scale as f32,
            window: layer.window,
        }
    }
}

impl Layer {
    /// `x` `[tokens, hidden]` after this layer, the `at`-th; `keep` is handed the keys and values.
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        pass: &Pass,
        at: usize,
        keep: impl FnOnce(&KeyValues),
    ) -> Tensor<2> {
        let layer = &pass.plan.layers[at];
        let dropout = pass.dropout.as_ref();
        self.around(x, &pass.plan, dropout, |x| {
            let (q, own) = self.self_attn.project(x, &pass.plan, &pass.rotations[layer.rope], dropout);
            keep(&own);
            ops::attend(q, own.keys, own.values, &pass.layout, pass.plan.heads(layer))
        })
    }

    /// The same for one new token of each row, `x` `[rows, hidden]`; its keys go into `own`.
    pub(crate) fn decode(
        &self,
        x: Tensor<2>,
        step: &Step,
        at: usize,
        prompts: &KeyValues,
        own: &mut KeyValues,
    ) -> Tensor<2> {
        let layer = &step.plan.layers[at];
        self.around(x, &step.plan, None, |x| {
            let (q, new) = self.self_attn.project(x, &step.plan, &step.rotations[layer.rope], None);
            // Taken out of `own` first, so that its only owner can write it in place.
            own.keys.inplace(|cache| ops::store(cache, new.keys, &step.places));
            own.values.inplace(|cache| ops::store(cache, new.values, &step.places));
            ops::attend_step(q, prompts, own, &step.rows, step.plan.heads(layer))
        })
    }

    /// Everything of a layer around its attention.
    fn around(
        &self,
        x: Tensor<2>,
        plan: &Plan,
        dropout: Option<&Dropout>,
        attention: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let attended = attention(self.input_layernorm.forward(x.clone(), plan));
        let attended = self.self_attn.o_proj.forward(attended, dropout);
        match (&self.pre_feedforward_layernorm, &self.post_feedforward_layernorm) {
            (Some(before), Some(after)) => {
                let x = x + self.post_attention_layernorm.forward(attended, plan);
                let fed = self.mlp.forward(before.forward(x.clone(), plan), plan, dropout);
                x + after.forward(fed, plan)
            }
            _ => {
                let x = x + attended;
                let normed = self.post_attention_layernorm.forward(x.clone(), plan);
                x + self.mlp.forward(normed, plan, dropout)
            }
        }
    }
}

impl Attention {
    /// Queries, and keys with values, turned by their positions.
    fn project(
        &self,
        x: Tensor<2>,
        plan: &Plan,
        rotation: &Rotation,
        dropout: Option<&Dropout>,
    ) -> (Tensor<2>, KeyValues) {
        let mut q = self.q_proj.forward(x.clone(), dropout);
        let mut k = self.k_proj.forward(x.clone(), dropout);
        let values = self.v_proj.forward(x, dropout);
        if let (Some(q_norm), Some(k_norm)) = (&self.q_norm, &self.k_norm) {
            q = q_norm.of_heads(q, plan.query_heads, plan);
            k = k_norm.of_heads(k, plan.kv_heads, plan);
        }
        let turn = |x| ops::rotate(x, rotation, plan.head_width);
        (turn(q), KeyValues { keys: turn(k), values })
    }
}

impl Mlp {
    fn forward(&self, x: Tensor<2>, plan: &Plan, dropout: Option<&Dropout>) -> Tensor<2> {
        let gate = self.gate_proj.forward(x.clone(), dropout);
        let up = self.up_proj.forward(x, dropout);
        self.down_proj.forward(ops::gated(gate, up, plan.activation), dropout)
    }
}
