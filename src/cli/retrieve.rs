//! `llmops retrieve`: searches, or measures.

mod show;

use super::args::Global;
use super::args::retrieve::RetrieveArgs;
use super::clock;
use super::eval::prices;
use super::retrievers;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::call::budget::Budget;
use crate::call::desk::{Desk, Policy};
use crate::call::{Limits, Providers};
use crate::domain::{Diagnostic, Error, Exit, Kind, PromptName, Result, SuiteName};
use crate::ledger::{DEFAULT_STORE_BYTES, ExchangeStore, Home};
use crate::manifest::retrieval::Retrieval;
use crate::retrieve::{RetrieveFault, Retrieved, Retriever};
use crate::study::sweep::{Measured, Variant, grid};
use std::sync::Arc;
use std::time::Duration;

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
    let desk = desk(&workspace, terminal, args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::storage("cannot start the runtime", error))?;
    let wanted = args.suite.as_ref().map(|suite| wanted(&workspace, suite)).transpose()?;
    let Some(wanted) = wanted else {
        let query = args.query.as_deref().unwrap_or_default();
        let retriever = open(&workspace, terminal, &desk, &retrieval, [query].into_iter())?;
        let found = runtime.block_on(ask(&retriever, &desk, query))?;
        show::hits(terminal, &retrieval, query, &found);
        return Ok(Exit::Done);
    };
    let mut rows: Vec<(Variant, Measured)> = Vec::new();
    for variant in grid(&retrieval, &args.sweep)? {
        let one = Arc::new(variant.retrieval.clone());
        let queries = wanted.iter().map(|wanted| wanted.query.as_str());
        let retriever = open(&workspace, terminal, &desk, &one, queries)?;
        let mut measured = Measured::default();
        for wanted in &wanted {
            let found = runtime.block_on(ask(&retriever, &desk, &wanted.query))?;
            let chunks: Vec<_> = found.hits.into_iter().map(|hit| hit.chunk).collect();
            measured.add(&chunks, &wanted.relevant, one.top_k);
        }
        rows.push((variant, measured));
    }
    show::rows(terminal, &retrieval, &rows);
    Ok(Exit::Done)
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

fn open<'q>(
    workspace: &Workspace,
    terminal: &Terminal,
    desk: &Desk,
    retrieval: &Arc<Retrieval>,
    queries: impl Iterator<Item = &'q str>,
) -> Result<Retriever> {
    let retriever = retrievers::open(workspace, Arc::clone(retrieval))?;
    if desk.policy != Policy::Offline
        && let Some(provider) = retriever.calls(queries)
    {
        desk.providers.ready(provider)?;
    }
    if !terminal.quiet && !terminal.json && !retriever.warnings.is_empty() {
        terminal.draw(&retriever.warnings, &|path| workspace.source(path));
    }
    Ok(retriever)
}

async fn ask(retriever: &Retriever, desk: &Desk, query: &str) -> Result<Retrieved> {
    let no_verdict = |message: String, hint: &str| Error::new(Kind::NoVerdict, message).hint(hint);
    retriever.retrieve(query, desk, &PromptName::from("retrieve")).await.map_err(|fault| match fault {
        RetrieveFault::Failed(failure) => no_verdict(failure.detail, "run again: what was embedded is kept"),
        RetrieveFault::Offline => {
            no_verdict("offline, and not everything is at hand".to_owned(), "run once without --offline")
        }
        RetrieveFault::CostLimit => no_verdict("the cost limit is reached".to_owned(), "raise it"),
        RetrieveFault::Ended(error) => error,
    })
}

fn desk(workspace: &Workspace, terminal: &Terminal, args: &RetrieveArgs) -> Result<Desk> {
    let limits = Limits {
        timeout: Duration::from_secs(args.timeout),
        retries: args.retries,
        concurrency: None,
        no_exec: args.no_exec,
        root: workspace.root.clone(),
    };
    let home = Home::at(&workspace.root);
    Ok(Desk {
        providers: Providers::new(&workspace.manifests.project, workspace.environment(terminal)?, limits),
        store: ExchangeStore::new(&home, "retrieve", DEFAULT_STORE_BYTES),
        recordings: Vec::new(),
        prices: prices(workspace)?,
        budget: Budget::new(None),
        policy: if args.offline { Policy::Offline } else { Policy::Normal },
        now: clock::rfc3339,
        misses: None,
        recorded: None,
        flights: Default::default(),
    })
}
