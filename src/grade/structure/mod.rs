//! Asserts on the structure of an answer.

mod path;
mod schema;
mod tools;

pub use path::CompiledPath;
pub use schema::Schema;

use super::asserts::Compiled;
use super::fault::AssertFault;
use super::json::{self, Json};
use super::material::{Document, Finding, Material, wrong};
use super::say;
use crate::manifest::assert::{Assert, StructureAssert};

/// Decides one assert on structure.
///
/// JSON is read strictly (RFC 8259, no key twice), from the whole answer; only `contains-json` looks for it inside.
pub fn check(
    assert: &Assert,
    test: &StructureAssert,
    compiled: &Compiled,
    material: &Material<'_>,
) -> Result<Finding, AssertFault> {
    match test {
        StructureAssert::IsJson { .. } => Ok(match material.document() {
            Err(why) => Finding::new(false, not_json(why, material)),
            Ok(document) => match compiled.schemas.first() {
                None => Finding::new(true, format!("is JSON: {}", document.exact.noun())),
                Some(schema) => fits(schema, document),
            },
        }),
        StructureAssert::ContainsJson { .. } => Ok(contains(compiled.schemas.first(), material.text())),
        StructureAssert::JsonPath { test, .. } => {
            let path = compiled.path.as_ref().ok_or_else(|| wrong(assert, "its path was not compiled"))?;
            path::check(assert, path, test, compiled, material)
        }
        StructureAssert::JsonEquals(value) => compare(&material.json(assert, value)?, material, false),
        StructureAssert::JsonSubset(value) => compare(&material.json(assert, value)?, material, true),
        StructureAssert::ToolCall(expected) => tools::check(assert, expected, compiled, material),
    }
}

fn not_json(why: &str, material: &Material<'_>) -> String {
    format!("not JSON ({}); {}", say::line(why, 80), say::answer(material.text()))
}

fn fits(schema: &Schema, document: &Document) -> Finding {
    let Some(value) = &document.value else {
        return Finding::new(
            false,
            "is JSON with a number beyond the range of floats, which no schema can check",
        );
    };
    match schema.fault(value) {
        None => Finding::new(true, "is JSON and fits the schema"),
        Some(why) => Finding::new(false, format!("does not fit the schema: {why}")),
    }
}

/// Looks for objects and lists in `text`, outermost ones only.
fn contains(schema: Option<&Schema>, text: &str) -> Finding {
    let (mut at, mut misfit) = (0, None);
    while let Some(next) = text.get(at..).and_then(|rest| rest.find(['{', '['])) {
        let start = at + next;
        let Ok((value, length)) = json::parse_prefix(&text[start..]) else {
            at = start + 1;
            continue;
        };
        at = start + length;
        let found = &text[start..at];
        let Some(schema) = schema else {
            return Finding::new(true, format!("contains {}: {}", value.noun(), say::quote(found)));
        };
        match serde_json::from_str(found).ok().map(|value| schema.fault(&value)) {
            Some(None) => {
                return Finding::new(
                    true,
                    format!("contains {} that fits: {}", value.noun(), say::quote(found)),
                );
            }
            Some(Some(why)) => misfit = misfit.or(Some(why)),
            None => {}
        }
    }
    match misfit {
        Some(why) => Finding::new(false, format!("contains JSON, none of which fits the schema: {why}")),
        None => Finding::new(false, format!("contains no JSON object or list; {}", say::answer(text))),
    }
}

fn compare(expected: &Json, material: &Material<'_>, partial: bool) -> Result<Finding, AssertFault> {
    let found = match material.document() {
        Ok(document) => &document.exact,
        Err(why) => return Ok(Finding::new(false, not_json(why, material))),
    };
    let holds = if partial { expected.is_part_of(found) } else { expected.equals(found) };
    if holds {
        let what = if partial { "has every expected part" } else { "equals the expected JSON" };
        return Ok(Finding::new(true, what));
    }
    Ok(Finding::new(
        false,
        expected.difference(found, partial).map_or_else(
            || "differs".to_owned(),
            |difference| {
                let side = |side: Option<&str>, none| side.map_or_else(|| none, |text| say::line(text, 60));
                let place = if difference.pointer.is_empty() { "the top" } else { &difference.pointer };
                format!(
                    "at {}: expected {}, found {}",
                    say::line(place, 60),
                    side(difference.expected.as_deref(), "no such key".to_owned()),
                    side(difference.found.as_deref(), "no such key".to_owned()),
                )
            },
        ),
    ))
}

#[cfg(test)]
mod tests;
