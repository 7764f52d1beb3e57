//! What is printed where somebody else reads it: a log that a CI host searches for commands, a narrow terminal, a list
//! of what a change touches, files of a root within a repository.

use crate::diffs::{commit, committed};
use crate::fixtures::{builtin, served};
use crate::stub::{Answer, Stub};

const COMMANDS: &str = "::error::pwned\n  ##[error]pwned\n\u{1b}[31mred";

/// Whether some line would be a command to a host.
fn commands(text: &str) -> bool {
    let starts = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    text.lines().any(starts) || text.contains('\u{1b}')
}

#[test]
fn an_answer_is_no_command_and_in_a_file_it_is_what_it_was() {
    let stub = Stub::start(|_| Answer::openai(COMMANDS));
    let run = |project: crate::project::Project| {
        project.run(&["run", "support", "--var", "input=x"]).exits(0).stdout
    };
    assert_eq!(run(served("openai", &stub.url, 4.0, 1)), format!("{COMMANDS}\n"));
    for host in ["CI", "GITHUB_ACTIONS", "TF_BUILD"] {
        let shown = run(served("openai", &stub.url, 4.0, 1).set(host, "true"));
        assert!(!commands(&shown) && shown.contains(": :error::pwned"), "{host}: {shown}");
    }
}

#[test]
fn a_rendered_message_and_a_difference_are_no_commands() {
    let project = committed();
    project.replace(
        "prompts/support.yaml",
        "Answer within",
        "Answer:\n  ::error::pwned\n  ##[error]pwned\n  within",
    );
    let rendered = project.run(&["render", "support", "--case", "refund"]).exits(0).stdout;
    assert!(rendered.contains("\n::error::pwned\n##[error]pwned\n"), "{rendered}");
    let project = project.set("CI", "true");
    let rendered = project.run(&["render", "support", "--case", "refund"]).exits(0).stdout;
    assert!(!commands(&rendered) && rendered.contains("\n: :error::pwned\n"), "{rendered}");
    let shown = project.run(&["diff", "support"]).exits(0).stdout;
    assert!(!commands(&shown) && shown.contains("pwned"), "{shown}");

    // A paragraph of several lines keeps to its place.
    project.replace(
        "prompts/support.yaml",
        "  {{ context }}\n",
        "  {{ context }}\n\n  One.\n  ::error::two\n  Three.\n",
    );
    let shown = project.run(&["diff", "support"]).exits(0).stdout;
    assert!(shown.contains("{+One.\n           : :error::two\n           Three.+}"), "{shown}");
}

#[test]
fn a_narrow_terminal_breaks_lines_between_words() {
    let project = committed();
    project.replace("prompts/support.yaml", "1.0.0", "1.1.0");
    project.replace(
        "prompts/support.yaml",
        "Answer within",
        &format!("{}Answer within", "Very long words come. ".repeat(9)),
    );
    project.replace(
        "prompts/support.yaml",
        "model_target",
        "changelog: a reason that takes its time to be read, and more than a line of it\nmodel_target",
    );
    commit(&project, "second");
    let project = project.set("COLUMNS", "60");
    for arguments in [&["diff", "HEAD~1..HEAD", "support"][..], &["log", "support"]] {
        let shown = project.run(arguments).exits(0).stdout;
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!((40..=60).contains(&widest), "{widest}: {shown}");
    }
}

#[test]
fn what_a_change_touches_is_said_in_words() {
    let project = builtin(1.5);
    project.git(&["init", "-q"]);
    commit(&project, "first");
    project.replace("evals/support.yaml", "judge:\n", "gate: {max_unscored: 10%}\njudge:\n  step: 0.5\n");
    let shown = project.set("COLUMNS", "60").run(&["eval", "--changed=HEAD"]).exits(0).stderr;
    let said = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("judge scale 1 to 5 in steps of 1 → 1 to 5 in steps of 0.5"), "{shown}");
    assert!(said.contains("max_unscored 0 → 10%") && !said.contains('{'), "{shown}");
    assert!(
        shown.lines().filter(|line| line.starts_with("  ")).all(|line| line.chars().count() <= 60),
        "{shown}"
    );
}

#[test]
fn a_dimension_that_changed_is_named() {
    let project = committed();
    project.replace("evals/support.yaml", "faithfulness: {}", "faithfulness: {required: 2}");
    let shown = project.run(&["diff", "support"]).exits(0).stdout;
    assert!(shown.contains("judge.dimensions.faithfulness.required none → 2"), "{shown}");
}

#[test]
fn files_of_a_root_within_a_repository_are_named_from_its_top() {
    let project = crate::project::Project::empty();
    project.git(&["init", "-q"]);
    let inner = builtin(4.0);
    inner.replace("evals/support.yaml", "judge:", "assert:\n  - {type: contains, value: nowhere}\njudge:");
    for path in ["evals/support.yaml", "evals/cases/support.jsonl"] {
        project.write(&format!("apps/shop/{path}"), &inner.read(path));
    }
    let prompt = inner.read("prompts/support.yaml");
    project.write("apps/shop/prompts/support.yaml", &prompt);
    project.run(&["-C", "apps/shop", "eval", "--report", "github=notes"]).exits(1);
    let notes = project.read("notes");
    assert!(notes.contains("::error file=apps/shop/prompts/support.yaml,"), "{notes}");

    // So they are where nothing could be evaluated, and in code scanning.
    project.write("apps/shop/prompts/support.yaml", &format!("{prompt}sytem: x\n"));
    project.run(&["-C", "apps/shop", "eval", "--report", "github=notes"]).exits(2);
    assert!(project.read("notes").contains("::error file=apps/shop/prompts/support.yaml,"));
    project.run(&["-C", "apps/shop", "check", "--report", "sarif=check.sarif"]).exits(2);
    assert!(project.read("check.sarif").contains("\"uri\":\"apps/shop/prompts/support.yaml\""));
}

#[test]
fn a_usage_error_of_eval_has_the_form_of_every_other() {
    let project = builtin(1.5);
    let wrong = project.run(&["eval", "--json", "--no-such-flag"]).exits(2).json();
    assert_eq!(wrong["schema"], "llmops/report/v1");
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../src/report/v1.schema.json")).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&wrong), "{wrong}");
    assert_eq!(
        project.run(&["check", "--json", "--no-such-flag"]).exits(2).json()["schema"],
        "llmops/check/v1"
    );
}
