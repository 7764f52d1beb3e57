//! YAML files of a repository as checked types. Nothing that is wrong survives this room: every fault has a
//! place, a code and a hint, and all faults are reported in one go.

pub mod assert;
pub mod cases;
mod decode;
pub mod project;
pub mod prompt;
pub mod retrieval;
mod scalar;
pub mod suite;
pub mod template;
mod yaml;

use crate::domain::{Diagnostic, PromptName, RelPath, RetrievalName, SuiteName};
use project::Project;
use prompt::Prompt;
use retrieval::Retrieval;
use std::collections::BTreeMap;
use std::sync::Arc;
use suite::Suite;

/// Everything that a repository defines, as of one snapshot.
#[derive(Clone, Debug)]
pub struct Manifests {
    /// `llmops.yaml`, or its defaults.
    pub project: Project,
    /// Prompts by name, judge manifests among them. Those with errors are left out.
    pub prompts: BTreeMap<PromptName, Arc<Prompt>>,
    /// Retrieval manifests by name.
    pub retrievals: BTreeMap<RetrievalName, Arc<Retrieval>>,
    /// Suites by name.
    pub suites: BTreeMap<SuiteName, Arc<Suite>>,
    /// Every finding, in the order of path, line and column.
    pub diagnostics: Vec<Diagnostic>,
    /// The manifest files that were read, sorted.
    pub files: Vec<RelPath>,
}
