//! What a page needs beyond the run's own files: the exchanges that it is made of.

use crate::cli::workspace::Workspace;
use crate::domain::PromptName;
use crate::ledger::{DEFAULT_STORE_BYTES, ExchangeStore, Home, Recordings};
use crate::report::formats::{Format, Target};
use crate::report::stored::StoredRun;
use crate::report::told::Exchanges;
use std::collections::BTreeSet;

/// Lets a page show what was sent, where a page is asked for. Nothing is read before the page is written.
pub fn remember(run: &mut StoredRun, workspace: &Workspace, targets: &[Target]) {
    if !targets.iter().any(|target| target.format == Format::Html) {
        return;
    }
    let evals = &workspace.manifests.project.folders.evals;
    let gates = &run.stored.report.gates;
    let prompts: BTreeSet<PromptName> =
        gates.iter().map(|gate| PromptName::from(gate.prompt.name.as_str())).collect();
    let recordings =
        prompts.iter().filter_map(|prompt| Recordings::load(&workspace.snapshot, evals, prompt).ok());
    run.exchanges = Some(Exchanges {
        store: ExchangeStore::new(&Home::at(&workspace.root), "page", DEFAULT_STORE_BYTES),
        recordings: recordings.collect(),
    });
}
