//! Manifests and a selection become digests and ordered trials. Nothing is called here, and everything that a
//! run could trip over is found here first.

pub mod affected;
mod digests;
mod eased;
pub mod facts;
pub mod identities;
mod identity;
pub mod moved;
#[cfg(test)]
mod mutation_tests;
mod programs;
pub mod sample;
mod select;
mod validate;

pub use digests::{
    GateDigests, case_value, inputs_digest, judge_digest, model_digest, prompt_digest, retrieval_digest,
    suite_digest,
};
pub use identity::{Identity, identity};
pub use select::{CaseTag, Selection, gate, plan};
pub use validate::{Sources, validate};

use crate::domain::model::Pin;
use crate::domain::{CaseId, Digest, ModelId};
use crate::manifest::project::ProviderConfig;
use crate::manifest::prompt::Prompt;
use crate::manifest::retrieval::Retrieval;
use crate::manifest::suite::Suite;
use serde_json::json;
use std::sync::Arc;

/// One prompt on one suite: what will run.
#[derive(Clone, Debug)]
pub struct GatePlan {
    /// The prompt under test.
    pub prompt: Arc<Prompt>,
    /// The suite.
    pub suite: Arc<Suite>,
    /// The model under test: the prompt's pin, or the candidate of `--model`.
    pub model: ModelId,
    /// Its provider.
    pub provider: ProviderConfig,
    /// How the model is pinned.
    pub pin: Pin,
    /// The retrieval manifest that the prompt uses.
    pub retrieval: Option<Arc<Retrieval>>,
    /// Identities.
    pub digests: GateDigests,
    /// Digest of the files that the provider's program declares.
    pub program: Option<Digest>,
    /// Indices into the suite's cases, in the suite's order.
    pub cases: Vec<usize>,
    /// Trials of each case.
    pub trials: u32,
}

impl GatePlan {
    /// Trials in all.
    pub fn planned(&self) -> usize {
        self.cases.len() * usize::try_from(self.trials).unwrap_or(usize::MAX)
    }

    /// The id of the case at `position` of the plan.
    pub fn case_id(&self, position: usize) -> &CaseId {
        self.suite.cases.id(self.cases[position])
    }
}

/// What a run will do, gate by gate, in the order of prompt and suite names.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The gates.
    pub gates: Vec<GatePlan>,
    /// What narrowed it.
    pub selection: Selection,
    /// Over every gate's digests, cases and trials.
    pub digest: Digest,
}

impl Plan {
    /// A plan of these gates, in the order of prompt and suite names.
    pub fn new(mut gates: Vec<GatePlan>, selection: Selection) -> Self {
        gates.sort_by(|a, b| (&a.prompt.name, &a.suite.name).cmp(&(&b.prompt.name, &b.suite.name)));
        let identity: Vec<_> = gates
            .iter()
            .map(|gate| {
                let ids: Vec<&CaseId> =
                    (0..gate.cases.len()).map(|position| gate.case_id(position)).collect();
                json!([
                    gate.digests.prompt,
                    gate.digests.suite,
                    gate.model,
                    gate.trials,
                    Digest::of_json(&json!(ids))
                ])
            })
            .collect();
        Self { gates, selection, digest: Digest::of_json(&json!(identity)) }
    }

    /// Every trial in the order in which records are kept, gate by gate and case by case: the positions of its gate and
    /// of its case, and which trial of the case it is.
    pub fn places(&self) -> impl Iterator<Item = (usize, usize, u32)> + Send + use<> {
        let sizes: Vec<_> = self.gates.iter().map(|gate| (gate.cases.len(), gate.trials)).collect();
        sizes.into_iter().enumerate().flat_map(|(gate, (cases, trials))| {
            (0..cases).flat_map(move |case| (0..trials).map(move |trial| (gate, case, trial)))
        })
    }

    /// Trials in all.
    pub fn planned(&self) -> usize {
        self.gates.iter().map(GatePlan::planned).sum()
    }
}
