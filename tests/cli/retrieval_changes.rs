//! A change of retrieval is a change: the gate compares it with the retriever of the base, `--changed` selects it,
//! `status` says that it is stale, and the metrics of what is found stand beside those of the base.

use crate::project::Project;
use serde_json::{Value, json};

const WORDS: [&str; 8] = ["lamp", "table", "chair", "curtain", "mirror", "carpet", "kettle", "teapot"];
const KB: &str = "version: \"1.0.0\"\nembedding_model: builtin/hashing-256\ncorpus: [\"kb/*.md\"]\nchunk_size: 64\nchunk_overlap: 0\ntop_k: 1\n";

/// A shop of eight things, committed on `main`, with the work going on on `topic`.
fn shop(gate: &str) -> Project {
    let project = Project::new(&[
        (
            "prompts/shop.yaml",
            "version: \"1.0.0\"\nmodel_target: builtin/extractive\nretrieval: ../retrieval/kb.yaml\nsystem: |\n  Answer from this:\n  {{ context }}\n",
        ),
        ("retrieval/kb.yaml", KB),
        (
            "evals/shop.yaml",
            &format!(
                "version: \"1.0.0\"\nprompt: shop\ncases: cases/shop.jsonl\njudge: {{model: builtin/lexical, dimensions: {{relevance: {{}}, correctness: {{}}}}}}\ngate: {gate}\n"
            ),
        ),
        (".gitignore", ".llmops/\n"),
    ]);
    let mut cases = String::new();
    for (n, word) in WORDS.iter().enumerate() {
        let price = format!("The price of the {word} is {} euros in every one of our shops.", n + 3);
        project.write(&format!("kb/{word}.md"), &format!("# The {word}\n\n{price}\n"));
        let case = json!({"id": word, "input": format!("What is the price of the {word}?"), "expected": price,
                          "relevant": [format!("kb/{word}.md")]});
        cases.push_str(&format!("{case}\n"));
    }
    project.write("evals/cases/shop.jsonl", &cases);
    project.git(&["init", "-q", "--initial-branch=main"]);
    commit(&project);
    project.git(&["checkout", "-q", "-b", "topic"]);
    project
}

fn commit(project: &Project) {
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "work"]);
}

fn broken(project: &Project) {
    project.replace("retrieval/kb.yaml", "chunk_size: 64", "chunk_size: 3");
}

#[test]
fn the_baseline_is_shown_what_the_retriever_of_the_base_finds() {
    let project = shop("{max_regression: 0.1}");
    project.run(&["eval"]).exits(0);
    broken(&project);
    let outcome = project
        .run(&["eval", "--report", "json=r.json", "--report", "markdown=r.md", "--report", "html=r.html"])
        .exits(1);
    let outcome = outcome.says("retrieval missed").says("was 1.00 (−");
    assert!(outcome.stdout.contains("retrieval MRR"), "{}", outcome.stdout);
    let report: Value = serde_json::from_str(&project.read("r.json")).expect("JSON");
    let schema: Value = serde_json::from_str(include_str!("../../src/report/v1.schema.json")).expect("JSON");
    assert!(jsonschema::validator_for(&schema).expect("a schema").is_valid(&report), "{report}");
    let gate = &report["gates"][0];
    let codes: Vec<&str> = gate["breaches"]
        .as_array()
        .expect("breaches")
        .iter()
        .filter_map(|one| one["code"].as_str())
        .collect();
    assert_eq!(codes, ["regression"]);
    let (now, then) = (&gate["retrieval_metrics"], &gate["baseline"]["retrieval_metrics"]);
    assert_eq!((then["recall_at_k"].as_f64(), then["n"].as_u64()), (Some(1.0), Some(8)));
    assert!(now["recall_at_k"].as_f64() < Some(0.9), "{now}");
    assert!(
        gate["baseline"]["worse"].as_array().is_some_and(|worse| worse.len() >= 4),
        "{}",
        gate["baseline"]
    );
    assert!(project.read("r.md").contains("retrieved: recall") && project.read("r.md").contains("(−"));
    assert!(project.read("r.html").contains("recall@k"));

    // The other way round nothing got worse: the base is what was broken.
    commit(&project);
    project.git(&["checkout", "-q", "-B", "main"]);
    project.git(&["checkout", "-q", "-B", "topic"]);
    project.replace("retrieval/kb.yaml", "chunk_size: 3", "chunk_size: 64");
    let report = project.run(&["eval", "--json"]).exits(0).json();
    let then = &report["gates"][0]["baseline"]["retrieval_metrics"];
    assert!(then["recall_at_k"].as_f64() < Some(0.9), "{then}");
}

#[test]
fn a_change_of_the_retrieval_manifest_or_of_the_corpus_alone_is_selected_and_stale() {
    let project = shop("{case_floor: 1}");
    project.run(&["eval"]).exits(0);
    project.run(&["status"]).exits(0).says("shop 1.0.0  validated");
    project.run(&["eval", "--changed=main"]).exits(0).says("UNAFFECTED");
    let moves: [(&str, &str, &str, &str); 3] = [
        ("retrieval/kb.yaml", "top_k: 1", "top_k: 2", "top_k 1 → 2"),
        ("retrieval/kb.yaml", "chunk_size: 64", "chunk_size: 65", "chunk_size 64 → 65"),
        ("kb/lamp.md", "euros", "pounds", "corpus file kb/lamp.md changed"),
    ];
    for (path, from, to, why) in moves {
        project.replace(path, from, to);
        project.run(&["status"]).exits(0).says("stale: its retrieval changed since its run");
        project.run(&["eval", "--changed=main", "--plan"]).says(why);
        project.git(&["checkout", "-q", "."]);
    }
    project.write("kb/new.md", "A new article.\n");
    project.run(&["status"]).exits(0).says("stale: its retrieval changed since its run");
    project.run(&["eval", "--changed=main"]).says("corpus file kb/new.md added");
    // Neither the version nor the day of the last rebuild finds other chunks.
    std::fs::remove_file(project.path("kb/new.md")).expect("removed");
    project.run(&["eval"]).exits(0);
    project.replace(
        "retrieval/kb.yaml",
        "version: \"1.0.0\"",
        "version: \"1.0.1\"\nindex_last_rebuilt: 2026-01-01",
    );
    project.run(&["status"]).exits(0).says("shop 1.0.0  validated");
    project.run(&["eval", "--changed=main"]).exits(0).says("UNAFFECTED");
    project.replace("prompts/shop.yaml", "Answer from", "Reply from");
    project.replace("retrieval/kb.yaml", "top_k: 1", "top_k: 2");
    project.run(&["status"]).exits(0).says("stale: the prompt and its retrieval changed since its run");
}

#[cfg(unix)]
#[test]
fn a_document_behind_a_link_is_part_of_the_corpus() {
    let project = shop("{case_floor: 1}");
    project.write("docs/more.md", "The warranty is two years.\n");
    std::os::unix::fs::symlink("../docs/more.md", project.path("kb/more.md")).expect("a link");
    commit(&project);
    project.git(&["checkout", "-q", "-B", "main"]);
    project.git(&["checkout", "-q", "-B", "topic"]);
    project.run(&["eval", "--changed=main"]).exits(0).says("UNAFFECTED");
    project.replace("docs/more.md", "two years", "ten years");
    project.run(&["eval", "--changed=main"]).exits(0).says("corpus file kb/more.md changed");
}
