//! Published algorithms as named points on the axes.
//!
//! | preset | ratio | surrogate | KL | aggregate | advantages to use | paper |
//! |---|---|---|---|---|---|---|
//! | [`grpo`](Objective::grpo) | token | clip 0.2 | k3, 0.04 | sequence mean | group mean, group std | [2402.03300](https://arxiv.org/abs/2402.03300) |
//! | [`textbook`](Objective::textbook) | sequence product | clip 0.2 | – | sequence mean | group mean, group std | [2402.03300](https://arxiv.org/abs/2402.03300), as usually introduced |
//! | [`dr_grpo`](Objective::dr_grpo) | token | clip 0.2 | – | token sum / (N · length) | group mean, no scaling | [2503.20783](https://arxiv.org/abs/2503.20783) |
//! | [`dapo`](Objective::dapo) | token | clip 0.2, 0.28 | – | token mean | group mean, group std | [2503.14476](https://arxiv.org/abs/2503.14476) |
//! | [`bnpo`](Objective::bnpo) | token | clip 0.2 | – | token mean | group mean, group std | [2506.02864](https://arxiv.org/abs/2506.02864); TRL's `bnpo` |
//! | [`gspo`](Objective::gspo) | sequence | clip 3e-4, 4e-4 | – | sequence mean | group mean, group std | [2507.18071](https://arxiv.org/abs/2507.18071) |
//! | [`cispo`](Objective::cispo) | token | CISPO ≤ 5 | – | token mean | group mean, group std | [2506.13585](https://arxiv.org/abs/2506.13585) |
//! | [`sapo`](Objective::sapo) | token | SAPO 1, 1.05 | – | sequence mean | group mean, group std | [2511.20347](https://arxiv.org/abs/2511.20347) |
//! | [`vespo`](Objective::vespo) | token | VESPO | – | token mean | group mean, group std | [2602.10693](https://arxiv.org/abs/2602.10693), constants of TRL 1.16 |
//! | [`luspo`](Objective::luspo) | sequence | clip 2e-3, 2.5e-3 | – | sequence sum | group mean, group std | [2602.05261](https://arxiv.org/abs/2602.05261) |
//! | [`rloo`](Objective::rloo) | token | REINFORCE | – | sequence sum | leave-one-out | [2402.14740](https://arxiv.org/abs/2402.14740) |
//! | [`reinforce_pp`](Objective::reinforce_pp) | token | clip 0.2 | – | token mean | whitened over tokens, k1 out of the reward ([`KlPlacement::Reward`](crate::KlPlacement::Reward)) | [2501.03262](https://arxiv.org/abs/2501.03262) |
//!
//! More algorithms are a value or two away:
//!
//! | algorithm | how | paper |
//! |---|---|---|
//! | INTELLECT-2 | `grpo` with `Clip::delta` | [2505.07291](https://arxiv.org/abs/2505.07291) |
//! | GMPO | [`Surrogate::Gmpo`], sequence mean | [2507.20673](https://arxiv.org/abs/2507.20673) |
//! | DPPO | [`Surrogate::Dppo`] | [2602.04879](https://arxiv.org/abs/2602.04879) |
//! | GPG | [`Surrogate::Reinforce`], [`AdvantageEstimator::gpg`](crate::AdvantageEstimator::gpg) | [2504.02546](https://arxiv.org/abs/2504.02546) |
//! | ReMax | [`Surrogate::Reinforce`], [`subtract_baselines`](crate::advantage::subtract_baselines) | [2310.10505](https://arxiv.org/abs/2310.10505) |
//! | OPO | [`Surrogate::Reinforce`], [`AdvantageEstimator::opo`](crate::AdvantageEstimator::opo) | [2505.23585](https://arxiv.org/abs/2505.23585) |
//! | GDPO | `grpo`, [`normalize_then_sum`](crate::advantage::normalize_then_sum) | [2601.05242](https://arxiv.org/abs/2601.05242) |
//! | PPO with a KL penalty | [`Surrogate::Unclipped`], [`Objective::proximal`] | [1707.06347](https://arxiv.org/abs/1707.06347), section 4 |
//! | KL-Cov, Clip-Cov | the same on [`top_covariance`](crate::entropy::top_covariance); `keep` without [`clip_covariance`](crate::entropy::clip_covariance) | [2505.22617](https://arxiv.org/abs/2505.22617) |
//! | Beyond 80/20 | `keep` from [`keep_above`](crate::entropy::keep_above) | [2506.01939](https://arxiv.org/abs/2506.01939) |
//!
//! Where implementations differ from the paper or from each other:
//!
//! * **GRPO**: TRL's default has no KL penalty; the paper's coefficient is 0.04. TRL counts an episode
//!   without active steps as a row of loss zero, verl leaves it out ([`StepTotals`](crate::StepTotals)).
//! * **Dr. GRPO**: TRL divides by rows and length, verl's `seq-mean-token-sum-norm` by the length alone.
//! * **BNPO**: TRL's `bnpo` divides by the tokens of the *local micro-batch*; here by those of the optimizer
//!   step, which is the same with one micro-batch. The paper's contribution is a Beta-normalised advantage,
//!   not an aggregation.
//! * **CISPO**: the paper and TRL clip from above only, verl from both sides.
//! * **GSPO**: with advantages per step, verl keeps each step's gradient ([`RatioLevel::SequenceToken`]);
//!   TRL's ratio carries that of the whole row.
//! * **Dual clip** is always on in verl (3.0) and off in TRL.
//! * **KL and entropy**: TRL adds k3 to each token's loss before aggregation and the entropy bonus as a mean over
//!   tokens; verl aggregates both like the policy term ([`LossInputs::entropy_weights`](crate::LossInputs::entropy_weights)).
//! * **A group of one**: TRL gives it an advantage of 0 (as here), verl its raw reward.
//! * **KL-Cov, Clip-Cov**: verl picks steps among those of a micro-batch; here among those of the optimizer step.
//! * **Log-ratios**: verl bounds them at ±20, TRL not at all; here the bound is a setting and its use is
//!   counted.

use crate::surrogate::{Cispo, Clip, Sapo, Vespo};
use crate::{Aggregate, KlPenalty, Objective, RatioLevel, Surrogate};

impl Objective {
    /// GRPO as published: token ratios, clip at ±0.2, k3 penalty with β = 0.04, mean over answers of the mean
    /// over tokens ([DeepSeekMath, eq. 3–4](https://arxiv.org/abs/2402.03300)).
    ///
    /// Set `kl: None` to train without a reference policy, as most later work (and [`Objective::default`])
    /// does.
    pub fn grpo() -> Self {
        Self { kl: Some(KlPenalty::default()), ..Self::default() }
    }

    /// The introductory formula `1/G Σ_i (min(ρ_i·A_i, clip(ρ_i, 1−ε, 1+ε)·A_i) − β·KL)`, where `ρ_i` is the
    /// ratio of the probabilities of the *whole answer*, with ε = 0.2 and β = 0 (set [`kl`](Self::kl) for the
    /// penalty).
    ///
    /// The product of token ratios leaves the clip range within a few dozen tokens, so this suits short
    /// episodes: bandits, tutoring sessions. For text take [`gspo`](Self::gspo), its length-normalised form.
    pub fn textbook() -> Self {
        Self { ratio: RatioLevel::SequenceProduct, ..Self::default() }
    }

    /// [Dr. GRPO](https://arxiv.org/abs/2503.20783): no length bias (the sum over tokens over a constant
    /// `length`, usually the largest completion length) and no difficulty bias (use advantages without
    /// scaling).
    pub fn dr_grpo(length: usize) -> Self {
        Self { aggregate: Aggregate::TokenSumOver { length }, ..Self::default() }
    }

    /// [DAPO](https://arxiv.org/abs/2503.14476): a higher upper bound (0.28) and a mean over all tokens.
    pub fn dapo() -> Self {
        Self {
            surrogate: Surrogate::Clip(Clip { high: 0.28, ..Clip::default() }),
            aggregate: Aggregate::TokenMean,
            ..Self::default()
        }
    }

    /// TRL's `bnpo`: GRPO with a mean over tokens; see the [module](crate::presets) on what it is divided by.
    pub fn bnpo() -> Self {
        Self { aggregate: Aggregate::TokenMean, ..Self::default() }
    }

    /// [GSPO](https://arxiv.org/abs/2507.18071): the length-normalised ratio of the whole answer, with the
    /// bounds of the paper's section 5.1.
    pub fn gspo() -> Self {
        Self {
            ratio: RatioLevel::Sequence,
            surrogate: Surrogate::Clip(Clip { low: 3e-4, high: 4e-4, ..Clip::default() }),
            ..Self::default()
        }
    }

    /// [CISPO](https://arxiv.org/abs/2506.13585): clipped, detached ratios as weights of a REINFORCE
    /// gradient, mean over tokens.
    pub fn cispo() -> Self {
        Self {
            surrogate: Surrogate::Cispo(Cispo::default()),
            aggregate: Aggregate::TokenMean,
            ..Self::default()
        }
    }

    /// [SAPO](https://arxiv.org/abs/2511.20347): a sigmoid gate in place of the clip.
    pub fn sapo() -> Self {
        Self { surrogate: Surrogate::Sapo(Sapo::default()), ..Self::default() }
    }

    /// [VESPO](https://arxiv.org/abs/2602.10693) with TRL's constants: a smooth weight on the ratio of the
    /// whole answer, mean over tokens.
    pub fn vespo() -> Self {
        Self {
            surrogate: Surrogate::Vespo(Vespo::default()),
            aggregate: Aggregate::TokenMean,
            ..Self::default()
        }
    }

    /// [LUSPO](https://arxiv.org/abs/2602.05261), with the bounds of the paper's section 5.1: GSPO whose
    /// sequence loss is weighted by the answer's length, which removes GSPO's length bias.
    pub fn luspo() -> Self {
        Self {
            ratio: RatioLevel::Sequence,
            surrogate: Surrogate::Clip(Clip { low: 2e-3, high: 2.5e-3, ..Clip::default() }),
            aggregate: Aggregate::SequenceSum,
            ..Self::default()
        }
    }

    /// [RLOO](https://arxiv.org/abs/2402.14740): REINFORCE on whole answers with leave-one-out advantages,
    /// on-policy.
    pub fn rloo() -> Self {
        Self { surrogate: Surrogate::Reinforce, aggregate: Aggregate::SequenceSum, ..Self::default() }
    }

    /// [REINFORCE++](https://arxiv.org/abs/2501.03262): PPO's clip with advantages whitened over the tokens
    /// of the batch, mean over tokens. The paper subtracts the k1 penalty from the reward, so there is none
    /// in the loss.
    pub fn reinforce_pp() -> Self {
        Self { aggregate: Aggregate::TokenMean, ..Self::default() }
    }
}
