//! Retrievers made ready for a verb.

use super::clock;
use super::workspace::Workspace;
use crate::domain::{Digest, Error, Result, RetrievalName};
use crate::ledger::Home;
use crate::manifest::prompt::Prompt;
use crate::manifest::retrieval::Retrieval;
use crate::plan::{GatePlan, inputs_digest};
use crate::retrieve::{Retriever, Sources, lints};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The retriever of each gate that has one and needs it, each manifest opened once.
///
/// # Errors
/// What is wrong with a corpus.
pub fn of_gates(workspace: &Workspace, gates: &[GatePlan]) -> Result<Vec<Option<Arc<Retriever>>>> {
    let mut opened: BTreeMap<RetrievalName, Arc<Retriever>> = BTreeMap::new();
    let mut all = Vec::new();
    for gate in gates {
        let searches = gate.cases.iter().any(|&case| gate.suite.cases.get(case).case.context.is_none());
        let Some(retrieval) = gate.retrieval.as_ref().filter(|_| searches) else {
            all.push(None);
            continue;
        };
        let retriever = match opened.get(&retrieval.name) {
            Some(retriever) => Arc::clone(retriever),
            None => Arc::new(open(workspace, Arc::clone(retrieval), gate.digests.retrieval)?),
        };
        opened.insert(retrieval.name.clone(), Arc::clone(&retriever));
        all.push(Some(retriever));
    }
    Ok(all)
}

/// Holds that the sources which cases name as relevant are there to be found.
///
/// # Errors
/// The sources that a corpus has not.
pub fn hold_relevant(gates: &[GatePlan], retrievers: &[Option<Arc<Retriever>>]) -> Result<()> {
    let mut unknown = Vec::new();
    for (gate, retriever) in gates.iter().zip(retrievers) {
        let names = |case: &usize| !gate.suite.cases.get(*case).case.relevant.is_empty();
        let retriever = retriever.as_ref().filter(|_| gate.cases.iter().any(names));
        let Some(sources) = retriever.and_then(|retriever| retriever.sources()) else { continue };
        for &case in &gate.cases {
            unknown.extend(lints::of_relevant(&gate.suite.cases.get(case).case, &sources));
        }
    }
    if unknown.is_empty() { Ok(()) } else { Err(Error::invalid(unknown)) }
}

/// The retrieval manifest that a prompt uses.
pub fn of_prompt(workspace: &Workspace, prompt: &Prompt) -> Option<Arc<Retrieval>> {
    let used = prompt.retrieval.as_ref()?;
    workspace.manifests.retrievals.values().find(|one| one.path == used.path).cloned()
}

/// The retriever of one manifest. `digest` is its identity, where what it finds may be recorded.
///
/// # Errors
/// What is wrong with its corpus, or an endpoint that is not defined.
pub fn open(workspace: &Workspace, retrieval: Arc<Retrieval>, digest: Option<Digest>) -> Result<Retriever> {
    let endpoint = match &retrieval.endpoint {
        None => None,
        Some(name) => {
            let config = workspace.manifests.project.providers.get(name).cloned().ok_or_else(|| {
                Error::input(format!("no provider is named `{name}`")).hint("define it in llmops.yaml")
            })?;
            let program = inputs_digest(&workspace.snapshot, &config.inputs)?;
            Some((config, program))
        }
    };
    let (home, today) = (Home::at(&workspace.root), clock::today());
    let embedder =
        retrieval.provider.as_ref().and_then(|name| workspace.manifests.project.providers.get(name));
    let sources = Sources {
        snapshot: &workspace.snapshot,
        git: workspace.git.as_ref(),
        home: &home,
        model: embedder.and_then(|embedder| embedder.path.as_ref()),
        digest,
        today: &today,
    };
    Retriever::open(sources, retrieval, endpoint)
}
