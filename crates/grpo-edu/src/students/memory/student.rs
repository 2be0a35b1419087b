//! Three models of forgetting: parameters, priors, and recall.

use crate::draws::Draws;
use serde::{Deserialize, Serialize};

/// How many windows of an episode DASH distinguishes.
pub const WINDOWS: usize = 5;

/// How a student forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryModel {
    /// Exponential forgetting curve; see [`Efc`].
    #[default]
    Efc,
    /// Half-life regression; see [`Hlr`].
    Hlr,
    /// Difficulty, ability, student history; see [`Dash`].
    Dash,
}

/// Exponential forgetting curve: `recall_i = exp(-d_i t_i / s_i)` with the decay rate `d_i`, the time
/// `t_i` since the last review and the strength `s_i`, which is 1 and grows by 1 with every review,
/// recalled or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Efc {
    /// The fictitious last review of each item before the first real one; prior `exp(N(0, 1))`.
    pub init_last_review: Vec<f64>,
    /// `d_i`, per unit of time; prior `0.077 exp(N(0, 1))`.
    pub decay_rate: Vec<f64>,
}

/// Half-life regression (after Settles and Meeder 2016): `recall_i = exp(-t_i / s_i)` with
/// `s_i = exp(attempts n_i + correct c_i + incorrect w_i + bias_i)`, where `n_i`, `c_i` and `w_i` count
/// the reviews, those recalled, and those not. Base e and no `ln 2`, in spite of the name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hlr {
    /// The fictitious last review of each item; prior `exp(N(0, 1))`.
    pub init_last_review: Vec<f64>,
    /// Weight of the number of reviews; 1.
    pub attempts: f64,
    /// Weight of those recalled; 1.
    pub correct: f64,
    /// Weight of those not recalled; 0.
    pub incorrect: f64,
    /// One bias per item; prior `N(0, 1)`.
    pub bias: Vec<f64>,
}

/// Difficulty, ability and student history with power-law forgetting (after Lindsey et al. 2014):
///
/// - `h_i = Σ_k w_k (ln(1 + c_ik) + ln(1 + n_ik))` over the windows `k` of the episode before the current
///   one, with `n_ik` reviews and `c_ik` recalled in window `k` and `w_k` from [`window_weight`];
/// - `m_i = 1 / (1 + exp(-(ability - difficulty_i + h_i)))`;
/// - `recall_i = m_i / (1 + r t_i)^f_i` with `f_i = exp(student_decay_exp - item_decay_exp_i)` and the
///   delay coefficient `r`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dash {
    /// The fictitious last review of each item; prior `exp(N(0, 0.01))`.
    pub init_last_review: Vec<f64>,
    /// Prior `N(1, 1)`.
    pub difficulty: Vec<f64>,
    /// 0.
    pub ability: f64,
    /// Prior `exp(N(1, 1))`: `f_i` is a double exponential with a heavy tail towards no forgetting.
    pub item_decay_exp: Vec<f64>,
    /// 0.
    pub student_decay_exp: f64,
    /// `r`, per unit of time; prior `exp(N(0, 0.01))`.
    pub delay_coef: f64,
}

/// The weight of DASH's window `k` of [`WINDOWS`]: `1 / (WINDOWS - k)^2`. It belongs to a place in the
/// episode, not to how long ago the window was.
pub fn window_weight(window: usize) -> f64 {
    let place = WINDOWS.saturating_sub(window).max(1) as f64;
    1.0 / (place * place)
}

/// A student: the parameters of one of the models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryStudent {
    /// Exponential forgetting curve.
    Efc(Efc),
    /// Half-life regression.
    Hlr(Hlr),
    /// Difficulty, ability, student history.
    Dash(Dash),
}

impl MemoryStudent {
    /// A student with parameters from the model's priors.
    pub fn draw(model: MemoryModel, items: usize, draws: &mut dyn Draws) -> Self {
        let mut normal = |mean: f64, deviation: f64| mean + deviation * draws.normal();
        let mut normals =
            |mean: f64, deviation: f64| -> Vec<f64> { (0..items).map(|_| normal(mean, deviation)).collect() };
        let exp = |values: Vec<f64>| values.into_iter().map(f64::exp).collect();
        match model {
            MemoryModel::Efc => Self::Efc(Efc {
                decay_rate: exp(normals(0.077_f64.ln(), 1.0)),
                init_last_review: exp(normals(0.0, 1.0)),
            }),
            MemoryModel::Hlr => Self::Hlr(Hlr {
                bias: normals(0.0, 1.0),
                init_last_review: exp(normals(0.0, 1.0)),
                attempts: 1.0,
                correct: 1.0,
                incorrect: 0.0,
            }),
            MemoryModel::Dash => Self::Dash(Dash {
                difficulty: normals(1.0, 1.0),
                item_decay_exp: exp(normals(1.0, 1.0)),
                init_last_review: exp(normals(0.0, 0.01)),
                ability: 0.0,
                student_decay_exp: 0.0,
                delay_coef: normal(0.0, 0.01).exp(),
            }),
        }
    }

    /// Which model the student follows.
    pub fn model(&self) -> MemoryModel {
        match self {
            Self::Efc(_) => MemoryModel::Efc,
            Self::Hlr(_) => MemoryModel::Hlr,
            Self::Dash(_) => MemoryModel::Dash,
        }
    }

    /// How many items the student knows.
    pub fn items(&self) -> usize {
        self.init_last_review().len()
    }

    fn init_last_review(&self) -> &[f64] {
        match self {
            Self::Efc(student) => &student.init_last_review,
            Self::Hlr(student) => &student.init_last_review,
            Self::Dash(student) => &student.init_last_review,
        }
    }

    /// Whether every list has one entry per item.
    pub(super) fn is_consistent(&self) -> bool {
        let items = self.items();
        match self {
            Self::Efc(student) => student.decay_rate.len() == items,
            Self::Hlr(student) => student.bias.len() == items,
            Self::Dash(student) => student.difficulty.len() == items && student.item_decay_exp.len() == items,
        }
    }

    fn windows(&self) -> usize {
        match self {
            Self::Efc(_) | Self::Hlr(_) => 1,
            Self::Dash(_) => WINDOWS,
        }
    }

    /// The recall of every item at time `now` in window `window`, `[items]`.
    pub(super) fn recall(&self, trace: &Trace, now: u64, window: usize) -> Vec<f64> {
        let items = 0..trace.last_review.len();
        let elapsed = |item: usize| now as f64 - trace.last_review[item];
        match self {
            Self::Efc(student) => items
                .map(|item| {
                    let strength = 1.0 + trace.attempts[item];
                    (-student.decay_rate[item] * elapsed(item) / strength).exp()
                })
                .collect(),
            Self::Hlr(student) => items
                .map(|item| {
                    let (attempts, correct) = (trace.attempts[item], trace.correct[item]);
                    let strength = student.attempts * attempts
                        + student.correct * correct
                        + student.incorrect * (attempts - correct)
                        + student.bias[item];
                    (-elapsed(item) / strength.exp()).exp()
                })
                .collect(),
            Self::Dash(student) => items
                .map(|item| {
                    let history: f64 = (0..window)
                        .map(|past| {
                            let cell = item * WINDOWS + past;
                            window_weight(past) * (trace.correct[cell].ln_1p() + trace.attempts[cell].ln_1p())
                        })
                        .sum();
                    let logit = student.ability - student.difficulty[item] + history;
                    let mastery = 1.0 / (1.0 + (-logit).exp());
                    let power = (student.student_decay_exp - student.item_decay_exp[item]).exp();
                    mastery / (1.0 + student.delay_coef * elapsed(item)).powf(power)
                })
                .collect(),
        }
    }
}

/// What reviews leave behind: counts per item and window, and when each item was reviewed last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trace {
    last_review: Vec<f64>,
    /// `[items, windows]`, reviews.
    attempts: Vec<f64>,
    /// `[items, windows]`, reviews with recall.
    correct: Vec<f64>,
    windows: usize,
}

impl Trace {
    /// Nothing reviewed yet.
    pub(super) fn new(student: &MemoryStudent) -> Self {
        let windows = student.windows();
        let cells = student.items() * windows;
        Self {
            last_review: student.init_last_review().to_vec(),
            attempts: vec![0.0; cells],
            correct: vec![0.0; cells],
            windows,
        }
    }

    pub(super) fn windows(&self) -> usize {
        self.windows
    }

    /// Takes in a review that counts as made at `time`.
    pub(super) fn record(&mut self, item: usize, correct: bool, time: u64, window: usize) {
        let cell = item * self.windows + window;
        self.attempts[cell] += 1.0;
        self.correct[cell] += f64::from(u8::from(correct));
        self.last_review[item] = time as f64;
    }
}
