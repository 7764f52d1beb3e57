//! A static embedding model in a folder of the repository: it searches without key and network, every byte of it is
//! part of what is evaluated, and what is no such model is said.

use crate::project::Project;
use serde_json::json;

const PROJECT: &str = "providers:\n  table: {api: builtin, path: models/small}\n";
const KB: &str = "version: \"1.0.0\"\nembedding_model: small\nprovider: table\ncorpus: [\"kb/*.md\"]\nsearch: vector\ntop_k: 2\n";
/// `[UNK]`, `money`, `back`, `refund`, `light`, `##s`, `lamp`: the first axis is money, the second light.
const VECTORS: [[f32; 2]; 7] =
    [[9.0, 9.0], [1.0, 0.0], [0.5, 0.1], [0.9, 0.1], [0.0, 1.0], [0.0, 0.0], [0.1, 0.9]];

fn table(rows: &[[f32; 2]]) -> Vec<u8> {
    let data: Vec<u8> = rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    let entry = json!({"dtype": "F32", "shape": [rows.len(), 2], "data_offsets": [0, data.len()]});
    let header = json!({"embeddings": entry}).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn tokenizer(kind: &str) -> String {
    json!({
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": kind, "vocab": {"[UNK]": 0, "money": 1, "back": 2, "refund": 3, "light": 4, "##s": 5, "lamp": 6}},
    })
    .to_string()
}

fn project() -> Project {
    let project = Project::new(&[
        ("llmops.yaml", PROJECT),
        (
            "prompts/support.yaml",
            "version: \"1.0.0\"\nmodel_target: builtin/extractive\nretrieval: ../retrieval/kb.yaml\nsystem: |\n  Answer from this:\n  {{ context }}\n",
        ),
        ("retrieval/kb.yaml", KB),
        (
            "evals/support.yaml",
            "version: \"1.0.0\"\nprompt: support\ncases: cases/support.jsonl\ngate: {retrieval: {mrr: 1}}\n",
        ),
        (
            "evals/cases/support.jsonl",
            "{\"id\": \"money\", \"input\": \"Money back?\", \"relevant\": [\"kb/refund.md\"], \"assert\": [{\"type\": \"not-contains\", \"value\": \"As an AI\"}]}\n",
        ),
        ("kb/refund.md", "Refunds take five days.\n"),
        ("kb/lamp.md", "A lamp gives light.\n"),
        ("models/small/tokenizer.json", &tokenizer("WordPiece")),
    ]);
    project.write_bytes("models/small/model.safetensors", &table(&VECTORS));
    project
}

#[test]
fn it_finds_by_meaning_what_shares_no_word_and_needs_nothing() {
    let project = project();
    project.run(&["check"]).exits(0);
    let found = project.run(&["retrieve", "kb", "--query", "money back", "--json"]).exits(0).json();
    assert_eq!(found["chunks"][0]["source"], "kb/refund.md");
    // money + back = (1.5, 0.1) against refund + ##s = (0.9, 0.1).
    let expected = (1.5 * 0.9 + 0.1 * 0.1) / (1.5_f64.hypot(0.1) * 0.9_f64.hypot(0.1));
    let score = found["chunks"][0]["score"].as_f64().expect("a score");
    assert!((score - expected).abs() < 1e-6, "{score} {expected}");
    let report = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!(report["gates"][0]["retrieval_metrics"]["mrr"], 1.0);
    project.run(&["eval", "--offline"]).exits(0);
    project.run(&["doctor"]).exits(0).says("the embedding model in models/small");
}

#[test]
fn other_numbers_under_the_same_name_are_another_retriever() {
    let project = project();
    project.run(&["eval"]).exits(0);
    project.git(&["init", "-q"]);
    project.write(".gitignore", ".llmops/\n");
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "first"]);
    project.run(&["eval", "--changed=HEAD"]).exits(0).says("UNAFFECTED");
    // Refunds point to light now: the index of the old numbers must not answer.
    let mut rows = VECTORS;
    rows[3] = [0.0, 1.0];
    rows[6] = [1.0, 0.0];
    project.write_bytes("models/small/model.safetensors", &table(&rows));
    let outcome = project.run(&["eval", "--changed=HEAD"]).exits(1);
    outcome.says("embedding model file models/small/model.safetensors changed");
    let found = project.run(&["retrieve", "kb", "--query", "money", "--json"]).exits(0).json();
    assert_eq!(found["chunks"][0]["source"], "kb/lamp.md");
}

#[test]
fn what_is_no_model_is_said_with_its_file_and_never_passes() {
    let whole = table(&VECTORS);
    let (cut, lfs) =
        (&whole[..whole.len() - 3], b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    let mut typed = whole.clone();
    let at = typed.windows(3).position(|part| part == b"F32").expect("a type");
    typed[at..at + 3].copy_from_slice(b"I32");
    for (bytes, why) in [
        (cut, "the file is cut off"),
        (&lfs[..], "git lfs pull"),
        (&typed[..], "I32, and not F32, F16 or F64"),
        (&b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"[..], "9223372036854775807 bytes"),
        (&b""[..], "it is shorter than the length"),
    ] {
        let project = project();
        project.write_bytes("models/small/model.safetensors", bytes);
        for arguments in [&["check"][..], &["eval"], &["retrieve", "kb", "--query", "money"]] {
            let outcome = project.run(arguments).exits(2);
            outcome.says("models/small/model.safetensors").says(why).says("embedding-model-unusable");
        }
    }
    let unigram = project();
    unigram.write("models/small/tokenizer.json", &tokenizer("Unigram"));
    unigram.run(&["eval"]).exits(2).says("`model` is of the type Unigram").says("tokenizer.json");

    let missing = project();
    std::fs::remove_file(missing.path("models/small/tokenizer.json")).expect("removed");
    missing.run(&["eval"]).exits(2).says("file-not-found").says("models/small/tokenizer.json");
}

#[test]
fn it_serves_retrieval_alone() {
    let project = project();
    project.replace("prompts/support.yaml", "retrieval:", "provider: table\nretrieval:");
    project.run(&["check"]).exits(2).says("`table` is an embedding model in a folder");
    project.replace("prompts/support.yaml", "provider: table\n", "");
    project.replace(
        "evals/support.yaml",
        "gate:",
        "assert: [{type: similar, value: x, threshold: 0.5, model: small, provider: table}]\ngate:",
    );
    project.run(&["check"]).exits(2).says("serves retrieval");
}
