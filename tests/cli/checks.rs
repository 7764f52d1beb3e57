//! `check`: every fault has a place, a code and a hint, and all are reported in one go.

use crate::fixtures::{SUPPORT, builtin, inputs};
use crate::project::Project;
use serde_json::Value;

fn codes(project: &Project) -> Vec<(String, u64)> {
    let document = project.run(&["check", "--json"]).json();
    let found = document["diagnostics"].as_array().cloned().unwrap_or_default();
    found
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| {
            (finding["code"].as_str().unwrap_or_default().to_owned(), finding["line"].as_u64().unwrap_or(0))
        })
        .collect()
}

#[test]
fn the_manifest_of_the_documents_works_as_it_stands() {
    let project = Project::new(&[
        ("prompts/customer_support.yaml", SUPPORT),
        (
            "evals/customer_support.yaml",
            "version: \"1.0.0\"\nprompt: customer_support\ncases: c.jsonl\njudge: {model: builtin/lexical}\n",
        ),
        ("evals/c.jsonl", &inputs(3)),
    ]);
    project.run(&["check"]).exits(0).says("1 prompt, 1 suite");
    let rendered =
        project.run(&["render", "customer_support", "--case", "case-01", "--json"]).exits(0).json();
    assert_eq!(rendered["messages"][0]["content"], "You are a customer support assistant for Acme Corp.");
    assert_eq!(rendered["messages"][1]["content"], "Question 1?");
    assert_eq!(rendered["tokens_estimated"], Value::Bool(true));
}

#[test]
fn template_faults_stand_at_their_line_and_column_of_the_yaml_file() {
    let project = builtin(3.0);
    project.replace("prompts/support.yaml", "{{ context }}", "{{ contxt }}");
    let document = project.run(&["check", "--json"]).exits(2).json();
    let finding = &document["diagnostics"][0];
    assert_eq!(
        (
            finding["code"].as_str(),
            finding["path"].as_str(),
            finding["line"].as_u64(),
            finding["column"].as_u64()
        ),
        (Some("undefined-variable"), Some("prompts/support.yaml"), Some(6), Some(6))
    );
    project.run(&["check"]).exits(2).says("{{ contxt }}").says("`contxt` is not defined").says("and 2 more");

    project.replace("prompts/support.yaml", "{{ contxt }}", "{% if context %}");
    assert_eq!(codes(&project)[0].0, "template-syntax");
    project.replace("prompts/support.yaml", "{% if context %}", "{% include input %}");
    assert_eq!(codes(&project), [("bad-include".to_owned(), 6)]);
    project.replace("prompts/support.yaml", "{% include input %}", "{% include \"../evals/support.yaml\" %}");
    assert_eq!(codes(&project), [("bad-include".to_owned(), 6)]);
    project.replace(
        "prompts/support.yaml",
        "{% include \"../evals/support.yaml\" %}",
        "{% include \"/etc/passwd\" %}",
    );
    assert_eq!(codes(&project), [("bad-include".to_owned(), 6)]);
}

#[cfg(unix)]
#[test]
fn a_link_that_leaves_the_repository_is_not_followed() {
    let project = builtin(3.0);
    std::os::unix::fs::symlink("/etc/passwd", project.path("prompts/secret.j2")).expect("a link");
    project.replace("prompts/support.yaml", "{{ context }}", "{% include \"secret.j2\" %}");
    let outcome = project.run(&["check"]).exits(2).says("outside the repository");
    assert!(!outcome.stderr.contains("root:"));
}

#[test]
fn a_template_that_loops_and_a_yaml_bomb_are_refused() {
    let project = builtin(3.0);
    project.replace(
        "prompts/support.yaml",
        "{{ context }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    );
    assert_eq!(codes(&project)[0].0, "template-limit");
    let bomb: String = (1..30).fold("a0: &a0 [x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        format!("{text}a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 8].join(","))
    });
    project.write("prompts/bomb.yaml", &bomb);
    project.run(&["check"]).exits(2).says("prompts/bomb.yaml");
}

#[test]
fn all_faults_of_all_files_are_reported_in_one_go() {
    let project = Project::new(&[
        ("prompts/a.yaml", "version: 1.0\nmodle_target: x\nsystem: hi\nsystem: ho\n"),
        (
            "prompts/b.yaml",
            "version: \"1\"\nmodel_target: gpt-4o\nsystem: hi\nparameters: {temperature: hot}\n",
        ),
        ("evals/c.yaml", "version: \"1\"\nprompt: nothing\ncases: []\n"),
    ]);
    let found: Vec<String> = codes(&project).into_iter().map(|(code, _)| code).collect();
    for code in ["duplicate-key", "wrong-type"] {
        assert!(found.iter().any(|have| have == code), "{code} is not in {found:?}");
    }
    let document = project.run(&["check", "--json"]).exits(2).json();
    for finding in document["diagnostics"].as_array().expect("a list") {
        assert!(finding["path"].is_string() && finding["help"].is_string(), "{finding}");
    }
}

#[test]
fn case_files_are_read_strictly_and_forgive_what_is_harmless() {
    let project = builtin(3.0);
    let text = project.read("evals/cases/support.jsonl");
    project.write("evals/cases/support.jsonl", &format!("\u{feff}{}", text.replace('\n', "\r\n")));
    project.run(&["check"]).exits(0);

    let mut lines: Vec<String> = inputs(20).lines().map(str::to_owned).collect();
    lines[16] = "{\"id\": \"broken\", \"input\": ".to_owned();
    project.write("evals/cases/support.jsonl", &lines.join("\n"));
    assert_eq!(codes(&project).iter().map(|(_, line)| *line).collect::<Vec<_>>(), [17]);

    project.write_bytes("evals/cases/support.jsonl", b"{\"input\": \"a\"}\n{\"input\": \"\xff\"}\n");
    project.run(&["check"]).exits(2).says("UTF-8").says("support.jsonl");
    project.write("evals/cases/support.jsonl", "");
    project.run(&["check"]).exits(2).says("no-cases");
    project.run(&["eval"]).exits(2);
}

#[test]
fn two_manifests_with_one_name_and_a_threshold_without_a_judge_are_errors() {
    let project = builtin(3.0);
    let prompt = project.read("prompts/support.yaml");
    project.write("prompts/other.yaml", &format!("name: support\n{prompt}"));
    project.run(&["check"]).exits(2).says("support");
    std::fs::remove_file(project.path("prompts/other.yaml")).expect("removed");
    let suite = project.read("evals/support.yaml");
    project.write("evals/support.yaml", &suite[..suite.find("judge:").expect("a judge")]);
    project.run(&["check"]).exits(2).says("threshold-without-judge");
    project.run(&["eval"]).exits(2).says("threshold-without-judge");
}

#[test]
fn a_path_that_holds_no_manifest_is_a_selection_that_matched_nothing() {
    let project = builtin(3.0);
    project.run(&["check", "prompts/nothing.yaml"]).exits(4);
    project.run(&["check", "prompts"]).exits(0);
}
