//! Chunks, embeddings, indexes, search.

pub mod hashing;
