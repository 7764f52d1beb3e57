//! `llmops rollback`: restores what stood in the deployment record before.

use super::args::{Global, RollbackArgs};
use super::clock;
use super::record;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Error, Exit, Kind, PromptName, Result};
use crate::release::{Back, back};
use crate::repo::Snapshot;
use serde_json::json;

/// Read the record, find the entry before, write it.
///
/// # Errors
/// When the prompt is not live there, or nothing stood before it.
pub fn rollback(global: &Global, terminal: &Terminal, args: &RollbackArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let path = record::path_of(&workspace, &args.environment)?;
    let git = workspace.git.as_ref().ok_or_else(|| {
        Error::input(format!("there is no git repository at {}", workspace.root.display()))
            .hint("what stood before is in git's history of the record")
    })?;
    let mut entries = record::of(&workspace.snapshot, &path)?.ok_or_else(|| {
        Error::new(Kind::NoMatch, format!("nothing is live in {}: there is no {path}", args.environment))
    })?;
    let name = workspace
        .prompt(&args.prompt)
        .map_or_else(|_| PromptName::new(args.prompt.as_str()), |prompt| prompt.name.clone());
    // A revision whose record cannot be read does not hold the entry.
    let earlier = git.commits_of(&path)?;
    let earlier = earlier.iter().filter_map(|commit| {
        let snapshot = Snapshot::revision(git, commit).ok()?;
        record::of(&snapshot, &path).ok().flatten()
    });
    let entry = match back(&name, &entries, earlier) {
        Back::To(entry) => entry,
        Back::NotLive => {
            return Err(Error::new(Kind::NoMatch, format!("`{name}` is not live in {}", args.environment)));
        }
        Back::First => {
            return Err(Error::input(format!("nothing stood before `{name}` in {}", args.environment))
                .hint("to take it down, remove its entry and commit"));
        }
        Back::Lost => {
            return Err(Error::input("no revision of the record here holds the whole previous entry")
                .hint("in a shallow clone, run `git fetch --unshallow origin` first"));
        }
    };
    let gone = entries.get(&name).map(|live| live.prompt_version.clone()).unwrap_or_default();
    let said = format!(
        "{name} in {} is back at {} on {} (from {gone}), promoted {} from {}\nwrote {path}; commit it\n",
        args.environment,
        entry.prompt_version,
        entry.model,
        entry.promoted_at,
        entry.source_commit.get(..12).unwrap_or(&entry.source_commit)
    );
    let document = json!({"schema": "llmops/rollback/v1", "exit_code": 0, "prompt": name,
        "environment": args.environment, "path": path, "entry": entry});
    entries.insert(name, *entry);
    record::write(&workspace, &path, &entries)?;
    terminal.people(&said);
    if terminal.json {
        terminal.stdout(&format!("{document}\n"));
    }
    Ok(Exit::Done)
}
