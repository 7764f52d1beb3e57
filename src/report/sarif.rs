//! Findings as SARIF 2.1.0, for code scanning: one rule per code, one result per finding.

use super::document::from_top;
use super::json::{to_line, unwritten};
use super::text::visible;
use crate::domain::{Diagnostic, Result, Severity};
use serde_json::{Value, json};
use std::io::Write;

/// Writes a SARIF log with one run. Paths start at the top of the repository, `within` which the root lies.
///
/// # Errors
/// When the target cannot be written.
pub fn write(found: &[Diagnostic], within: &str, tool_version: &str, out: &mut dyn Write) -> Result<()> {
    let mut codes: Vec<&str> = found.iter().map(|one| one.code.0).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
    let results: Vec<Value> = found.iter().map(|one| result(one, within, &codes)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "llmops", "version": tool_version, "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"ROOT": {"description": {"text": "The root of the repository."}}},
            "results": results,
        }],
    });
    writeln!(out, "{}", to_line(&log)?).map_err(unwritten)
}

fn rule(code: &str) -> Value {
    json!({"id": code, "shortDescription": {"text": code.replace('-', " ")}})
}

fn result(found: &Diagnostic, within: &str, codes: &[&str]) -> Value {
    let level = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let help = found.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {help}"));
    let mut result = json!({
        "ruleId": found.code.0,
        "ruleIndex": codes.binary_search(&found.code.0).unwrap_or_default(),
        "level": level,
        "message": {"text": visible(&format!("{}{help}", found.message))},
    });
    if let Some(place) = &found.place {
        let artifact = json!({"uri": uri(&from_top(within, place.path.as_str())), "uriBaseId": "ROOT"});
        let mut physical = json!({"artifactLocation": artifact});
        if let Some(span) = place.span {
            physical["region"] = json!({
                "startLine": span.line.max(1),
                "startColumn": span.column.max(1),
                "endColumn": u64::from(span.column.max(1)) + u64::from(span.length.max(1)),
            });
        }
        result["locations"] = json!([{"physicalLocation": physical}]);
    }
    result
}

/// A path as a relative URI: everything but unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Code, Place, RelPath, Span};

    #[test]
    fn each_finding_is_a_result_of_a_rule() {
        let path = RelPath::new("prompts/a b#ü.yaml").expect("a path");
        let found = [
            Diagnostic::error(Code("unknown-key"), "unknown key")
                .at(Place::at(&path, Span::new(3, 2, 5)))
                .help("h"),
            Diagnostic::warning(Code("alias"), "an alias \x1b[0m").at(Place::file(&path)),
            Diagnostic::note(Code("unknown-key"), "no place"),
        ];
        let mut out = Vec::new();
        write(&found, "", "0.1.0", &mut out).expect("written");
        let log: Value = serde_json::from_slice(&out).expect("JSON");
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(2));
        let results = run["results"].as_array().expect("results");
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "prompts/a%20b%23%C3%BC.yaml");
        assert_eq!(place["region"], json!({"startLine": 3, "startColumn": 2, "endColumn": 7}));
        assert_eq!(results[0]["message"]["text"], "unknown key\nhelp: h");
        assert_eq!((&results[1]["level"], &results[2]["level"]), (&"warning".into(), &"note".into()));
        assert!(!results[1]["message"]["text"].as_str().is_some_and(|text| text.contains('\x1b')));
        assert_eq!(results[2].get("locations"), None);
    }

    #[test]
    fn a_root_within_a_repository_is_part_of_the_path() {
        let path = RelPath::new("prompts/a.yaml").expect("a path");
        let found = [Diagnostic::error(Code("unknown-key"), "unknown key").at(Place::file(&path))];
        let mut out = Vec::new();
        write(&found, "apps/my shop", "0.1.0", &mut out).expect("written");
        let log = String::from_utf8(out).expect("UTF-8");
        assert!(log.contains("\"uri\":\"apps/my%20shop/prompts/a.yaml\""), "{log}");
    }
}
