//! Chunks, embeddings, indexes, search.

pub mod chunk;
pub mod corpus;
pub mod embed;
mod endpoint;
mod found;
pub mod freshness;
pub mod hashing;
pub mod index;
pub mod injection;
pub mod lints;
pub mod local;
mod page;
mod retriever;
mod rows;
pub mod search;
pub mod shift;

pub use found::{Hit, RetrieveFault, Retrieved};
pub use retriever::{Retriever, Sources};
