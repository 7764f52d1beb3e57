//! The comparisons of a run out of those of its shards.

use super::pairing::paired;
use super::{Against, Compared};
use crate::cli::eval::follow::Gathered;
use crate::domain::{Error, Result};
use crate::gate::Comparison;
use crate::plan::Plan;
use crate::report::v1;

impl Against {
    /// Every case is paired anew, from what the shards say of the baseline.
    ///
    /// # Errors
    /// When the shards were not compared with the same.
    pub fn of_shards(plan: &Plan, heads: &[v1::Report], gates: &[Gathered]) -> Result<Self> {
        let runs = || heads.iter().filter_map(|head| head.run.as_ref());
        let base = runs().find_map(|run| run.git.as_ref().and_then(|git| git.base.clone()));
        let candidate = plan.selection.model.is_some();
        let mut against = Self { base, candidate, ..Self::default() };
        for (gate, gathered) in plan.gates.iter().zip(gates) {
            let parts: Vec<Option<&v1::Baseline>> = heads
                .iter()
                .flat_map(|head| &head.gates)
                .filter(|part| gate.prompt.name.as_str() == part.prompt.name)
                .filter(|part| gate.suite.name.as_str() == part.suite.name)
                .map(|part| part.baseline.as_ref())
                .collect();
            let first = parts.first().copied().flatten();
            let rev = first.map(|baseline| &baseline.rev);
            if parts.iter().any(|part| part.map(|baseline| &baseline.rev) != rev) {
                return Err(Error::input(format!(
                    "the shards compared `{}` with different baselines",
                    gate.prompt.name
                ))
                .hint("run every shard with the same --baseline"));
            }
            against.gates.push(match rev {
                Some(rev) => {
                    let retrieved = parts.iter().flatten().filter_map(|part| part.retrieval_metrics.as_ref());
                    let retrieved = v1::RetrievalMetrics::together(retrieved);
                    let spent = parts.iter().flatten().filter_map(|part| part.spent_usd).reduce(|a, b| a + b);
                    let cases: Option<Vec<_>> =
                        parts.into_iter().flatten().map(|baseline| baseline.cases.as_deref()).collect();
                    let cases = cases.map(|cases| cases.concat());
                    let mut found = paired(gate, &gathered.tally, cases.as_deref(), rev, candidate);
                    if let Some(baseline) = &mut found.baseline {
                        baseline.cases = None;
                        baseline.retrieval_metrics = retrieved;
                        baseline.spent_usd = spent;
                    }
                    found
                }
                None if against.base.is_some() => {
                    Compared { comparison: Some(Comparison::NewPrompt), ..Compared::default() }
                }
                None => Compared::default(),
            });
        }
        Ok(against)
    }
}
