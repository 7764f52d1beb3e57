//! What `lock` and `promote` write fits its schema, and what was edited there afterwards is refused by the schema and
//! by `check` alike.

use crate::diffs::{commit, committed};
use crate::project::Project;
use serde_json::Value;

const RECORD: &str = "deployments/production.yaml";

fn fits(kind: &str, text: &str) -> bool {
    let schema = llmops::manifest::json_schemas::schema_of(kind).expect("a schema");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    // What is no YAML fits nothing.
    let Ok(instance) = serde_yaml::from_str::<Value>(text) else { return false };
    jsonschema::draft202012::new(&schema).expect("a schema").is_valid(&instance)
}

/// A repository with a lock that sums up a run, and a record with an entry before the live one.
fn written() -> Project {
    let project = committed();
    project.git(&["config", "user.name", "Test"]);
    project.git(&["config", "user.email", "test@example.invalid"]);
    for version in ["1.0.0", "1.1.0"] {
        if version != "1.0.0" {
            project.replace("prompts/support.yaml", "1.0.0", version);
            project.replace("prompts/support.yaml", "30 words", "20 words");
            commit(&project, version);
        }
        project.run(&["eval"]).exits(0);
        project.run(&["lock"]).exits(0);
        commit(&project, "locked");
        project.run(&["promote", "support", "--to", "production"]).exits(0);
        commit(&project, "live");
    }
    project
}

fn found(project: &Project, path: &str) -> Vec<(String, u64, bool)> {
    let document = project.run(&["check", "--json"]).json();
    let found = document["diagnostics"].as_array().cloned().unwrap_or_default();
    found
        .iter()
        .filter(|found| found["severity"] == "error" && found["path"] == path)
        .map(|found| {
            let code = found["code"].as_str().unwrap_or_default().to_owned();
            (code, found["line"].as_u64().unwrap_or(0), found["help"].is_string())
        })
        .collect()
}

#[test]
fn what_is_written_is_sound_and_what_was_edited_is_refused() {
    let project = written();
    project.run(&["check"]).exits(0);
    for (kind, path, edits) in [
        (
            "lock",
            "llmops.lock",
            [
                ("    digest: \"sha256:", "    digest: \"sha512:", "bad-value"),
                ("    model:", "    modell:", "unknown-key"),
                ("        suite_digest:", "        suit_digest:", "missing-key"),
                ("    cases: ", "    cases: -", "bad-value"),
                ("        date: \"", "        date: \"on ", "bad-value"),
                ("        n: ", "        n: many ", "wrong-type"),
                ("\nsuites:", "\nsuits:", "unknown-key"),
            ],
        ),
        (
            "deployment",
            RECORD,
            [
                ("  prompt_digest: sha256:", "  prompt_digest: sha256:0", "bad-value"),
                ("  promoted_by:", "  promoted_bi:", "unknown-key"),
                ("  promoted_at: ", "  promoted_at: about ", "bad-value"),
                ("  suites:", "  suits:", "missing-key"),
                ("  source_commit: ", "  source_commit: v", "bad-value"),
                ("  model: builtin/extractive", "  model: []", "wrong-type"),
                ("    prompt_version:", "    version:", "unknown-key"),
            ],
        ),
    ] {
        let sound = project.read(path);
        assert!(fits(kind, &sound), "{sound}");
        assert!(sound.contains(if kind == "lock" { "runs:" } else { "previous:" }), "{sound}");
        for (from, to, code) in edits {
            assert!(sound.contains(from), "`{from}` is not in\n{sound}");
            let edited = sound.replacen(from, to, 1);
            project.write(path, &edited);
            assert!(!fits(kind, &edited), "the schema lets this through: {to}");
            let found = found(&project, path);
            assert!(found.iter().any(|(have, line, _)| have == code && *line > 0), "{to}: {found:?}");
            assert!(found.iter().all(|(.., hint)| *hint), "{to}: {found:?}");
            project.run(&["check", path]).exits(2);
            project.run(&["check", "prompts"]).exits(0);
        }
        project.write(path, &sound);
    }
    project.run(&["check", "deployments"]).exits(0);
}

#[test]
fn a_record_that_nothing_reads_is_said() {
    let project = written();
    let text = project.read(RECORD);
    project.write("deployments/staging.yml", &text);
    project.write("deployments/eu/production.yaml", "# nothing is live\n");
    let document = project.run(&["check", "--json"]).exits(0).json();
    let found = document["diagnostics"].as_array().expect("a list");
    let mut stray: Vec<&str> = found
        .iter()
        .filter(|found| found["code"] == "stray-record")
        .filter_map(|found| found["path"].as_str())
        .collect();
    stray.sort_unstable();
    assert_eq!(stray, ["deployments/eu/production.yaml", "deployments/staging.yml"]);
}
