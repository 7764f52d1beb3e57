//! YAML files of a repository as checked types. Nothing that is wrong survives this room: every fault has a
//! place, a code and a hint, and all faults are reported in one go.

pub mod assert;
pub mod assert_names;
mod breadth;
pub mod capabilities;
mod case_files;
mod case_row;
pub mod cases;
pub mod csv_rows;
mod decode;
pub mod deployment;
mod dimensions;
mod discover;
mod files;
mod head;
mod inputs;
mod json;
pub mod json_schemas;
mod jsonl;
mod link;
mod load;
pub mod lock;
pub mod pin;
pub mod plain;
pub mod project;
pub mod prompt;
pub mod providers;
pub mod reach;
mod read_assert;
mod read_gate;
mod read_parameters;
mod read_project;
mod read_prompt;
mod read_retrieval;
mod read_structure;
mod read_suite;
pub mod records;
pub mod retrieval;
mod rubrics;
mod scalar;
mod schema;
pub mod secrets;
mod single;
pub mod suite;
pub mod template;
mod tools;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;

pub use decode::closest;
pub use files::YAML_SYNTAX;
pub use link::PROMPT_WITHOUT_SUITE;
pub use read_project::{MODEL_FILES, PROJECT_FILE};

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
