//! The worlds that a recipe can name.

mod deck;
mod knowledge;
mod kss;
mod memory;

pub use deck::DeckWorld;
pub use knowledge::{BktWorld, IrtWorld, KnowledgeTask};
pub use kss::{KssTask, KssWorld};
pub use memory::MemoryWorld;
