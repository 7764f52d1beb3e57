//! `schema`, `completions` and `doctor`.

use crate::fixtures::{builtin, grade, remote, served};
use crate::project::Project;
use crate::stub::{Answer, Nobody, Stub, until};

#[test]
fn every_schema_is_printed_and_an_unknown_one_is_not() {
    let project = builtin(1.0);
    for kind in ["prompt", "retrieval", "suite", "judge", "project", "case", "lock", "deployment", "report"] {
        let schema = project.run(&["schema", kind]).exits(0).json();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{kind}");
        assert_eq!(project.run(&["--json", "schema", kind]).exits(0).json()["document"], schema);
    }
    project.run(&["schema", "promt"]).exits(2).says("a similar value exists: 'prompt'");
}

#[test]
fn shells_complete_verbs_and_names() {
    let project = builtin(1.0);
    for shell in ["bash", "zsh", "fish", "powershell"] {
        project.run(&["completions", shell]).exits(0).says("__complete ").says("prompts").says("eval");
    }
    assert_eq!(project.run(&["__complete", "prompts"]).exits(0).stdout, "support\n");
    assert_eq!(project.run(&["__complete", "suites"]).exits(0).stdout, "support\n");
    let powershell = project.run(&["completions", "powershell"]).stdout;
    assert_eq!(
        powershell.matches("Register-ArgumentCompleter").count(),
        1,
        "a second one replaces the first"
    );
    project.run(&["completions", "tcsh"]).exits(2);
    assert!(!project.run(&["--help"]).stdout.contains("__complete"));
}

#[test]
fn the_doctor_says_what_is_there_and_never_a_key() {
    builtin(1.0).run(&["doctor"]).exits(0).says("no key, no network").says("next eval: support on support");
    let nobody = Nobody::there();
    let project = remote("anthropic", 4.0, 3).set("ANTHROPIC_BASE_URL", &nobody.url);
    let outcome =
        project.run(&["doctor"]).exits(0).says("ANTHROPIC_API_KEY is set").says("cannot be reached");
    assert!(!outcome.stdout.contains("0123456789abcdef"), "{}", outcome.stdout);
    project.run(&["doctor", "--offline"]).exits(0).says("was not tried");
    let without = remote("anthropic", 4.0, 3).set("ANTHROPIC_API_KEY", "");
    without.run(&["doctor", "--offline"]).exits(0).says("only `--offline` runs");
    project.replace("prompts/support.yaml", "version:", "verzion:");
    let broken = project.run(&["--json", "doctor", "--offline"]).exits(2).json();
    assert_eq!(broken["schema"], "llmops/doctor/v1");
}

#[test]
fn the_doctor_counts_what_the_next_run_would_call_and_what_recordings_cover() {
    let stub = Stub::start(|seen| {
        let text = if seen.is_judge() { grade(5).to_string() } else { "Yes.".to_owned() };
        Answer::openai(&text)
    });
    let project = served("openai", &stub.url, 4.0, 3);
    let said = |project: &Project| {
        let document = project.run(&["doctor", "--json"]).exits(0).json();
        let found = document["findings"].as_array().expect("a list").clone();
        move |what: &str| {
            let finding = found.iter().find(|finding| finding["what"] == what);
            finding.and_then(|finding| finding["message"].as_str()).unwrap_or_default().to_owned()
        }
    };
    let first = said(&project);
    assert!(
        first("next eval").contains("3 trials") && first("next eval").contains("6 live calls, at most $"),
        "{}",
        first("next eval")
    );
    assert!(first("recordings for support on support").starts_with("none of 6"));
    // A machine that is busy for seconds on end may miss the moment: then it is looked again.
    until("the provider answers", || said(&project)("provider openai").contains("answers"));
    project.run(&["eval", "--case", "case-00", "--record"]).exits(0);
    let part = said(&project);
    assert!(
        part("next eval").contains("4 live calls") && part("next eval").contains("2 stored"),
        "{}",
        part("next eval")
    );
    assert!(part("recordings for support on support").starts_with("2 of 6"));
    project.run(&["eval", "--record"]).exits(0);
    let calls = stub.count();
    let whole = said(&project);
    assert!(whole("next eval").contains("0 live calls, 6 stored"), "{}", whole("next eval"));
    assert!(whole("recordings for support on support").starts_with("all 6"));
    assert_eq!(stub.count(), calls, "the doctor calls nobody");
}

#[test]
fn the_doctor_looks_for_programs_and_says_which_keys_are_set() {
    let prompt = "version: 1\nmodel_target: app\nprovider: app\nsystem: Hi\n";
    let project =
        Project::new(&[("prompts/a.yaml", prompt)]).set("OPENAI_API_KEY", "sk-test-0123456789abcdef");
    let with = |command: &str| {
        project.write("llmops.yaml", &format!("providers:\n  app: {{api: exec, command: [{command}]}}\n"));
        project.run(&["doctor", "--offline"])
    };
    with("no-such-program")
        .says("warning  provider app: runs `no-such-program`, which is not there")
        .says("ANTHROPIC_API_KEY is not set, OPENAI_API_KEY is set");
    with("./gone").says("not there at the root");
    with("sh").says("ok       provider app: runs `sh`\n");
    project.write("prompts/b.yaml", "verzion: 1\n");
    project.run(&["doctor", "--offline"]).exits(2).says("manifests: ").says("; see `llmops check`");
}
