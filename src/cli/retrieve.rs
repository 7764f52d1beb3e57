//! `llmops retrieve`: searches, or measures.

pub(in crate::cli) mod show;

use super::args::Global;
use super::args::retrieve::RetrieveArgs;
use super::asking::{Asking, limits};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::call::desk::Policy;
use crate::domain::{Diagnostic, Error, Exit, Kind, Result, SuiteName};
use crate::manifest::PROJECT_FILE;
use crate::manifest::retrieval::Retrieval;
use crate::study::sweep::{Measured, Variant, grid};
use std::sync::Arc;

/// A query of a suite and the sources that it should find.
struct Wanted {
    query: String,
    relevant: Vec<String>,
}

/// Searches with a manifest, or measures it and its variants over a suite.
///
/// # Errors
/// When the manifest, the suite or the corpus is not there or broken, or a provider failed.
pub fn retrieve(global: &Global, terminal: &Terminal, args: &RetrieveArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let retrieval = manifest(&workspace, &args.manifest)?;
    sound_project(&workspace)?;
    let limits = limits(&workspace, args.timeout, args.retries, args.no_exec);
    let policy = if args.offline { Policy::Offline } else { Policy::Normal };
    let asking = Asking::new(&workspace, terminal, limits, policy)?;
    let wanted = args.suite.as_ref().map(|suite| wanted(&workspace, suite)).transpose()?;
    let Some(wanted) = wanted else {
        let query = args.query.as_deref().unwrap_or_default();
        if query.trim().is_empty() {
            return Err(Error::input("the query is empty").hint("write what to search for: --query \"…\""));
        }
        let retriever = asking.open(&workspace, terminal, &retrieval, [query].into_iter())?;
        let found = asking.ask(&retriever, query)?;
        show::hits(terminal, &retrieval, query, &found);
        return Ok(Exit::Done);
    };
    let mut rows: Vec<(Variant, Measured)> = Vec::new();
    for variant in grid(&retrieval, &args.sweep)? {
        let one = Arc::new(variant.retrieval.clone());
        let queries = wanted.iter().map(|wanted| wanted.query.as_str());
        let retriever = asking.open(&workspace, terminal, &one, queries)?;
        let mut measured = Measured::default();
        for wanted in &wanted {
            let found = asking.ask(&retriever, &wanted.query)?;
            let chunks: Vec<_> = found.hits.into_iter().map(|hit| hit.chunk).collect();
            measured.add(&chunks, &wanted.relevant, one.top_k);
        }
        rows.push((variant, measured));
    }
    show::rows(terminal, &retrieval, &rows);
    Ok(Exit::Done)
}

/// A project file that cannot be read defines no providers: what is missing for it is not what to say.
fn sound_project(workspace: &Workspace) -> Result<()> {
    let in_project = |found: &&Diagnostic| {
        let place = found.place.as_ref();
        found.is_error() && place.is_some_and(|place| place.path.as_str() == PROJECT_FILE)
    };
    let errors: Vec<Diagnostic> =
        workspace.manifests.diagnostics.iter().filter(in_project).cloned().collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
}

fn manifest(workspace: &Workspace, name: &str) -> Result<Arc<Retrieval>> {
    let path = name.strip_prefix("./").unwrap_or(name);
    let all = &workspace.manifests.retrievals;
    let found = all
        .values()
        .find(|one| one.name.as_str() == name || one.path.as_str() == path || one.path.stem() == path);
    if let Some(found) = found {
        return Ok(Arc::clone(found));
    }
    let errors: Vec<Diagnostic> =
        workspace.manifests.diagnostics.iter().filter(|found| found.is_error()).cloned().collect();
    if !errors.is_empty() {
        return Err(Error::invalid(errors));
    }
    let known: Vec<&str> = all.keys().map(|name| name.as_str()).collect();
    let hint = if known.is_empty() {
        format!("write one under {}/", workspace.manifests.project.folders.retrieval)
    } else {
        format!("retrieval manifests: {}", known.join(", "))
    };
    Err(Error::new(Kind::NoMatch, format!("no retrieval manifest is named `{name}`")).hint(hint))
}

/// The queries of a suite's cases that name what is relevant; their own `context` does not matter here.
fn wanted(workspace: &Workspace, name: &SuiteName) -> Result<Vec<Wanted>> {
    let manifests = &workspace.manifests;
    let Some(suite) = manifests.suites.get(name) else {
        let errors: Vec<Diagnostic> =
            manifests.diagnostics.iter().filter(|found| found.is_error()).cloned().collect();
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        let known: Vec<&str> = manifests.suites.keys().map(|name| name.as_str()).collect();
        return Err(Error::new(Kind::NoMatch, format!("no suite is named `{name}`"))
            .hint(format!("suites: {}", known.join(", "))));
    };
    let prompt = manifests.prompts.get(&suite.prompt).ok_or_else(|| {
        Error::input(format!("the prompt `{}` of suite `{name}` is not there", suite.prompt))
    })?;
    let mut found = Vec::new();
    for row in suite.cases.iter().filter(|row| !row.case.relevant.is_empty()) {
        let query = workspace
            .renderer
            .query(prompt, &row.case.vars)
            .map_err(|fault| Error::invalid(vec![fault.into_diagnostic()]))?;
        found.push(Wanted { query, relevant: row.case.relevant.clone() });
    }
    if found.is_empty() {
        return Err(Error::input(format!("no case of suite `{name}` names `relevant` sources"))
            .hint("give cases `\"relevant\": [\"kb/refunds.md\"]`"));
    }
    Ok(found)
}
