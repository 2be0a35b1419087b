use crate::Record;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

/// What a tutoring policy conditions on, for a batch of sessions padded to the longest.
#[derive(Debug, Clone)]
pub struct SessionStates {
    /// What was seen before each action, `[sessions, steps, features]`; zero after a session's end.
    pub observations: Tensor<3>,
    /// Which actions could be taken, `[sessions, steps, actions]`; all after a session's end.
    pub allowed: Tensor<3, Bool>,
}

/// Sessions as tensors: rows of different lengths, padded on the right.
#[derive(Debug, Clone)]
pub struct SessionBatch {
    /// For the policy.
    pub states: SessionStates,
    /// What was done, `[sessions, steps]`; 0 after a session's end.
    pub actions: Tensor<2, Int>,
    /// Where a session has a step, `[sessions, steps]`.
    pub mask: Tensor<2, Bool>,
    /// Log-probabilities as they were drawn, `[sessions, steps]`.
    pub old_log_probs: Tensor<2>,
}

impl SessionBatch {
    /// Lays out sessions: each with its episode. `features` and `actions` are those of their environment.
    pub fn new<E>(
        sessions: &[(&crate::Episode, &Record<E>)],
        features: usize,
        actions: usize,
        device: &Device,
    ) -> Self {
        let rows = sessions.len();
        let steps = sessions.iter().map(|(episode, _)| episode.len()).max().unwrap_or(0);
        fn padded<T: Copy>(values: &[T], length: usize, with: T) -> impl Iterator<Item = T> + '_ {
            values.iter().copied().chain(std::iter::repeat_n(with, length.saturating_sub(values.len())))
        }
        let observations: Vec<f32> = sessions
            .iter()
            .flat_map(|(_, record)| padded(&record.observations, steps * features, 0.0))
            .collect();
        let allowed: Vec<bool> =
            sessions.iter().flat_map(|(_, record)| padded(&record.allowed, steps * actions, true)).collect();
        let chosen: Vec<i32> = sessions
            .iter()
            .flat_map(|(episode, _)| padded(&episode.actions, steps, 0).map(|action| action as i32))
            .collect();
        let old: Vec<f32> =
            sessions.iter().flat_map(|(episode, _)| padded(&episode.log_probs, steps, 0.0)).collect();
        let mask: Vec<bool> =
            sessions.iter().flat_map(|(episode, _)| (0..steps).map(|step| step < episode.len())).collect();
        Self {
            states: SessionStates {
                observations: Tensor::from_data(
                    TensorData::new(observations, [rows, steps, features]),
                    device,
                ),
                allowed: Tensor::from_data(TensorData::new(allowed, [rows, steps, actions]), device),
            },
            actions: Tensor::from_data(TensorData::new(chosen, [rows, steps]), device),
            mask: Tensor::from_data(TensorData::new(mask, [rows, steps]), device),
            old_log_probs: Tensor::from_data(TensorData::new(old, [rows, steps]), device),
        }
    }
}
