//! `json-path`: a field of a JSON answer, and a test on it.

use super::not_json;
use crate::grade::asserts::Compiled;
use crate::grade::fault::AssertFault;
use crate::grade::json::Json;
use crate::grade::material::{Finding, Material, wrong};
use crate::grade::{say, text};
use crate::manifest::assert::{Assert, PathTest};
use serde_json_path::{JsonPath, LocatedNode, PathElement};

/// A path, compiled once.
#[derive(Debug)]
pub struct CompiledPath {
    path: JsonPath,
    /// Whether it can select one value at most.
    singular: bool,
}

impl CompiledPath {
    /// Compiles an RFC 9535 path.
    ///
    /// # Errors
    /// A lower-case fragment that says where it breaks.
    pub fn compile(text: &str) -> Result<Self, String> {
        let path = JsonPath::parse(text)
            .map_err(|error| format!("{} is no RFC 9535 path: {error}", say::quote(text)))?;
        Ok(Self { path, singular: is_singular(text) })
    }
}

/// Whether a valid path is a singular query (RFC 9535, 2.3.5.1): names and indexes only.
fn is_singular(path: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    let mut last = ' ';
    for c in path.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if matches!(c, '*' | '?' | ':' | ',') || (c == '.' && last == '.') => return false,
            None => {}
        }
        last = c;
    }
    true
}

/// Decides one test on what the path selects.
///
/// Every test but `exists` and a `length` that counts demands exactly one selected value: a path that selects nothing
/// or several decides no comparison in the answer's favour. `length` counts the characters, items or keys of that
/// value; where the path could select several (it has `*`, `..`, a slice, a list or a filter) it counts the selected
/// values, none and one included.
pub fn check(
    assert: &Assert,
    path: &CompiledPath,
    test: &PathTest,
    compiled: &Compiled,
    material: &Material<'_>,
) -> Result<Finding, AssertFault> {
    let document = match material.document() {
        Ok(document) => document,
        Err(why) => return Ok(Finding::new(false, not_json(why, material))),
    };
    let Some(value) = &document.value else {
        return Ok(Finding::new(false, "has a number beyond the range of floats, which no path can read"));
    };
    let nodes = path.path.query_located(value).all();
    match test {
        PathTest::Exists(expected) => {
            let found = !nodes.is_empty();
            let reason = format!("{} selects {}", path.path, counted(nodes.len()));
            return Ok(Finding::new(found == *expected, reason));
        }
        PathTest::Length(bounds) if !path.singular => {
            return Ok(text::within(nodes.len(), *bounds, "selected values"));
        }
        _ => {}
    }
    let [node] = nodes.as_slice() else {
        let reason = format!("{} selects {}, not one", path.path, counted(nodes.len()));
        return Ok(Finding::new(false, reason));
    };
    let Some(found) = locate(&document.exact, node) else {
        return Ok(Finding::new(false, format!("{} selects nothing", path.path)));
    };
    let shown = say::line(&format!("{} is {found}", path.path), 110);
    Ok(match test {
        PathTest::Equals(expected) => {
            let expected = material.json_or_text(assert, expected)?;
            let holds = expected.equals(found);
            Finding::new(holds, format!("{shown}, expected {}", say::line(&expected.to_string(), 70)))
        }
        PathTest::Contains(expected) => {
            let expected = material.json_or_text(assert, expected)?;
            let holds = match (found, &expected) {
                (Json::Text(text), Json::Text(part)) => text.contains(part.as_str()),
                (Json::List(items), item) => items.iter().any(|have| have.equals(item)),
                _ => false,
            };
            let verb = if holds { "contains" } else { "does not contain" };
            Finding::new(holds, format!("{shown}, {verb} {}", say::line(&expected.to_string(), 60)))
        }
        PathTest::Matches(pattern) => {
            let rendered;
            let pattern = match &compiled.pattern {
                Some(pattern) => pattern,
                None => {
                    rendered = text::pattern(assert, &material.render(assert, pattern)?)?;
                    &rendered
                }
            };
            match found {
                Json::Text(text) => text::search(pattern, text),
                other => Finding::new(false, format!("{shown}, {} and not text", other.noun())),
            }
        }
        PathTest::Gt(bound) => order(found, &shown, "greater than", *bound, |found| found > *bound),
        PathTest::Gte(bound) => order(found, &shown, "at least", *bound, |found| found >= *bound),
        PathTest::Lt(bound) => order(found, &shown, "less than", *bound, |found| found < *bound),
        PathTest::Lte(bound) => order(found, &shown, "at most", *bound, |found| found <= *bound),
        PathTest::Length(bounds) => match found {
            Json::Text(text) => text::within(text.chars().count(), *bounds, "characters"),
            Json::List(items) => text::within(items.len(), *bounds, "items"),
            Json::Object(members) => text::within(members.len(), *bounds, "keys"),
            other => Finding::new(false, format!("{shown}, {}, which has no length", other.noun())),
        },
        PathTest::Exists(_) => return Err(wrong(assert, "its test was not decided")),
    })
}

fn order(found: &Json, shown: &str, words: &str, bound: f64, holds: impl Fn(f64) -> bool) -> Finding {
    match found {
        Json::Number(number) => {
            Finding::new(holds(number.to_f64()), format!("{shown}, expected {words} {bound}"))
        }
        other => Finding::new(false, format!("{shown}, {} and not a number", other.noun())),
    }
}

fn counted(count: usize) -> String {
    match count {
        0 => "nothing".to_owned(),
        1 => "one value".to_owned(),
        count => format!("{count} values"),
    }
}

/// The same value with exact numbers.
fn locate<'a>(root: &'a Json, node: &LocatedNode<'_>) -> Option<&'a Json> {
    node.location().iter().try_fold(root, |at, element| match (element, at) {
        (PathElement::Name(name), _) => at.get(name),
        (PathElement::Index(index), Json::List(items)) => items.get(*index),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_singular_path_has_names_and_indexes_only() {
        for path in ["$", "$.a.b", "$['a*,:?..b']", "$[0][-1]", r"$['it\'s*']"] {
            assert!(JsonPath::parse(path).is_ok() && is_singular(path), "{path}");
        }
        for path in ["$.*", "$[*]", "$..a", "$[0:2]", "$[0,1]", "$[?@.a > 1]"] {
            assert!(JsonPath::parse(path).is_ok() && !is_singular(path), "{path}");
        }
    }
}
