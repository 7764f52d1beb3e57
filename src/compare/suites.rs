//! What changed in the suites of a prompt: they say what its scores mean.

use super::Side;
use super::fields::{Field, differing};
use crate::domain::{Digest, PromptName, SuiteName};
use crate::manifest::suite::{Allowance, DecideOn, Suite};
use crate::plan::case_value;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A suite that differs.
#[derive(Clone, PartialEq, Debug)]
pub struct SuiteChange {
    /// Its name.
    pub name: SuiteName,
    /// Whether the first has it, whether the second does.
    pub present: (bool, bool),
    /// Cases that are new, that are gone, and that read differently.
    pub cases: (usize, usize, usize),
    /// Its version, its judge, its asserts, what its gate demands.
    pub fields: Vec<Field>,
}

/// The suites of `prompt` that differ, by name.
pub fn compare(before: (&Side<'_>, &PromptName), after: (&Side<'_>, &PromptName)) -> Vec<SuiteChange> {
    let (old, new) = (of(before), of(after));
    let names: BTreeSet<&SuiteName> = old.keys().chain(new.keys()).copied().collect();
    let mut found = Vec::new();
    for name in names {
        let (was, is) = (old.get(name).copied(), new.get(name).copied());
        let fields = differing(rows(was), rows(is));
        let cases = moved(was, is);
        if !fields.is_empty() || cases != (0, 0, 0) || was.is_some() != is.is_some() {
            found.push(SuiteChange {
                name: name.clone(),
                present: (was.is_some(), is.is_some()),
                cases,
                fields,
            });
        }
    }
    found
}

fn of<'a>(side: (&Side<'a>, &PromptName)) -> BTreeMap<&'a SuiteName, &'a Suite> {
    let suites = side.0.sources.manifests.suites.iter().filter(|(_, suite)| suite.prompt == *side.1);
    suites.map(|(name, suite)| (name, suite.as_ref())).collect()
}

fn moved(before: Option<&Suite>, after: Option<&Suite>) -> (usize, usize, usize) {
    let digests = |suite: Option<&Suite>| -> BTreeMap<String, Digest> {
        let rows = suite.into_iter().flat_map(|suite| suite.cases.iter());
        rows.map(|row| (row.case.id.to_string(), Digest::of_json(&case_value(&row)))).collect()
    };
    let (old, new) = (digests(before), digests(after));
    let added = new.keys().filter(|id| !old.contains_key(*id)).count();
    let removed = old.keys().filter(|id| !new.contains_key(*id)).count();
    let changed = new.iter().filter(|(id, digest)| old.get(*id).is_some_and(|old| old != *digest)).count();
    (added, removed, changed)
}

fn rows(suite: Option<&Suite>) -> Vec<(String, Option<Value>)> {
    let Some(suite) = suite else { return Vec::new() };
    let gate = &suite.gate;
    let judge = suite.judge.as_ref();
    let dimensions = judge.into_iter().flat_map(|judge| &judge.dimensions).flat_map(|dimension| {
        let name = |key: &str| format!("judge.dimensions.{}.{key}", dimension.name);
        [
            (name("description"), Some(json!(dimension.description))),
            (name("weight"), Some(json!(dimension.weight))),
            (name("required"), dimension.required.map(|required| json!(required))),
        ]
    });
    let rubric = judge.map(|judge| {
        let texts: Vec<&str> =
            judge.rubric.messages.iter().map(|message| message.content.text.as_str()).collect();
        json!(Digest::of_json(&json!(texts)).short())
    });
    let retrieval = &gate.retrieval;
    let rows = [
        ("version", Some(json!(suite.version))),
        ("trials", Some(json!(suite.trials))),
        ("sample", suite.sample.as_ref().map(|sample| json!([sample.size, sample.seed, sample.stratify_by]))),
        ("assert", Some(json!(suite.asserts.iter().map(|assert| &assert.source).collect::<Vec<_>>()))),
        ("judge.model", judge.map(|judge| json!(judge.model))),
        ("judge.rubric", rubric),
        ("judge.scale", judge.map(|judge| json!(judge.scale))),
        ("judge.repeats", judge.map(|judge| json!(judge.repeats))),
        (
            "gate.decide_on",
            Some(json!(match gate.decide_on {
                DecideOn::Mean => "mean",
                DecideOn::LowerBound => "lower_bound",
            })),
        ),
        ("gate.confidence", Some(json!(gate.confidence))),
        ("gate.asserts_required", Some(json!(gate.asserts_required))),
        ("gate.metrics", (!gate.metrics.is_empty()).then(|| json!(gate.metrics))),
        ("gate.retrieval.recall_at_k", retrieval.recall_at_k.map(|value| json!(value))),
        ("gate.retrieval.precision_at_k", retrieval.precision_at_k.map(|value| json!(value))),
        ("gate.retrieval.mrr", retrieval.mrr.map(|value| json!(value))),
        ("gate.retrieval.ndcg", retrieval.ndcg.map(|value| json!(value))),
        ("gate.retrieval.map", retrieval.map.map(|value| json!(value))),
        ("gate.retrieval.stale_fraction", retrieval.stale_fraction.map(|value| json!(value))),
        ("gate.case_floor", gate.case_floor.map(|value| json!(value))),
        (
            "gate.max_unscored",
            Some(match gate.max_unscored {
                Allowance::Count(count) => json!(count),
                Allowance::Share(share) => json!(format!("{}%", share * 100.0)),
            }),
        ),
        ("gate.max_regression", gate.max_regression.map(|value| json!(value))),
        ("gate.min_cases", Some(json!(gate.min_cases))),
        (
            "gate.require_calibration",
            gate.require_calibration
                .as_ref()
                .map(|terms| json!([terms.min_kappa, terms.max_bias, terms.min_labels])),
        ),
    ];
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(dimensions).collect()
}
