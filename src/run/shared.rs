//! What all trials of a run share.

use super::deadline::Deadline;
use super::outputs::Outputs;
use crate::call::desk::Desk;
use crate::domain::{Digest, Request};
use crate::grade::{Checker, judge};
use crate::manifest::project::{Api, ProviderConfig};
use crate::manifest::prompt::Dimension;
use crate::manifest::suite::Judge;
use crate::plan::Plan;
use crate::render::{RenderError, Renderer, Subject};
use crate::retrieve::Retriever;
use std::path::PathBuf;
use std::sync::Arc;

/// How the judge of a gate is reached.
#[derive(Clone, Debug)]
pub struct JudgeProvider {
    /// Its provider.
    pub config: ProviderConfig,
    /// Digest of the files that the provider's program declares.
    pub program: Option<Digest>,
}

impl JudgeProvider {
    /// The request to a judge behind this provider.
    ///
    /// # Errors
    /// When the rubric cannot be rendered.
    pub fn request(
        &self,
        judge: &Judge,
        subject: &Subject<'_>,
        asked: &[Dimension],
        trial: u32,
        renderer: &Renderer,
    ) -> Result<Request, RenderError> {
        let api = self.config.api;
        let mut request = judge::request(judge, api.as_str(), subject, asked, trial, renderer)?;
        request.inputs = self.program;
        request.cacheable = !matches!(api, Api::Exec | Api::Http) || self.program.is_some();
        Ok(request)
    }
}

/// What all trials of a run share.
#[derive(Debug)]
pub struct Shared {
    /// What to run.
    pub plan: Plan,
    /// The templates of the prompts under test.
    pub renderer: Arc<Renderer>,
    /// The templates of judges and asserts: today's, also where the prompts are those of another revision.
    pub judging: Arc<Renderer>,
    /// Where replies come from.
    pub desk: Desk,
    /// The asserts of each gate, compiled.
    pub checkers: Vec<Checker>,
    /// The judge's provider of each gate.
    pub judges: Vec<Option<JudgeProvider>>,
    /// The retriever of each gate, where its prompt has one.
    pub retrievers: Vec<Option<Arc<Retriever>>>,
    /// Answers that exist already.
    pub outputs: Option<Outputs>,
    /// Where programs run.
    pub root: PathBuf,
    /// Whether programs may not run.
    pub no_exec: bool,
    /// Calls at once over all providers, which sizes the flight.
    pub concurrency: usize,
    /// When the run has to be over.
    pub deadline: Option<Arc<Deadline>>,
}

impl Shared {
    /// Trials to keep in flight: enough that answers and judgements overlap at every provider.
    pub(super) fn window(&self) -> usize {
        (self.concurrency * 2).clamp(8, 512)
    }
}
