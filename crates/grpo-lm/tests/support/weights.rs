//! A safetensors file taken apart and put together by hand: eight bytes with the header's length, the header as JSON, the
//! numbers. Nothing here shares code with what writes the files.
#![allow(dead_code)] // every test file uses its own part

use serde_json::{Map, Value, json};
use std::path::Path;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) dtype: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

/// The tensors in the order of their names, and the metadata.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    pub(crate) tensors: Vec<(String, Stored)>,
    pub(crate) metadata: Value,
}

impl Weights {
    pub(crate) fn read(path: &Path) -> Self {
        let file = std::fs::read(path).expect("a safetensors file");
        let length = u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize;
        let (header, data) = file[8..].split_at(length);
        let mut header: Map<String, Value> = serde_json::from_slice(header).expect("a JSON header");
        let metadata = header.remove("__metadata__").unwrap_or(Value::Null);
        let number = |v: &Value| v.as_u64().expect("a number") as usize;
        let mut tensors: Vec<(String, Stored)> = header
            .into_iter()
            .map(|(name, entry)| {
                let [from, to] = [&entry["data_offsets"][0], &entry["data_offsets"][1]].map(number);
                let stored = Stored {
                    dtype: entry["dtype"].as_str().expect("a type").into(),
                    shape: entry["shape"].as_array().expect("a shape").iter().map(number).collect(),
                    bytes: data[from..to].to_vec(),
                };
                (name, stored)
            })
            .collect();
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(
            tensors.iter().map(|(_, t)| t.bytes.len()).sum::<usize>(),
            data.len(),
            "holes in the file"
        );
        Self { tensors, metadata }
    }

    pub(crate) fn write(&self, path: &Path) {
        let (mut header, mut data) = (Map::new(), Vec::new());
        for (name, tensor) in &self.tensors {
            let from = data.len();
            data.extend_from_slice(&tensor.bytes);
            let offsets = json!([from, data.len()]);
            header.insert(
                name.clone(),
                json!({ "dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": offsets }),
            );
        }
        if !self.metadata.is_null() {
            header.insert("__metadata__".into(), self.metadata.clone());
        }
        let header = Value::Object(header).to_string();
        let file = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat();
        std::fs::write(path, file).expect("a file that can be written");
    }

    pub(crate) fn position(&self, name: &str) -> usize {
        self.tensors.iter().position(|(n, _)| n == name).unwrap_or_else(|| panic!("no tensor {name}"))
    }
}

impl Stored {
    /// The numbers of an `F32` tensor.
    pub(crate) fn floats(&self) -> Vec<f32> {
        assert_eq!(self.dtype, "F32");
        self.bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes"))).collect()
    }
}
