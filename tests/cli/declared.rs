//! What is declared has to be there: the files of a program, the inputs of a prompt, the provider of a candidate.

use crate::diffs::{commit, committed};
use crate::fixtures::{builtin, served};
use crate::project::Project;
use crate::stub::Stub;

/// An application behind `exec`, whose answers are held to a word.
fn application(inputs: &str) -> Project {
    let project = Project::new(&[
        (
            "llmops.yaml",
            &format!("providers:\n  app: {{api: exec, command: [\"sh\", \"app.sh\"], inputs: [{inputs}]}}\n"),
        ),
        ("app.sh", "echo '{\"output\": \"hello\"}'\n"),
        ("prompts/p.yaml", "version: \"1\"\nprovider: app\nmodel_target: app-1\nsystem: |\n  Greet.\n"),
        (
            "evals/p.yaml",
            "version: \"1\"\nprompt: p\ncases: [{id: a, input: x}]\nassert: [{type: contains, value: hello}]\n",
        ),
    ]);
    project.git(&["init", "-q", "-b", "main"]);
    commit(&project, "an application");
    project
}

#[test]
fn a_glob_of_a_program_that_matches_nothing_is_an_error_also_beside_one_that_does() {
    for inputs in ["\"ap.sh\"", "\"srcc/**\"", "\"app.sh\", \"lib/*.sh\""] {
        let project = application(inputs);
        project.write("app.sh", "echo '{\"output\": \"bye\"}'\n");
        commit(&project, "another application");
        for arguments in [&["check"][..], &["eval"], &["lock"], &["eval", "--changed=HEAD~1"]] {
            project.run(arguments).exits(2).says("inputs-no-match").says("provider `app`");
        }
    }
    let project = application("\"app.sh\"");
    project.run(&["eval"]).exits(0);
    let exec = "{type: exec, command: [\"true\"], inputs: [\"checks/**\"]}";
    project.replace("evals/p.yaml", "assert: [", &format!("assert: [{exec}, "));
    let found = project.run(&["check", "--json"]).exits(2).json();
    let finding = &found["diagnostics"][0];
    assert!(
        finding["code"] == "inputs-no-match" && finding["path"] == "evals/p.yaml" && finding["line"] == 4,
        "{found}"
    );
    project.replace("evals/p.yaml", &format!("{exec}, "), "");
    project.replace("evals/p.yaml", "{id: a, input: x}", &format!("{{id: a, input: x, assert: [{exec}]}}"));
    project.run(&["check"]).exits(2).says("inputs-no-match");
}

#[test]
fn a_program_file_that_git_ignores_is_not_taken_for_unchanged() {
    let project = application("\"app.sh\", \"out/**\"");
    project.write("out/table.txt", "1\n");
    project.write("other/rows.json", "[]\n");
    project.write(".gitignore", "app.sh\nout/\nother/\n*.log\n");
    project.git(&["rm", "-q", "--cached", "app.sh"]);
    commit(&project, "built, and not kept");
    project.run(&["eval"]).exits(0);
    project.write("app.sh", "echo '{\"output\": \"bye\"}'\n");
    project.run(&["eval", "--changed=HEAD"]).exits(1).says("does not contain");

    // What no manifest names may be ignored or not.
    let project = committed();
    project.write("other/rows.json", "[]\n");
    project.write("x.log", "");
    project.write(".gitignore", "other/\n*.log\n");
    commit(&project, "ignored");
    project.run(&["eval", "--changed=HEAD"]).exits(0).says("UNAFFECTED");
}

#[test]
fn an_input_that_is_required_is_given_by_every_case_and_a_name_that_is_none_is_misspelt() {
    let project = builtin(1.5);
    project.replace(
        "prompts/support.yaml",
        "system: |",
        "inputs: {input: {type: string}, tone: {type: string}}\nsystem: |",
    );
    let found = project.run(&["check", "--json"]).exits(2).json();
    let finding = &found["diagnostics"][0];
    assert!(finding["message"] == "no `tone`, which `inputs` requires (case `refund` and 2 more)", "{found}");
    assert!(finding["path"] == "prompts/support.yaml" && finding["line"] == 4, "{found}");

    project.replace("prompts/support.yaml", "tone: {type: string}", "tone: {type: string, required: false}");
    project.run(&["check"]).exits(0);
    project.replace(
        "prompts/support.yaml",
        "Answer from this:",
        "Answer{% if tone %} as {{ tonne }}{% endif %}:",
    );
    project
        .run(&["check"])
        .exits(2)
        .says("`tonne` is none of the declared `inputs`")
        .says("did you mean `tone`?");
    project.run(&["eval"]).exits(2);
    project.replace("prompts/support.yaml", "tonne", "tone");
    project.run(&["eval"]).exits(0);
}

#[test]
fn a_message_that_no_manifest_writes_has_its_manifest_named_and_says_what_to_give() {
    let project = builtin(1.5);
    let said = project.run(&["render", "support"]).exits(2);
    said.says("prompts/support.yaml").says("`input` is not defined").says("--var NAME=VALUE");
}

#[test]
fn a_candidate_whose_provider_nobody_can_tell_is_refused_before_any_call() {
    let project = builtin(1.5);
    project.run(&["eval", "--model", "foo"]).exits(2).says("cannot tell the provider of `foo`");
    project.run(&["eval", "--model", "builtin/extraktive"]).exits(2).says("no built-in model");
    project.run(&["eval", "--model", "claude-sonnet-9-20270101"]).exits(3).says("ANTHROPIC_API_KEY");
    let stub = Stub::start(|_| crate::stub::Answer::openai("x"));
    let project = served("openai", &stub.url, 4.0, 2);
    project.run(&["eval", "--model", "builtin/lexical"]).exits(2).says("no built-in model");
    assert_eq!(stub.count(), 0);
}

#[test]
fn a_program_may_bring_the_context_that_a_required_dimension_needs() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/app");
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("llmops"));
    let output = command.args(["-C", example, "eval", "--plan", "--json"]).output().expect("it runs");
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(plan["gates"][0]["can_pass"], true, "{plan}");
}

#[test]
fn an_assert_whose_program_declares_nothing_is_always_decided_again() {
    let project = committed();
    project.write("check.sh", "cat > /dev/null; echo '{\"pass\": true}'\n");
    let judge = "judge:";
    let exec = "assert: [{type: exec, command: [\"sh\", \"check.sh\"]}]\njudge:";
    project.replace("evals/support.yaml", judge, exec);
    commit(&project, "a program that decides");
    project
        .run(&["eval", "support", "--changed=HEAD"])
        .says("the program of an `exec` assert declares no `inputs`");
    project.write("check.sh", "cat > /dev/null; echo '{\"pass\": false}'\n");
    project.run(&["eval", "support", "--changed=HEAD"]).exits(1);
}

#[test]
fn names_of_files_count_from_where_they_are_typed_and_a_revision_is_not_taken_for_a_prompt() {
    let project = committed();
    let within = |arguments: &[&str]| {
        let output = project.command().args(arguments).current_dir(project.path("prompts")).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), said)
    };
    for arguments in [
        &["check", "support.yaml"][..],
        &["check", "../evals"],
        &["check", "evals"],
        &["eval", "./support.yaml"],
        &["eval", "prompts/support.yaml"],
        &["render", "support.yaml", "--case", "refund"],
    ] {
        let (code, said) = within(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
    }
    assert_eq!(within(&["check", "../.."]).0, Some(2));
    let (code, said) = within(&["eval", "--changed", "main"]);
    assert!(code == Some(4) && said.contains("--changed=main"), "{said}");
}

#[test]
fn a_project_file_with_the_other_ending_is_not_passed_over() {
    let project = builtin(1.5);
    project.write("llmops.yml", "prompts: elsewhere\n");
    project.run(&["check"]).exits(2).says("llmops.yml is not read").says("name it llmops.yaml");
    project.write("llmops.yaml", "{}\n");
    project.run(&["check"]).exits(0);
}

#[test]
fn a_gate_that_no_answer_can_pass_is_said_before_anything_is_asked() {
    let project = builtin(1.5);
    project.replace("evals/support.yaml", "judge:", "gate: {min_cases: 50}\njudge:");
    project
        .run(&["check"])
        .exits(0)
        .says("fewer-cases-than-demanded")
        .says("runs 3 cases, and `min_cases` is 50");
    project.replace("evals/support.yaml", "min_cases: 50", "min_cases: 3");
    assert!(!project.run(&["check", "--json"]).exits(0).stdout.contains("fewer-cases"));
    project.replace("evals/support.yaml", "judge:", "sample: {size: 2, seed: 1}\njudge:");
    project.run(&["check"]).exits(0).says("runs 2 cases");
}

#[test]
fn a_gate_that_demands_nothing_is_said_and_whatever_it_demands_is_seen() {
    let project = builtin(1.5);
    let code = "gate-demands-nothing";
    assert!(!project.run(&["check", "--json"]).exits(0).stdout.contains(code));
    project.replace("prompts/support.yaml", "eval_score_required: 1.5\n", "");
    project.run(&["check"]).exits(0).says(code).says("there is no threshold, no assert and no limit");
    project.run(&["eval"]).exits(3).says("nothing is demanded");
    let suite = project.read("evals/support.yaml");
    let prompt = project.read("prompts/support.yaml");
    for (path, from, to) in [
        ("evals/support.yaml", "judge:", "gate: {case_floor: 2}\njudge:"),
        ("evals/support.yaml", "judge:", "gate: {max_regression: 0.1}\njudge:"),
        ("evals/support.yaml", "judge:", "assert: [{type: contains, value: x}]\njudge:"),
        ("evals/support.yaml", "relevance: {}", "relevance: {required: 2}"),
        ("prompts/support.yaml", "version:", "budget: {max_input_tokens: 900}\nversion:"),
    ] {
        project.replace(path, from, to);
        let said = project.run(&["check", "--json"]).exits(0).stdout;
        assert!(!said.contains(code), "{to}: {said}");
        project.write("evals/support.yaml", &suite);
        project.write("prompts/support.yaml", &prompt);
    }
    // An assert that need not hold is no demand.
    project.replace(
        "evals/support.yaml",
        "judge:",
        "gate: {asserts_required: 0}\nassert: [{type: contains, value: x}]\njudge:",
    );
    project.run(&["check"]).exits(0).says("every assert may fail");
    project.write("evals/support.yaml", &suite);
    project.replace("prompts/support.yaml", "version:", "eval_score_required: 1\nversion:");
    project.run(&["check"]).exits(0).says(code).says("every score reaches the lowest one");
}

#[test]
fn a_demand_on_what_is_retrieved_that_nothing_measures_is_said() {
    let project = builtin(1.5);
    project.replace("evals/support.yaml", "judge:", "gate: {retrieval: {recall_at_k: 0.9}}\njudge:");
    project
        .run(&["check"])
        .exits(0)
        .says("retrieval-without-relevant")
        .says("the prompt `support` retrieves nothing");
    project.run(&["eval"]).exits(3);
    let project = crate::retrieval::project(crate::retrieval::KB);
    let (suite, cases) = (project.read("evals/support.yaml"), project.read("evals/cases/support.jsonl"));
    project.write("evals/support.yaml", &format!("{suite}gate: {{retrieval: {{recall_at_k: 0.1}}}}\n"));
    assert!(!project.run(&["check"]).exits(0).stderr.contains("retrieval-without-relevant"));
    project.write("evals/cases/support.jsonl", &cases.replace("\"relevant\":[\"kb/", "\"context\":[\"kb/"));
    project.run(&["check"]).says("no case that retrieves says what is `relevant`");
}

#[test]
fn a_case_without_the_input_that_is_the_user_message_is_said_at_its_line() {
    let project = builtin(1.5);
    let cases = project.read("evals/cases/support.jsonl");
    project.write("evals/cases/support.jsonl", &format!("{cases}{{\"id\": \"bare\"}}\n"));
    project
        .run(&["check"])
        .exits(2)
        .says("evals/cases/support.jsonl:4:1")
        .says("the case `bare` has no `input`");
}

#[test]
fn a_variable_that_a_prompt_does_not_read_is_refused() {
    let project = builtin(1.5);
    project.run(&["run", "support", "--var", "input=How long?"]).exits(0);
    project
        .run(&["run", "support", "--var", "input=How long?", "--var", "inpt=x"])
        .exits(2)
        .says("reads no `inpt`")
        .says("did you mean `input`?");
    project.run(&["render", "support", "--var", "inptu=x"]).exits(2).says("reads no `inptu`");
}

#[test]
fn a_version_that_would_act_on_a_terminal_is_refused() {
    let project = builtin(1.5);
    project.replace("prompts/support.yaml", "version: \"1.0.0\"", "version: \"1\\e[31m\\n::error::x\"");
    project.run(&["check"]).exits(2).says("`version` holds a character that does not print");
}

#[test]
fn a_name_that_is_almost_right_is_named() {
    let project = builtin(1.5);
    project.run(&["eval", "suport"]).exits(4).says("did you mean `support`?");
    project.run(&["eval", "--suite", "suport"]).exits(4).says("did you mean `support`?");
    project.run(&["eval", "--case", "waranty"]).exits(4).says("did you mean `warranty`?");
    project.run(&["render", "suport"]).exits(4).says("did you mean `support`?");
    project.replace("prompts/support.yaml", "context }}", "contxt }}");
    project.run(&["check"]).exits(2).says("did you mean `context`?");
}

#[test]
fn a_plan_fits_a_narrow_terminal_and_speaks_of_what_the_suite_demands() {
    let project = builtin(1.5).set("COLUMNS", "60");
    let plan = project.run(&["eval", "--plan"]).exits(0).stdout;
    assert!(plan.lines().all(|line| line.chars().count() <= 60), "{plan}");
    assert!(
        plan.contains("answers: 0 live, 0 stored, 3 built in") && !plan.contains("max_regression"),
        "{plan}"
    );
}
