//! A run that has nothing to do: nothing is affected, or no case is in this shard. Both leave a report, so that whoever
//! waits for one does not take it for missing.

use crate::cli::args::EvalArgs;
use crate::cli::clock;
use crate::cli::target;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Code, Diagnostic, Digest, Exit, Result};
use crate::ledger::run_id;
use crate::plan::{Plan, Selection};
use crate::repo::Base;
use crate::report::document::{Cases, Document};
use crate::report::formats::{self, Format, Target};
use crate::report::{assemble, table, v1};

/// A shard that holds no case.
pub const EMPTY_SHARD: Code = Code("empty-shard");

/// Says that nothing is affected: exit 0, and a report without gates.
///
/// # Errors
/// When a report cannot be written.
pub fn unaffected(
    base: &Base,
    terminal: &Terminal,
    args: &EvalArgs,
    notes: &[Diagnostic],
    started: jiff::Timestamp,
) -> Result<Exit> {
    let git = v1::Git {
        commit: base.repository.head()?.map(|commit| commit.to_string()),
        dirty: base.repository.is_dirty()?,
        base: Some(base.commit.to_string()),
    };
    let nothing = Digest::of_json(&serde_json::json!([]));
    let report = v1::Report {
        schema: v1::SCHEMA.to_owned(),
        verdict: Some(v1::Verdict::Unaffected),
        exit_code: Exit::Done.code(),
        diagnostics: notes.iter().map(v1::Diagnostic::from).collect(),
        run: Some(v1::Run {
            shard: args.shard.as_ref().map(ToString::to_string),
            ..run(started, nothing, Some(git))
        }),
        gates: Vec::new(),
    };
    publish(&report, terminal, &args.reports)
}

/// Says that no case belongs to this shard of `whole`: exit 0, and a report that `merge` takes for the shard's.
///
/// # Errors
/// When a report cannot be written, or git cannot be read.
pub fn shard(
    workspace: &Workspace,
    base: Option<&Base>,
    terminal: &Terminal,
    args: &EvalArgs,
    whole: &Plan,
    started: jiff::Timestamp,
) -> Result<Exit> {
    let git = match &workspace.git {
        Some(git) => Some(v1::Git {
            commit: git.head()?.map(|commit| commit.to_string()),
            dirty: git.is_dirty()?,
            base: base.map(|base| base.commit.to_string()),
        }),
        None => None,
    };
    let name = args.shard.map(|shard| shard.to_string()).unwrap_or_default();
    let outputs = args.outputs.as_ref().map(|path| path.display().to_string());
    let selection = Selection { shard: args.shard, ..whole.selection.clone() };
    let found =
        Diagnostic::warning(EMPTY_SHARD, format!("no case is in shard {name}: nothing was evaluated"))
            .help("`llmops merge` decides over all shards; fewer of them would share the cases better");
    let report = v1::Report {
        schema: v1::SCHEMA.to_owned(),
        verdict: None,
        exit_code: Exit::Done.code(),
        diagnostics: vec![v1::Diagnostic::from(&found)],
        run: Some(v1::Run {
            shard: Some(name),
            selection: assemble::selection(&selection, outputs),
            ..run(started, whole.digest, git)
        }),
        gates: Vec::new(),
    };
    terminal.draw(&[found], &|path| workspace.source(path));
    publish(&report, terminal, &args.reports)
}

/// A run that called nothing, from `started` until now.
pub fn run(started: jiff::Timestamp, plan: Digest, git: Option<v1::Git>) -> v1::Run {
    let took = clock::now().duration_since(started);
    v1::Run {
        id: run_id(started, 0).to_string(),
        started_at: format!("{started:.3}"),
        duration_ms: u64::try_from(took.as_millis()).ok(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        selection: None,
        shard: None,
        plan_digest: plan.to_string(),
        git,
    }
}

/// Writes a report without gates wherever it was asked for.
///
/// # Errors
/// When a target cannot be written.
pub fn publish(report: &v1::Report, terminal: &Terminal, targets: &[Target]) -> Result<Exit> {
    let cases = |_| Box::new(std::iter::empty()) as crate::report::document::CaseStream<'_>;
    let document = Document::new(report, Cases(&cases));
    for one in targets {
        target::document(one, &document, terminal)?;
    }
    if terminal.json {
        formats::write(Format::Json, &document, &mut Terminal::pipe())?;
    } else if !terminal.quiet {
        let mut text = Vec::new();
        table::write(&document, terminal.table(), &mut text)?;
        terminal.people(&String::from_utf8_lossy(&text));
    }
    Ok(Exit::of_code(report.exit_code))
}
