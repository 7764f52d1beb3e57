//! What moved between two revisions in ways that could hide it: under another name, behind a base that cannot be read,
//! beside a lock that nobody wrote again.

use crate::diffs::{commit, committed};
use crate::project::Project;

fn limited() -> Project {
    let project = committed();
    project.replace("evals/support.yaml", "version:", "gate: {max_regression: 0.1}\nversion:");
    // Enough of them for the sign test, which decides where every case falls by the same.
    let row = project.read("evals/cases/support.jsonl").lines().next().expect("a case").to_owned();
    let rows: String =
        (0..8).map(|n| row.replace("\"refund\",", &format!("\"refund-{n}\",")) + "\n").collect();
    project.write("evals/cases/support.jsonl", &rows);
    commit(&project, "limited");
    project
}

#[test]
fn a_prompt_that_gets_another_name_and_gets_worse_is_held_against_what_it_was() {
    let project = limited();
    let text = project.read("prompts/support.yaml");
    project.git(&["rm", "-q", "prompts/support.yaml"]);
    project.write("prompts/help.yaml", &text.replace("{{ context }}", "nothing of use"));
    project.replace("evals/support.yaml", "prompt: support", "prompt: help");
    let report = project.run(&["eval", "help", "--baseline", "HEAD", "--json"]).exits(1).json();
    assert!(report["gates"][0]["breaches"].to_string().contains("\"regression\""), "{report}");
    project.run(&["eval", "help", "--baseline", "HEAD"]).exits(1).says("calls this prompt `support`");

    project.replace("prompts/help.yaml", "eval_score_required: 1.5", "eval_score_required: 1.2");
    project.run(&["check", "--base", "HEAD"]).exits(2).says("version-not-raised").says("threshold-lowered");
}

#[test]
fn a_base_that_cannot_be_read_is_said() {
    let project = committed();
    let sound = project.read("prompts/support.yaml");
    project.write("prompts/support.yaml", "version: [\n");
    commit(&project, "broken");
    project.write("prompts/support.yaml", &sound.replace("1.5", "1.2"));
    project.run(&["check", "--base", "HEAD"]).exits(0).says("base-unreadable").says("prompt `support`");

    // An include that is gone keeps one prompt from being compared, and none of the others.
    project.write("prompts/support.yaml", &sound);
    project.replace("prompts/exchange.yaml", "shared/tone.j2", "shared/gone.j2");
    commit(&project, "an include that is not there");
    project.replace("prompts/exchange.yaml", "shared/gone.j2", "shared/tone.j2");
    project.replace("prompts/support.yaml", "30 words", "20 words");
    project
        .run(&["check", "--base", "HEAD"])
        .exits(2)
        .says("the base's version of prompt `exchange` cannot be read")
        .says("prompt `support` changed and its version is still 1.0.0");
}

#[test]
fn check_holds_suites_against_the_lock_as_eval_does() {
    let project = committed();
    project.run(&["lock"]).exits(0);
    project.run(&["check"]).exits(0);
    project.replace("evals/cases/support.jsonl", "refunds take", "refunds last");
    project.run(&["check"]).exits(2).says("suite-changed-under-version").says("raise the suite's `version`");
    project.replace("evals/support.yaml", "version: \"1.0.0\"", "version: \"1.1.0\"");
    project.run(&["check"]).exits(0);
}
