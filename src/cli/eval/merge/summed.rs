//! Whether what the report of a shard says of its gates is what its records sum up to: they are folded anew, as the shard
//! itself folded them, and every number is compared.

use super::consistent::broken;
use crate::cli::eval::against::Against;
use crate::cli::eval::decided;
use crate::cli::eval::follow::Gathered;
use crate::domain::score::TOLERANCE;
use crate::domain::{Error, Result, TrialRecord};
use crate::plan::sample::Shard;
use crate::plan::{GatePlan, Plan};
use crate::report::{assemble, v1};
use crate::study::calibration::shown::Shown;
use serde_json::Value;
use std::collections::HashMap;

/// The gates of all shards, as their records make them.
pub struct Summed {
    parts: HashMap<(usize, usize), Part>,
}

/// One gate in one shard.
struct Part {
    plan: GatePlan,
    gathered: Gathered,
    /// Where the shard has the case that was added last, and where the whole has it.
    last: Option<(usize, usize)>,
}

impl Summed {
    /// Nothing is added yet. A shard has the cases of the whole plan that are its own.
    pub fn new(plan: &Plan, shards: &[Shard]) -> Self {
        let part = |gate: &GatePlan, shard: &Shard| {
            let own = (0..gate.cases.len()).filter(|at| shard.holds(gate.case_id(*at)));
            let plan = GatePlan { cases: own.map(|at| gate.cases[at]).collect(), ..gate.clone() };
            Part { gathered: Gathered::new(&plan), plan, last: None }
        };
        let all = shards.iter().enumerate().flat_map(|(report, shard)| {
            plan.gates.iter().enumerate().map(move |(at, gate)| ((report, at), part(gate, shard)))
        });
        Self { parts: all.collect() }
    }

    /// Adds a record of a report. Those of one gate come in plan order.
    pub fn add(&mut self, report: usize, record: TrialRecord) {
        let Some(part) = self.parts.get_mut(&(report, record.gate)) else { return };
        let place = match part.last {
            Some((own, whole)) if whole == record.case => own,
            Some((own, _)) => own + 1,
            None => 0,
        };
        part.last = Some((place, record.case));
        part.gathered.add(&TrialRecord { gate: 0, case: place, ..record });
    }

    /// Holds that every gate of every report is what was added.
    ///
    /// # Errors
    /// The first number that is another, with where it stands.
    pub fn hold(
        mut self,
        plan: &Plan,
        heads: &[v1::Report],
        judges: &[Option<Shown>],
        paths: &[String],
    ) -> Result<()> {
        for (report, head) in heads.iter().enumerate() {
            for said in &head.gates {
                let at = plan.gates.iter().position(|gate| {
                    gate.prompt.name.as_str() == said.prompt.name
                        && gate.suite.name.as_str() == said.suite.name
                });
                let part = at.and_then(|at| Some((self.parts.remove(&(report, at))?, judges.get(at)?)));
                let Some((part, judge)) = part else {
                    let why = format!("it has the gate of `{}` twice", said.prompt.name);
                    return Err(broken(&paths[report], &why));
                };
                if let Some(what) = differs(part, plan, judge.clone(), (head, said))? {
                    let why = format!(
                        "`{what}` of the gate of `{}` is not what its records come to",
                        said.prompt.name
                    );
                    return Err(broken(&paths[report], &why));
                }
            }
        }
        Ok(())
    }
}

/// The first thing that a gate of a report says and its records do not.
fn differs(
    part: Part,
    whole: &Plan,
    judge: Option<Shown>,
    (head, said): (&v1::Report, &v1::Gate),
) -> Result<Option<String>> {
    let plan = Plan::new(vec![part.plan], whole.selection.clone());
    let mut gathered = [part.gathered];
    let against = Against::of_shards(&plan, std::slice::from_ref(head), &gathered)?;
    let decisions = decided::decisions(&plan, &mut gathered, &[judge], &against);
    // What the baseline had is paired anew; the cases of it are all that is known.
    let cases = said.baseline.as_ref().and_then(|baseline| baseline.cases.clone());
    let own = v1::Gate {
        baseline: against.baseline(0).map(|baseline| v1::Baseline { cases, ..baseline }),
        ..assemble::gate(&plan.gates[0], &gathered[0].tally, &decisions[0], &gathered[0].reported)
    };
    // What was decided is decided anew, over all shards.
    let said = v1::Gate { verdict: own.verdict, breaches: own.breaches.clone(), ..said.clone() };
    let value = |gate: &v1::Gate| {
        serde_json::to_value(gate).map_err(|error| Error::storage("a gate cannot be compared", error))
    };
    Ok(first_difference("", &value(&own)?, &value(&said)?))
}

/// Where two values differ first; numbers that were written and read again may differ in their last digit.
fn first_difference(at: &str, own: &Value, said: &Value) -> Option<String> {
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match (own, said) {
        (Value::Object(own), Value::Object(said)) => {
            let keys = own.keys().chain(said.keys().filter(|key| !own.contains_key(*key)));
            let of = |fields: &serde_json::Map<String, Value>, key: &str| {
                fields.get(key).cloned().unwrap_or_default()
            };
            keys.into_iter().find_map(|key| first_difference(&below(key), &of(own, key), &of(said, key)))
        }
        (Value::Array(own), Value::Array(said)) if own.len() == said.len() => {
            let mut pairs = own.iter().zip(said).enumerate();
            pairs.find_map(|(index, (own, said))| first_difference(&below(&index.to_string()), own, said))
        }
        (Value::Number(own), Value::Number(said)) => {
            let same = match (own.as_f64(), said.as_f64()) {
                (Some(own), Some(said)) => (own - said).abs() <= TOLERANCE * own.abs().max(1.0),
                _ => own == said,
            };
            (!same).then(|| at.to_owned())
        }
        _ => (own != said).then(|| at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named_where_it_stands() {
        let own = json!({"a": {"b": [1, {"c": 0.1}]}, "d": null});
        let with = |said: Value| first_difference("", &own, &said);
        assert_eq!(with(own.clone()), None);
        assert_eq!(
            with(json!({"a": {"b": [1, {"c": 0.1 + 1e-17}]}})),
            None,
            "a last digit, a key that is null"
        );
        assert_eq!(with(json!({"a": {"b": [1, {"c": 0.2}]}, "d": null})).as_deref(), Some("a.b.1.c"));
        assert_eq!(with(json!({"a": {"b": [1]}, "d": null})).as_deref(), Some("a.b"));
        assert_eq!(with(json!({"a": {"b": [1, {"c": 0.1}]}, "d": null, "e": 1})).as_deref(), Some("e"));
        assert_eq!(with(json!({"a": {"b": [2, {"c": 0.1}]}, "d": null})).as_deref(), Some("a.b.0"));
        assert_eq!(with(json!(null)).as_deref(), Some(""));
    }
}
