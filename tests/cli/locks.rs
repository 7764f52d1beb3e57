//! `lock`, and `check --base`: what was agreed on, and what moved without being said.

use crate::fixtures::builtin;
use crate::project::Project;
use serde_json::Value;

fn commit(project: &Project, message: &str) {
    if !project.path(".git").exists() {
        project.git(&["init", "--quiet", "--initial-branch=main"]);
    }
    project.git(&["add", "--all"]);
    project.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
}

fn codes(document: &Value) -> Vec<String> {
    let found = document["diagnostics"].as_array().expect("diagnostics");
    // The index of these manifests is always newer than their corpus.
    let codes = found.iter().filter_map(|finding| finding["code"].as_str().map(str::to_owned));
    codes.filter(|code| code != "index-rebuilt-in-future").collect()
}

#[test]
fn a_suite_that_changed_under_its_locked_version_is_refused_until_its_version_is_raised() {
    let project = builtin(1.0);
    project.run(&["lock"]).exits(0).says("1 prompt, 1 suite");
    project.run(&["eval"]).exits(0);
    project.replace("evals/cases/support.jsonl", "How long do refunds take?", "How long?");
    project.run(&["eval", "--json"]).exits(2).says("suite-changed-under-version").says("raise the suite's");
    project.run(&["lock"]).exits(2).says("suite-changed-under-version");
    project.replace("evals/support.yaml", "1.0.0", "1.1.0");
    project.run(&["eval"]).exits(0);
    project.run(&["lock"]).exits(0);
    project.run(&["lock"]).exits(0).says("nothing moved");
    project.write("llmops.lock", "prompts: [\n");
    project.run(&["eval"]).exits(2).says("llmops lock");
}

#[test]
fn the_lock_sums_up_the_last_complete_passed_run_and_keeps_that_while_nothing_moves() {
    let project = builtin(1.0);
    project.run(&["eval", "--case", "refund"]).exits(0);
    project.run(&["lock"]).exits(0);
    assert!(!project.read("llmops.lock").contains("runs:"), "a narrowed run is no evidence");
    project.run(&["eval"]).exits(0);
    project.run(&["lock"]).exits(0);
    let lock = project.read("llmops.lock");
    assert!(
        lock.contains("mean: ") && lock.contains("n: 3") && lock.contains("judge_digest: \"sha256:"),
        "{lock}"
    );
    std::fs::remove_dir_all(project.path(".llmops")).unwrap();
    project.run(&["lock"]).exits(0).says("nothing moved");
    project.replace("prompts/support.yaml", "Answer from", "Reply from");
    project.run(&["lock"]).exits(0);
    assert!(!project.read("llmops.lock").contains("runs:"), "it was of another prompt");
}

#[test]
fn locks_of_two_branches_merge_line_by_line_and_what_is_deleted_drops_out() {
    let project = builtin(1.0);
    let prompt = project.read("prompts/support.yaml");
    for name in ["a", "b", "c"] {
        project.write(&format!("prompts/{name}.yaml"), &prompt.replace("eval_score_required: 1\n", ""));
    }
    project.write(".gitignore", ".llmops/\n");
    project.run(&["lock"]).exits(0);
    commit(&project, "locked");
    for (branch, name) in [("one", "a"), ("two", "b")] {
        project.git(&["checkout", "--quiet", "-b", branch, "main"]);
        project.replace(&format!("prompts/{name}.yaml"), "Answer from", "Reply from");
        project.replace(&format!("prompts/{name}.yaml"), "1.0.0", "1.1.0");
        project.run(&["lock"]).exits(0);
        commit(&project, branch);
    }
    project.git(&["merge", "--quiet", "--no-edit", "one"]);
    let merged = project.read("llmops.lock");
    project.run(&["lock"]).exits(0).says("nothing moved");
    assert_eq!(merged.matches("1.1.0").count(), 2);
    std::fs::remove_file(project.path("prompts/c.yaml")).unwrap();
    project.run(&["lock"]).exits(0).says("3 prompts");
}

#[test]
fn what_moved_without_its_version_and_what_became_easier_is_said() {
    let rows: [(&[(&str, &str, &str)], i32, &[&str]); 9] = [
        (&[("prompts/support.yaml", "Answer from", "Reply from")], 2, &["version-not-raised"]),
        (
            &[
                ("prompts/support.yaml", "Answer from", "Reply from"),
                ("prompts/support.yaml", "1.0.0", "1.1.0"),
            ],
            0,
            &[],
        ),
        (&[("prompts/support.yaml", "1.0.0", "1.1.0")], 0, &["version-without-change"]),
        (&[("prompts/support.yaml", "required: 2", "required: 1")], 0, &["threshold-lowered"]),
        (&[("prompts/support.yaml", "required: 2", "required: 3")], 0, &[]),
        (
            &[("evals/support.yaml", "case_floor: 2", "case_floor: 1")],
            2,
            &["threshold-lowered", "version-not-raised"],
        ),
        (
            &[
                ("evals/cases/support.jsonl", "How long do", "How soon do"),
                ("evals/support.yaml", "1.0.0", "1.1.0"),
                ("prompts/support.yaml", "Answer from", "Reply from"),
                ("prompts/support.yaml", "1.0.0", "1.1.0"),
            ],
            0,
            &["suite-and-prompt-changed-together"],
        ),
        (
            &[
                ("retrieval/kb.yaml", "chunk_size: 128", "chunk_size: 64"),
                ("retrieval/kb.yaml", "1.0.0", "1.1.0"),
            ],
            0,
            &["index-not-rebuilt"],
        ),
        (
            &[
                ("retrieval/kb.yaml", "chunk_size: 128", "chunk_size: 64"),
                ("retrieval/kb.yaml", "1.0.0", "1.1.0"),
                ("retrieval/kb.yaml", "2099-04-20", "2099-05-01"),
            ],
            0,
            &[],
        ),
    ];
    for (edits, code, expected) in rows {
        let project = builtin(2.0);
        let suite = project.read("evals/support.yaml");
        project.write("evals/support.yaml", &format!("{suite}gate: {{case_floor: 2}}\n"));
        project.write(
            "retrieval/kb.yaml",
            "version: \"1.0.0\"\nembedding_model: builtin/hashing-256\ncorpus: [\"kb/*.md\"]\nchunk_size: 128\nchunk_overlap: 8\ntop_k: 2\nindex_last_rebuilt: \"2099-04-20\"\n",
        );
        project.write("kb/a.md", "Refunds take five days.\n");
        commit(&project, "base");
        let before = codes(&project.run(&["check", "--base", "main", "--json"]).exits(0).json());
        assert_eq!(before, Vec::<String>::new());
        for (file, from, to) in edits {
            project.replace(file, from, to);
        }
        for base in ["main", "auto"] {
            let mut found = codes(&project.run(&["check", "--base", base, "--json"]).exits(code).json());
            found.sort();
            assert_eq!(found, expected, "{edits:?}");
        }
    }
}
