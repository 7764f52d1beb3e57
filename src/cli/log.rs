//! `llmops log`: the versions of a prompt through git's history.

use super::args::{Global, LogArgs};
use super::clock;
use super::known::Evidence;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Error, Exit, RelPath, Result};
use crate::manifest::Manifests;
use crate::plan::{Sources, identity};
use crate::render::Renderer;
use crate::repo::{Change, Snapshot};
use crate::report::changes::Known;
use serde_json::{Value, json};

/// A version of the prompt.
struct Row {
    change: Change,
    name: String,
    path: String,
    version: String,
    model: String,
    digest: String,
    changelog: Option<String>,
    score: Option<Known>,
}

/// Resolve, walk back, read each version, show.
///
/// # Errors
/// When there is no repository, no such prompt, or history cannot be read.
pub fn log(global: &Global, terminal: &Terminal, args: &LogArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let git = workspace.git.as_ref().ok_or_else(|| {
        Error::input(format!("there is no git repository at {}", workspace.root.display()))
            .hint("the versions of a prompt are in git's history")
    })?;
    let prompt = workspace.prompt(&args.prompt)?;
    let rows = rows(&workspace, &Evidence::read(&workspace)?, prompt.name.as_str(), prompt.path.as_str())?;
    if git.is_shallow()? {
        terminal.say("note: this clone is shallow; `git fetch --unshallow origin` brings the rest");
    }
    if terminal.json {
        let versions: Vec<Value> = rows.iter().map(value).collect();
        let document =
            json!({"schema": "llmops/log/v1", "exit_code": 0, "prompt": prompt.name, "versions": versions});
        terminal.stdout(&format!("{document}\n"));
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for row in &rows {
        let score = row.score.as_ref().map_or_else(String::new, |known| {
            let ends = known.interval.map(|(low, high)| format!(" ({low:.2}…{high:.2})")).unwrap_or_default();
            format!("  {:.2}{ends}", known.mean)
        });
        let head = format!(
            "{} {} {}  {} on {}  {}{score}",
            row.change.commit.short(),
            row.change.date.get(..10).unwrap_or_default(),
            row.version,
            row.name,
            row.model,
            row.digest.get(7..19).unwrap_or_default(),
        );
        let why = row.changelog.as_deref().unwrap_or(&row.change.subject);
        for (at, line) in terminal.broken(&head, 4).iter().enumerate() {
            text.push_str(&format!("{}{line}\n", if at == 0 { "" } else { "    " }));
        }
        for line in terminal.broken(&format!("{}: {why}", row.change.author), 4) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text.push_str(&chart(&rows));
    if rows.is_empty() {
        text.push_str(&format!("{} is in no commit yet\n", prompt.name));
    }
    terminal.people(&text);
    Ok(Exit::Done)
}

/// Walks back from HEAD. A commit is a version where what the prompt says or is called differs from the commit before
/// it in the walk: an include or a retrieval manifest that changed counts, another prompt does not.
fn rows(workspace: &Workspace, evidence: &Evidence, name: &str, path: &str) -> Result<Vec<Row>> {
    let Some(git) = &workspace.git else { return Ok(Vec::new()) };
    if git.head()?.is_none() {
        return Ok(Vec::new());
    }
    let folders = &workspace.manifests.project.folders;
    let project = RelPath::new("llmops.yaml").into_iter();
    let watched: Vec<_> =
        [folders.prompts.clone(), folders.retrieval.clone()].into_iter().chain(project).collect();
    let (mut name, mut path) = (name.to_owned(), path.to_owned());
    let mut found: Vec<Row> = Vec::new();
    // Whether the prompt is in no file of the commit that was read last.
    let mut gone = false;
    for change in git.history("HEAD", &watched)? {
        let snapshot = Snapshot::revision(git, &change.commit)?;
        let file = RelPath::new(&path).filter(|file| snapshot.is_file(file));
        let at = match &file {
            Some(file) => Manifests::of_prompt(&snapshot, file),
            // The file came later: by its name the prompt may stand in another one, which a rename did not tell.
            None if !gone => Manifests::load(&snapshot, None),
            None => continue,
        };
        let same = at.prompts.values().find(|prompt| prompt.path.as_str() == path);
        let named = || at.prompts.get(name.as_str());
        let Some(prompt) = same.or_else(named) else {
            gone = file.is_none();
            continue;
        };
        gone = false;
        (name, path) = (prompt.name.to_string(), prompt.path.to_string());
        let renderer = Renderer::new(&snapshot, &at.project.folders.prompts);
        let sources = Sources { snapshot: &snapshot, manifests: &at, renderer: &renderer };
        let digest = identity(&sources, prompt, &prompt.model)?.prompt;
        let row = Row {
            name: name.clone(),
            path: path.clone(),
            version: prompt.version.clone(),
            model: prompt.model.to_string(),
            digest: digest.to_string(),
            changelog: prompt.about.changelog.clone(),
            score: evidence.score(&digest),
            change,
        };
        if let Some((old, _)) = row.change.moved.iter().find(|(_, new)| new.as_str() == path) {
            path = old.to_string();
        }
        let of = |row: &Row| (row.version.clone(), row.digest.clone(), row.path.clone(), row.name.clone());
        // The older of two commits that hold the same is the one that made it.
        if found.last().is_some_and(|last| of(last) == of(&row)) {
            found.pop();
        }
        found.push(row);
    }
    Ok(found)
}

fn value(row: &Row) -> Value {
    json!({
        "commit": row.change.commit.as_str(), "date": row.change.date, "author": row.change.author,
        "subject": row.change.subject, "name": row.name, "path": row.path, "version": row.version,
        "model": row.model, "digest": row.digest, "changelog": row.changelog,
        "score": row.score.as_ref().map(|known| json!({
            "mean": known.mean, "ci_low": known.interval.map(|ends| ends.0),
            "ci_high": known.interval.map(|ends| ends.1), "n": known.n, "source": known.source,
        })),
    })
}

/// Scores over versions, the oldest first; a version without a score is a gap. Nothing below two scores.
fn chart(rows: &[Row]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let scores: Vec<Option<f64>> =
        rows.iter().rev().map(|row| row.score.as_ref().map(|known| known.mean)).collect();
    let known: Vec<f64> = scores.iter().flatten().copied().collect();
    if known.len() < 2 {
        return String::new();
    }
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |score: f64| {
        let share = if high > low { (score - low) / (high - low) } else { 1.0 };
        let rank =
            [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875].iter().filter(|edge| share >= **edge).count();
        BARS[rank]
    };
    let bars: String = scores.iter().map(|score| score.map_or('·', bar)).collect();
    format!("\nscore  {bars}  {low:.2} to {high:.2}\n")
}
