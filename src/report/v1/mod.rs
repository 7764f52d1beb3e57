//! `llmops/report/v1`: the machine form of a run, in structs of its own.
//!
//! Field names are a promise. What is unknown is `null`, never 0; costs are decimal strings. The cases of a gate
//! are not part of [`Gate`]: a run may have a hundred thousand, so that they always travel as a stream.

mod case;
mod gate;

use crate::domain::Severity;
pub use case::{Assert, Case, Status};
pub use gate::{
    AssertCounts, Baseline, BaselineCase, Breach, CalibrationRef, Calls, Dimension, Gate, JudgeRef, Latency,
    Measure, ModelRef, PromptRef, RetrievalMetrics, RetrievalRequired, Score, Usage, Versioned,
};
use serde::{Deserialize, Serialize};

/// The name of this format, as it stands in `schema`.
pub const SCHEMA: &str = "llmops/report/v1";

/// The JSON Schema of the format, of its streamed lines too (`$defs/line`).
pub const JSON_SCHEMA: &str = include_str!("../v1.schema.json");

/// A whole run but for its cases.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The worst of the gates; `None` when a wrong input kept every gate from being tried.
    pub verdict: Option<Verdict>,
    /// The exit code of the process.
    pub exit_code: u8,
    /// Findings about the inputs.
    pub diagnostics: Vec<Diagnostic>,
    /// The run; `None` when there was none.
    pub run: Option<Run>,
    /// One per prompt and suite, in plan order.
    pub gates: Vec<Gate>,
}

/// What a gate, or a whole run, decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything demanded holds.
    Passed,
    /// Something demanded does not hold.
    Failed,
    /// It cannot be told.
    Inconclusive,
    /// Nothing that changed touches a gate.
    Unaffected,
}

impl Verdict {
    /// The word for it in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Unaffected => "unaffected",
        }
    }

    /// The words for it that a reader understands without colour and without a manual.
    pub fn label(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Inconclusive => "NO VERDICT",
            Self::Unaffected => "UNAFFECTED",
        }
    }
}

impl From<&crate::domain::Verdict> for Verdict {
    fn from(verdict: &crate::domain::Verdict) -> Self {
        match verdict {
            crate::domain::Verdict::Passed => Self::Passed,
            crate::domain::Verdict::Failed { .. } => Self::Failed,
            crate::domain::Verdict::Inconclusive { .. } => Self::Inconclusive,
        }
    }
}

/// One finding about an input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnostic {
    /// The stable code.
    pub code: String,
    /// How grave it is.
    #[serde(with = "severity")]
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file, from the root.
    pub path: Option<String>,
    /// 1-based line.
    pub line: Option<u32>,
    /// 1-based column, in characters.
    pub column: Option<u32>,
    /// What to type next.
    pub help: Option<String>,
}

impl From<&crate::domain::Diagnostic> for Diagnostic {
    fn from(found: &crate::domain::Diagnostic) -> Self {
        let span = found.place.as_ref().and_then(|place| place.span);
        Self {
            code: found.code.to_string(),
            severity: found.severity,
            message: found.message.clone(),
            path: found.place.as_ref().map(|place| place.path.to_string()),
            line: span.map(|span| span.line),
            column: span.map(|span| span.column),
            help: found.help.clone(),
        }
    }
}

mod severity {
    //! A severity read back from its word.
    use crate::domain::Severity;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
        severity.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Severity, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Word {
            Error,
            Warning,
            Note,
        }
        Ok(match Word::deserialize(deserializer)? {
            Word::Error => Severity::Error,
            Word::Warning => Severity::Warning,
            Word::Note => Severity::Note,
        })
    }
}

/// The run behind a report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Sorts by start time.
    pub id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Wall time in milliseconds; `None` while it is not over.
    pub duration_ms: Option<u64>,
    /// The version of `llmops`.
    pub tool_version: String,
    /// How the run was narrowed; `None` for a complete run, which alone is evidence.
    pub selection: Option<Selection>,
    /// `K/N`, for one shard of a run.
    pub shard: Option<String>,
    /// The digest of what was planned, in a shard of what all shards together plan: shards of one run share it.
    pub plan_digest: String,
    /// The state of the repository; `None` outside of one.
    pub git: Option<Git>,
}

/// How a run was narrowed by flags.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// `--case`.
    pub cases: Vec<String>,
    /// `--tag`, each `K=V`.
    pub tags: Vec<String>,
    /// `--sample`.
    pub sample: Option<u64>,
    /// `--trials`.
    pub trials: Option<u32>,
    /// `--model`.
    pub model: Option<String>,
    /// `--outputs`.
    pub outputs: Option<String>,
}

/// The state of the repository.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Git {
    /// HEAD; `None` before the first commit.
    pub commit: Option<String>,
    /// Whether the working tree differed from it.
    pub dirty: bool,
    /// The commit that it was compared with.
    pub base: Option<String>,
}
