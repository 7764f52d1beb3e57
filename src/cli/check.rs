//! `llmops check`: validates everything.

use super::args::{CheckArgs, Global};
use super::clock;
use super::eval::find_base;
use super::here;
use super::lock;
use super::target::{self, Beside};
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::compare::renamed;
use crate::domain::{Diagnostic, Error, Exit, Kind, RelPath, Result};
use crate::manifest::records::Records;
use crate::plan::moved::moved;
use crate::report::numbers::many;
use crate::report::{sarif, v1};
use serde_json::json;
use std::path::Path;

/// Reads everything, renders every case, and prints what is wrong.
///
/// # Errors
/// When the root cannot be opened, or a named path holds no manifest.
pub fn check(global: &Global, terminal: &Terminal, args: &CheckArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let since = match &args.base {
        Some(rev) => since_base(&workspace, terminal, rev)?,
        None => Vec::new(),
    };
    let records = Records::read(&workspace.snapshot, &workspace.manifests.project.folders.deployments);
    let found = narrowed(&workspace, &args.paths, records, since)?;
    for target in &args.report {
        let Some(path) = target.strip_prefix("sarif=") else {
            return Err(
                Error::input(format!("`check` cannot write `{target}`")).hint("use --report sarif=PATH")
            );
        };
        if path == "-" {
            return Err(
                Error::input("`check` writes SARIF to a file").hint("name one: --report sarif=check.sarif")
            );
        }
        Beside::from(&workspace).spares(Path::new(path))?;
        let within = workspace.git.as_ref().map_or("", |git| git.base().as_str());
        let version = env!("CARGO_PKG_VERSION");
        target::file(Path::new(path), |out| sarif::write(&found, within, version, out))?;
    }
    let broken = found.iter().any(Diagnostic::is_error);
    let exit = if broken { Exit::Input } else { Exit::Done };
    let (prompts, suites, retrievals) = (
        workspace.manifests.prompts.len(),
        workspace.manifests.suites.len(),
        workspace.manifests.retrievals.len(),
    );
    if terminal.json {
        let document = json!({
            "schema": "llmops/check/v1",
            "exit_code": exit.code(),
            "prompts": prompts, "suites": suites, "retrievals": retrievals,
            "diagnostics": found.iter().map(v1::Diagnostic::from).collect::<Vec<_>>(),
        });
        terminal.stdout(&format!("{document}\n"));
        return Ok(exit);
    }
    if !found.is_empty() && (broken || !terminal.quiet) {
        terminal.draw(&found, &|path| workspace.source(path));
    }
    if !broken && !terminal.quiet {
        terminal.people(&format!(
            "{}, {}, {}: no errors\n",
            many(prompts, "prompt"),
            many(suites, "suite"),
            many(retrievals, "retrieval manifest")
        ));
        if prompts == 0 {
            terminal.say("note: there is no prompt here; `llmops init` makes the first");
        }
    }
    Ok(exit)
}

/// What moved since the base: without its version, or in a way that a reviewer has to see. Broken manifests come
/// first: of them nothing can be compared.
fn since_base(workspace: &Workspace, terminal: &Terminal, rev: &str) -> Result<Vec<Diagnostic>> {
    let base = find_base(workspace.git.as_ref(), Some(rev).filter(|rev| *rev != "auto"))?;
    terminal.detail(&format!("base {}: {}", base.commit.short(), base.how));
    if workspace.manifests.diagnostics.iter().any(Diagnostic::is_error) {
        return Ok(Vec::new());
    }
    let then = workspace.at_base(&base)?;
    let (before, after) = (then.sources(), workspace.sources());
    moved(&before, &after, &renamed(&before, &after))
}

/// The findings, of the named files and folders only where some are named.
fn narrowed(
    workspace: &Workspace,
    paths: &[String],
    records: Records,
    since: Vec<Diagnostic>,
) -> Result<Vec<Diagnostic>> {
    let mut found = workspace.findings();
    found.extend(records.diagnostics);
    found.extend(workspace.corpus_findings());
    found.extend(lock::findings(workspace));
    found.extend(since);
    if paths.is_empty() {
        return Ok(found);
    }
    let mut wanted = Vec::new();
    for text in paths {
        let path = RelPath::new(&here::from_root(&workspace.root, text))
            .ok_or_else(|| Error::input(format!("`{text}` leaves the repository")))?;
        let mut files = workspace.manifests.files.iter().chain(&records.files);
        let holds = files.any(|file| file.is_under(path.as_str()));
        if !holds && !workspace.snapshot.is_file(&path) {
            return Err(Error::new(Kind::NoMatch, format!("`{text}` holds no manifest"))
                .hint("name a file or folder of the repository"));
        }
        wanted.push(path);
    }
    Ok(found
        .into_iter()
        .filter(|finding| {
            finding
                .place
                .as_ref()
                .is_none_or(|place| wanted.iter().any(|path| place.path.is_under(path.as_str())))
        })
        .collect())
}
