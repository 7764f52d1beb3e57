//! `init`: what it makes passes `check` and `eval` at once, and it overwrites nothing.

use crate::project::Project;

#[test]
fn a_new_repository_passes_at_once_without_a_key() {
    let project = Project::empty();
    project.git(&["init", "-q"]);
    project.run(&["init"]).exits(0).says("wrote prompts/handbook.yaml");
    project.run(&["check"]).exits(0);
    project.run(&["eval"]).exits(0).says("handbook");
    project.write("prompts/handbook.yaml", "mine");
    project.run(&["init"]).exits(0).says("kept  prompts/handbook.yaml");
    assert_eq!(project.read("prompts/handbook.yaml"), "mine");
}

#[test]
fn the_key_that_is_set_chooses_the_provider() {
    for (key, model) in [("ANTHROPIC_API_KEY", "claude-"), ("OPENAI_API_KEY", "gpt-")] {
        let project = Project::empty().set(key, "sk-test-0123456789abcdef");
        project.run(&["init"]).exits(0);
        assert!(project.read("prompts/handbook.yaml").contains(&format!("model_target: \"{model}")));
        project.run(&["check"]).exits(0);
        project.run(&["eval", "--offline"]).exits(3);
    }
}

#[test]
fn a_prompt_that_is_broken_on_purpose_is_blocked() {
    let project = Project::empty();
    project.run(&["init"]).exits(0);
    let cases = project.read("evals/cases/handbook.jsonl");
    let without: String = cases
        .lines()
        .map(|line| {
            let mut case: serde_json::Value = serde_json::from_str(line).expect("a case");
            case.as_object_mut().expect("an object").remove("context");
            format!("{case}\n")
        })
        .collect();
    project.write("evals/cases/handbook.jsonl", &without);
    let outcome = project.run(&["eval"]);
    assert_ne!(outcome.code, 0, "{}", outcome.stdout);
}
