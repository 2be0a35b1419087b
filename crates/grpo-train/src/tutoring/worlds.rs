//! The worlds that a recipe can name.

mod deck;
mod kss;
mod memory;

pub use deck::DeckWorld;
pub use kss::{KssTask, KssWorld};
pub use memory::MemoryWorld;
