//! SARIF of `check` against the schema, and what that schema refuses.

use crate::fixtures::builtin;
use crate::project::Project;
use serde_json::{Value, json};

fn faults(log: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(include_str!("../schemas/sarif.json")).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    validator.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn written(project: &Project, code: i32) -> Value {
    project.run(&["check", "--report", "sarif=out/check.sarif"]).exits(code);
    let log: Value = serde_json::from_str(&project.read("out/check.sarif")).expect("JSON");
    assert_eq!(faults(&log), Vec::<String>::new(), "{log:#}");
    log
}

/// Errors, warnings, a path that is no plain URI, and text that acts on a terminal.
fn troubled() -> Project {
    let project = builtin(4.0);
    project
        .write("prompts/ü b#1.yaml", "version: \"1\"\nmodel_target: \"gpt-4o\"\nsytem: |\n  Hi \u{202e}\n");
    project.replace("evals/support.yaml", "judge:", "judge:\n  \"\\e[31m\": 1");
    project
}

#[test]
fn findings_of_a_clean_and_of_a_troubled_project_fit_the_schema() {
    let clean = written(&builtin(4.0), 0);
    let results = clean["runs"][0]["results"].as_array().expect("results");
    assert!(results.iter().all(|result| result["level"] != "error"), "{results:?}");

    let log = written(&troubled(), 2);
    let run = &log["runs"][0];
    let results = run["results"].as_array().expect("results");
    assert!(results.iter().any(|result| result["level"] == "error"), "{results:#?}");
    assert!(!log.to_string().contains("\\u001b") && !log.to_string().contains('\u{202e}'));
    for result in results {
        let rule = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
    }
    let uris: Vec<&Value> = results
        .iter()
        .map(|result| &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        .collect();
    assert!(uris.contains(&&json!("prompts/%C3%BC%20b%231.yaml")), "{uris:?}");
}

/// A schema that accepts everything would have passed the test above.
#[test]
fn the_schema_refuses_what_code_scanning_would_not_take() {
    let good = written(&troubled(), 2);
    let place = "/runs/0/results/0/locations/0/physicalLocation";
    for (at, value) in [
        ("/version".to_owned(), json!("2.0.0")),
        ("/runs".to_owned(), json!([])),
        ("/runs/0/tool/driver/name".to_owned(), Value::Null),
        ("/runs/0/tool/driver/rules/0/id".to_owned(), json!("Unknown Key")),
        ("/runs/0/results/0/level".to_owned(), json!("fatal")),
        ("/runs/0/results/0/ruleIndex".to_owned(), json!(-1)),
        ("/runs/0/results/0/message".to_owned(), json!("text")),
        ("/runs/0/results/0/message/text".to_owned(), json!("")),
        (format!("{place}/artifactLocation/uri"), json!("/etc/passwd")),
        (format!("{place}/artifactLocation/uri"), json!("a b.yaml")),
        (format!("{place}/region/startLine"), json!(0)),
        (format!("{place}/region/endLine"), json!(3)),
    ] {
        let mut broken = good.clone();
        match broken.pointer_mut(&at) {
            Some(found) => *found = value,
            None => {
                let (parent, key) = at.rsplit_once('/').expect("a path");
                broken.pointer_mut(parent).expect("a parent")[key] = value;
            }
        }
        assert_ne!(faults(&broken), Vec::<String>::new(), "{at}");
    }
}
