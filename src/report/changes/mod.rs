//! A comparison of two revisions, for people (terminal, review comment) and for machines.

mod chunks;
mod cost;
mod json;
mod lines;
mod marks;
mod row;

pub use chunks::{Chunks, SuiteChunks};
pub use json::document;
pub use lines::lines;
pub use marks::{Marks, write};

use crate::compare::PromptChange;

/// A score that is known for a digest.
#[derive(Clone, PartialEq, Debug)]
pub struct Known {
    /// The mean, on the judge's scale.
    pub mean: f64,
    /// Its interval, where there is one.
    pub interval: Option<(f64, f64)>,
    /// Cases behind it.
    pub n: u64,
    /// The run that found it, or `llmops.lock`.
    pub source: String,
}

/// A changed prompt with the scores of its two sides, where they are known.
#[derive(Clone, Debug)]
pub struct Scored {
    /// What changed.
    pub change: PromptChange,
    /// The score before.
    pub before: Option<Known>,
    /// The score after.
    pub after: Option<Known>,
    /// What its cases are shown, where retrieval changed.
    pub chunks: Option<Chunks>,
}
