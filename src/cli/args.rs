//! The command line: verbs and flags.

mod history;

pub use history::{DiffArgs, LogArgs, PromoteArgs, RollbackArgs, StatusArgs};
pub mod retrieve;

#[cfg(test)]
mod page;

use crate::domain::{CaseId, Error, ModelId, RunId, SuiteName, Usd};
use crate::plan::CaseTag;
use crate::plan::sample::Shard;
use crate::report::Target;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Prompts as code: versioned, evaluated and gated from git.
#[derive(Parser, Debug)]
#[command(name = "llmops", version, disable_help_subcommand = true, propagate_version = false)]
#[command(
    after_help = "Exit codes: 0 passed or done · 1 a gate failed · 2 the input is wrong · 3 no verdict · 4 a selection matched nothing · 130 interrupted"
)]
pub struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// When to colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The heading of the flags that every verb has, below its own.
const EVERY_VERB: &str = "Options of every verb";

/// Flags of every verb.
#[derive(Args, Debug, Clone, Default)]
pub struct Global {
    /// Work in DIR instead of the repository around the current folder.
    #[arg(short = 'C', long = "root", value_name = "DIR", global = true, help_heading = EVERY_VERB)]
    pub root: Option<PathBuf>,
    /// Print only what fails.
    #[arg(short, long, global = true, help_heading = EVERY_VERB, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more of what happens.
    #[arg(short, long, global = true, help_heading = EVERY_VERB)]
    pub verbose: bool,
    /// When to colour.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true, help_heading = EVERY_VERB)]
    pub color: ColorChoice,
    /// Print the verb's machine form on stdout, and nothing else there.
    #[arg(long, global = true, help_heading = EVERY_VERB)]
    pub json: bool,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make manifests, a suite and a workflow; overwrite nothing.
    Init(InitArgs),
    /// Validate everything.
    Check(CheckArgs),
    /// Show the messages of a prompt exactly as they would be sent.
    Render(RenderArgs),
    /// Run the golden suite and decide: the gate.
    Eval(Box<EvalArgs>),
    /// Call a prompt's model once and print the answer.
    Run(RunArgs),
    /// Write llmops.lock: what suites and prompts are now.
    Lock(LockArgs),
    /// Show what a change to prompts really changes.
    Diff(DiffArgs),
    /// Show a prompt's versions through git's history.
    Log(LogArgs),
    /// Show what is validated, what is stale and what is live.
    Status(StatusArgs),
    /// Decide again, offline, and write the deployment record.
    Promote(PromoteArgs),
    /// Restore what stood in the deployment record before.
    Rollback(RollbackArgs),
    /// Search with a retrieval manifest, or measure it.
    Retrieve(retrieve::RetrieveArgs),
    /// Write a stored run in other formats.
    Report(ReportArgs),
    /// Hold a judge against human labels, or make a sheet to label.
    Calibrate(CalibrateArgs),
    /// Make manifests of promptfoo, .prompt.yml and Prompty files; list what was lost.
    Import(ImportArgs),
    /// Decide over the reports of all shards.
    Merge(MergeArgs),
    /// Print the JSON Schema of a kind of file, for editors.
    Schema(SchemaArgs),
    /// Print the completion script of a shell.
    Completions(CompletionsArgs),
    /// Say what is configured, reachable and kept.
    Doctor(DoctorArgs),
    /// Names for completion scripts.
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArgs),
}

/// `llmops init`.
#[derive(Args, Debug)]
pub struct InitArgs {}

/// `llmops lock`.
#[derive(Args, Debug)]
pub struct LockArgs {}

/// `llmops check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Only report on these files or folders (everything is read all the same).
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Say too what moved without its version since REV, and which thresholds fell; `auto` finds the base.
    #[arg(long, value_name = "REV|auto")]
    pub base: Option<String>,
    /// Write the findings as SARIF.
    #[arg(long = "report", value_name = "sarif=PATH")]
    pub report: Vec<String>,
}

/// A variable given on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Var {
    /// Its name.
    pub name: String,
    /// Its text.
    pub value: String,
}

impl std::str::FromStr for Var {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err("expected NAME=VALUE".to_owned()),
        }
    }
}

/// `llmops render`.
#[derive(Args, Debug)]
pub struct RenderArgs {
    /// Name or path of a prompt.
    pub prompt: String,
    /// Render with the variables and context of this case.
    #[arg(long, value_name = "ID", conflicts_with = "vars")]
    pub case: Option<CaseId>,
    /// Render with this variable; repeatable.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<Var>,
    /// Render the prompt as of this git revision.
    #[arg(long, value_name = "REV")]
    pub at: Option<String>,
    /// Run no program: a retriever that is one is not asked.
    #[arg(long)]
    pub no_exec: bool,
}

/// `llmops run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Name or path of a prompt.
    pub prompt: String,
    /// A variable; repeatable.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<Var>,
    /// Seconds that one attempt may take.
    #[arg(long, default_value_t = 120, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// Attempts after the first.
    #[arg(long, default_value_t = 6, value_name = "N")]
    pub retries: u32,
    /// Run no program.
    #[arg(long)]
    pub no_exec: bool,
}

/// A report with what is wrong of it, and what to type instead, in one line: the parser of arguments shows no hint.
fn target(text: &str) -> Result<Target, String> {
    text.parse().map_err(|error: Error| match error.hint_text() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

/// `llmops report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// The id of a run, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
    /// Write a report: json, jsonl, junit, markdown, html, csv or github, to this path (`-` is stdout); repeatable.
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = target)]
    pub reports: Vec<Target>,
}

/// `llmops calibrate`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct CalibrateArgs {
    /// Name or path of a suite with a judge.
    pub suite: String,
    /// Human labels: CSV or JSONL with case, dimension, score and, optionally, rater.
    #[arg(long, value_name = "FILE", group = "what")]
    pub labels: Option<PathBuf>,
    /// Write a labelling sheet of N answers, as CSV and as an HTML form.
    #[arg(long, value_name = "N", group = "what", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// Where to write the sheet; the form stands beside it as .html.
    #[arg(long, value_name = "PATH", requires = "sample")]
    pub out: Option<PathBuf>,
    /// The run whose answers and scores to take, instead of the last complete one of the suite.
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
}

/// `llmops import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// promptfoo configurations, .prompt.yml and .prompty files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// End with 1 when anything was lost.
    #[arg(long)]
    pub strict: bool,
    /// Write below DIR instead of the repository's root.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `llmops merge`.
#[derive(Args, Debug)]
pub struct MergeArgs {
    /// The json reports of all shards, each written by `eval --shard K/N --report json=PATH`.
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,
    /// Write a report: json, jsonl, junit, markdown, html, csv or github, to this path (`-` is stdout); repeatable.
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = target)]
    pub targets: Vec<Target>,
}

/// `llmops completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// `llmops __complete`, for the scripts that `completions` prints.
#[derive(Args, Debug)]
pub struct CompleteArgs {
    /// Which names.
    #[arg(value_parser = ["prompts", "suites", "retrievals"])]
    pub what: String,
}

/// `llmops doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Connect to no provider.
    #[arg(long)]
    pub offline: bool,
}

/// `llmops schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// Which kind of file.
    #[arg(value_name = "KIND", value_parser = super::schema::kinds())]
    pub kind: String,
}

/// `llmops eval`.
#[derive(Args, Debug, Clone)]
pub struct EvalArgs {
    /// Names or paths of prompts; all where none is named.
    #[arg(value_name = "PROMPT")]
    pub prompts: Vec<String>,
    /// Only this suite.
    #[arg(long, value_name = "NAME")]
    pub suite: Option<SuiteName>,
    /// Only this case.
    #[arg(long, value_name = "ID")]
    pub case: Option<CaseId>,
    /// Only cases with this tag; repeatable, all have to match.
    #[arg(long = "tag", value_name = "K=V")]
    pub tags: Vec<CaseTag>,
    /// Only a seeded sample of N cases of each suite.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// Run each case N times instead of what the suite says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub trials: Option<u32>,
    /// Run part K of N; `merge` decides over all parts.
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// Only prompts that a change touches, since the fork from REV or from what CI or the main branch says.
    #[arg(long, value_name = "REV", num_args = 0..=1, require_equals = true)]
    pub changed: Option<Option<String>>,
    /// Compare with the same prompts as of REV; `auto` finds the base of the change.
    #[arg(long, value_name = "REV|auto")]
    pub baseline: Option<String>,
    /// Grade this candidate beside the pinned model, on the same prompts.
    #[arg(long, value_name = "M", conflicts_with_all = ["baseline", "outputs"])]
    pub model: Option<ModelId>,
    /// Grade answers that exist, JSONL of {id, output}, instead of calling the model.
    #[arg(long, value_name = "FILE")]
    pub outputs: Option<PathBuf>,
    /// Calls at once, at most; caps every provider's own limit.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,
    /// Seconds that one attempt may take.
    #[arg(long, default_value_t = 120, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// Attempts after the first.
    #[arg(long, default_value_t = 6, value_name = "N")]
    pub retries: u32,
    /// Use stored exchanges and recordings only; needs no key.
    #[arg(long)]
    pub offline: bool,
    /// Export every exchange of this run to evals/recordings.
    #[arg(long)]
    pub record: bool,
    /// Read neither the store nor recordings; still write the store.
    #[arg(long, conflicts_with = "offline")]
    pub no_cache: bool,
    /// Continue a run, the last unfinished one where none is named.
    #[arg(long, value_name = "RUN", num_args = 0..=1, require_equals = true)]
    pub resume: Option<Option<RunId>>,
    /// Stop before spending more than this.
    #[arg(long, value_name = "USD")]
    pub max_cost: Option<Usd>,
    /// Stop after so many seconds: what finished is kept, what did not has no grade.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_time: Option<u64>,
    /// Say what would run and what it would cost; call nothing.
    #[arg(long)]
    pub plan: bool,
    /// Write a report: json, jsonl, junit, markdown, html, csv or github, to this path (`-` is stdout); repeatable.
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = target)]
    pub reports: Vec<Target>,
    /// Run no program: neither providers nor asserts.
    #[arg(long)]
    pub no_exec: bool,
}
