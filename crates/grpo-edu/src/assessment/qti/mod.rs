//! QTI 2.1, 2.2 and 3.0: items and content packages (1EdTech, "Question and Test Interoperability").
mod best;
mod body;
mod declaration;
mod encoding;
mod error;
mod expression;
mod item;
mod mapping;
mod package;
mod processing;
mod record;
mod shape;
mod slot;
mod value;
mod xml;

pub use error::QtiError;
pub use item::{QtiItem, Version, read_item};
pub use package::{Package, Skipped};
