//! Promotion and rollback, on repositories with real commits.

use crate::diffs::{commit, committed};
use crate::fixtures::{grade, served};
use crate::project::Project;
use crate::stub::{Answer, Stub};

const RECORD: &str = "deployments/production.yaml";

/// A provider whose every answer is short and whose every grade is the best.
fn judging() -> Stub {
    Stub::start(|seen| {
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Yes.".to_owned() })
    })
}

fn named(project: &Project) {
    project.git(&["config", "user.name", "Test"]);
    project.git(&["config", "user.email", "test@example.invalid"]);
}

fn release() -> Project {
    let project = committed();
    named(&project);
    project
}

fn promote(project: &Project) -> crate::project::Outcome {
    project.run(&["promote", "support", "--to", "production"])
}

/// A new version with other words, committed.
fn next(project: &Project, from: &str, to: &str, words: (&str, &str)) {
    project.replace("prompts/support.yaml", &format!("\"{from}\""), &format!("\"{to}\""));
    project.replace("prompts/support.yaml", words.0, words.1);
    commit(project, to);
}

#[test]
fn a_promotion_names_everything_that_goes_live_and_keeps_other_prompts() {
    let project = release();
    let head = project.git(&["rev-parse", "HEAD"]);
    promote(&project).exits(0).says("support 1.0.0 is promoted to production");
    let first = project.read(RECORD);
    for text in
        ["prompt_version: 1.0.0", "promoted_by: Test <test@example.invalid>", &head, "suites:", "sha256:"]
    {
        assert!(first.contains(text), "{text} is not in\n{first}");
    }
    assert!(!first.contains("previous"), "{first}");
    let other = first.replacen("support:", "other:", 1);
    project.write(RECORD, &format!("{other}{first}"));
    commit(&project, "live");
    next(&project, "1.0.0", "1.1.0", ("30 words", "20 words"));
    let entry = project.run(&["promote", "support", "--to", "production", "--json"]).exits(0).json();
    assert_eq!(
        (&entry["schema"], &entry["entry"]["previous"]["prompt_version"]),
        (&"llmops/promote/v1".into(), &"1.0.0".into())
    );
    let second = project.read(RECORD);
    assert!(second.contains("other:") && second.contains("previous:"), "{second}");
}

#[test]
fn a_rollback_restores_the_whole_entry_and_names_it() {
    let project = release();
    project.run(&["rollback", "support", "--in", "production"]).exits(4).says("nothing is live");
    promote(&project).exits(0);
    let first = project.read(RECORD);
    commit(&project, "live 1.0.0");
    project.run(&["rollback", "support", "--in", "production"]).exits(2).says("nothing stood before");
    next(&project, "1.0.0", "1.1.0", ("30 words", "20 words"));
    promote(&project).exits(0);
    commit(&project, "live 1.1.0");
    project
        .run(&["rollback", "support", "--in", "production"])
        .exits(0)
        .says("back at 1.0.0")
        .says("from 1.1.0");
    assert_eq!(project.read(RECORD), first);
    project.run(&["rollback", "suport", "--in", "production"]).exits(4).says("is not live");
    project.run(&["rollback", "support", "--in", "../x"]).exits(2).says("no name of an environment");
}

#[test]
fn a_dirty_tree_and_a_failed_gate_write_nothing() {
    let project = release();
    project.write("notes.txt", "not committed");
    promote(&project).exits(2).says("differs from HEAD");
    std::fs::remove_file(project.path("notes.txt")).unwrap();
    let suite = project.read("evals/support.yaml");
    project.write("evals/support.yaml", &format!("{suite}assert:\n  - {{type: contains, value: unicorn}}\n"));
    commit(&project, "stricter");
    promote(&project).exits(1).says("is not promoted").says("assert");
    assert!(!project.path(RECORD).exists());
    Project::new(&[]).run(&["promote", "x", "--to", "production"]).exits(2).says("no git repository");
}

#[test]
fn a_record_that_was_edited_wrongly_is_refused() {
    let project = release();
    promote(&project).exits(0);
    project.replace(RECORD, "promoted_by", "promoted_bi");
    commit(&project, "edited");
    promote(&project).exits(2).says("promoted_bi");
    project.run(&["rollback", "support", "--in", "production"]).exits(2).says("promoted_bi");
}

#[test]
fn without_stored_answers_there_is_nothing_to_promote_and_with_them_nobody_is_called() {
    let stub = judging();
    let project = served("openai", &stub.url, 4.0, 3);
    project.git(&["init", "-q"]);
    named(&project);
    commit(&project, "first");
    promote(&project).exits(3).says("llmops eval support");
    assert!(!project.path(RECORD).exists());
    // A narrowed run leaves some of the answers behind, never all that a promotion needs.
    project.run(&["eval", "--case", "case-00"]).exits(0);
    promote(&project).exits(3).says("not_recorded");
    project.run(&["eval"]).exits(0);
    let calls = stub.count();
    promote(&project).exits(0).says("score 5");
    assert_eq!(stub.count(), calls);
}

#[test]
fn a_model_and_a_prompt_that_moved_together_have_to_pass_apart() {
    let stub = judging();
    let project = served("openai", &stub.url, 4.0, 3);
    project.git(&["init", "-q"]);
    named(&project);
    commit(&project, "first");
    project.run(&["eval"]).exits(0);
    promote(&project).exits(0);
    commit(&project, "live");
    project.replace("prompts/support.yaml", "Answer briefly.", "Answer very briefly.");
    project.replace("prompts/support.yaml", "gpt-4o-2024-11-20", "gpt-4o-mini-2024-07-18");
    commit(&project, "both");
    project.run(&["eval"]).exits(0);
    promote(&project).exits(3).says("on its own").says("gpt-4o-2024-11-20");
    project.run(&["promote", "support", "--to", "production", "--together"]).exits(0);
}

#[test]
fn a_gate_that_forbids_a_drop_is_compared_again_before_it_goes_live() {
    let project = release();
    let suite = project.read("evals/support.yaml");
    let gate = if suite.contains("gate:") {
        suite.replace("gate:", "gate:\n  max_regression: 0.1")
    } else {
        format!("{suite}gate: {{max_regression: 0.1}}\n")
    };
    project.write("evals/support.yaml", &gate);
    commit(&project, "no drop");
    project.git(&["checkout", "-q", "-b", "topic"]);
    next(&project, "1.0.0", "1.1.0", ("30 words", "20 words"));
    project.run(&["eval"]).exits(0);
    promote(&project).exits(0).says("support 1.1.0 is promoted to production");
}
