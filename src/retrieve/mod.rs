//! Chunks, embeddings, indexes, search.
