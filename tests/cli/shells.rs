//! Completion in the shells themselves: what they offer, and that no name of a repository is ever run.

use crate::fixtures::builtin;
use crate::project::Project;
use std::process::Command;

const BASH: &str = r#"
    source <(llmops completions bash)
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    completer=$(complete -p llmops | sed 's/.*-F \([^ ]*\) .*/\1/')
    "$completer" llmops "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
    printf '%s\n' "${COMPREPLY[@]}"
"#;

/// What the completion system would be told, of the names alone.
const ZSH: &str = r#"
    compdef() { :; }
    compadd() { while [[ "$1" == -* ]]; do shift; done; print -rl -- "$@"; }
    source <(llmops completions zsh)
    words=("$@"); CURRENT=$#
    _llmops_names
"#;

const FISH: &str = r#"
    llmops completions fish | source
    complete -C "$argv[1]"
"#;

/// What a shell prints for a script of it; `None` where there is no such shell.
fn printed(project: &Project, shell: &[&str], words: &[&str]) -> Option<Vec<String>> {
    let binary = assert_cmd::cargo::cargo_bin("llmops");
    let folder = binary.parent().expect("a folder").display().to_string();
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .args(words)
        .current_dir(project.root())
        .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap_or_default()))
        .env("HOME", project.root())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn bash(project: &Project, line: &[&str]) -> Option<Vec<String>> {
    printed(project, &["bash", "-c", BASH, "bash"], line)
}

fn zsh(project: &Project, line: &[&str]) -> Option<Vec<String>> {
    printed(project, &["zsh", "-f", "-c", ZSH, "zsh"], line)
}

#[test]
fn bash_completes_verbs_flags_kinds_and_the_names_of_this_repository() {
    let project = builtin(1.0);
    project.write("kb/a.md", "Refunds take five days.");
    project.write(
        "retrieval/kb.yaml",
        "version: 1\nembedding_model: builtin/hashing-256\ncorpus: ['kb/*.md']\ntop_k: 1\n",
    );
    for (line, expected) in [
        (&["llmops", "eval", "su"][..], &["support"][..]),
        (&["llmops", "eval", "--suite", ""], &["support"]),
        (&["llmops", "eval", "support", "--offl"], &["--offline"]),
        (&["llmops", "promo"], &["promote"]),
        (&["llmops", "promote", "s"], &["support"]),
        (&["llmops", "calibrate", ""], &["support"]),
        (&["llmops", "retrieve", ""], &["kb"]),
        (&["llmops", "schema", "dep"], &["deployment"]),
        (&["llmops", "eval", "'su"], &["support"]),
        (&["llmops", "eval", "nothing-like-it"], &[]),
    ] {
        // Not every machine has a bash; those that check this repository do.
        let Some(offered) = bash(&project, line) else { return };
        assert_eq!(offered, expected, "{line:?}");
    }
}

#[test]
fn shells_complete_the_names_of_the_repository_that_the_line_names() {
    let project = Project::empty();
    let prompt = "version: 1\nmodel_target: builtin/extractive\nsystem: Hi\n";
    project.write("my other/prompts/elsewhere.yaml", prompt);
    for line in [
        &["llmops", "-C", "\"my other\"", "render", "e"][..],
        &["llmops", "-C", "my\\ other", "render", ""],
        &["llmops", "render", "--root=my\\ other", "el"],
        &["llmops", "-C", "'~/my other'", "log", ""],
    ] {
        for (shell, offered) in [("bash", bash(&project, line)), ("zsh", zsh(&project, line))] {
            assert_eq!(
                offered.unwrap_or_else(|| vec!["elsewhere".into()]),
                ["elsewhere"],
                "{shell} {line:?}"
            );
        }
    }
    let fish = printed(&project, &["fish", "-c", FISH], &["llmops -C 'my other' render el"]);
    assert_eq!(fish.unwrap_or_else(|| vec!["elsewhere".into()]), ["elsewhere"]);
}

/// Whoever clones a repository has not agreed to run what its file names say.
#[test]
fn a_file_name_with_a_command_in_it_is_refused_and_never_run() {
    let project = builtin(1.0);
    let prompt = "version: 1\nmodel_target: builtin/extractive\nsystem: Hi\n";
    project.write("prompts/$(touch pwned).yaml", prompt);
    project.write("prompts/`touch pwned`.yaml", prompt);
    project.write("evals/$(touch pwned).yaml", "version: 1\nprompt: support\ncases: [{input: a}]\n");
    project.write(
        "retrieval/$(touch pwned).yaml",
        "version: 1\nembedding_model: builtin/hashing-256\ncorpus: ['prompts/*']\ntop_k: 1\n",
    );
    let found = project.run(&["check", "--json"]).exits(2).json();
    let refused = |found: &serde_json::Value| {
        let list = found["diagnostics"].as_array().expect("a list").clone();
        list.iter().filter(|found| found["code"] == "bad-file-name").count()
    };
    assert_eq!(refused(&found), 4, "{found:#}");
    for verb in ["eval", "calibrate", "retrieve"] {
        for offered in [bash(&project, &["llmops", verb, ""]), zsh(&project, &["llmops", verb, ""])] {
            let strange = offered.iter().flatten().any(|name| name.contains("touch"));
            assert!(!strange, "{verb}: {offered:?}");
        }
        printed(&project, &["fish", "-c", FISH], &[&format!("llmops {verb} ")]);
    }
    assert!(!project.path("pwned").exists());
    // A program of another version may say any name: the scripts hold by themselves.
    project.write("bin/llmops", "#!/bin/sh\nprintf '%s\\n' '$(touch pwned)' '`touch pwned`' \"a b'c\"\n");
    Command::new("chmod").args(["+x", "bin/llmops"]).current_dir(project.root()).status().expect("chmod");
    let path = |script: &str| format!("{script}\nPATH=\"$PWD/bin:$PATH\"\n");
    let sourced = |script: &str, shell: &str| {
        let load = format!("source <(llmops completions {shell})");
        script.replace(&load, &path(&load))
    };
    let line = ["llmops", "eval", ""];
    if let Some(offered) = printed(&project, &["bash", "-c", &sourced(BASH, "bash"), "bash"], &line) {
        assert_eq!(offered, [r"\$\(touch\ pwned\)", r"\`touch\ pwned\`", r"a\ b\'c"]);
    }
    if let Some(offered) = printed(&project, &["zsh", "-f", "-c", &sourced(ZSH, "zsh"), "zsh"], &line) {
        assert_eq!(offered, ["$(touch pwned)", "`touch pwned`", "a b'c"]);
    }
    assert!(!project.path("pwned").exists());
}
