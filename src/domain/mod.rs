//! The nouns that every other room speaks in. Nothing here reads a file, a clock or the network.

pub mod case;
pub mod date;
pub mod diagnostic;
pub mod digest;
pub mod edits;
pub mod error;
pub mod exchange;
pub mod exit;
pub mod family;
pub mod grade;
pub mod ids;
pub mod message;
pub mod model;
pub mod money;
pub mod parameters;
pub mod path;
pub mod score;
pub mod verdict;

pub use case::{Case, Chunk};
pub use date::date;
pub use diagnostic::{Code, Diagnostic, Place, Severity, Span};
pub use digest::{Digest, Hasher};
pub use error::{Error, Kind, Result};
pub use exchange::{Exchange, FinishReason, Reply, Request, ToolCall, Usage};
pub use exit::Exit;
pub use grade::{AssertOutcome, Grade, TrialRecord, Unscored};
pub use ids::{CaseId, DimensionName, ModelId, PromptName, ProviderName, RetrievalName, RunId, SuiteName};
pub use message::{Message, Role, ToolDefinition};
pub use money::Usd;
pub use parameters::Parameters;
pub use path::RelPath;
pub use score::Scale;
pub use verdict::{Breach, Verdict};
