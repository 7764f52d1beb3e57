//! `tool-call`: the calls of an answer.

use crate::domain::ToolCall;
use crate::grade::asserts::Compiled;
use crate::grade::fault::AssertFault;
use crate::grade::json::Json;
use crate::grade::material::{Finding, Material, wrong};
use crate::grade::say;
use crate::manifest::assert::{Assert, ExpectedCall};

/// Whether the calls of the answer are these: as many, with these names in this order, and with arguments that are
/// equal as JSON (`1` is `1.0`; it is not `"1"`, and `true` is not `"True"`) or that fit the schema. Arguments of which
/// nothing is demanded may be any.
pub fn check(
    assert: &Assert,
    expected: &[ExpectedCall],
    compiled: &Compiled,
    material: &Material<'_>,
) -> Result<Finding, AssertFault> {
    let calls = &material.answer.reply.tool_calls;
    let named =
        expected.iter().map(|call| call.name.as_str()).eq(calls.iter().map(|call| call.name.as_str()));
    if !named {
        let wanted: Vec<&str> = expected.iter().map(|call| call.name.as_str()).collect();
        let reason = format!("calls {}, expected {}", listed(calls), say::line(&wanted.join(", "), 80));
        return Ok(Finding::new(false, reason));
    }
    let mut schemas = compiled.schemas.iter();
    for (number, (expected, call)) in expected.iter().zip(calls).enumerate() {
        let schema = match &expected.schema {
            None => None,
            Some(_) => Some(schemas.next().ok_or_else(|| wrong(assert, "its schema was not compiled"))?),
        };
        let place = format!("call {} ({})", number + 1, say::line(&call.name, 40));
        if let Some(arguments) = &expected.arguments {
            let wanted = material.json(assert, arguments)?;
            if let Some(difference) = wanted.difference(&Json::from(&call.arguments), false) {
                let side =
                    |side: Option<String>| say::line(&side.unwrap_or_else(|| "nothing".to_owned()), 45);
                let reason = format!(
                    "{place}, arguments{}: expected {}, found {}",
                    say::line(&difference.pointer, 40),
                    side(difference.expected),
                    side(difference.found)
                );
                return Ok(Finding::new(false, reason));
            }
        }
        if let Some(fault) = schema.and_then(|schema| schema.fault(&call.arguments)) {
            return Ok(Finding::new(false, format!("{place}: arguments do not fit the schema: {fault}")));
        }
    }
    Ok(Finding::new(true, format!("calls {}", listed(calls))))
}

fn listed(calls: &[ToolCall]) -> String {
    if calls.is_empty() {
        return "no tool".to_owned();
    }
    say::line(&calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>().join(", "), 80)
}
