//! `eval`: what passes, what blocks, what has no verdict, and that each says why.

use crate::fixtures::{builtin, inputs};
use crate::project::Project;
use serde_json::Value;

/// The one gate of a report.
fn gate(document: &Value) -> &Value {
    assert_eq!(document["gates"].as_array().map(Vec::len), Some(1), "{document}");
    &document["gates"][0]
}

#[test]
fn a_prompt_that_answers_passes_and_the_same_prompt_without_its_context_is_blocked() {
    let project = builtin(3.5);
    let passed = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!((passed["verdict"].as_str(), passed["exit_code"].as_u64()), (Some("passed"), Some(0)));
    assert_eq!(gate(&passed)["cases_scored"], 3);
    project.run(&["eval"]).exits(0).says("support").says("builtin/extractive");

    project.replace("prompts/support.yaml", "{{ context }}", "the shop's rules.");
    // The built-in model reads the context beside the messages, so it is taken from the cases too.
    project.write("evals/cases/support.jsonl", &inputs(3));
    let blocked = project.run(&["eval", "--json"]).exits(1).json();
    assert_eq!(blocked["verdict"], "failed");
    let breach = &gate(&blocked)["breaches"][0];
    assert!(breach["message"].as_str().is_some_and(|message| message.contains("3.5")), "{breach}");
    project.run(&["eval"]).exits(1);
}

#[test]
fn a_filter_that_matches_nothing_is_never_green() {
    let project = builtin(3.0);
    for arguments in [
        &["eval", "--case", "nothing"][..],
        &["eval", "--tag", "topic=nothing"],
        &["eval", "--suite", "nothing"],
        &["eval", "nothing"],
        &["eval", "prompts/nothing.yaml"],
    ] {
        project.run(arguments).exits(4);
    }
    Project::empty().run(&["eval"]).exits(4);
    project.run(&["eval", "--tag", "topic"]).exits(2);
    project.run(&["eval", "--sample", "0"]).exits(2);
    project.run(&["evla"]).exits(2);
}

#[test]
fn a_failed_assert_a_low_case_and_a_required_dimension_block() {
    let project = builtin(1.0);
    let suite = project.read("evals/support.yaml");
    project.write(
        "evals/support.yaml",
        &format!("{suite}assert:\n  - {{type: contains, value: \"unicorn\"}}\n"),
    );
    project.run(&["eval"]).exits(1).says("assert");
    project.write(
        "evals/support.yaml",
        &format!("{suite}assert:\n  - {{type: not-contains, value: \"unicorn\"}}\n"),
    );
    project.run(&["eval"]).exits(0);
    project.write(
        "evals/support.yaml",
        &suite.replace("relevance: {}", "relevance: {}\n    correctness: {required: 3}"),
    );
    let cases = project.read("evals/cases/support.jsonl");
    let wrong = cases.replace("\"input\":", "\"expected\": \"Seven green moons.\", \"input\":");
    project.write("evals/cases/support.jsonl", &wrong);
    project.run(&["eval"]).exits(1).says("correctness");
    project.write("evals/cases/support.jsonl", &cases);
    // No case has what it needs: that is no pass.
    project.run(&["eval"]).exits(3).says("correctness");

    let failing = r#"{"id": "low", "input": "How long do refunds take?", "expected": "Paris.", "context": ["Refunds take five days."]}"#;
    let suite = suite.replace("relevance: {}", "relevance: {}\n    correctness: {}");
    project.write("evals/cases/support.jsonl", &format!("{cases}{failing}\n"));
    project.write("evals/support.yaml", &suite);
    project.run(&["eval"]).exits(0);
    project.write("evals/support.yaml", &format!("{suite}gate: {{case_floor: 4}}\n"));
    project.run(&["eval"]).exits(1).says("low");
}

#[test]
fn data_is_never_a_template() {
    let project = builtin(1.0).set("SECRET_OF_THIS_TEST", "swordfish");
    let hostile = r#"{"id": "a", "input": "{{ env.HOME }} {% include \"/etc/passwd\" %} {{ 7 * 7 }}", "context": ["{{ env.SECRET_OF_THIS_TEST }}"]}"#;
    project.write("evals/cases/support.jsonl", &format!("{hostile}\n"));
    let rendered = project.run(&["render", "support", "--case", "a", "--json"]).exits(0);
    assert!(rendered.stdout.contains("{{ env.HOME }} {% include") && rendered.stdout.contains("{{ 7 * 7 }}"));
    assert!(!rendered.stdout.contains("swordfish") && !rendered.stdout.contains("root:"));
    project.run(&["eval", "--json"]).exits(0);
}

#[test]
fn a_narrowed_run_says_that_it_is_no_evidence() {
    let project = builtin(3.0);
    let report = project.run(&["eval", "--case", "refund", "--json"]).exits(0).json();
    assert_eq!(report["run"]["selection"]["cases"][0], "refund");
    assert_eq!(gate(&report)["cases_planned"], 1);
    assert!(project.run(&["eval", "--json"]).json()["run"]["selection"].is_null());
}

#[test]
fn answers_that_exist_are_graded_and_a_missing_one_has_no_grade() {
    let project = builtin(3.0);
    let answer = |id: &str, text: &str| format!("{{\"id\": \"{id}\", \"output\": \"{text}\"}}\n");
    let all = [
        answer("refund", "Refunds take five working days."),
        answer("warranty", "The warranty is two years long."),
        answer("delivery", "Delivery costs four euros."),
    ];
    project.write("answers.jsonl", &all.concat());
    let report = project.run(&["eval", "--outputs", "answers.jsonl", "--json"]).exits(0).json();
    assert_eq!(gate(&report)["cases"][0]["output"], "Refunds take five working days.");

    project.write("answers.jsonl", &all[..2].concat());
    let report = project.run(&["eval", "--outputs", "answers.jsonl", "--json"]).exits(3).json();
    let missing: Vec<&Value> = gate(&report)["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["status"] == "unscored")
        .collect();
    assert_eq!((missing.len(), missing[0]["unscored_reason"].as_str()), (1, Some("no_output")));

    project.write("answers.jsonl", &format!("{}{}", all.concat(), answer("extra", "x")));
    project.run(&["eval", "--outputs", "answers.jsonl"]).exits(2).says("extra");
}

#[test]
fn trials_and_the_report_stand_in_plan_order() {
    let project = builtin(3.0);
    let report = project.run(&["eval", "--trials", "2", "--json"]).exits(0).json();
    let rows: Vec<(String, u64)> = gate(&report)["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| (case["id"].as_str().unwrap().to_owned(), case["trial"].as_u64().unwrap()))
        .collect();
    let expected = ["refund", "warranty", "delivery"]
        .into_iter()
        .flat_map(|id| [(id.to_owned(), 0), (id.to_owned(), 1)]);
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn json_is_all_that_stdout_gets_and_fits_its_schema() {
    let project = builtin(3.0);
    let schema: Value =
        serde_json::from_str(include_str!("../../src/report/v1.schema.json")).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for arguments in [
        &["eval", "--json"][..],
        &["eval", "--json", "--case", "refund"],
        &["eval", "--json", "--trials", "2"],
    ] {
        let document = project.run(arguments).json();
        let faults: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
    }
    project.replace("prompts/support.yaml", "version:", "vresion:");
    let document = project.run(&["eval", "--json"]).exits(2).json();
    assert_eq!(document["exit_code"], 2);
    assert!(document["diagnostics"].as_array().is_some_and(|found| !found.is_empty()));
    let faults: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_stored_run_is_written_in_every_format() {
    let project = builtin(3.0);
    project.run(&["eval", "--report", "junit=out/a.xml", "--report", "html=out/a.html"]).exits(0);
    assert!(project.read("out/a.xml").contains("<testsuite"));
    for format in ["json", "jsonl", "junit", "markdown", "html", "csv", "github"] {
        project.run(&["report", "last", "--report", &format!("{format}=out/b.{format}")]).exits(0);
        // A run that passed has nothing to annotate.
        assert!(format == "github" || !project.read(&format!("out/b.{format}")).is_empty(), "{format}");
    }
    project.run(&["report", "20000101T000000Z-nothing", "--report", "json=-"]).exits(4);
}
