//! Dimensions of judge manifests and of suites.

use super::decode::{BAD_VALUE, Sink};
use super::prompt::{Dimension, Needs};
use super::yaml::Node;
use crate::domain::{DimensionName, Span};

/// A dimension as a manifest writes it: what is absent comes from the rubric, or is the default.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its name.
    pub name: DimensionName,
    /// What it means.
    pub description: Option<String>,
    /// Its weight; greater than 0.
    pub weight: Option<f64>,
    /// The least mean demanded of it, and where that stands.
    pub required: Option<(f64, Span)>,
    /// What it cannot be judged without.
    pub needs: Option<Vec<Needs>>,
    /// Where its name stands.
    pub span: Span,
}

impl Written {
    /// The dimension, with what is absent taken from `base`. `None` when nobody describes it.
    pub fn complete(&self, base: Option<&Dimension>, sink: &Sink) -> Option<Dimension> {
        Some(Dimension {
            name: self.name.clone(),
            description: self.description.clone().or_else(|| base.map(|base| base.description.clone()))?,
            weight: self.weight.or_else(|| base.map(|base| base.weight)).unwrap_or(1.0),
            required: self
                .required
                .map(|(required, _)| required)
                .or_else(|| base.and_then(|base| base.required)),
            needs: self.needs.clone().or_else(|| base.map(|base| base.needs.clone())).unwrap_or_default(),
            place: Some(sink.place(self.required.map_or(self.span, |(_, span)| span))),
        })
    }
}

/// Reads `dimensions`, at least one.
pub fn read(sink: &Sink, node: &Node) -> Vec<Written> {
    let mut found = Vec::new();
    let Some(fields) = sink.fields(node, "`dimensions`") else { return found };
    for (key, node) in fields.entries() {
        if !is_name(&key.text) {
            sink.error(
                BAD_VALUE,
                key.span,
                format!("`{}` cannot be the name of a dimension", key.text),
                "use letters, digits, `_` and `-`, at most 64; `reason` is taken",
            );
            continue;
        }
        let mut written = Written {
            name: DimensionName::from(key.text.as_str()),
            description: None,
            weight: None,
            required: None,
            needs: None,
            span: key.span,
        };
        if !node.is_null() {
            let Some(fields) = sink.fields(node, "a dimension") else { continue };
            written.description =
                fields.get("description").and_then(|node| sink.written(node, "`description`"));
            written.weight = fields.get("weight").and_then(|node| weight(sink, node));
            written.required = fields
                .get("required")
                .and_then(|node| sink.number(node, "`required`").map(|number| (number, node.span)));
            written.needs = fields.get("needs").map(|node| {
                let words = [("context", Needs::Context), ("expected", Needs::Expected)];
                let list = sink.list(node, "`needs`", true);
                list.into_iter().filter_map(|item| sink.one_of(item, "`needs`", &words)).collect()
            });
            fields.finish(false);
        }
        found.push(written);
    }
    if found.is_empty() && !sink.has_errors() {
        sink.error(
            BAD_VALUE,
            node.span,
            "`dimensions` is empty",
            "name a dimension, such as `relevance: {}`",
        );
    }
    found
}

/// Weights that a sum over any number of cases can hold: beyond them a mean would no longer be a number.
const WEIGHTS: std::ops::RangeInclusive<f64> = 0.000_001..=1_000_000.0;

/// Reads a weight: a number from a millionth to a million.
pub fn weight(sink: &Sink, node: &Node) -> Option<f64> {
    let weight = sink.number(node, "`weight`")?;
    if WEIGHTS.contains(&weight) {
        return Some(weight);
    }
    sink.error(
        BAD_VALUE,
        node.span,
        "`weight` has to be above 0, from 0.000001 to 1000000",
        "use a number in this range, or remove the entry",
    );
    None
}

/// Names become keys of the judge's reply, beside `reason`.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= 64 && name != "reason" && name.bytes().all(fits)
}
