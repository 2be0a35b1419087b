//! Tensors in safetensors files.

use crate::{Decoder, Error};
use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{DType, Tensor, bf16, f16},
};
use safetensors::{Dtype, View, tensor::Metadata};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// Longest header that is believed: that of a model with ten thousand tensors has about a megabyte.
const LONGEST_HEADER: u64 = 100 << 20;

/// A safetensors file, of which only the header has been read.
pub(crate) struct Disk {
    entries: BTreeMap<String, Entry>,
}

/// Where a tensor lies.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) path: Arc<Path>,
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    dtype: Dtype,
    /// First byte in the file, and their number.
    start: u64,
    bytes: usize,
}

impl Disk {
    /// # Errors
    /// When the file can't be read or isn't what its name says, and when it is shorter than its header says.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Weights { path: path.into(), reason };
        let mut file = File::open(path).map_err(Error::read(path))?;
        let whole = file.metadata().map_err(Error::read(path))?.len();
        let mut length = [0; 8];
        let short = |_| refuse("it is too short for a safetensors file; was the download cut off?".into());
        file.read_exact(&mut length).map_err(short)?;
        let header = u64::from_le_bytes(length);
        if header > LONGEST_HEADER || header + 8 > whole {
            return Err(refuse("it doesn't begin like a safetensors file; was the download cut off?".into()));
        }
        let mut bytes = vec![0; header as usize];
        file.read_exact(&mut bytes).map_err(Error::read(path))?;
        let metadata: Metadata =
            serde_json::from_slice(&bytes).map_err(|e| refuse(format!("its header can't be read ({e})")))?;
        let wanted = 8 + header + metadata.data_len() as u64;
        if whole < wanted {
            return Err(refuse(format!("it has {whole} of {wanted} bytes; was the download cut off?")));
        }
        let path: Arc<Path> = path.into();
        let mut entries = BTreeMap::new();
        for (name, info) in metadata.tensors() {
            let (from, to) = info.data_offsets;
            let start = 8 + header + from as u64;
            let entry = Entry {
                path: path.clone(),
                name: name.clone(),
                shape: info.shape.clone(),
                dtype: info.dtype,
                start,
                bytes: to - from,
            };
            entries.insert(name, entry);
        }
        Ok(Self { entries })
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }
}

impl Entry {
    /// The values, widened to `f32`.
    ///
    /// # Errors
    /// When the file can't be read, or holds another type than `f32`, `f16` or `bf16`.
    pub(crate) fn read(&self) -> Result<Vec<f32>, Error> {
        let width = match self.dtype {
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::BF16 => 2,
            other => {
                let reason = format!("{} is of type {other:?}; F32, F16 and BF16 can be read", self.name);
                return Err(Error::Weights { path: self.path.to_path_buf(), reason });
            }
        };
        let mut file = File::open(&self.path).map_err(Error::read(&*self.path))?;
        file.seek(SeekFrom::Start(self.start)).map_err(Error::read(&*self.path))?;
        let mut values = Vec::with_capacity(self.bytes / width);
        // Piece by piece: a whole embedding matrix would be in memory twice.
        let mut buffer = vec![0; (1 << 20).min(self.bytes)];
        let mut left = self.bytes;
        while left > 0 {
            let piece = &mut buffer[..left.min(1 << 20)];
            file.read_exact(piece).map_err(Error::read(&*self.path))?;
            left -= piece.len();
            match self.dtype {
                Dtype::F32 => values.extend(piece.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b))),
                Dtype::F16 => {
                    values.extend(piece.as_chunks::<2>().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()));
                }
                _ => values.extend(piece.as_chunks::<2>().0.iter().map(|&b| bf16::from_le_bytes(b).to_f32())),
            }
        }
        Ok(values)
    }
}

/// `[rows, columns]` to `[columns, rows]`, block by block so that neither side jumps through memory.
pub(crate) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    const BLOCK: usize = 32;
    let rows = values.len() / columns.max(1);
    let mut out = vec![0.0; values.len()];
    for row_block in (0..rows).step_by(BLOCK) {
        for column_block in (0..columns).step_by(BLOCK) {
            for row in row_block..(row_block + BLOCK).min(rows) {
                for column in column_block..(column_block + BLOCK).min(columns) {
                    out[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    out
}

/// A tensor to be written.
pub(crate) struct Named {
    pub(crate) name: String,
    shape: Vec<usize>,
    values: Values,
}

/// Read from the device only when their turn comes.
enum Values {
    /// `[inputs, outputs]`, written as `[outputs, inputs]`.
    Projection(Tensor<2>),
    Table(Tensor<2>),
    Vector(Tensor<1>),
}

impl Named {
    pub(crate) fn renamed(self, name: String) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn projection(name: String, values: Tensor<2>) -> Self {
        let [inputs, outputs] = values.dims();
        Self { name, shape: vec![outputs, inputs], values: Values::Projection(values) }
    }
}

impl View for &Named {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = match &self.values {
            Values::Projection(x) => transposed(&floats(x.clone()), self.shape[0]),
            Values::Table(x) => floats(x.clone()),
            Values::Vector(x) => floats(x.clone()),
        };
        Cow::Owned(values.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        4 * self.shape.iter().product::<usize>()
    }
}

fn floats<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    // A tensor that can't be read gives an empty list, which the file's writer refuses by its length.
    x.cast(DType::F32).try_into_vec_as::<f32>().unwrap_or_default()
}

/// The weights of a decoder by their places in it, `layers.0.self_attn.q_proj.weight`; adapters are left out.
pub(crate) fn named(decoder: &Decoder) -> Vec<Named> {
    let mut visitor = Collect { path: Vec::new(), tensors: Vec::new() };
    decoder.visit(&mut visitor);
    visitor.tensors
}

struct Collect {
    path: Vec<String>,
    tensors: Vec<Named>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        if self.path.iter().any(|part| part == "lora") {
            return;
        }
        let value = param.val();
        let tensor = match D {
            1 => {
                let value: Tensor<1> = value.flatten(0, D - 1);
                Named { name, shape: value.dims().to_vec(), values: Values::Vector(value) }
            }
            _ => {
                let [rows, columns] = [value.dims()[0], value.dims()[D - 1]];
                let value: Tensor<2> = value.reshape([rows, columns]);
                match name.starts_with("embed") {
                    true => Named { name, shape: vec![rows, columns], values: Values::Table(value) },
                    false => Named::projection(name, value),
                }
            }
        };
        self.tensors.push(tensor);
    }
}

/// Writes a safetensors file, tensor by tensor.
///
/// # Errors
/// When the file can't be written.
pub(crate) fn write(path: &Path, tensors: Vec<Named>) -> Result<(), Error> {
    // What comes in its place can be read by nobody else; this file shall be as readable as any other.
    let readable =
        File::create(path).and_then(|file| file.metadata()).map_err(Error::write(path))?.permissions();
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    let views = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor));
    safetensors::serialize_to_file(views, Some(metadata), path).map_err(|e| match e {
        safetensors::SafeTensorError::IoError(e) => Error::write(path)(e),
        other => Error::write(path)(std::io::Error::other(other.to_string())),
    })?;
    std::fs::set_permissions(path, readable).map_err(Error::write(path))
}
