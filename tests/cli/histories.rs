//! `log` and `status`, on repositories with real commits.

use crate::diffs::{commit, committed};

#[test]
fn a_log_follows_renames_includes_and_merges_and_leaves_out_what_changed_nothing() {
    let project = committed();
    project.run(&["eval"]).exits(0);
    project.replace("prompts/support.yaml", "version:", "# a comment\nversion:");
    commit(&project, "only a comment");
    project.replace("prompts/shared/tone.j2", "may", "must");
    commit(&project, "include");
    project.git(&["checkout", "-qb", "side"]);
    project.git(&["mv", "prompts/support.yaml", "prompts/help.yaml"]);
    project.replace("evals/support.yaml", "prompt: support", "prompt: help");
    commit(&project, "rename");
    project.git(&["checkout", "-q", "main"]);
    project.write("notes.md", "x");
    commit(&project, "elsewhere");
    project.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    project.run(&["eval"]).exits(0);
    let document = project.run(&["log", "help", "--json"]).exits(0).json();
    let rows = document["versions"].as_array().unwrap();
    let subjects: Vec<&str> = rows.iter().map(|row| row["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["rename", "include", "first"]);
    assert_eq!(
        (&rows[0]["path"], &rows[1]["path"]),
        (&"prompts/help.yaml".into(), &"prompts/support.yaml".into())
    );
    assert_eq!(rows[0]["digest"], rows[1]["digest"]);
    assert!(rows[0]["score"]["mean"].is_number() && rows[2]["score"]["mean"].is_number(), "{document}");
    project.run(&["log", "help"]).exits(0).says("score  ");
    project.run(&["log", "nothing"]).exits(4);
}

#[test]
fn what_is_stale_says_why_and_a_record_that_lies_is_loud() {
    let project = committed();
    project.git(&["config", "user.name", "Test"]);
    project.git(&["config", "user.email", "test@example.invalid"]);
    project.run(&["status"]).exits(0).says("support 1.0.0  stale: never evaluated here");
    project.run(&["eval", "--case", "refund"]).exits(0);
    project.run(&["status"]).exits(0).says("stale: never evaluated here");
    project.run(&["eval"]).exits(0);
    project.run(&["status"]).exits(0).says("support 1.0.0  validated").says("exchange 1.0.0  no suite");
    project.run(&["promote", "support", "--to", "production"]).exits(0);
    commit(&project, "live");
    project.run(&["status"]).exits(0).says("production: support 1.0.0").says("record holds; current");
    project.replace("prompts/support.yaml", "30 words", "20 words");
    project.run(&["status"]).exits(0).says("the prompt changed since its run").says("record holds; behind");
    project.replace("deployments/production.yaml", "prompt_version: 1.0.0", "prompt_version: 9.0.0");
    let lie = project.run(&["status", "--json"]).exits(1).json();
    assert_eq!(
        (&lie["schema"], &lie["deployments"][0]["holds"]),
        (&"llmops/status/v1".into(), &false.into())
    );
    project.run(&["status"]).exits(1).says("RECORD DOES NOT HOLD").says("prompt_version");
}

#[test]
fn a_shallow_clone_says_that_it_cannot_tell() {
    let project = committed();
    project.git(&["config", "user.name", "Test"]);
    project.git(&["config", "user.email", "test@example.invalid"]);
    project.run(&["promote", "support", "--to", "production"]).exits(0);
    commit(&project, "live");
    let url = format!("file://{}", project.root().display());
    project.git(&["clone", "-q", "--depth", "1", &url, "clone"]);
    project.run(&["-C", "clone", "status"]).exits(3).says("cannot be checked here");
    project.run(&["-C", "clone", "log", "support"]).exits(0).says("this clone is shallow");
}

#[test]
fn the_tour_shows_what_each_verb_says_to_five_changes() {
    let project = crate::project::Project::empty();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/git-tour.sh");
    let output = std::process::Command::new("sh")
        .arg(script)
        .env("LLMOPS", assert_cmd::cargo::cargo_bin("llmops"))
        .env("HOME", project.root())
        .output()
        .expect("sh runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let parts: Vec<&str> = text.split("=== ").skip(1).collect();
    let expected = [
        ["no prompt differs", "is promoted to production"],
        ["[-plain-]{+short+}", "appears in 16 of 16"],
        ["max_tokens none → 300", "16 byte-identical"],
        ["claude-haiku-4-5-20251001 on anthropic+}", "handbook is not promoted"],
        ["cases +0 −1, 0 changed", "is promoted to production"],
    ];
    assert_eq!(parts.len(), expected.len(), "{text}");
    for (part, expected) in parts.iter().zip(expected) {
        for word in expected {
            assert!(part.contains(word), "`{word}` is not in\n{part}");
        }
    }
}
