//! `llmops init`: a repository that passes `check` and `eval` at once, on the built-in model where no key is set.

use super::args::{Global, InitArgs};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Error, Exit, Result};
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
}

const ANTHROPIC: Choice = Choice {
    provider: "anthropic (ANTHROPIC_API_KEY is set)",
    model: "claude-haiku-4-5-20251001",
    judge: "claude-opus-4-5-20251101",
    parameters: "  temperature: 0.2\n  max_tokens: 400",
    keys: "          ANTHROPIC_API_KEY: ${{ secrets.ANTHROPIC_API_KEY }}",
};

const OPENAI: Choice = Choice {
    provider: "openai (OPENAI_API_KEY is set)",
    model: "gpt-4o-mini-2024-07-18",
    judge: "gpt-4o-2024-11-20",
    parameters: "  temperature: 0.2\n  max_tokens: 400",
    keys: "          OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}",
};

const BUILTIN: Choice = Choice {
    provider: "the built-in model (no key is set); it copies sentences and is no substitute for a model",
    model: "builtin/extractive",
    judge: "builtin/lexical",
    parameters: "  {}",
    keys: "          # ANTHROPIC_API_KEY: ${{ secrets.ANTHROPIC_API_KEY }}\n          NO_COLOR: \"1\"",
};

/// Every file of the scaffold, with its template.
const FILES: [(&str, &str); 8] = [
    ("prompts/handbook.yaml", include_str!("scaffold/prompt.yaml")),
    ("prompts/shared/tone.j2", include_str!("scaffold/tone.j2")),
    ("evals/handbook.yaml", include_str!("scaffold/suite.yaml")),
    ("evals/cases/handbook.jsonl", include_str!("scaffold/cases.jsonl")),
    (".github/workflows/llmops.yml", include_str!("scaffold/workflow.yml")),
    (".gitattributes", include_str!("scaffold/gitattributes")),
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
/// When a file cannot be written.
pub fn init(global: &Global, terminal: &Terminal, _args: &InitArgs) -> Result<Exit> {
    if let Some(root) = &global.root {
        fs::create_dir_all(root)
            .map_err(|error| Error::input(format!("cannot make {}", root.display())).because(error))?;
    }
    let today = clock::today();
    let workspace = Workspace::open(global.root.as_deref(), &today)?;
    let environment = workspace.environment(terminal)?;
    let choice = match (environment.get("ANTHROPIC_API_KEY"), environment.get("OPENAI_API_KEY")) {
        (Some(_), _) => ANTHROPIC,
        (None, Some(_)) => OPENAI,
        (None, None) => BUILTIN,
    };
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    for (path, template) in FILES.into_iter().chain([(".gitignore", GITIGNORE)]) {
        let text = template
            .replace("@MODEL@", choice.model)
            .replace("@JUDGE@", choice.judge)
            .replace("@TODAY@", &today)
            .replace("@PARAMETERS@", choice.parameters)
            .replace("@KEYS@", choice.keys);
        if create(&workspace.root.join(path), &text)? { written.push(path) } else { kept.push(path) }
    }
    if terminal.json {
        terminal.stdout(&format!(
            "{}\n",
            json!({"exit_code": 0, "written": written, "kept": kept, "model": choice.model,
                   "diff_driver": DRIVER})
        ));
    } else {
        let mut text = String::new();
        written.iter().for_each(|path| text.push_str(&format!("wrote {path}\n")));
        kept.iter().for_each(|path| text.push_str(&format!("kept  {path} (it was there)\n")));
        text.push_str(&format!(
            "\nThe prompt runs on {}.\nNext: llmops check, then llmops eval\n\
             To have plain `git diff` show what prompts mean: {DRIVER}\n",
            choice.provider
        ));
        terminal.people(&text);
    }
    Ok(Exit::Done)
}

/// Writes a file that is not there. Whether it was written.
///
/// # Errors
/// When its folder or the file cannot be written.
pub fn create(path: &Path, text: &str) -> Result<bool> {
    let failed =
        |error: std::io::Error| Error::input(format!("cannot write {}", path.display())).because(error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}
