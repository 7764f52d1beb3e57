//! `eval --changed` says that nothing is affected only where that is known: what a change can touch in ways that are easy
//! to miss, and names that match nothing.

use crate::diffs::{commit, committed};
use crate::project::Project;

/// A repository whose only change since `HEAD~1` is this edit. The files are there before it.
fn changed(files: &[(&str, &str)], file: &str, text: &str) -> Project {
    let project = committed();
    if !files.is_empty() {
        files.iter().for_each(|(path, text)| project.write(path, text));
        commit(&project, "before");
    }
    project.write(file, text);
    commit(&project, "after");
    project
}

/// Whether `eval --changed` runs something, or ends before.
fn is_affected(project: &Project) -> bool {
    let ran = project.run(&["eval", "--changed=HEAD~1"]);
    !format!("{}{}", ran.stdout, ran.stderr).contains("UNAFFECTED")
}

fn suite(more: &str) -> String {
    format!("version: \"1.0.0\"\nprompt: support\ncases: cases/support.jsonl\n{more}")
}

const JUDGE: &str = "judge:\n  model: builtin/lexical\n  dimensions:\n    faithfulness: {}\n";

#[test]
fn what_an_assert_reads_is_part_of_its_suite() {
    let exec = "assert: [{type: exec, command: [\"sh\", \"checks/a.sh\"], inputs: [\"checks/**\"]}]\n";
    let files = [("evals/support.yaml", &*suite(&format!("{exec}{JUDGE}"))), ("checks/a.sh", "exit 0\n")];
    assert!(is_affected(&changed(&files, "checks/a.sh", "exit 1\n")), "the program of an assert");

    let include = "assert: [{type: not-contains, value: \"{% include \\\"shared/x.j2\\\" %}\"}]\n";
    let files =
        [("evals/support.yaml", &*suite(&format!("{include}{JUDGE}"))), ("prompts/shared/x.j2", "never\n")];
    assert!(is_affected(&changed(&files, "prompts/shared/x.j2", "working\n")), "what a value includes");

    let row = "{\"id\": \"a\", \"input\": \"Why?\", \"context\": [\"It rains.\"], \"assert\": [{\"type\": \"exec\", \"command\": [\"sh\", \"own/b.sh\"], \"inputs\": [\"own/**\"]}]}\n";
    let files = [("evals/cases/support.jsonl", row), ("own/b.sh", "exit 0\n")];
    assert!(is_affected(&changed(&files, "own/b.sh", "exit 1\n")), "the program of a case's own assert");
    let elsewhere = suite(JUDGE).replace("cases/support.jsonl", "../gold/c.jsonl");
    let files = [("evals/support.yaml", &*elsewhere), ("gold/c.jsonl", row), ("own/b.sh", "exit 0\n")];
    assert!(is_affected(&changed(&files, "own/b.sh", "exit 1\n")), "of a case that lies elsewhere");
}

#[test]
fn a_file_is_read_by_whatever_name_a_manifest_gives_it() {
    let shots = "few_shot: ../data/shots.txt\nversion: \"1.0.0\"\nmodel_target: builtin/extractive\neval_score_required: 1.5\nsystem: |\n  {{ context }}\n";
    let rows = "{\"input\": \"a\", \"output\": \"b\"}\n";
    let files = [("prompts/support.yaml", shots), ("data/shots.txt", rows)];
    assert!(is_affected(&changed(&files, "data/shots.txt", &rows.replace('b', "c"))));

    let row = |id: &str| format!("{{\"id\": \"{id}\", \"input\": \"Why?\", \"context\": [\"It rains.\"]}}\n");
    let of_recordings = suite(JUDGE).replace("cases/support.jsonl", "recordings/gold.jsonl");
    let files = [("evals/support.yaml", &*of_recordings), ("evals/recordings/gold.jsonl", &*row("a"))];
    assert!(is_affected(&changed(&files, "evals/recordings/gold.jsonl", &row("b"))));
}

#[test]
fn a_query_is_what_it_includes_and_is_compared_as_that() {
    let prompt = "version: \"1.0.0\"\nmodel_target: builtin/extractive\neval_score_required: 1.5\nretrieval: {use: ../retrieval/kb.yaml, query: \"{% include \\\"shared/q.j2\\\" %}\"}\nsystem: |\n  {{ context }}\n";
    let files = [
        ("prompts/support.yaml", prompt),
        ("prompts/shared/q.j2", "refunds\n"),
        ("retrieval/kb.yaml", "version: 1\ncorpus: ['kb/*.md']\nsearch: bm25\ntop_k: 1\n"),
        ("kb/a.md", "Refunds take five working days.\n"),
        ("kb/b.md", "Bananas are yellow.\n"),
        (
            "evals/cases/support.jsonl",
            "{\"id\": \"a\", \"input\": \"How long do refunds take?\", \"relevant\": [\"kb/a.md\"]}\n",
        ),
    ];
    let project = changed(&files, "prompts/shared/q.j2", "bananas\n");
    assert!(is_affected(&project));
    project.run(&["check", "--base", "HEAD~1"]).exits(2).says("version-not-raised");
    let report = project.run(&["eval", "--baseline", "HEAD~1", "--json"]).json();
    let gate = &report["gates"][0];
    let recall = |side: &serde_json::Value| side["retrieval_metrics"]["recall_at_k"].as_f64();
    let found = (recall(&gate["baseline"]), recall(gate));
    assert_eq!(found, (Some(1.0), Some(0.0)), "the base is what it was, not what it is");
}

#[test]
fn another_provider_is_another_answer() {
    let providers = |name: &str| {
        let project = "providers:\n  one: {api: openai, base_url: \"http://localhost:1/v1\"}\n  two: {api: openai, base_url: \"http://localhost:2/v1\"}\n";
        let prompt = format!(
            "version: \"1.0.0\"\nmodel_target: m-2026-01-01\nprovider: {name}\nsystem: hello\nparameters: {{}}\n"
        );
        (project, prompt)
    };
    let (file, before) = providers("one");
    let asserts = suite("assert: [{type: contains, value: x}]\n");
    let files =
        [("llmops.yaml", file), ("prompts/support.yaml", &*before), ("evals/support.yaml", &*asserts)];
    let project = changed(&files, "prompts/support.yaml", &providers("two").1);
    project.run(&["check", "--base", "HEAD~1"]).exits(2).says("version-not-raised");
    let ran = project.run(&["eval", "--changed=HEAD~1", "--offline"]).exits(3);
    assert!(ran.stderr.contains("provider one → two"), "{}", ran.stderr);
}

#[test]
fn a_program_that_declares_nothing_may_have_changed() {
    let prompt = "version: \"1.0.0\"\nmodel_target: app\nprovider: app\nsystem: hello\nparameters: {}\n";
    let asserts = suite("assert: [{type: contains, value: x}]\n");
    let files = [
        ("llmops.yaml", "providers:\n  app: {api: exec, command: [\"sh\", \"app.sh\"]}\n"),
        ("app.sh", "echo x\n"),
        ("prompts/support.yaml", prompt),
        ("evals/support.yaml", &asserts),
    ];
    let project = changed(&files, "app.sh", "echo y\n");
    let ran = project.run(&["eval", "--changed=HEAD~1"]).exits(1);
    assert!(ran.stderr.contains("declares no `inputs`"), "{}", ran.stderr);
    project.write(
        "llmops.yaml",
        "providers:\n  app: {api: exec, command: [\"sh\", \"app.sh\"], inputs: [app.sh]}\n",
    );
    commit(&project, "declared");
    project.write("README.md", "text\n");
    commit(&project, "nothing");
    assert!(!is_affected(&project));
}

#[test]
fn a_name_that_matches_nothing_is_a_fault_whatever_changed() {
    let project = changed(&[], "README.md", "text\n");
    for named in [&["nope"][..], &["--suite", "nope"], &["--case", "nope"], &["--tag", "topic=nope"]] {
        let arguments = [&["eval", "--changed=HEAD~1"], named].concat();
        project.run(&arguments).exits(4);
    }
    project.run(&["eval", "support", "--changed=HEAD~1"]).exits(0).says("UNAFFECTED");
    project.run(&["eval", "--case", "refund", "--changed=HEAD~1"]).exits(0).says("UNAFFECTED");
}

#[test]
fn what_changed_of_another_prompt_does_not_concern_the_one_that_is_named() {
    let project = committed();
    project.write("evals/exchange.yaml", &suite(JUDGE).replace("prompt: support", "prompt: exchange"));
    commit(&project, "two suites");
    project.replace("prompts/exchange.yaml", "Exchange things.", "Exchange all things.");
    commit(&project, "one of them");
    project.run(&["eval", "support", "--changed=HEAD~1"]).exits(0).says("UNAFFECTED");
    project.run(&["eval", "--suite", "support", "--changed=HEAD~1"]).exits(0).says("UNAFFECTED");
    let ran = project.run(&["eval", "exchange", "--changed=HEAD~1"]);
    assert!(!ran.stdout.contains("UNAFFECTED"), "{}", ran.stdout);
}

#[test]
fn where_there_is_no_suite_nothing_is_unaffected() {
    let project = Project::new(&[("README.md", "text\n")]);
    project.git(&["init", "-q"]);
    commit(&project, "one");
    project.write("README.md", "more\n");
    commit(&project, "two");
    project.run(&["eval", "--changed=HEAD~1"]).exits(4).says("there is no suite to run");
    project.run(&["eval", "--changed=HEAD"]).exits(4);

    let project = committed();
    project.git(&["rm", "-qr", "evals"]);
    project.replace("prompts/support.yaml", "eval_score_required: 1.5\n", "");
    project.run(&["eval", "--changed=HEAD"]).exits(4);
    project.run(&["check", "--base", "HEAD"]).says("suite `support` was deleted");
}

#[test]
fn a_prompt_that_changed_and_that_nothing_tests_is_named() {
    let other = "version: \"1.0.0\"\nmodel_target: builtin/extractive\nsystem: Answer.\n";
    let project = changed(&[], "prompts/other.yaml", other);
    let ran = project.run(&["eval", "--changed=HEAD~1", "--report", "markdown=out.md", "--json"]).exits(0);
    let ran = ran.says("the prompt `other` changed, and no suite tests it");
    assert_eq!(ran.json()["diagnostics"][0]["code"], "prompt-without-suite");
    assert!(project.read("out.md").contains("no suite tests it"), "{}", project.read("out.md"));
    // What did not change is not told, and neither is what a suite tests.
    project.write(
        "prompts/support.yaml",
        &project.read("prompts/support.yaml").replace("system:", "user: \"{{ input }}\"\nsystem:"),
    );
    commit(&project, "the tested one");
    let ran = project.run(&["eval", "--changed=HEAD~1"]);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("no suite tests"), "{}", ran.stderr);
}

#[test]
fn a_base_that_is_head_itself_is_no_comparison_of_commits() {
    let project = changed(&[], "prompts/support.yaml", "nothing");
    project.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let said = "the base is HEAD itself";
    let ran = project.run(&["eval", "--changed=HEAD", "--json"]).exits(0).says(said);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "base-is-head");
    project.write("README.md", "nothing that is read");
    commit(&project, "another");
    let ran = project.run(&["eval", "--changed=HEAD~1"]).exits(0);
    assert!(!ran.stderr.contains(said), "{}", ran.stderr);
}
