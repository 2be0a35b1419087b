use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

/// Rows of different lengths, padded on the right to the longest: the shape `[episodes, steps]` of the objective.
pub(crate) struct Rows<'a> {
    lengths: Vec<usize>,
    steps: usize,
    device: &'a Device,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(lengths: Vec<usize>, device: &'a Device) -> Self {
        let steps = lengths.iter().copied().max().unwrap_or(0);
        Self { lengths, steps, device }
    }

    /// Token ids, `[episodes, steps]`.
    pub(crate) fn actions<'r>(&self, rows: impl Iterator<Item = &'r [u32]>) -> Tensor<2, Int> {
        let mut values: Vec<i32> = Vec::with_capacity(self.lengths.len() * self.steps);
        for (row, ids) in rows.enumerate() {
            values.extend(ids.iter().map(|&id| id as i32));
            values.resize((row + 1) * self.steps, 0);
        }
        Tensor::from_data(TensorData::new(values, [self.lengths.len(), self.steps]), self.device)
    }

    /// Numbers, `[episodes, steps]`.
    pub(crate) fn numbers<'r>(&self, rows: impl Iterator<Item = &'r [f32]>) -> Tensor<2> {
        let mut values: Vec<f32> = Vec::with_capacity(self.lengths.len() * self.steps);
        for (row, numbers) in rows.enumerate() {
            values.extend_from_slice(numbers);
            values.resize((row + 1) * self.steps, 0.0);
        }
        Tensor::from_data(TensorData::new(values, [self.lengths.len(), self.steps]), self.device)
    }

    /// Where a row has a step, `[episodes, steps]`.
    pub(crate) fn mask(&self) -> Tensor<2, Bool> {
        let values: Vec<bool> =
            self.lengths.iter().flat_map(|&l| (0..self.steps).map(move |step| step < l)).collect();
        Tensor::from_data(TensorData::new(values, [self.lengths.len(), self.steps]), self.device)
    }
}
