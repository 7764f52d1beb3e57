//! Retrievers asked outside of a run: one query at a time, and no verdict.

use super::clock;
use super::eval::prices;
use super::retrievers;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::call::budget::Budget;
use crate::call::desk::{Desk, Policy};
use crate::call::{Answer, CallFailure, Limits, Providers};
use crate::domain::{Digest, Error, Kind, PromptName, Request, Result};
use crate::ledger::{DEFAULT_STORE_BYTES, ExchangeStore, Home, Recordings};
use crate::manifest::prompt::Prompt;
use crate::manifest::retrieval::Retrieval;
use crate::plan::retrieval_digest;
use crate::retrieve::{RetrieveFault, Retrieved, Retriever};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// What asking takes.
pub struct Asking {
    /// Where embeddings and chunks come from.
    pub desk: Desk,
    runtime: Runtime,
}

/// What a prompt is shown for some variables.
pub struct Shown {
    /// The manifest that found it.
    pub retrieval: Arc<Retrieval>,
    /// What was searched for.
    pub query: String,
    /// What was found.
    pub found: Retrieved,
}

/// Limits of a verb that makes few calls.
pub fn limits(workspace: &Workspace, timeout: u64, retries: u32, no_exec: bool) -> Limits {
    let root = workspace.root.clone();
    Limits { timeout: Duration::from_secs(timeout), retries, concurrency: None, no_exec, root }
}

impl Asking {
    /// Makes everything ready. Nothing is called.
    ///
    /// # Errors
    /// When prices or the environment cannot be read.
    pub fn new(workspace: &Workspace, terminal: &Terminal, limits: Limits, policy: Policy) -> Result<Self> {
        let home = Home::at(&workspace.root);
        let desk = Desk {
            providers: Providers::new(&workspace.manifests.project, workspace.environment(terminal)?, limits),
            store: ExchangeStore::new(&home, "retrieve", DEFAULT_STORE_BYTES),
            recordings: Vec::new(),
            prices: prices(workspace)?,
            budget: Arc::new(Budget::new(None)),
            policy,
            now: clock::rfc3339,
            misses: None,
            recorded: None,
            flights: Default::default(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::storage("cannot start the runtime", error))?;
        Ok(Self { desk, runtime })
    }

    /// The same with the recordings of a prompt at hand.
    ///
    /// # Errors
    /// When they are there and cannot be read.
    pub fn with_recordings(mut self, workspace: &Workspace, prompt: &PromptName) -> Result<Self> {
        let evals = &workspace.manifests.project.folders.evals;
        self.desk.recordings.push(Recordings::load(&workspace.snapshot, evals, prompt)?);
        Ok(self)
    }

    /// Opens a retriever that these queries will be put to, and says what its corpus is warned of.
    ///
    /// # Errors
    /// What is wrong with its corpus, or a key that is needed and not set.
    pub fn open<'q>(
        &self,
        workspace: &Workspace,
        terminal: &Terminal,
        retrieval: &Arc<Retrieval>,
        queries: impl Iterator<Item = &'q str>,
    ) -> Result<Retriever> {
        let retriever =
            retrievers::open(workspace, Arc::clone(retrieval), self.identity(workspace, retrieval)?)?;
        if self.desk.policy != Policy::Offline
            && let Some(provider) = retriever.calls(queries, &self.desk)?
        {
            self.desk.providers.ready(provider)?;
        }
        if !terminal.quiet && !terminal.json && !retriever.warnings.is_empty() {
            terminal.draw(&retriever.warnings, &|path| workspace.source(path));
        }
        Ok(retriever)
    }

    /// The identity of a retrieval, where recordings may know what it finds: it takes reading the corpus.
    ///
    /// # Errors
    /// When the corpus cannot be read.
    pub fn identity(&self, workspace: &Workspace, retrieval: &Retrieval) -> Result<Option<Digest>> {
        if self.desk.recordings.iter().all(Recordings::is_empty) {
            return Ok(None);
        }
        retrieval_digest(&workspace.snapshot, &workspace.manifests.project, retrieval).map(Some)
    }

    /// Puts one query.
    ///
    /// # Errors
    /// When a provider failed, or what is needed is not at hand and may not be called for.
    pub fn ask(&self, retriever: &Retriever, query: &str) -> Result<Retrieved> {
        self.put(retriever, query).map_err(|fault| said(fault, retriever.retrieval()))
    }

    /// Puts one query, with what kept it from being answered.
    ///
    /// # Errors
    /// See [`RetrieveFault`].
    pub fn put(&self, retriever: &Retriever, query: &str) -> Result<Retrieved, RetrieveFault> {
        self.runtime.block_on(retriever.retrieve(query, &self.desk, &PromptName::from("retrieve")))
    }

    /// Calls a model once. What it replies is kept nowhere.
    ///
    /// # Errors
    /// When the provider failed, after its retries.
    pub fn call(&self, request: &Request) -> Result<Answer, CallFailure> {
        self.runtime.block_on(self.desk.providers.call(request)).result
    }

    /// What a prompt is shown for these variables; `None` where it retrieves nothing.
    ///
    /// # Errors
    /// When its query cannot be rendered, and as [`Asking::open`] and [`Asking::ask`].
    pub fn shown(
        &self,
        workspace: &Workspace,
        terminal: &Terminal,
        prompt: &Prompt,
        vars: &Map<String, Value>,
    ) -> Result<Option<Shown>> {
        let Some(retrieval) = retrievers::of_prompt(workspace, prompt) else { return Ok(None) };
        let query = workspace
            .renderer
            .query(prompt, vars)
            .map_err(|fault| Error::invalid(vec![fault.into_diagnostic()]))?;
        let retriever =
            self.open(workspace, terminal, &retrieval, [query.as_str()].into_iter()).map_err(|error| {
                if error.diagnostics().is_empty() {
                    let hint = error.hint_text().unwrap_or("see `llmops doctor`").to_owned();
                    let message = format!("`{}` cannot be searched: {}", retrieval.name, error.chain());
                    Error::new(error.kind(), message)
                        .hint(format!("{hint}; or render a case that pins its own `context`"))
                } else {
                    error
                }
            })?;
        let found = self.ask(&retriever, &query)?;
        Ok(Some(Shown { retrieval, query, found }))
    }
}

/// Why there is no answer, with what to type.
fn said(fault: RetrieveFault, retrieval: &Retrieval) -> Error {
    let no_verdict = |message: String, hint: &str| Error::new(Kind::NoVerdict, message).hint(hint);
    match fault {
        RetrieveFault::Failed(failure) => {
            let hint = match (failure.is_passing, &retrieval.endpoint) {
                (true, None) => "run again: what was embedded is kept",
                (true, Some(_)) => "run again",
                (false, _) => {
                    "put right what the message says; `llmops doctor` shows how the provider is reached"
                }
            };
            no_verdict(failure.detail, hint)
        }
        RetrieveFault::Offline => no_verdict(
            format!("offline, and what searching `{}` needs is not at hand", retrieval.name),
            "run once without --offline",
        ),
        RetrieveFault::CostLimit => no_verdict("the cost limit is reached".to_owned(), "raise it"),
        RetrieveFault::Ended(error) => error,
    }
}
