//! `llmops init`: a repository that passes `check` and `eval` at once, on the built-in model where no key is set.

use super::args::{Global, InitArgs};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Diagnostic, Error, Exit, Result};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// What a scaffold is written for.
struct Choice {
    provider: &'static str,
    model: &'static str,
    judge: &'static str,
    parameters: &'static str,
    keys: &'static str,
    next: &'static str,
}

/// The project file.
const PROJECT_FILE: &str = "llmops.yaml";

/// With a key, the first run costs money: what it would cost is asked first.
const PLAN_FIRST: &str = "llmops eval --plan (what it would cost), then llmops eval";

const ANTHROPIC: Choice = Choice {
    provider: "anthropic (ANTHROPIC_API_KEY is set)",
    model: "claude-haiku-4-5-20251001",
    judge: "claude-opus-4-5-20251101",
    parameters: "  temperature: 0.2\n  max_tokens: 400",
    keys: "          ANTHROPIC_API_KEY: ${{ secrets.ANTHROPIC_API_KEY }}",
    next: PLAN_FIRST,
};

const OPENAI: Choice = Choice {
    provider: "openai (OPENAI_API_KEY is set)",
    model: "gpt-4o-mini-2024-07-18",
    judge: "gpt-4o-2024-11-20",
    parameters: "  temperature: 0.2\n  max_tokens: 400",
    keys: "          OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}",
    next: PLAN_FIRST,
};

/// With both keys, another vendor's model judges: one of the same family likes what it would have written itself.
const BOTH: Choice = Choice {
    provider: "anthropic, judged by openai (both keys are set)",
    judge: "gpt-4o-2024-11-20",
    keys: "          ANTHROPIC_API_KEY: ${{ secrets.ANTHROPIC_API_KEY }}\n          OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}",
    ..ANTHROPIC
};

const BUILTIN: Choice = Choice {
    provider: "the built-in model (no key is set); it copies sentences and is no substitute for a model",
    model: "builtin/extractive",
    judge: "builtin/lexical",
    parameters: "  {}",
    keys: "          # ANTHROPIC_API_KEY: ${{ secrets.ANTHROPIC_API_KEY }}\n          NO_COLOR: \"1\"",
    next: "llmops eval",
};

/// The example: a prompt with its suite. Only for a repository that has no prompt yet.
const EXAMPLE: [(&str, &str); 4] = [
    ("@PROMPTS@/handbook.yaml", include_str!("scaffold/prompt.yaml")),
    ("@PROMPTS@/shared/tone.j2", include_str!("scaffold/tone.j2")),
    ("@EVALS@/handbook.yaml", include_str!("scaffold/suite.yaml")),
    ("@EVALS@/cases/handbook.jsonl", include_str!("scaffold/cases.jsonl")),
];

/// What every repository is given.
const AROUND: [(&str, &str); 5] = [
    (".github/workflows/llmops.yml", include_str!("scaffold/workflow.yml")),
    (".gitattributes", include_str!("scaffold/gitattributes")),
    (".gitignore", GITIGNORE),
    // What the manifests' first lines name, so that editors complete and check them without a network.
    (".schemas/prompt.json", include_str!("../manifest/schema/prompt.json")),
    (".schemas/suite.json", include_str!("../manifest/schema/suite.json")),
];

/// `.gitattributes` names the driver; what it runs is for each clone to say.
const DRIVER: &str = "git config diff.llmops.textconv \"llmops diff --textconv\"";

const GITIGNORE: &str = "# Stored exchanges and runs, and keys.\n.llmops/\n.env\n";

/// Writes what is not there yet and says what it left alone.
///
/// # Errors
/// When a file cannot be written, or the project file that says where files go is broken.
pub fn init(global: &Global, terminal: &Terminal, _args: &InitArgs) -> Result<Exit> {
    if let Some(root) = &global.root {
        fs::create_dir_all(root)
            .map_err(|error| Error::input(format!("cannot make {}", root.display())).because(error))?;
    }
    let today = clock::today();
    let workspace = Workspace::open(global.root.as_deref(), &today)?;
    readable(&workspace)?;
    let environment = workspace.environment(terminal)?;
    let choice = match (environment.get("ANTHROPIC_API_KEY"), environment.get("OPENAI_API_KEY")) {
        (Some(_), Some(_)) => BOTH,
        (Some(_), None) => ANTHROPIC,
        (None, Some(_)) => OPENAI,
        (None, None) => BUILTIN,
    };
    let own = own_prompts(&workspace);
    let files = scaffold(&workspace, &choice, &today, own.is_empty())?;
    let notes = notes(&workspace, &files.kept);
    if terminal.json {
        let Files { written, kept } = &files;
        terminal.stdout(&format!(
            "{}\n",
            json!({"schema": "llmops/init/v1", "exit_code": 0, "written": written, "kept": kept,
                   "model": own.is_empty().then_some(choice.model), "notes": notes, "diff_driver": DRIVER})
        ));
        return Ok(Exit::Done);
    }
    if !terminal.quiet {
        terminal.people(&said(&workspace, &choice, &own, &files, &notes));
    }
    Ok(Exit::Done)
}

/// A project file with errors names folders that nobody knows.
fn readable(workspace: &Workspace) -> Result<()> {
    let of_project = |found: &&Diagnostic| {
        found.is_error() && found.place.as_ref().is_some_and(|place| place.path.as_str() == PROJECT_FILE)
    };
    let found: Vec<Diagnostic> = workspace.manifests.diagnostics.iter().filter(of_project).cloned().collect();
    if found.is_empty() { Ok(()) } else { Err(Error::invalid(found)) }
}

/// Paths from the root.
#[derive(Default)]
struct Files {
    /// Those that are new.
    written: Vec<String>,
    /// Those that were there and were left as they were.
    kept: Vec<String>,
}

/// Writes what is not there yet.
fn scaffold(workspace: &Workspace, choice: &Choice, today: &str, example: bool) -> Result<Files> {
    let folders = &workspace.manifests.project.folders;
    let place = |text: &str| {
        text.replace("@PROMPTS@", folders.prompts.as_str())
            .replace("@EVALS@", folders.evals.as_str())
            .replace("@RETRIEVAL@", folders.retrieval.as_str())
    };
    let mut files = Files::default();
    for (path, template) in EXAMPLE.iter().filter(|_| example).chain(&AROUND) {
        let path = place(path);
        let text = place(template)
            .replace("@SCHEMAS@", &format!("{}.schemas", "../".repeat(path.matches('/').count())))
            .replace("@MODEL@", choice.model)
            .replace("@JUDGE@", choice.judge)
            .replace("@TODAY@", today)
            .replace("@PARAMETERS@", choice.parameters)
            .replace("@KEYS@", choice.keys);
        let list = if create(&workspace.root, &path, &text)? { &mut files.written } else { &mut files.kept };
        list.push(path);
    }
    Ok(files)
}

fn said(workspace: &Workspace, choice: &Choice, own: &[String], files: &Files, notes: &[String]) -> String {
    let mut text = String::new();
    files.written.iter().for_each(|path| text.push_str(&format!("wrote {path}\n")));
    files.kept.iter().for_each(|path| text.push_str(&format!("kept  {path} (it was there)\n")));
    text.push('\n');
    notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    match own.first() {
        Some(first) => text.push_str(&format!(
            "There are prompts here already ({first}{}), so no example was written.\n\
             Next: llmops check; a suite for a prompt is a file under {}/\n",
            if own.len() > 1 { format!(" and {} more", own.len() - 1) } else { String::new() },
            workspace.manifests.project.folders.evals
        )),
        None => text.push_str(&format!(
            "The prompt runs on {}.\nNext: llmops check, then {}\n",
            choice.provider, choice.next
        )),
    }
    text.push_str(&format!("To have plain `git diff` show what prompts mean: {DRIVER}\n"));
    text
}

/// The prompt files that are not the example's own.
fn own_prompts(workspace: &Workspace) -> Vec<String> {
    let folder = &workspace.manifests.project.folders.prompts;
    // The first lines of the example, which no key and no folder moves.
    let mark = EXAMPLE[0].1.lines().nth(1).unwrap_or_default();
    let files = workspace.snapshot.files_under(folder).unwrap_or_default().into_iter();
    files
        .filter(|file| matches!(file.extension().as_str(), "yaml" | "yml"))
        .filter(|file| !workspace.source(file).is_some_and(|text| text.lines().any(|line| line == mark)))
        .map(|file| file.to_string())
        .collect()
}

/// What the files that were left alone do not say.
fn notes(workspace: &Workspace, kept: &[String]) -> Vec<String> {
    let lacks = |path: &str, line: &str| {
        let text = fs::read_to_string(workspace.root.join(path)).unwrap_or_default();
        kept.iter().any(|have| have == path) && !text.lines().any(|have| have.trim().starts_with(line))
    };
    let mut notes = Vec::new();
    for line in [".llmops/", ".env"] {
        if lacks(".gitignore", line.trim_end_matches('/')) {
            notes.push(format!("add `{line}` to .gitignore"));
        }
    }
    let prompts = workspace.manifests.project.folders.prompts.as_str();
    if lacks(".gitattributes", prompts) {
        notes.push(format!("add `{prompts}/** text eol=lf diff=llmops` to .gitattributes"));
    }
    if workspace.git.is_none() {
        notes.push("this is no git repository: `git init` gives prompts their history".to_owned());
    }
    notes
}

/// Writes a file below `root` that is not there. Whether it was written.
///
/// # Errors
/// When its folder or the file cannot be written, or lies elsewhere: a folder of a repository may be a link.
pub fn create(root: &Path, path: &str, text: &str) -> Result<bool> {
    let place = root.join(path);
    let failed =
        |error: std::io::Error| Error::input(format!("cannot write {}", place.display())).because(error);
    let folder = place.parent().unwrap_or(root);
    fs::create_dir_all(root).map_err(failed)?;
    let nearest = folder.ancestors().find_map(|folder| folder.canonicalize().ok());
    let within = root.canonicalize().map_err(failed)?;
    if nearest.is_none_or(|nearest| !nearest.starts_with(&within)) {
        return Err(Error::input(format!(
            "cannot write {}: its folder leads out of the repository",
            place.display()
        ))
        .hint("replace the link by a folder"));
    }
    fs::create_dir_all(folder).map_err(failed)?;
    match OpenOptions::new().write(true).create_new(true).open(&place) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}
