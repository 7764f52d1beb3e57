//! Retrieval manifests.

use super::prompt::About;
use crate::domain::{ModelId, Place, ProviderName, RelPath, RetrievalName};

/// What a chunk's size is counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChunkUnit {
    /// Tokens of the built-in tokenizer.
    #[default]
    Tokens,
    /// Unicode scalar values.
    Characters,
}

/// How chunks are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Search {
    /// Cosine of embeddings.
    Vector,
    /// Okapi BM25.
    Bm25,
    /// Both, by reciprocal rank fusion.
    #[default]
    Hybrid,
}

/// Where the overlap of chunks comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overlap {
    /// The manifest writes it.
    Written,
    /// It follows from the size.
    OfSize,
}

impl Overlap {
    /// The overlap of chunks of this size where the manifest writes none: an eighth, and at most 64.
    pub fn of_size(chunk_size: u32) -> u32 {
        (chunk_size / 8).min(64)
    }
}

/// A retrieval manifest, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Retrieval {
    /// `name`, else the path under the retrieval folder without extension.
    pub name: RetrievalName,
    /// The manifest's file.
    pub path: RelPath,
    /// As written.
    pub version: String,
    /// The embedding model; `builtin/hashing-256` needs no key. `None` with an endpoint.
    pub embedding_model: Option<ModelId>,
    /// The provider of the embedding model.
    pub provider: Option<ProviderName>,
    /// Globs from the root.
    pub corpus: Vec<String>,
    /// In `chunk_unit`s; at least 1.
    pub chunk_size: u32,
    /// In `chunk_unit`s; below `chunk_size`.
    pub chunk_overlap: u32,
    /// Where `chunk_overlap` comes from.
    pub overlap: Overlap,
    /// What sizes are counted in.
    pub chunk_unit: ChunkUnit,
    /// How chunks are found.
    pub search: Search,
    /// Chunks per query; at least 1.
    pub top_k: u32,
    /// Chunks below this score are left out.
    pub min_score: f64,
    /// Sources older than this count as stale.
    pub max_age_days: Option<u32>,
    /// The team's own retriever instead of a corpus.
    pub endpoint: Option<ProviderName>,
    /// As written; in no digest.
    pub index_last_rebuilt: Option<String>,
    /// Free texts.
    pub about: About,
    /// Where the manifest starts.
    pub place: Place,
    /// Where its corpus is named; where it starts, if it names none.
    pub corpus_place: Place,
    /// Where it says when its index was made; where it starts, if it does not.
    pub rebuilt_place: Place,
}
