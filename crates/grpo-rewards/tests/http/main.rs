//! What speaks HTTP, against a server in the test itself.
#![cfg(feature = "http")]

mod client;
mod rewards;
mod server;
