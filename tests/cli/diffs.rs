//! What `diff` says of each sort of change, on repositories with real commits.

use crate::fixtures::builtin;
use crate::project::Project;

/// A committed repository on the built-in model, with an include that two prompts share.
pub fn committed() -> Project {
    let project = builtin(1.0);
    project.write("prompts/shared/tone.j2", "Be kind. You may refuse.\n");
    project.write(
        "prompts/support.yaml",
        "version: \"1.0.0\"\nmodel_target: builtin/extractive\neval_score_required: 1.5\nparameters: {}\nsystem: |\n  {% include \"shared/tone.j2\" %}\n\n  Answer within 30 words from this:\n  {{ context }}\n",
    );
    project.write(
        "prompts/exchange.yaml",
        "version: \"1.0.0\"\nmodel_target: builtin/extractive\nsystem: |\n  {% include \"shared/tone.j2\" %} Exchange things.\n",
    );
    project.git(&["init", "-q"]);
    commit(&project, "first");
    project
}

/// Commits everything.
pub fn commit(project: &Project, message: &str) {
    project.write(".gitignore", ".llmops/\n");
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", message]);
}

#[test]
fn comments_key_order_and_line_ends_are_no_difference() {
    let project = committed();
    project.write(
        "prompts/support.yaml",
        "# a comment\r\nsystem: |\r\n  {% include \"shared/tone.j2\" %}\r\n\r\n  Answer within 30 words from this:\r\n  {{ context }}\r\nmodel_target: builtin/extractive\r\nversion: \"1.0.0\"\r\neval_score_required: 1.50\r\n",
    );
    let outcome = project.run(&["diff"]).exits(0).says("no prompt differs");
    assert!(!outcome.stdout.contains("support"), "{}", outcome.stdout);
}

#[test]
fn a_word_in_an_include_names_whom_it_touches_and_every_case() {
    let project = committed();
    project.replace("prompts/shared/tone.j2", "may refuse", "must refuse");
    let document = project.run(&["diff", "support", "--json"]).exits(0).json();
    assert_eq!(document["schema"], "llmops/diff/v1");
    let prompt = &document["prompts"][0];
    assert_eq!((&prompt["name"], document["prompts"].as_array().map(Vec::len)), (&"support".into(), Some(1)));
    assert_eq!(prompt["includes"][0]["also"], serde_json::json!(["exchange"]));
    assert_eq!(prompt["includes"][0]["paragraphs"][0]["tags"], serde_json::json!(["modality"]));
    assert_eq!((&prompt["rendered"]["cases"], &prompt["rendered"]["identical"]), (&3.into(), &0.into()));
    assert_eq!(prompt["rendered"]["hunks"][0]["cases"].as_array().map(Vec::len), Some(3));
    assert_eq!(prompt["rendered"]["cost"]["prefix_break"], 14);
    let shown = project.run(&["diff"]).exits(0);
    let shown = shown.says("You [-may-]{+must+} refuse.").says("MODALITY").says("appears in 3 of 3");
    shown.says("the content moved, the version did not");
}

#[test]
fn fields_variables_and_thresholds_are_told_with_what_they_do() {
    let project = committed();
    project.replace("prompts/support.yaml", "1.0.0", "1.1.0");
    project.replace("prompts/support.yaml", "eval_score_required: 1.5", "eval_score_required: 1.0");
    project.replace("prompts/support.yaml", "30 words", "40 words for {{ order_id }}");
    let outcome = project.run(&["diff"]).exits(0).says("1.0.0 → 1.1.0  (minor)").says("order_id");
    let outcome = outcome.says("the threshold is lowered").says("3 cases without it").says("NUMBER");
    outcome.says("cannot be rendered on both sides");
}

#[test]
fn added_deleted_and_renamed_prompts_are_told_apart() {
    let project = committed();
    project.git(&["mv", "prompts/support.yaml", "prompts/help.yaml"]);
    project.replace("evals/support.yaml", "prompt: support", "prompt: help");
    project.git(&["rm", "-q", "prompts/exchange.yaml"]);
    project.write(
        "prompts/weather.yaml",
        "version: \"1\"\nmodel_target: builtin/extractive\nsystem: Tell tomorrow's sky over the harbour.\n",
    );
    let document = project.run(&["diff", "--json"]).exits(0).json();
    let found: Vec<(String, String)> = document["prompts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|prompt| (prompt["name"].as_str().unwrap().into(), prompt["change"].as_str().unwrap().into()))
        .collect();
    let expected = [("exchange", "deleted"), ("help", "renamed"), ("weather", "added")];
    assert_eq!(found, expected.map(|(name, change)| (name.to_owned(), change.to_owned())));
    assert_eq!(document["prompts"][1]["renamed_from"]["path"], "prompts/support.yaml");
}

#[test]
fn ranges_name_both_sides_and_what_is_not_there_is_refused() {
    let project = committed();
    project.replace("prompts/support.yaml", "30 words", "20 words");
    commit(&project, "second");
    project.run(&["diff"]).exits(0).says("no prompt differs");
    project.run(&["diff", "HEAD~1..HEAD"]).exits(0).says("[-30-]{+20+}");
    project.run(&["diff", "HEAD..HEAD~1"]).exits(0).says("[-20-]{+30+}");
    project.run(&["diff", "HEAD~1", "support"]).exits(0).says("[-30-]{+20+}");
    project.run(&["diff", "HEAD~1", "supprot"]).exits(4).says("no prompt is named");
    project.run(&["diff", "nonsense"]).exits(2).says("neither a prompt nor a revision");
    project.run(&["diff", "A...B"]).exits(2).says("no range");
    Project::empty().run(&["diff"]).exits(2).says("no git repository");
}

#[test]
fn a_prompt_that_cannot_be_read_is_never_a_deletion() {
    let project = committed();
    project.replace("prompts/support.yaml", "model_target", "model_tarket");
    project.run(&["diff"]).exits(2).says("cannot be read now");
    commit(&project, "broken");
    project.git(&["checkout", "-q", "HEAD~1", "--", "prompts/support.yaml"]);
    project.run(&["diff"]).exits(0).says("could not be read before");
}

#[test]
fn markdown_fits_a_comment_and_lets_no_prompt_write_markdown() {
    let project = committed();
    project.replace("prompts/support.yaml", "30 words", "<img src=x> @everyone words");
    let outcome = project.run(&["diff", "--markdown"]).exits(0).says("#### <b>support</b>");
    assert!(!outcome.stdout.contains("<img") && !outcome.stdout.contains("@everyone"), "{}", outcome.stdout);
}

#[test]
fn suites_are_compared_and_a_change_of_both_is_loud() {
    let project = committed();
    project.replace("evals/cases/support.jsonl", "What does delivery cost?", "What is the delivery fee?");
    project.run(&["diff"]).exits(0).says("cases +0 −0, 1 changed");
    project.replace("prompts/support.yaml", "30 words", "20 words");
    project.run(&["diff"]).exits(0).says("the suite and the prompt changed together");
}

#[test]
fn plain_git_shows_what_a_manifest_means() {
    let project = committed();
    let binary = assert_cmd::cargo::cargo_bin("llmops");
    let command = format!("'{}' diff --textconv", binary.display());
    project.git(&["config", "diff.llmops.textconv", &command]);
    project.write(".gitattributes", "prompts/** diff=llmops\n");
    commit(&project, "attributes");
    let text = project.read("prompts/support.yaml");
    project.write("prompts/support.yaml", &format!("# only a comment\n{text}"));
    assert_eq!(project.git(&["diff"]), "");
    project.replace("prompts/support.yaml", "30 words", "31 words");
    let shown = project.git(&["diff"]);
    assert!(shown.contains("-  Answer within 30 words") && !shown.contains("only a comment"), "{shown}");
    commit(&project, "words");
    assert!(project.git(&["log", "-p", "-1"]).contains("+  Answer within 31 words"));
}

#[test]
fn a_linked_worktree_and_a_detached_head_compare_like_any_other() {
    let project = committed();
    project.replace("prompts/support.yaml", "30 words", "20 words");
    commit(&project, "second");
    project.git(&["checkout", "-q", "--detach", "HEAD~1"]);
    project.run(&["diff", "HEAD..main"]).exits(0).says("[-30-]{+20+}");
    project.git(&["worktree", "add", "-q", "linked", "main"]);
    project.run(&["-C", "linked", "diff", "HEAD~1"]).exits(0).says("[-30-]{+20+}");
}
