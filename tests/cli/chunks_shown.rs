//! What a case is shown: by `render`, by `run`, and in `diff` where a change of retrieval moves it.

use crate::project::Project;
use crate::retrieval::{KB, project};
use crate::stub::{Answer, Stub};
use serde_json::{Value, json};

fn commit(project: &Project) {
    project.write(".gitignore", ".llmops/\n");
    if !project.path(".git").exists() {
        project.git(&["init", "-q"]);
    }
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "all"]);
}

/// A server that embeds a text by its length, and counts.
fn embedder() -> Stub {
    Stub::start(|seen| {
        let texts = seen.body["input"].as_array().cloned().unwrap_or_default();
        let row = |(index, text): (usize, &Value)| {
            let length = text.as_str().map_or(0.0, |text| text.len() as f64);
            json!({"index": index, "embedding": [length.sin(), length.cos(), 1.0]})
        };
        let rows: Vec<Value> = texts.iter().enumerate().map(row).collect();
        Answer::json(200, &json!({"data": rows, "usage": {"prompt_tokens": 1, "total_tokens": 1}}))
    })
}

fn remote(url: &str) -> Project {
    let project = project(&KB.replace("builtin/hashing-256", "embed-1\nprovider: mine"));
    project.write(
        "llmops.yaml",
        &format!("providers:\n  mine: {{api: openai, base_url: \"{url}/v1\", api_key_env: MINE_KEY}}\n"),
    );
    project
}

#[test]
fn render_shows_the_messages_with_what_is_retrieved() {
    let project = project(KB);
    let outcome = project.run(&["render", "support", "--case", "refund"]).exits(0);
    let outcome =
        outcome.says("Refunds take five working days").says("by kb 1.0.0 for “How long do refunds take?”");
    outcome.says("1. kb/refund.md");
    let document = project.run(&["render", "support", "--var", "input=warranty?", "--json"]).exits(0).json();
    assert_eq!(document["retrieval"]["chunks"][0]["source"], "kb/warranty.md");
    assert_eq!(document["retrieval"]["query"], "warranty?");
    assert!(document["messages"][0]["content"].as_str().is_some_and(|text| text.contains("two years")));

    // What eval sends is what is shown: the key of the request is that of the exchange.
    project.write(
        "evals/cases/support.jsonl",
        "{\"id\": \"pinned\", \"input\": \"refunds?\", \"context\": [\"Nothing is refunded.\"]}\n",
    );
    let document = project.run(&["render", "support", "--case", "pinned", "--json"]).exits(0).json();
    assert_eq!(document["retrieval"], Value::Null);
    let text = document["messages"][0]["content"].as_str().expect("a text");
    assert!(text.contains("Nothing is refunded.") && !text.contains("five working days"), "{text}");
}

#[test]
fn a_remote_embedder_without_its_key_is_said_with_what_to_do() {
    let stub = embedder();
    let project = remote(&stub.url);
    for arguments in [&["render", "support", "--case", "refund"][..], &["run", "support", "--var", "input=x"]]
    {
        let outcome = project.run(arguments).exits(3).says("`kb` cannot be searched").says("MINE_KEY");
        outcome.says("pins its own `context`");
    }
    assert_eq!(stub.count(), 0);
    let project = project.set("MINE_KEY", "k-123456");
    project.run(&["render", "support", "--case", "refund"]).exits(0).says("retrieved 2 chunks");
    // The corpus and the query; then everything is at hand, also without a key.
    assert_eq!(stub.count(), 2);
    let project = project.set("MINE_KEY", "");
    project.run(&["render", "support", "--case", "refund"]).exits(0).says("retrieved 2 chunks");
    assert_eq!(stub.count(), 2);
}

#[test]
fn run_answers_from_what_is_retrieved_and_says_what_that_was() {
    let project = project(KB);
    let outcome = project.run(&["run", "support", "--var", "input=How long do refunds take?"]).exits(0);
    let outcome = outcome.says("five working days").says("1. kb/refund.md");
    assert!(!outcome.stdout.contains("kb/refund.md"), "{}", outcome.stdout);
    let document = project.run(&["run", "support", "--var", "input=refunds?", "--json"]).exits(0).json();
    assert_eq!(document["retrieval"]["chunks"][0]["source"], "kb/refund.md");
}

#[test]
fn diff_names_the_cases_that_are_shown_other_chunks() {
    let project = project(&KB.replace("top_k: 2", "top_k: 1"));
    commit(&project);
    project.replace("kb/refund.md", "five working days", "ten working days");
    let document = project.run(&["diff", "--json"]).exits(0).json();
    let suite = &document["prompts"][0]["chunks"]["suites"][0];
    assert_eq!((&suite["name"], &suite["compared"]), (&"support".into(), &3.into()));
    let ids: Vec<&str> =
        suite["cases"].as_array().expect("cases").iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["refund"]);
    let case = &suite["cases"][0];
    assert_eq!(
        (&case["came"][0]["source"], &case["went"][0]["source"]),
        (&"kb/refund.md".into(), &"kb/refund.md".into())
    );
    assert_eq!((&case["came"][0]["start"], &case["came"][0]["rank"]), (&0.into(), &1.into()));
    assert!(case["came"][0]["end"].as_u64() < case["went"][0]["end"].as_u64());
    let outcome = project.run(&["diff"]).exits(0).says("others in 1 of 3 cases of support");
    outcome.says("- kb/refund.md bytes 0–").says("+ kb/refund.md bytes 0–");
    project.run(&["diff", "--markdown"]).exits(0).says("<del>kb/refund.md bytes").says("CHUNKS");

    // Another chunking cuts every document anew; a key that moves no chunk moves no case.
    project.git(&["checkout", "-q", "."]);
    project.replace(
        "retrieval/kb.yaml",
        "chunk_size: 64\nchunk_overlap: 8",
        "chunk_size: 8\nchunk_overlap: 0",
    );
    project.run(&["diff"]).exits(0).says("others in 3 of 3 cases of support");
    project.git(&["checkout", "-q", "."]);
    project.replace("retrieval/kb.yaml", "chunk_size: 64", "chunk_size: 65");
    project.run(&["diff"]).exits(0).says("the same in 3 cases of support");
    project.git(&["checkout", "-q", "."]);
    project.replace("prompts/support.yaml", "Answer from", "Reply from");
    assert_eq!(project.run(&["diff", "--json"]).exits(0).json()["prompts"][0]["chunks"], Value::Null);
}

#[test]
fn diff_calls_nothing_and_says_what_it_could_not_compare() {
    let stub = embedder();
    let project = remote(&stub.url).set("MINE_KEY", "k-123456");
    commit(&project);
    project.replace("retrieval/kb.yaml", "top_k: 2", "top_k: 1");
    let outcome = project.run(&["diff"]).exits(0);
    outcome.says("not compared: 3 cases: searching `kb` takes calls, and `diff` makes none");
    assert_eq!(stub.count(), 0);
    let document = project.run(&["diff", "--json"]).exits(0).json();
    assert!(document["prompts"][0]["chunks"]["not_compared"].is_string(), "{document}");
    project.run(&["eval"]);
    let asked = stub.count();
    let document = project.run(&["diff", "--json"]).exits(0).json();
    let chunks = &document["prompts"][0]["chunks"];
    assert_eq!((&chunks["not_compared"], &chunks["suites"][0]["compared"]), (&Value::Null, &3.into()));
    assert_eq!((chunks["suites"][0]["cases"].as_array().map(Vec::len), stub.count()), (Some(3), asked));
    // A corpus that cannot be read leaves the rest of the comparison as it is.
    std::fs::remove_dir_all(project.path("kb")).expect("removed");
    project.run(&["diff"]).exits(0).says("not compared: after: no file matches");
}
