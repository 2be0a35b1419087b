//! The tables of memory and of time to answer.

use super::super::table::{Column, Table};
use super::super::text::{bytes, count, number};
use super::Part;
use super::numbers::change;
use crate::comparing::{Latency, Memory};

/// What a row is compared with says of itself.
const YARDSTICK: &str = "(compared with)";

/// The row that the others of the same model are compared with: the first of PPO.
pub(super) fn yardstick<'a>(memory: &'a [Memory], model: &str) -> Option<&'a Memory> {
    memory.iter().find(|it| it.model == model && it.configuration.to_lowercase().starts_with("ppo"))
}

/// Memory of training; none where it wasn't measured.
pub(super) fn memory(memory: &[Memory]) -> Option<Part> {
    let against = |row: &Memory, pick: &dyn Fn(&Memory) -> Option<f64>| match yardstick(memory, &row.model) {
        None => "no PPO row".to_owned(),
        Some(ppo) if std::ptr::eq(ppo, row) => YARDSTICK.into(),
        Some(ppo) => match (pick(row), pick(ppo)) {
            (Some(own), Some(ppo)) => change(own, ppo),
            _ => "not known".into(),
        },
    };
    let row = |it: &Memory| {
        vec![
            it.model.clone(),
            it.configuration.clone(),
            number(it.bytes_per_parameter),
            against(it, &|it| Some(it.bytes_per_parameter)),
            it.peak_bytes.map_or_else(|| "not told by the platform".into(), |peak| bytes(peak as f64)),
            against(it, &|it| it.peak_bytes.map(|peak| peak as f64)),
            number(it.seconds),
            against(it, &|it| Some(it.seconds)),
        ]
    };
    (!memory.is_empty()).then(|| Part {
        title: "Memory".into(),
        about: "What a training step keeps in memory, by counting and as measured.".into(),
        tables: vec![Table {
            caption: "Memory and time of one training step".into(),
            columns: vec![
                Column::text("Model"),
                Column::text("Configuration"),
                Column::number("Bytes per parameter, counted"),
                Column::number("Counted, against PPO"),
                Column::number("Peak, measured"),
                Column::number("Peak, against PPO"),
                Column::number("Seconds per step"),
                Column::number("Seconds, against PPO"),
            ],
            heads: 2,
            rows: memory.iter().map(row).collect(),
            note: "Counted: weights, gradients and optimizer state of policy and critic, and the reference, for each parameter of the \
                   policy. Measured: the largest resident memory of a process of its own, with the program and the activations, so that its \
                   changes are smaller than the counted ones for a small model. Compared with the first row of PPO of the same model."
                .into(),
        }],
    })
}

/// Time to answer; none where it wasn't measured.
pub(super) fn latency(latency: &[Latency]) -> Option<Part> {
    let against =
        |row: &Latency, pick: fn(&Latency) -> f64| match latency.iter().find(|it| it.work == row.work) {
            Some(first) if !std::ptr::eq(first, row) => change(pick(row), pick(first)),
            _ => YARDSTICK.to_owned(),
        };
    let row = |it: &Latency| {
        vec![
            it.work.clone(),
            it.configuration.clone(),
            count(it.answers as u64),
            number(it.p50),
            against(it, |it| it.p50),
            number(it.p95),
            against(it, |it| it.p95),
        ]
    };
    (!latency.is_empty()).then(|| Part {
        title: "Time to answer".into(),
        about: "How long all answers asked for at once take.".into(),
        tables: vec![Table {
            caption: "Time to answer in milliseconds".into(),
            columns: vec![
                Column::text("Work"),
                Column::text("Configuration"),
                Column::number("Answers at once"),
                Column::number("Median"),
                Column::number("Median, change"),
                Column::number("95th percentile"),
                Column::number("95th percentile, change"),
            ],
            heads: 2,
            rows: latency.iter().map(row).collect(),
            note: "Changes are against the first row of the same work.".into(),
        }],
    })
}
