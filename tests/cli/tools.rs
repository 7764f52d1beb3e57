//! `schema`, `completions` and `doctor`.

use crate::fixtures::{builtin, remote};

#[test]
fn every_schema_is_printed_and_an_unknown_one_is_not() {
    let project = builtin(1.0);
    for kind in ["prompt", "retrieval", "suite", "judge", "project", "case", "lock", "deployment", "report"] {
        let schema = project.run(&["schema", kind]).exits(0).json();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{kind}");
        assert_eq!(project.run(&["--json", "schema", kind]).exits(0).json()["document"], schema);
    }
    project.run(&["schema", "promt"]).exits(2).says("use one of: prompt");
}

#[test]
fn shells_complete_verbs_and_names() {
    let project = builtin(1.0);
    for shell in ["bash", "zsh", "fish", "powershell"] {
        project.run(&["completions", shell]).exits(0).says("__complete prompts").says("eval");
    }
    assert_eq!(project.run(&["__complete", "prompts"]).exits(0).stdout, "support\n");
    assert_eq!(project.run(&["__complete", "suites"]).exits(0).stdout, "support\n");
    project.run(&["completions", "tcsh"]).exits(2);
    assert!(!project.run(&["--help"]).stdout.contains("__complete"));
}

#[test]
fn the_doctor_says_what_is_there_and_never_a_key() {
    builtin(1.0).run(&["doctor"]).exits(0).says("no key, no network").says("next eval: support on support");
    let project = remote("anthropic", 4.0, 3).set("ANTHROPIC_BASE_URL", "http://127.0.0.1:9");
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
