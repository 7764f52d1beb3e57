//! A case: one row of golden data.

use super::ids::CaseId;
use super::path::RelPath;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A piece of retrieved or pinned context.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Chunk {
    /// The text.
    pub text: String,
    /// Where it came from: a path from the root, or whatever a retriever calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The retriever's score, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// When the source was last updated, as an ISO 8601 date or time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<String>,
}

/// One row of golden data. Everything in it is data: nothing is rendered.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// Unique in its suite.
    pub id: CaseId,
    /// The template variables; `input` is one of them.
    pub vars: Map<String, Value>,
    /// The expected answer, if the case has one.
    pub expected: Option<Value>,
    /// Pinned context, which replaces retrieval.
    pub context: Option<Vec<Chunk>>,
    /// Sources that a retriever should find, from the root.
    pub relevant: Vec<String>,
    /// Labels for `--tag` and for stratified samples.
    pub tags: BTreeMap<String, String>,
    /// Weight in the gate's mean; greater than 0.
    pub weight: f64,
    /// Whether this case alone blocks the gate when it fails.
    pub critical: bool,
    /// The file it stands in.
    pub file: RelPath,
    /// 1-based line in that file.
    pub line: u32,
}
