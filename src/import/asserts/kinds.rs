//! What each type of promptfoo's asserts is here.

use super::{Judged, Made, metric};
use crate::import::losses::Losses;
use crate::import::tree::Tree;
use crate::import::{javascript, slug, template};
use crate::manifest::assert_names::{self, instead};
use crate::manifest::json_schemas::usable;
use serde_json::{Map, Value, json};

/// Names that are the same here.
const TEXTS: &[&str] = &["contains", "icontains", "starts-with", "regex", "equals", "finish-reason"];
const LISTS: &[&str] = &["contains-any", "contains-all", "icontains-any", "icontains-all"];

/// Graded asserts, and what is asked of the judge where they say nothing themselves.
const GRADED: &[(&str, &str, &str)] = &[
    ("llm-rubric", "rubric", ""),
    ("g-eval", "rubric", ""),
    ("model-graded-closedqa", "rubric", ""),
    ("model-graded-factuality", "factuality", "Does the answer agree with the facts of the expected answer?"),
    ("factuality", "factuality", "Does the answer agree with the facts of the expected answer?"),
    ("answer-relevance", "relevance", "Does the answer address the question, and nothing else?"),
    ("context-faithfulness", "faithfulness", "Is everything that the answer says supported by the context?"),
    ("context-relevance", "context_relevance", "Does the context hold what the question needs?"),
    ("context-recall", "context_coverage", "Does the context hold what the expected answer says?"),
];

/// Types that only promptfoo has, beside those that [`instead`] gives advice for.
const OTHERS: &[&str] = &["assert-set", "perplexity-score", "trace-span-count", "trace-span-duration"];

/// Types that only we have.
const OURS: &[&str] = &[
    "length",
    "exec",
    "json-path",
    "json-equals",
    "json-subset",
    "tool-call",
    "rouge-l",
    "context-contains",
];

/// Whether promptfoo has an assert of this type: in a sheet, anything else before a colon is text to compare with.
pub fn is_known(kind: &str) -> bool {
    let name = kind.strip_prefix("not-").unwrap_or(kind);
    (assert_names::TYPES.contains(&name) && !OURS.contains(&name))
        || instead(name).is_some()
        || OTHERS.contains(&name)
        || GRADED.iter().any(|(graded, ..)| *graded == name)
}

/// Whether a threshold means something to an assert of this type in its tool.
pub fn has_threshold(name: &str) -> bool {
    matches!(name, "latency" | "cost" | "similar" | "rouge-n" | "bleu" | "levenshtein" | "f1" | "javascript")
}

/// An assert as it was written.
pub struct Written<'a> {
    name: &'a str,
    negated: bool,
    value: &'a Value,
    node: Tree<'a>,
    threshold: Option<f64>,
}

impl<'a> Written<'a> {
    /// The assert `name`, with what it expects.
    pub fn new(name: &'a str, negated: bool, value: &'a Value, node: Tree<'a>) -> Self {
        Self { name, negated, value, node, threshold: node.get("threshold").and_then(Tree::number) }
    }

    /// A type here, negated as this one is.
    fn kind(&self, name: &str) -> String {
        if self.negated { format!("not-{name}") } else { name.to_owned() }
    }

    fn lost(&self, losses: &Losses, why: &str) -> Made {
        losses.dropped(self.node.line(), self.kind(self.name), why);
        Made::Lost
    }

    fn approximated(&self, losses: &Losses, how: &str) {
        losses.approximated(self.node.line(), self.kind(self.name), how);
    }

    /// The value as one text.
    fn text(&self) -> Option<String> {
        match self.value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Some(template::printed(self.value)),
            _ => None,
        }
    }
}

/// The asserts here, or what a judge is asked.
pub fn made(written: &Written<'_>, losses: &Losses) -> Made {
    let name = written.name;
    if let Some((_, dimension, asked)) = GRADED.iter().find(|(have, ..)| *have == name) {
        return judged(written, dimension, asked, losses);
    }
    match name {
        _ if TEXTS.contains(&name) => text(written, losses),
        _ if LISTS.contains(&name) => list(written, losses),
        "is-json" | "contains-json" => json(written, losses),
        "is-refusal" => one(json!({"type": written.kind(name)})),
        "javascript" if !written.negated => code(written, losses),
        "latency" | "cost" => measured(written, losses),
        "similar" | "rouge-n" | "bleu" | "f1" => graded(written, losses),
        "levenshtein" => distance(written, losses),
        "word-count" => words(written, losses),
        _ => {
            let help = instead(name).unwrap_or("a program can check it: `exec`");
            written.lost(losses, &format!("there is no such assert here; {help}"))
        }
    }
}

fn one(assert: Value) -> Made {
    Made::Asserts(vec![assert])
}

fn judged(written: &Written<'_>, dimension: &str, asked: &str, losses: &Losses) -> Made {
    if written.negated {
        return written.lost(losses, "a judge scores how good an answer is; say what a good answer is");
    }
    let own = match written.value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
        _ => written.text().unwrap_or_default(),
    };
    let parts = [asked, own.trim()].into_iter().filter(|text| !text.is_empty());
    let rubric = parts.collect::<Vec<_>>().join(" ");
    if rubric.is_empty() {
        return written.lost(losses, "it asks nothing");
    }
    let node = written.node;
    let called = metric(node).map(slug).filter(|metric| metric != "reason");
    if let Some(given) = node.get("metric").filter(|given| given.text() != called.as_deref()) {
        let name = called.as_deref().unwrap_or(dimension);
        losses.approximated(
            given.line(),
            format!("{}.metric", written.name),
            format!("the dimension is called `{name}`"),
        );
    }
    Made::Judged(Judged {
        name: called.unwrap_or_else(|| dimension.to_owned()),
        rubric,
        threshold: written.threshold,
        weight: node.get("weight").and_then(Tree::number).filter(|weight| *weight != 1.0),
        line: node.line(),
    })
}

fn text(written: &Written<'_>, losses: &Losses) -> Made {
    let (name, value) = (written.name, written.value);
    match written.text() {
        Some(text) if !text.is_empty() => {
            if name == "regex" && regex::Regex::new(&text).is_err() && !text.contains("{{") {
                let why = "the pattern does not compile here: no look-around, no back-references";
                return written.lost(losses, why);
            }
            one(json!({"type": written.kind(name), "value": text}))
        }
        None if name == "equals" && (value.is_object() || value.is_array()) => {
            one(json!({"type": written.kind("json-equals"), "value": value}))
        }
        None if value.is_array() => written.lost(
            losses,
            "it compares with one text; for several there are `contains-any` and `contains-all`",
        ),
        None if value.is_object() => {
            written.lost(losses, "it compares with a text, and its value is a mapping")
        }
        _ => written.lost(losses, "it compares with nothing"),
    }
}

fn list(written: &Written<'_>, losses: &Losses) -> Made {
    let texts: Vec<String> = match written.value {
        Value::Array(items) => items.iter().map(template::printed).collect(),
        _ => cells(&written.text().unwrap_or_default()),
    };
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return written.lost(losses, "its list is empty");
    }
    one(json!({"type": written.kind(written.name), "value": texts}))
}

/// A list that is written as the row of a sheet: what stands in quotes may hold commas.
fn cells(row: &str) -> Vec<String> {
    // Spaces before a quote are none of a cell's text.
    let mut tight = row.trim().to_owned();
    while tight.contains(", \"") {
        tight = tight.replace(", \"", ",\"");
    }
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(tight.as_bytes());
    let rows = reader.records().filter_map(Result::ok);
    rows.flat_map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()).collect()
}

fn json(written: &Written<'_>, losses: &Losses) -> Made {
    let kind = written.kind(written.name);
    match written.value {
        Value::Null => one(json!({"type": kind})),
        Value::Object(_) if usable(written.value) => one(json!({"type": kind, "schema": written.value})),
        // It is written out in text.
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(schema) if schema.is_object() && usable(&schema) => {
                one(json!({"type": kind, "schema": schema}))
            }
            _ => no_schema(written, losses),
        },
        _ => no_schema(written, losses),
    }
}

fn no_schema(written: &Written<'_>, losses: &Losses) -> Made {
    written.approximated(losses, "its schema cannot be used here; only that it is JSON is checked");
    one(json!({"type": written.kind(written.name)}))
}

fn code(written: &Written<'_>, losses: &Losses) -> Made {
    let made = written
        .threshold
        .is_none()
        .then(|| javascript::asserts(&written.text().unwrap_or_default()))
        .flatten();
    let Some(made) = made else {
        let why = "code; write it with `json-path`, `regex` or `length`, or run it as a program with `exec`";
        return written.lost(losses, why);
    };
    if made.iter().any(|assert| assert["type"] == "word-count") {
        written.approximated(losses, "words are counted as Unicode divides them");
    }
    Made::Asserts(made)
}

fn measured(written: &Written<'_>, losses: &Losses) -> Made {
    if written.threshold.is_none_or(|threshold| threshold <= 0.0) {
        return written.lost(losses, "it has no threshold, so that it checks nothing");
    }
    let threshold = written.node.get("threshold").map(Tree::value);
    one(json!({"type": written.kind(written.name), "threshold": threshold}))
}

fn graded(written: &Written<'_>, losses: &Losses) -> Made {
    if written.value.is_array() {
        let why = "several texts, of which any may be the one there; here an answer is compared with one: write one assert for each";
        return written.lost(losses, why);
    }
    let Some(text) = written.text().filter(|text| !text.is_empty()) else {
        return written.lost(losses, "it compares with nothing");
    };
    let (here, assumed) = match written.name {
        "rouge-n" => ("rouge-l", 0.75),
        "bleu" | "f1" => (written.name, 0.5),
        _ => ("similar", 0.75),
    };
    let least = written.threshold.filter(|least| *least > 0.0 && *least <= 1.0);
    written.approximated(losses, "computed in another way here: look at the threshold again");
    one(json!({"type": written.kind(here), "value": text, "threshold": least.unwrap_or(assumed)}))
}

/// The most edits there are the least likeness here: 1 − edits / longer length, of which only that of the expected
/// text is known.
fn distance(written: &Written<'_>, losses: &Losses) -> Made {
    let Some(text) = written.text().filter(|text| !text.is_empty()) else {
        return written.lost(losses, "it compares with nothing");
    };
    if text.contains("{{") {
        return written
            .lost(losses, "how many edits are how much likeness depends on a text that is not known here");
    }
    let edits = written.threshold.unwrap_or(5.0);
    let length = f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
    let least = 1.0 - edits / length;
    if least <= 0.0 {
        return written.lost(losses, "so many edits make any text of this length the expected one");
    }
    let how = "its number of edits became a share of the expected text's length, `1 - edits / length`: look at the threshold again";
    written.approximated(losses, how);
    let least = (least * 1_000.0).floor() / 1_000.0;
    one(json!({"type": written.kind("levenshtein"), "value": text, "threshold": least.max(0.001)}))
}

fn words(written: &Written<'_>, losses: &Losses) -> Made {
    let kind = written.kind(written.name);
    match written.value {
        Value::Number(number) if number.as_u64().is_some_and(|count| count > 0 && count < 1 << 31) => {
            one(json!({"type": kind, "value": written.value}))
        }
        Value::Object(map) => {
            let bound = |key: &str| map.get(key).and_then(Value::as_u64).filter(|count| *count < 1 << 31);
            let (min, max) = (bound("min").filter(|min| *min > 0), bound("max"));
            let mut bounds = Map::new();
            min.into_iter().for_each(|min| _ = bounds.insert("min".into(), json!(min)));
            max.into_iter().for_each(|max| _ = bounds.insert("max".into(), json!(max)));
            if bounds.is_empty() || max.is_some_and(|max| min.is_some_and(|min| min > max)) {
                return written.lost(losses, "its bounds hold every count, or none");
            }
            one(json!({"type": kind, "value": bounds}))
        }
        _ => written.lost(losses, "it has no count"),
    }
}
