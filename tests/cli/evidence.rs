//! What is not evidence is not green: inputs, replies, reports and records that only look like some.

use crate::diffs::{commit, committed};
use crate::fixtures::{builtin, grade, served};
use crate::project::Project;
use crate::stub::{Answer, Stub};
use serde_json::{Value, json};

#[test]
fn a_weight_that_no_sum_can_hold_is_refused() {
    let project = builtin(4.9);
    for weight in ["6e307", "1e200", "1e-200", "0"] {
        let case = format!("{{\"id\": \"a\", \"input\": \"Why?\", \"weight\": {weight}}}\n");
        project.write("evals/cases/support.jsonl", &case);
        project.run(&["eval"]).exits(2).says("`weight` has to be above 0, from 0.000001 to 1000000");
    }
}

#[test]
fn an_expected_answer_that_a_case_lacks_is_no_empty_text() {
    let project = builtin(1.0);
    project.replace(
        "evals/support.yaml",
        "version:",
        "assert:\n  - {type: not-contains, value: \"{{ expected }}\"}\nversion:",
    );
    project.run(&["eval"]).exits(2).says("expected");
}

#[test]
fn a_quote_that_nothing_closes_swallows_no_rows() {
    let project = builtin(1.0);
    project.replace("evals/support.yaml", "cases/support.jsonl", "cases/support.csv");
    for (rows, line) in [("id,input\na,\"x\nb,y\n", 2), ("id,input\na,\"\"\"x\"\nb,\"y\"\"\nc,z\n", 3)] {
        project.write("evals/cases/support.csv", rows);
        let place = format!("evals/cases/support.csv:{line}:1");
        project.run(&["check"]).exits(2).says("never closed").says(&place);
    }
    project.write("evals/cases/support.csv", "id,input\na,\"x, \"\"y\"\"\nz\"\r\nb,5\" wide\n");
    project.run(&["eval", "--plan"]).exits(0).says("2 cases");
}

fn with_retriever(reply: Value) -> (Stub, Project) {
    let stub = Stub::start(move |_| Answer::json(200, &reply));
    let project = builtin(1.0);
    project.write("evals/cases/support.jsonl", "{\"id\": \"a\", \"input\": \"How long do refunds take?\"}\n");
    project.write("retrieval/kb.yaml", "version: 1\nendpoint: search\ntop_k: 2\n");
    project.write(
        "llmops.yaml",
        &format!("providers:\n  search: {{api: http, url: \"{}/search\"}}\n", stub.url),
    );
    project.replace("prompts/support.yaml", "version:", "retrieval: ../retrieval/kb.yaml\nversion:");
    (stub, project)
}

#[test]
fn a_retriever_that_gives_no_chunks_has_not_found_nothing() {
    for reply in [
        json!({}),
        json!({"chunks": null}),
        json!([{"text": "x"}]),
        json!({"output": "hello"}),
        json!({"error": "index is down", "chunks": []}),
    ] {
        let (_stub, project) = with_retriever(reply.clone());
        let ran = project.run(&["eval", "--retries", "0"]);
        assert_eq!(ran.code, 3, "{reply}\n{}{}", ran.stdout, ran.stderr);
    }
    let (_stub, project) = with_retriever(json!({"chunks": []}));
    let found = project.run(&["retrieve", "kb", "--query", "x", "--json"]).exits(0).json();
    assert_eq!(found["chunks"], json!([]), "an empty list is an answer");
}

#[test]
fn a_query_that_is_embedded_otherwise_than_the_corpus_is_a_failure() {
    for (query, says) in [
        (vec![1.0, 0.5], "the embedding of a query has 2 numbers where those of the corpus have 4"),
        (vec![0.0; 4], "an embedding of zeros alone"),
    ] {
        let stub = Stub::start(move |seen| {
            let texts = seen.body["input"].as_array().map_or(1, Vec::len);
            let corpus = seen.body.to_string().contains("Refunds take");
            let one = if corpus { vec![1.0, 0.0, 0.5, 0.0] } else { query.clone() };
            let data: Vec<Value> =
                (0..texts).map(|index| json!({"index": index, "embedding": one})).collect();
            Answer::json(200, &json!({"data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}}))
        });
        let project = builtin(1.0).set("OPENAI_API_KEY", "sk-test-0123456789abcdef");
        let project = project.set("OPENAI_BASE_URL", &format!("{}/v1", stub.url));
        project.write("kb/refund.md", "Refunds take five working days.\n");
        project.write(
            "retrieval/kb.yaml",
            "version: 1\nembedding_model: text-embedding-3-small\nprovider: openai\nsearch: vector\ncorpus: ['kb/*.md']\ntop_k: 2\n",
        );
        let query = ["retrieve", "kb", "--query", "how long?", "--retries", "0"];
        project.run(&query).exits(3).says(says);
    }
}

#[test]
fn nothing_affected_at_another_commit_is_nothing_known_of_this_one() {
    let project = committed();
    for shard in ["1/2", "2/2"] {
        let path = format!("json=u{}.json", &shard[..1]);
        project.run(&["eval", "--changed=HEAD", "--shard", shard, "--report", &path]).exits(0);
    }
    project.run(&["merge", "u1.json", "u2.json"]).exits(0);
    project.replace("prompts/support.yaml", "{{ context }}", "nothing");
    commit(&project, "broken");
    project.run(&["merge", "u1.json", "u2.json"]).exits(2).says("another commit");
    let text = project.read("u1.json").replace("\"gates\":[]", "\"gates\":[{}]");
    project.write("u1.json", &text);
    project.run(&["merge", "u1.json", "u2.json"]).exits(2);
}

#[test]
fn what_git_ignores_is_not_promoted() {
    let project = committed();
    project.git(&["config", "user.name", "Test"]);
    project.git(&["config", "user.email", "test@example.invalid"]);
    project.git(&["rm", "-q", "--cached", "evals/cases/support.jsonl"]);
    project.write(".gitignore", ".llmops/\nevals/cases/\n");
    project.git(&["add", ".gitignore"]);
    project.git(&["commit", "-qm", "cases are ignored"]);
    project.run(&["promote", "support", "--to", "production"]).exits(2).says("not what HEAD holds");
    assert!(!project.path("deployments/production.yaml").exists());
}

#[test]
fn the_same_promoted_twice_goes_back_to_what_was_before_it() {
    let project = committed();
    project.git(&["config", "user.name", "Test"]);
    project.git(&["config", "user.email", "test@example.invalid"]);
    let promoted = |project: &Project| {
        project.run(&["promote", "support", "--to", "production"]).exits(0);
        commit(project, "live");
    };
    promoted(&project);
    project.replace("prompts/support.yaml", "\"1.0.0\"", "\"1.1.0\"");
    project.replace("prompts/support.yaml", "30 words", "20 words");
    commit(&project, "1.1.0");
    promoted(&project);
    promoted(&project);
    project.run(&["rollback", "support", "--in", "production"]).exits(0).says("back at 1.0.0");
}

#[test]
fn a_part_of_the_cases_takes_no_recordings_from_the_others() {
    let stub = Stub::start(|seen| {
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Yes.".to_owned() })
    });
    let project = served("openai", &stub.url, 4.0, 3);
    project.run(&["eval", "--record"]).exits(0);
    let whole = project.read("evals/recordings/support.jsonl");
    assert_eq!(whole.lines().count(), 6);
    project.run(&["eval", "--case", "case-00", "--record"]).exits(0);
    assert_eq!(project.read("evals/recordings/support.jsonl"), whole);
    project.write("evals/cases/support.jsonl", "{\"id\": \"case-00\", \"input\": \"Question 0?\"}\n");
    project.run(&["eval", "--record"]).exits(0);
    assert_eq!(project.read("evals/recordings/support.jsonl").lines().count(), 2, "a complete run prunes");
}

#[test]
fn the_machine_form_stands_alone_on_standard_output() {
    let project = builtin(1.0);
    let found = project.run(&["eval", "--json", "--report", "github=-"]).exits(2).json();
    assert_eq!(found["exit_code"], 2);
}

#[test]
fn a_baseline_of_a_shard_is_held_to_its_own_numbers_and_to_git() {
    let project = committed();
    project.replace("evals/support.yaml", "version:", "gate: {max_regression: 0.1}\nversion:");
    commit(&project, "limited");
    project.replace("prompts/support.yaml", "{{ context }}", "nothing of use");
    commit(&project, "worse");
    for shard in ["1/2", "2/2"] {
        let path = format!("json=s{}.json", &shard[..1]);
        project.run(&["eval", "--baseline", "HEAD~1", "--shard", shard, "--report", &path]);
    }
    let merged = project.run(&["merge", "s1.json", "s2.json"]);
    assert!(merged.code < 2, "{}{}", merged.stdout, merged.stderr);
    let reports = ["s1.json", "s2.json"].map(|path| {
        let report: Value = serde_json::from_str(&project.read(path)).expect("a report");
        (path, report)
    });
    let compared = reports.iter().filter(|(_, report)| report["gates"][0]["baseline"].is_object()).count();
    assert!(compared > 0, "{reports:?}");
    let with = |change: fn(&mut Value)| {
        for (path, report) in &reports {
            let mut report = report.clone();
            if report["gates"][0]["baseline"].is_object() {
                change(&mut report["gates"][0]["baseline"]);
            }
            project.write(path, &report.to_string());
        }
        project.run(&["merge", "s1.json", "s2.json"]).exits(2).says("does not hold together")
    };
    with(|baseline| {
        for case in baseline["cases"].as_array_mut().expect("cases") {
            case["score"] = json!(1.0);
        }
    })
    .says("`baseline.");
    with(|baseline| baseline["cases"] = Value::Null).says("`baseline.");
    with(|baseline| baseline["delta"] = json!(0.5)).says("`baseline.delta` of the gate");
    with(|baseline| baseline["worse"] = json!([])).says("`baseline.worse");
    with(|baseline| *baseline = Value::Null).says("was not compared with the baseline");
}

#[test]
fn a_verb_that_fails_names_the_schema_of_its_machine_form() {
    let project = builtin(1.0);
    for (arguments, schema) in [
        (&["check", "nowhere", "--json"][..], "llmops/check/v1"),
        (&["promote", "support", "--to", "production", "--json"], "llmops/promote/v1"),
        (&["merge", "nowhere.json", "--json"], "llmops/merge/v1"),
        (&["retrieve", "nowhere", "--query", "x", "--json"], "llmops/retrieve/v1"),
        (&["lock", "--wrong", "--json"], "llmops/lock/v1"),
    ] {
        let ran = project.run(arguments);
        assert!(ran.code > 0, "{arguments:?}");
        assert_eq!(ran.json()["schema"], schema, "{arguments:?}");
    }
}

#[test]
fn a_limit_that_always_holds_is_refused() {
    let project = builtin(1.0);
    project.replace(
        "evals/support.yaml",
        "version:",
        "assert:\n  - {type: contains, value: x, metric: m}\ngate: {asserts_required: 0, metrics: {m: 0.5}}\nversion:",
    );
    project.run(&["check"]).exits(0);
    for (before, after) in [("m: 0.5", "m: 0"), ("m: 0", "refusal_rate: 1"), ("refusal_rate: 1", "m: 0.0")] {
        project.replace("evals/support.yaml", before, after);
        project.run(&["eval"]).exits(2).says("this limit always holds");
    }
}

#[test]
fn cases_in_a_submodule_that_moved_are_affected() {
    let project = committed();
    let outside = Project::new(&[(
        "cases/c.jsonl",
        "{\"id\": \"a\", \"input\": \"Why?\", \"context\": [\"It rains.\"]}\n",
    )]);
    outside.git(&["init", "-q"]);
    outside.git(&["add", "-A"]);
    outside.git(&["commit", "-qm", "one"]);
    let from = outside.root().display().to_string();
    project.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", &from, "sub"]);
    project.replace("evals/support.yaml", "cases/support.jsonl", "../sub/cases/c.jsonl");
    commit(&project, "cases of a submodule");
    project.write("sub/cases/c.jsonl", "{\"id\": \"b\", \"input\": \"How?\", \"context\": [\"By bus.\"]}\n");
    project.git(&["-C", "sub", "commit", "-qam", "two"]);
    commit(&project, "moved");
    let ran = project.run(&["eval", "--changed=HEAD~1"]);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("UNAFFECTED"), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_named_prompt_that_no_suite_tests_is_not_green_beside_one_that_is_tested() {
    let project = builtin(1.0);
    project.write("prompts/lonely.yaml", "version: 1\nmodel_target: builtin/extractive\nsystem: hello\n");
    project.run(&["check"]).exits(0).says("prompt-without-suite").says("no suite tests prompt `lonely`");
    project.run(&["eval"]).exits(0).says("prompt-without-suite");
    project.run(&["eval", "support", "lonely"]).exits(4).says("no suite tests `lonely`");
    project.run(&["eval", "lonely"]).exits(4).says("no suite tests `lonely`");
    project.write(
        "evals/lonely.yaml",
        "version: 1\nprompt: lonely\ncases: [{input: x}]\nassert: [{type: not-is-refusal}]\n",
    );
    project.run(&["eval", "support", "lonely", "--suite", "support"]).exits(4).says("does not test `lonely`");
}

#[test]
fn a_tag_that_no_case_has_keeps_no_shares() {
    let project = builtin(1.0);
    project.replace("evals/support.yaml", "version:", "sample: {size: 2, stratify_by: topik}\nversion:");
    project.run(&["eval"]).exits(2).says("no case has the tag `topik`").says("did you mean `topic`?");
    project.replace("evals/support.yaml", "topik", "topic");
    project.run(&["check"]).exits(0);
}

#[test]
fn an_environment_is_named_without_its_file() {
    let project = committed();
    project
        .run(&["promote", "support", "--to", "production.yaml"])
        .exits(2)
        .says("no name of an environment");
}

#[test]
fn a_limit_that_was_left_blank_is_not_a_limit_that_is_not_there() {
    for (file, from, to) in [
        ("prompts/support.yaml", "eval_score_required: 4.9", "eval_score_required:"),
        ("prompts/support.yaml", "eval_score_required: 4.9", "eval_score_required: null"),
        ("evals/support.yaml", "faithfulness: {}", "faithfulness: {required: }"),
        ("evals/support.yaml", "version:", "gate:\nversion:"),
        ("evals/support.yaml", "version:", "gate: {case_floor: }\nversion:"),
        ("evals/support.yaml", "version:", "gate: {metrics: }\nversion:"),
        ("evals/support.yaml", "version:", "assert:\nversion:"),
    ] {
        let project = builtin(4.9);
        project.replace(file, from, to);
        project.run(&["eval"]).exits(2).says("has no value").says("or remove the key");
    }
}
