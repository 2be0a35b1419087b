//! flex's form of the tile arithmetic: one pass over plain slices, rows in parallel, with the widest vectors that the CPU has.
//! Other types than `f32`, and layouts that aren't plain rows, go through the composed form.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::DType;
use rayon::prelude::*;

use super::kernel::{Gradient, Replace, Scan, Write};
use super::op::LogProbOps;
use super::rules::RuleTile;
use super::{composed, op::STATISTICS};

impl LogProbOps for Flex {
    fn scan_tile(
        mut state: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        first: usize,
        inverse: f64,
    ) -> FloatTensor<Self> {
        let width = logits.shape()[1];
        let plain = (rows(&logits), places(&targets, first, width), is_whole(&state));
        let (Some(logits), Some(places), true) = plain else {
            return composed::scan_tile::<Self>(state, logits, targets, first, inverse);
        };
        let (arch, inverse) = (pulp::Arch::new(), inverse as f32);
        let states = state.storage_mut::<f32>().par_chunks_exact_mut(4);
        states.zip(logits.par_chunks_exact(width)).zip(places).for_each(|((state, logits), place)| {
            let [maximum, sum, weighted, target] = [state[0], state[1], state[2], state[3]];
            let [m, s, t] = arch.dispatch(Scan { logits, inverse, maximum });
            let drop = (maximum - m) * inverse;
            let keep = drop.exp();
            let target = place.map_or(target, |place| logits[place]);
            state.copy_from_slice(&[m, sum * keep + s, (weighted + sum * drop) * keep + t, target]);
        });
        state
    }

    fn rule_tile(mut logits: FloatTensor<Self>, rules: RuleTile) -> FloatTensor<Self> {
        if !is_whole(&logits) {
            return composed::rule_tile::<Self>(logits, &rules);
        }
        let (width, penalty) = (logits.shape()[1], rules.penalty() as f32);
        let rows = logits.storage_mut::<f32>().par_chunks_exact_mut(width).enumerate();
        rows.for_each(|(row, logits)| {
            for column in rules.penalised(row) {
                let logit = logits[column];
                logits[column] = if logit > 0.0 { logit / penalty } else { logit * penalty };
            }
            rules.excluded(row, |columns| logits[columns].fill(f32::NEG_INFINITY));
        });
        logits
    }

    fn tile_gradient(
        mut logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        statistics: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        first: usize,
        inverse: f64,
        rules: Option<RuleTile>,
    ) -> FloatTensor<Self> {
        let [tokens, width] = [logits.shape()[0], logits.shape()[1]];
        let plain = (places(&targets, first, width), rows(&logits), rows(&statistics), rows(&upstream));
        let (Some(places), Some(_), Some(statistics), Some(upstream)) = plain else {
            let rules = rules.as_ref();
            return composed::tile_gradient::<Self>(
                logits, targets, statistics, upstream, first, inverse, rules,
            );
        };
        let (arch, inverse) = (pulp::Arch::new(), inverse as f32);
        let tokenwise = statistics.par_chunks_exact(STATISTICS).zip(upstream.par_chunks_exact(STATISTICS));
        let tokenwise = tokenwise.zip(places).map(|((statistics, upstream), place)| {
            let gradient = Gradient {
                inverse,
                maximum: statistics[2],
                log_sum: statistics[3],
                entropy: statistics[1],
                for_log_prob: upstream[0],
                for_entropy: upstream[1],
            };
            (gradient, place)
        });
        let add_target = |row: &mut [f32], gradient: Gradient, place: Option<usize>| {
            if let Some(place) = place {
                row[place] += inverse * gradient.for_log_prob;
            }
        };
        // What the penalty multiplies a row's gradient by, told from logits that the gradient may replace.
        let factors = |row: usize, logits: &[f32]| -> Vec<(usize, f32)> {
            let Some(rules) = &rules else { return Vec::new() };
            let penalty = rules.penalty() as f32;
            let factor = |column: usize| if logits[column] > 0.0 { 1.0 / penalty } else { penalty };
            rules.penalised(row).map(|column| (column, factor(column))).collect()
        };
        let penalise = |row: &mut [f32], factors: Vec<(usize, f32)>| {
            for (column, factor) in factors {
                row[column] *= factor;
            }
        };
        // In place where nobody else holds the logits.
        if is_whole(&logits)
            && let Some(values) = logits.try_storage_mut::<f32>()
        {
            let rows = values.par_chunks_exact_mut(width).zip(tokenwise).enumerate();
            rows.for_each(|(at, (row, (gradient, place)))| {
                if gradient.is_zero() {
                    row.fill(0.0);
                } else {
                    let factors = factors(at, row);
                    arch.dispatch(Replace { gradient, row });
                    add_target(row, gradient, place);
                    penalise(row, factors);
                }
            });
            return logits;
        }
        let mut out = FlexTensor::zeros([tokens, width].into(), DType::F32);
        let logits = rows(&logits).unwrap_or_default().par_chunks_exact(width);
        let outs = out.storage_mut::<f32>().par_chunks_exact_mut(width);
        outs.zip(logits).zip(tokenwise).enumerate().for_each(|(at, ((out, logits), (gradient, place)))| {
            if !gradient.is_zero() {
                arch.dispatch(Write { gradient, logits, out });
                add_target(out, gradient, place);
                penalise(out, factors(at, logits));
            }
        });
        out
    }
}

/// The values row by row, where they lie so.
fn rows(x: &FlexTensor) -> Option<&[f32]> {
    (x.dtype() == DType::F32).then(|| x.as_slice::<f32>()).flatten()
}

/// Whether the tensor is all of its storage, row by row.
fn is_whole(x: &FlexTensor) -> bool {
    rows(x).is_some_and(|rows| rows.len() == x.storage::<f32>().len())
}

/// The targets' columns within a tile; `None` among them for those elsewhere.
fn places(targets: &FlexTensor, first: usize, width: usize) -> Option<Vec<Option<usize>>> {
    let place = |target: i64| usize::try_from(target - first as i64).ok().filter(|&place| place < width);
    match targets.dtype() {
        DType::I32 => Some(targets.as_slice::<i32>()?.iter().map(|&t| place(t.into())).collect()),
        DType::I64 => Some(targets.as_slice::<i64>()?.iter().map(|&t| place(t)).collect()),
        _ => None,
    }
}
