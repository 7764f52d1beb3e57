//! Flags of the verbs that look at history and at releases.

use clap::Args;
use std::path::PathBuf;

/// `llmops diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// `A..B` compares two revisions, `A` one with the working tree; then names or paths of prompts. Without a
    /// revision HEAD is compared with the working tree.
    #[arg(value_name = "A[..B] | PROMPT")]
    pub what: Vec<String>,
    /// Write Markdown that fits a review comment.
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// Print FILE in a stable form, for git's own diff (`git config diff.llmops.textconv`).
    #[arg(long, value_name = "FILE", hide = true, conflicts_with_all = ["what", "markdown"])]
    pub textconv: Option<PathBuf>,
}

/// `llmops log`.
#[derive(Args, Debug)]
pub struct LogArgs {
    /// Name or path of a prompt.
    pub prompt: String,
}

/// `llmops status`.
#[derive(Args, Debug)]
pub struct StatusArgs {}

/// `llmops promote`.
#[derive(Args, Debug)]
pub struct PromoteArgs {
    /// Name or path of a prompt.
    pub prompt: String,
    /// The environment: its record is deployments/ENV.yaml.
    #[arg(long = "to", value_name = "ENV")]
    pub environment: String,
    /// Take a change of model and of prompt in one step as one change.
    #[arg(long)]
    pub together: bool,
}

/// `llmops rollback`.
#[derive(Args, Debug)]
pub struct RollbackArgs {
    /// Name of a prompt.
    pub prompt: String,
    /// The environment.
    #[arg(long = "in", value_name = "ENV")]
    pub environment: String,
}
