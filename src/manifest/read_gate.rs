//! Reads `gate` and `sample` of a suite.

use super::cases::CaseSet;
use super::decode::{BAD_VALUE, Fields, Sink, closest};
use super::suite::{Allowance, CalibrationTerms, DecideOn, GateTerms, RetrievalTerms, Sample};
use super::yaml::Node;
use crate::domain::Span;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The terms of a gate, with the places that are checked once the suite is linked.
#[derive(Clone, Debug, Default)]
pub struct ReadGate {
    /// The terms.
    pub terms: GateTerms,
    /// Where each name of `metrics` stands.
    pub metrics: Vec<(String, Span)>,
    /// Where `case_floor` stands.
    pub case_floor: Option<Span>,
    /// Keys that have no effect without a judge, with their places.
    pub judged: Vec<(&'static str, Span)>,
}

/// Reads `gate`.
pub fn read(sink: &Sink, node: &Node) -> ReadGate {
    let mut read = ReadGate::default();
    let Some(fields) = sink.fields(node, "`gate`") else { return read };
    let share = |key: &'static str| fields.get(key).and_then(|node| sink.number_in(node, key, 0.0..=1.0));
    let terms = &mut read.terms;
    if let Some(node) = fields.get("decide_on") {
        let words = [("mean", DecideOn::Mean), ("lower_bound", DecideOn::LowerBound)];
        terms.decide_on = sink.one_of(node, "`decide_on`", &words).unwrap_or_default();
    }
    if let Some(node) = fields.get("confidence")
        && let Some(confidence) = sink.number(node, "`confidence`")
    {
        if confidence > 0.0 && confidence < 1.0 {
            terms.confidence = confidence;
        } else {
            sink.error(BAD_VALUE, node.span, "`confidence` has to be between 0 and 1", "use 0.95");
        }
    }
    if let Some(required) = share("asserts_required") {
        terms.asserts_required = required;
    }
    if let Some(node) = fields.get("metrics") {
        (terms.metrics, read.metrics) = metrics(sink, node);
    }
    if let Some(node) = fields.get("retrieval") {
        terms.retrieval = retrieval(sink, node);
    }
    if let Some(node) = fields.get("case_floor") {
        terms.case_floor = sink.number(node, "`case_floor`");
        read.case_floor = Some(node.span);
    }
    if let Some(node) = fields.get("max_unscored")
        && let Some(allowance) = allowance(sink, node)
    {
        terms.max_unscored = allowance;
    }
    terms.max_regression = fields
        .get("max_regression")
        .and_then(|node| sink.number_in(node, "`max_regression`", 0.0..=f64::INFINITY));
    if let Some(least) = fields.get("min_cases").and_then(|node| sink.integer(node, "`min_cases`", 1)) {
        terms.min_cases = least;
    }
    terms.require_calibration = fields.get("require_calibration").and_then(|node| calibration(sink, node));
    for key in ["case_floor", "max_regression", "require_calibration", "decide_on"] {
        if fields.get(key).is_some() {
            read.judged.push((key, fields.key_span(key)));
        }
    }
    fields.finish(false);
    read
}

type Metrics = (BTreeMap<String, f64>, Vec<(String, Span)>);

fn metrics(sink: &Sink, node: &Node) -> Metrics {
    let (mut limits, mut places) = Metrics::default();
    let Some(fields) = sink.fields(node, "`metrics`") else { return (limits, places) };
    for (key, node) in fields.entries() {
        let most = key.text == "refusal_rate";
        if let Some(limit) =
            sink.number_in(node, "a metric's limit", 0.0..=1.0).filter(demands(sink, node, most))
        {
            limits.insert(key.text.clone(), limit);
            places.push((key.text.clone(), key.span));
        }
    }
    (limits, places)
}

fn retrieval(sink: &Sink, node: &Node) -> RetrievalTerms {
    let Some(fields) = sink.fields(node, "`retrieval`") else { return RetrievalTerms::default() };
    let share = |key: &'static str| {
        let node = fields.get(key)?;
        sink.number_in(node, key, 0.0..=1.0).filter(demands(sink, node, key == "stale_fraction"))
    };
    let terms = RetrievalTerms {
        recall_at_k: share("recall_at_k"),
        precision_at_k: share("precision_at_k"),
        mrr: share("mrr"),
        ndcg: share("ndcg"),
        map: share("map"),
        stale_fraction: share("stale_fraction"),
    };
    nothing_demanded(&fields, terms == RetrievalTerms::default());
    fields.finish(false);
    terms
}

fn calibration(sink: &Sink, node: &Node) -> Option<CalibrationTerms> {
    let fields = sink.fields(node, "`require_calibration`")?;
    let terms = CalibrationTerms {
        min_kappa: fields.get("min_kappa").and_then(|node| sink.number_in(node, "`min_kappa`", -1.0..=1.0)),
        max_bias: fields
            .get("max_bias")
            .and_then(|node| sink.number_in(node, "`max_bias`", 0.0..=f64::INFINITY)),
        min_labels: fields.get("min_labels").and_then(|node| sink.integer(node, "`min_labels`", 1)),
    };
    nothing_demanded(
        &fields,
        terms == CalibrationTerms { min_kappa: None, max_bias: None, min_labels: None },
    );
    fields.finish(false);
    Some(terms)
}

/// Holds that a limit is one: a share is never below 0 and, where it is a maximum, never above 1.
fn demands<'a>(sink: &'a Sink, node: &'a Node, most: bool) -> impl FnOnce(&f64) -> bool + 'a {
    move |limit| {
        let always = if most { *limit >= 1.0 } else { *limit <= 0.0 };
        if always {
            let message = "this limit always holds, so that it demands nothing";
            sink.error(BAD_VALUE, node.span, message, "name a limit that can be missed, or remove the key");
        }
        !always
    }
}

fn nothing_demanded(fields: &Fields<'_>, empty: bool) {
    if empty && !fields.sink().has_errors() {
        fields.sink().error(
            BAD_VALUE,
            fields.span(),
            "this demands nothing",
            "name a limit, or remove the key",
        );
    }
}

/// A count, or a share such as `2%`.
fn allowance(sink: &Sink, node: &Node) -> Option<Allowance> {
    if let Value::String(text) = node.value() {
        let share = text.strip_suffix('%').and_then(|text| text.trim().parse::<f64>().ok());
        return match share {
            Some(share) if (0.0..=100.0).contains(&share) => Some(Allowance::Share(share / 100.0)),
            _ => {
                sink.error(
                    BAD_VALUE,
                    node.span,
                    "`max_unscored` is neither a count nor a share",
                    "write a count such as 2, or a share such as \"2%\"",
                );
                None
            }
        };
    }
    sink.integer(node, "`max_unscored`", 0).map(Allowance::Count)
}

/// Reads `sample`; `cases` are what it samples.
pub fn sample(sink: &Sink, node: &Node, cases: Option<&CaseSet>) -> Option<Sample> {
    let fields = sink.fields(node, "`sample`")?;
    let size = fields.require("size", "50").and_then(|node| sink.integer(node, "`size`", 1));
    let seed = match fields.get("seed") {
        None => Some(0),
        Some(node) => node.value().as_u64().or_else(|| {
            sink.wrong_type(node, "`seed`", "a whole number of at least 0");
            None
        }),
    };
    let stratify_by = fields.get("stratify_by").and_then(|node| {
        let tag = sink.written(node, "`stratify_by`")?;
        stratifies(sink, node, &tag, cases?);
        Some(tag)
    });
    fields.finish(false);
    Some(Sample { size: size?, seed: seed?, stratify_by })
}

/// A tag that no case has leaves one stratum: the shares that it was to keep are not kept.
fn stratifies(sink: &Sink, node: &Node, tag: &str, cases: &CaseSet) {
    let mut tags: BTreeSet<String> = BTreeSet::new();
    for row in cases.iter() {
        if row.case.tags.contains_key(tag) {
            return;
        }
        tags.extend(row.case.tags.keys().cloned());
    }
    if cases.is_empty() {
        return;
    }
    let help = match closest(tag, tags.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if tags.is_empty() => "no case has tags: add some, or remove the key".to_owned(),
        None => format!("tags of the cases: {}", tags.into_iter().collect::<Vec<_>>().join(", ")),
    };
    sink.error(BAD_VALUE, node.span, format!("no case has the tag `{tag}`"), help);
}
