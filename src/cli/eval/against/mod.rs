//! What a run is compared with: the same prompts as of another revision, or the pinned model beside a candidate.

mod pairing;
mod shards;
mod sides;

pub use sides::compare;

use super::changed_line;
use crate::domain::RelPath;
use crate::gate::Comparison;
use crate::plan::{GatePlan, Plan};
use crate::repo::Snapshot;
use crate::report::v1;
use crate::run::Shared;
use std::sync::Arc;

/// The comparisons of a run, one per gate in plan order; none where nothing was compared.
#[derive(Default)]
pub struct Against {
    /// The commit of the base, for the report.
    pub base: Option<String>,
    /// What the other sides shared, for their recordings.
    pub sides: Vec<Arc<Shared>>,
    /// Whether the user interrupted the other side.
    pub interrupted: bool,
    candidate: bool,
    gates: Vec<Compared>,
}

#[derive(Default)]
struct Compared {
    comparison: Option<Comparison>,
    baseline: Option<v1::Baseline>,
    notes: Vec<String>,
    changed: Option<(RelPath, u32)>,
}

impl Against {
    /// What the gate at `at` was compared with.
    pub fn comparison(&self, at: usize) -> Option<&Comparison> {
        self.gates.get(at)?.comparison.as_ref()
    }

    /// The same for reports.
    pub fn baseline(&self, at: usize) -> Option<v1::Baseline> {
        self.gates.get(at)?.baseline.clone()
    }

    /// What else to say of the comparison.
    pub fn notes(&self, at: usize) -> Vec<String> {
        self.gates.get(at).map(|gate| gate.notes.clone()).unwrap_or_default()
    }

    /// The manifest and the line of it where what the gate tests was changed, where one was.
    pub fn changed(&self, at: usize) -> Option<&(RelPath, u32)> {
        self.gates.get(at)?.changed.as_ref()
    }

    /// Finds the line of each gate where what it tests was changed since `then`.
    pub fn point(&mut self, plan: &Plan, then: &Snapshot, now: &Snapshot) {
        for (gate, compared) in plan.gates.iter().zip(&mut self.gates) {
            let retrieval = gate.retrieval.as_ref().map(|retrieval| &retrieval.path);
            let files = [Some(&gate.prompt.path), retrieval, Some(&gate.suite.path)].into_iter().flatten();
            compared.changed =
                files.into_iter().find_map(|path| Some((path.clone(), changed_line::of(then, now, path)?)));
        }
    }

    /// The drop that a gate allows: what its suite says. A candidate without such a limit may not be worse at all,
    /// as far as its interval tells.
    pub fn margin(&self, gate: &GatePlan) -> Option<f64> {
        gate.suite.gate.max_regression.or(self.candidate.then_some(0.0))
    }
}
