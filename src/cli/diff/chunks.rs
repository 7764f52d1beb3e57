//! Which cases are shown other chunks. Nothing is called for it: embeddings and replies that are not at hand leave
//! their cases out, and that is said.

use crate::call::desk::Policy;
use crate::cli::asking::{Asking, limits};
use crate::cli::retrievers;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::compare::{Fate, PromptChange};
use crate::domain::{Error, Result};
use crate::manifest::cases::CaseRow;
use crate::manifest::prompt::Prompt;
use crate::report::changes::{Chunks, SuiteChunks};
use crate::retrieve::shift::shift;
use crate::retrieve::{Hit, RetrieveFault, Retriever};

/// One side's way from a case to its chunks.
struct Side<'a> {
    workspace: &'a Workspace,
    asking: Asking,
    prompt: &'a Prompt,
    retriever: Option<Retriever>,
}

/// What the cases of a changed prompt are shown on both sides; `None` where nothing about retrieval changed.
///
/// # Errors
/// When prices or the environment cannot be read.
pub fn chunks(
    (before, after): (&Workspace, &Workspace),
    terminal: &Terminal,
    change: &PromptChange,
) -> Result<Option<Chunks>> {
    let old = match &change.fate {
        Fate::Renamed { name, .. } => name,
        _ => &change.name,
    };
    let (was, is) = (before.manifests.prompts.get(old), after.manifests.prompts.get(&change.name));
    let (Some(was), Some(is)) = (was, is) else { return Ok(None) };
    if change.retrieval.is_empty() {
        return Ok(None);
    }
    let sides = (side(before, terminal, was)?, side(after, terminal, is)?);
    let (old, new) = match sides {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) => return Ok(Some(not_compared("before", &error))),
        (_, Err(error)) => return Ok(Some(not_compared("after", &error))),
    };
    let mut found = Chunks::default();
    let mut missed = (0_u64, String::new());
    for suite in after.manifests.suites.values().filter(|suite| suite.prompt == is.name) {
        let mut rows = SuiteChunks { suite: suite.name.to_string(), ..SuiteChunks::default() };
        for row in suite.cases.iter().filter(|row| row.case.context.is_none()) {
            match (old.hits(&row), new.hits(&row)) {
                (Ok(was), Ok(is)) => {
                    rows.compared += 1;
                    rows.shifted.extend(shift(&was, &is).map(|shift| (row.case.id.to_string(), shift)));
                }
                (Err(why), _) | (_, Err(why)) => {
                    missed.0 += 1;
                    missed.1 = why;
                }
            }
        }
        if rows.compared > 0 {
            found.suites.push(rows);
        }
    }
    if missed.0 > 0 {
        found.not_compared =
            Some(format!("{}: {}", crate::report::numbers::counted(missed.0, "case"), missed.1));
    }
    Ok((found != Chunks::default()).then_some(found))
}

/// The outer error ends the verb; the inner one leaves this comparison out.
fn side<'a>(workspace: &'a Workspace, terminal: &Terminal, prompt: &'a Prompt) -> Result<Result<Side<'a>>> {
    let limits = limits(workspace, 1, 0, true);
    let asking = Asking::new(workspace, terminal, limits, Policy::Offline)?
        .with_recordings(workspace, &prompt.name)?;
    let opened = match retrievers::of_prompt(workspace, prompt) {
        None => Ok(None),
        Some(retrieval) => asking
            .identity(workspace, &retrieval)
            .and_then(|digest| retrievers::open(workspace, retrieval, digest))
            .map(Some),
    };
    Ok(opened.map(|retriever| Side { workspace, asking, prompt, retriever }))
}

fn not_compared(side: &str, error: &Error) -> Chunks {
    let first = error.diagnostics().iter().find(|found| found.is_error());
    let why = first.map_or_else(|| error.chain(), |found| found.message.clone());
    Chunks { not_compared: Some(format!("{side}: {why}")), ..Chunks::default() }
}

impl Side<'_> {
    fn hits(&self, row: &CaseRow) -> Result<Vec<Hit>, String> {
        let Some(retriever) = &self.retriever else { return Ok(Vec::new()) };
        let query = self.workspace.renderer.query(self.prompt, &row.case.vars);
        let query = query.map_err(|fault| format!("{} ({})", fault.message, row.case.id))?;
        let found = self.asking.put(retriever, &query).map_err(|fault| match fault {
            RetrieveFault::Offline => {
                let name = &retriever.retrieval().name;
                format!("searching `{name}` takes calls, and `diff` makes none; evaluate both sides first")
            }
            RetrieveFault::Failed(failure) => failure.detail,
            RetrieveFault::CostLimit => "the cost limit is reached".to_owned(),
            RetrieveFault::Ended(error) => error.chain(),
        })?;
        Ok(found.hits)
    }
}
