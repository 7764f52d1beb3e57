//! What is recorded of retrieval is enough: a fresh clone evaluates and promotes with no key and no network, and what
//! is not there is no verdict rather than a call.

use crate::project::Project;
use crate::retrieval::{KB, project};
use crate::stub::{Answer, Seen, Stub};
use serde_json::{Value, json};

const MODEL: &str = "gpt-4o-2024-11-20";

/// Answers with the sentence that it is shown, and embeds a text by the words it knows.
fn provider() -> Stub {
    Stub::start(|seen| if seen.path.contains("embeddings") { vectors(seen) } else { answer(seen) })
}

fn vectors(seen: &Seen) -> Answer {
    let texts = seen.body["input"].as_array().cloned().unwrap_or_default();
    let row = |(index, text): (usize, &Value)| {
        let text = text.as_str().unwrap_or_default().to_lowercase();
        let has = |word: &str| f64::from(u8::from(text.contains(word)));
        json!({"index": index, "embedding": [has("refund"), has("warranty"), has("delivery"), 0.1]})
    };
    let rows: Vec<Value> = texts.iter().enumerate().map(row).collect();
    let tokens = texts.len() * 10;
    Answer::json(200, &json!({"data": rows, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}))
}

fn answer(seen: &Seen) -> Answer {
    let text = seen.body["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
    Answer::openai(&text)
}

fn served(stub: &Stub) -> Project {
    let kb =
        KB.replace("builtin/hashing-256", "text-embedding-3-small").replace("top_k", "search: vector\ntop_k");
    let project = project(&kb);
    project.replace("prompts/support.yaml", "builtin/extractive", MODEL);
    project
        .set("OPENAI_BASE_URL", &format!("{}/v1", stub.url))
        .set("OPENAI_API_KEY", "sk-test-0123456789abcdef")
}

/// The files of a project without what is kept and not committed, committed anew; no key.
fn cloned(project: &Project) -> Project {
    let fresh = Project::empty();
    project.write(".gitignore", ".llmops/\n");
    if !project.path(".git").exists() {
        project.git(&["init", "-q", "--initial-branch=main"]);
    }
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "all"]);
    fresh.git(&["clone", "-q", project.root().to_str().expect("a path"), "."]);
    fresh.git(&["config", "user.name", "Test"]);
    fresh.git(&["config", "user.email", "test@example.invalid"]);
    fresh
}

#[test]
fn a_fresh_clone_evaluates_and_promotes_what_was_recorded() {
    let stub = provider();
    let project = served(&stub);
    project.run(&["eval", "--record"]).exits(0);
    let asked = stub.count();
    // The corpus, three queries, three answers.
    assert_eq!(asked, 7);
    let fresh = cloned(&project);
    assert!(!fresh.path(".llmops").exists());
    let report = fresh.run(&["eval", "--offline", "--json"]).exits(0).json();
    let gate = &report["gates"][0];
    assert_eq!((&gate["retrieval_metrics"]["recall_at_k"], &gate["calls"]["live"]), (&1.0.into(), &0.into()));
    // Without a flag neither: every reply is there, so that no key is asked for.
    fresh.run(&["eval"]).exits(0);
    fresh.run(&["render", "support", "--case", "refund"]).exits(0).says("1. kb/refund.md");
    fresh.run(&["promote", "support", "--to", "production"]).exits(0);
    assert_eq!(stub.count(), asked);
    // Recording again what is recorded moves no byte.
    let before = fresh.read("evals/recordings/support.jsonl");
    fresh.run(&["eval", "--record"]).exits(0);
    assert_eq!(fresh.read("evals/recordings/support.jsonl"), before);
    assert!(!before.contains("sk-test"));

    // Another corpus is another retrieval: what was recorded of the old one is not shown.
    fresh.replace("kb/refund.md", "five working days", "ten working days");
    let report = fresh.run(&["eval", "--offline", "--json"]).exits(3).json();
    let cases = report["gates"][0]["cases"].as_array().expect("cases").clone();
    assert!(cases.iter().all(|case| case["unscored_reason"] == "not_recorded"), "{report}");
    fresh.run(&["eval", "--offline"]).exits(3).says("what is retrieved is neither stored nor recorded");
    fresh.run(&["eval"]).exits(3).says("OPENAI_API_KEY");
    assert_eq!(stub.count(), asked);
}

#[test]
fn no_key_is_asked_for_where_every_reply_and_embedding_is_stored() {
    let stub = provider();
    let project = served(&stub);
    project.run(&["eval"]).exits(0);
    let asked = stub.count();
    let project = project.set("OPENAI_API_KEY", "");
    let planned = project.run(&["eval", "--plan", "--json"]).exits(0).json();
    let answers = &planned["gates"][0]["answers"];
    assert_eq!((&answers["stored"], &answers["live"]), (&3.into(), &0.into()), "{planned}");
    project.run(&["eval"]).exits(0);
    project.run(&["eval", "--offline"]).exits(0);
    project.replace("evals/cases/support.jsonl", "How long do refunds take?", "When are refunds paid?");
    project.run(&["eval"]).exits(3).says("OPENAI_API_KEY");
    assert_eq!(stub.count(), asked);
}

#[test]
fn a_cost_limit_holds_for_embeddings_too() {
    let stub = provider();
    let project = served(&stub);
    // The corpus takes some forty tokens at 0.02 $ a million, and more is set aside.
    let report = project.run(&["eval", "--max-cost", "0.0000001", "--json"]).exits(3).json();
    let cases = report["gates"][0]["cases"].as_array().expect("cases").clone();
    assert!(cases.iter().all(|case| case["unscored_reason"] == "cost_limit"), "{report}");
    assert_eq!(stub.count(), 0);
    project.replace("retrieval/kb.yaml", "text-embedding-3-small", "own-embedder\nprovider: openai");
    project.run(&["eval", "--max-cost", "1"]).exits(2).says("`own-embedder` on `openai` has no known price");
    project.run(&["eval"]).exits(0);
    // What is at hand costs nothing, and so needs no price.
    project.run(&["eval", "--max-cost", "1"]).exits(0);
}

#[test]
fn the_embeddings_of_similar_are_stored_recorded_and_never_called_for_offline() {
    let stub = provider();
    let project = served(&stub);
    project.write(
        "evals/support.yaml",
        "version: \"1.0.0\"\nprompt: support\ncases: cases/support.jsonl\nassert: [{type: similar, value: \"{{ input }}\", threshold: 0.5, model: text-embedding-3-small}]\n",
    );
    project.run(&["eval", "--record"]).exits(0);
    let asked = stub.count();
    project.run(&["eval"]).exits(0);
    cloned(&project).run(&["eval", "--offline"]).exits(0);
    assert_eq!(stub.count(), asked);
    project.replace("evals/support.yaml", "{{ input }}", "{{ input }} Please?");
    project.run(&["eval", "--offline"]).exits(3).says("its embedding is neither stored nor recorded");
    assert_eq!(stub.count(), asked);
}

#[test]
fn chunks_of_the_teams_own_retriever_are_recorded_where_its_files_are_declared() {
    let stub = Stub::start(|seen| {
        let query = seen.body["query"].as_str().unwrap_or_default().to_lowercase();
        let word = ["refund", "warranty", "delivery"]
            .into_iter()
            .find(|word| query.contains(word))
            .unwrap_or("other");
        let text = match word {
            "refund" => "Refunds take five working days.",
            "warranty" => "The warranty of a lamp is two years.",
            _ => "Delivery costs four euros.",
        };
        Answer::json(
            200,
            &json!({"chunks": [{"text": text, "source": format!("kb/{word}.md"), "score": 0.9}]}),
        )
    });
    let project = project("version: \"1.0.0\"\nendpoint: search\ntop_k: 2\n");
    let provider =
        format!("providers:\n  search: {{api: http, url: \"{}/search\", inputs: [\"kb/**\"]}}\n", stub.url);
    project.write("llmops.yaml", &provider);
    project.run(&["eval", "--record"]).exits(0);
    let asked = stub.count();
    let fresh = cloned(&project);
    let report = fresh.run(&["eval", "--offline", "--json"]).exits(0).json();
    assert_eq!(report["gates"][0]["retrieval_metrics"]["mrr"], 1.0);
    assert_eq!(stub.count(), asked);
    fresh.write("kb/new.md", "New.\n");
    fresh.run(&["eval", "--offline"]).exits(3).says("what is retrieved");
}
