//! The machine form as lines: the first is the report without its cases (`"type":"head"`), every other one is a
//! trial (`"type":"case"`) with the place of its gate in the head. `$defs/line` of the schema describes both.

use super::document::Cases;
use super::json::{to_line, unwritten};
use super::v1::{Case, Report};
use crate::domain::Result;
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct HeadLine<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Serialize)]
struct CaseLine<'a> {
    r#type: &'static str,
    gate: usize,
    prompt: &'a str,
    suite: &'a str,
    #[serde(flatten)]
    case: &'a Case,
}

/// Writes the head line and one line per trial.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(report: &Report, cases: &Cases<'_>, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{}", to_line(&HeadLine { r#type: "head", report })?).map_err(unwritten)?;
    for (index, gate) in report.gates.iter().enumerate() {
        for case in cases.of(index) {
            let case = case?;
            let line = CaseLine {
                r#type: "case",
                gate: index,
                prompt: &gate.prompt.name,
                suite: &gate.suite.name,
                case: &case,
            };
            writeln!(out, "{}", to_line(&line)?).map_err(unwritten)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{sample, v1};
    use serde_json::Value;

    #[test]
    fn every_line_fits_the_schema() {
        let mut schema: Value = serde_json::from_str(v1::JSON_SCHEMA).expect("JSON");
        let root = schema.as_object_mut().expect("an object");
        root.retain(|key, _| key == "$defs");
        root.insert("$ref".into(), "#/$defs/line".into());
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");

        let (report, cases) = (sample::report(), sample::cases());
        let stream = |gate: usize| sample::stream(&cases, gate);
        let mut out = Vec::new();
        write(&report, &Cases(&stream), &mut out).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 1 + cases.iter().map(Vec::len).sum::<usize>());
        for line in &lines {
            let faults: Vec<String> = validator.iter_errors(line).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{line}: {faults:?}");
        }
        assert_eq!((&lines[0]["type"], &lines[1]["type"]), (&"head".into(), &"case".into()));
        let mut bad = lines[1].clone();
        bad["extra"] = 1.into();
        assert!(!validator.is_valid(&bad));
    }
}
