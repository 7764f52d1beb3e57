//! Templates tried on every case before they are written.

use super::losses::Losses;
use super::output::Row;
use super::template;
use crate::render::{environment, limits};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Instructions that trying a template may take.
const FUEL: u64 = 500_000;

/// A template that every case can render; else its text as it stands.
pub fn renderable(text: &str, rows: &[Row], line: u32, losses: &Losses) -> String {
    if !template::is_dynamic(text) {
        return text.to_owned();
    }
    let mut environment = environment();
    environment.set_fuel(Some(FUEL));
    let used = template::variables(text);
    let fault = |text: &str| {
        if let Some(excess) = limits::excess(text) {
            return Some(format!("{} (line {})", excess.message, excess.line));
        }
        rows.iter().chain([&Row::default()]).find_map(|row| {
            let mut vars: BTreeMap<String, Value> =
                used.iter().map(|name| (name.clone(), json!(""))).collect();
            vars.extend(row.vars.iter().map(|(name, value)| (name.clone(), value.clone())));
            match environment
                .template_from_str(text)
                .and_then(|template| template.render(minijinja::value::Serde(&vars)))
            {
                Ok(rendered) if rendered.len() < 1 << 20 => None,
                Ok(_) => Some("it renders to more than a mebibyte".to_owned()),
                Err(error) => Some(error.to_string()),
            }
        })
    };
    let Some(first) = fault(text) else { return text.to_owned() };
    // A part of a value that some case lacks renders to nothing in the source.
    let lenient = template::lenient(text);
    match fault(&lenient) {
        None => {
            losses.ignored(
                line,
                "template",
                format!("{first}: the source renders nothing there, silently; here a default says so"),
            );
            lenient
        }
        Some(fault) => {
            losses.approximated(
                line,
                "template",
                format!(
                    "it cannot be rendered ({}); the text was kept as it stands",
                    fault.lines().next().unwrap_or("")
                ),
            );
            template::escaped(text)
        }
    }
}
