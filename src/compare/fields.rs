//! The fields of two manifests, one by one, in a fixed order.

use crate::domain::Usd;
use crate::manifest::prompt::Prompt;
use crate::manifest::retrieval::{ChunkUnit, Retrieval, Search};
use serde_json::{Value, json};

/// Which way a number went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// It grew.
    Up,
    /// It shrank.
    Down,
}

/// One field that differs. What a side does not have is `None`.
#[derive(Clone, PartialEq, Debug)]
pub struct Field {
    /// Its key, for example `temperature` or `budget.max_input_tokens`.
    pub name: String,
    /// Before.
    pub before: Option<Value>,
    /// After.
    pub after: Option<Value>,
}

impl Field {
    /// Which way it went, where both are numbers.
    pub fn way(&self) -> Option<Way> {
        let number = |value: &Option<Value>| match value {
            Some(Value::String(text)) => text.parse::<f64>().ok(),
            Some(value) => value.as_f64(),
            None => None,
        };
        match number(&self.before)?.partial_cmp(&number(&self.after)?)? {
            std::cmp::Ordering::Less => Some(Way::Up),
            std::cmp::Ordering::Greater => Some(Way::Down),
            std::cmp::Ordering::Equal => None,
        }
    }
}

/// How far a version moved, by the rules of semantic versioning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// The first number.
    Major,
    /// The second.
    Minor,
    /// The third.
    Patch,
    /// A suffix alone, such as `-rc.1`.
    Suffix,
    /// To a smaller one.
    Backwards,
    /// One of them is no semantic version.
    Other,
}

impl Level {
    /// The word for it in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
            Self::Suffix => "suffix",
            Self::Backwards => "backwards",
            Self::Other => "other",
        }
    }

    /// How far it is from `before` to `after`.
    pub fn between(before: &str, after: &str) -> Self {
        let (Some(old), Some(new)) = (numbers(before), numbers(after)) else { return Self::Other };
        match old.cmp(&new) {
            std::cmp::Ordering::Greater => Self::Backwards,
            std::cmp::Ordering::Equal => Self::Suffix,
            std::cmp::Ordering::Less if old[0] != new[0] => Self::Major,
            std::cmp::Ordering::Less if old[1] != new[1] => Self::Minor,
            std::cmp::Ordering::Less => Self::Patch,
        }
    }
}

/// The three numbers of a version; what is left out is 0.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let core = version.strip_prefix('v').unwrap_or(version).split(['-', '+']).next()?;
    let mut found = [0; 3];
    let mut parts = core.split('.');
    for slot in &mut found {
        *slot = parts.next().map_or(Some(0), |part| part.parse().ok())?;
    }
    parts.next().is_none().then_some(found)
}

/// The fields in which two lists of named values differ, in the order of the first, then of the second.
pub fn differing(
    before: Vec<(String, Option<Value>)>,
    mut after: Vec<(String, Option<Value>)>,
) -> Vec<Field> {
    let mut found = Vec::new();
    for (name, before) in before {
        let same = after.iter().position(|(other, _)| *other == name);
        let after = same.and_then(|index| after.remove(index).1);
        if before != after {
            found.push(Field { name, before, after });
        }
    }
    let new = after.into_iter().filter(|(_, value)| value.is_some());
    found.extend(new.map(|(name, after)| Field { name, before: None, after }));
    found
}

/// Sampling parameters.
pub fn parameters(prompt: &Prompt) -> Vec<(String, Option<Value>)> {
    let value = serde_json::to_value(&prompt.parameters).unwrap_or_default();
    prompt.parameters.names().into_iter().map(|name| (name.to_owned(), value.get(name).cloned())).collect()
}

/// What is demanded of the prompt: its threshold and its budget.
pub fn demands(prompt: &Prompt) -> Vec<(String, Option<Value>)> {
    let usd = |usd: Option<Usd>| usd.map(|usd| json!(usd.to_string()));
    vec![
        ("eval_score_required".to_owned(), prompt.required.map(|value| json!(value))),
        ("budget.max_cost_usd_per_case".to_owned(), usd(prompt.budget.max_cost_usd_per_case)),
        ("budget.p95_latency_ms".to_owned(), prompt.budget.p95_latency_ms.map(|value| json!(value))),
        ("budget.max_input_tokens".to_owned(), prompt.budget.max_input_tokens.map(|value| json!(value))),
    ]
}

/// What the answer has to be, and the examples.
pub fn output(prompt: &Prompt) -> Vec<(String, Option<Value>)> {
    let shots: Vec<Value> = prompt.few_shot.iter().map(|shot| json!([shot.input, shot.output])).collect();
    let dimensions: Vec<Value> = prompt
        .dimensions
        .iter()
        .map(|dimension| json!([dimension.name, dimension.description, dimension.weight, dimension.required]))
        .collect();
    let listed = |items: Vec<Value>| (!items.is_empty()).then_some(Value::Array(items));
    vec![
        ("output.format".to_owned(), Some(json!(if prompt.output.json { "json" } else { "text" }))),
        ("output.schema".to_owned(), prompt.output.schema.clone()),
        ("few_shot".to_owned(), listed(shots)),
        ("dimensions".to_owned(), listed(dimensions)),
    ]
}

/// The retrieval manifest, and how the prompt asks it.
pub fn retrieval(prompt: &Prompt, retrieval: Option<&Retrieval>) -> Vec<(String, Option<Value>)> {
    let query = prompt.retrieval.as_ref().and_then(|used| used.query.as_ref());
    let mut rows = vec![("query".to_owned(), query.map(|query| json!(query.text)))];
    let Some(retrieval) = retrieval else { return rows };
    let unit = match retrieval.chunk_unit {
        ChunkUnit::Tokens => "tokens",
        ChunkUnit::Characters => "characters",
    };
    let search = match retrieval.search {
        Search::Vector => "vector",
        Search::Bm25 => "bm25",
        Search::Hybrid => "hybrid",
    };
    let more = [
        ("manifest", Some(json!(retrieval.name))),
        ("version", Some(json!(retrieval.version))),
        ("embedding_model", retrieval.embedding_model.as_ref().map(|model| json!(model))),
        ("provider", retrieval.provider.as_ref().map(|provider| json!(provider))),
        ("corpus", (!retrieval.corpus.is_empty()).then(|| json!(retrieval.corpus))),
        ("chunk_size", Some(json!(retrieval.chunk_size))),
        ("chunk_overlap", Some(json!(retrieval.chunk_overlap))),
        ("chunk_unit", Some(json!(unit))),
        ("search", Some(json!(search))),
        ("top_k", Some(json!(retrieval.top_k))),
        ("min_score", Some(json!(retrieval.min_score))),
        ("max_age_days", retrieval.max_age_days.map(|days| json!(days))),
        ("endpoint", retrieval.endpoint.as_ref().map(|name| json!(name))),
    ];
    rows.extend(more.map(|(name, value)| (name.to_owned(), value)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_level() {
        for (before, after, level) in [
            ("1.2.3", "2.0.0", Level::Major),
            ("3.0.2", "3.1.0", Level::Minor),
            ("2.9", "2.10", Level::Minor),
            ("1.2.3", "1.2.4", Level::Patch),
            ("1.2.3-rc.1", "1.2.3", Level::Suffix),
            ("1.2.3", "1.2.2", Level::Backwards),
            ("spring", "summer", Level::Other),
        ] {
            assert_eq!(Level::between(before, after), level, "{before} {after}");
        }
    }

    #[test]
    fn a_field_that_came_went_or_moved_is_told_and_the_others_are_not() {
        let row = |name: &str, value: Value| (name.to_owned(), Some(value));
        let before = vec![row("a", json!(1)), row("b", json!(0.5)), row("c", json!("x"))];
        let after = vec![row("b", json!(0.2)), row("c", json!("x")), row("d", json!(true))];
        let found = differing(before, after);
        let names: Vec<_> = found.iter().map(|field| (field.name.as_str(), field.way())).collect();
        assert_eq!(names, [("a", None), ("b", Some(Way::Down)), ("d", None)]);
        assert_eq!((&found[0].after, &found[2].before), (&None, &None));
    }
}
