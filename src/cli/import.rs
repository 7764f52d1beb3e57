//! `llmops import`: other tools' files as manifests, with a list of what was lost.

use super::args::{Global, ImportArgs};
use super::clock;
use super::init::create;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Error, Exit, Result};
use crate::import::{Fate, Imported, Loss, Source, import as convert};
use serde_json::json;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file that is imported, or that one names.
const MOST: u64 = 16 << 20;

/// Converts every file, writes what is not there yet, and lists what was lost.
///
/// # Errors
/// When a file cannot be read, holds no prompt, or something cannot be written.
pub fn import(global: &Global, terminal: &Terminal, args: &ImportArgs) -> Result<Exit> {
    let root = match (&args.out, &global.root) {
        (Some(out), _) | (None, Some(out)) => out.clone(),
        (None, None) => Workspace::open(None, &clock::today())?.root,
    };
    let (mut written, mut kept, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    for file in &args.files {
        let imported = of_file(file)?;
        for file in imported.files {
            if create(&root.join(&file.path), &file.text)? {
                written.push(file.path);
            } else {
                kept.push(file.path);
            }
        }
        losses.extend(imported.losses);
    }
    let exit = if args.strict && !losses.is_empty() { Exit::Failed } else { Exit::Done };
    if terminal.json {
        let document = json!({"schema": "llmops/import/v1", "exit_code": exit.code(),
                              "written": written, "kept": kept, "losses": losses});
        terminal.stdout(&format!("{document}\n"));
        return Ok(exit);
    }
    let mut text = String::new();
    written.iter().for_each(|path| text.push_str(&format!("wrote {path}\n")));
    kept.iter()
        .for_each(|path| text.push_str(&format!("kept  {path} (it was there; nothing was written to it)\n")));
    text.push_str(&told(&losses));
    if !terminal.quiet || exit != Exit::Done {
        terminal.people(&text);
    }
    if exit == Exit::Failed {
        terminal.say("error: the import is lossy, and --strict allows no loss");
    }
    Ok(exit)
}

fn of_file(file: &Path) -> Result<Imported> {
    let shown = file.display().to_string();
    let text = read(file).map_err(|error| {
        Error::input(format!("cannot read {shown}")).because(error).hint("name a file, in UTF-8")
    })?;
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    // A configuration names files beside it, or above it, but never outside the folder it belongs to.
    let bound = enclosing(&folder);
    let near = |named: &str| -> Option<String> {
        let path = folder.join(named).canonicalize().ok()?;
        (path.starts_with(&bound) && path.is_file()).then(|| read(&path).ok()).flatten()
    };
    let absolute = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let mut imported = convert(Source { path: &absolute.to_string_lossy(), text: &text, read: &near })?;
    imported.losses.iter_mut().for_each(|loss| loss.path.clone_from(&shown));
    Ok(imported)
}

/// The repository around a folder, or else the folder.
fn enclosing(folder: &Path) -> PathBuf {
    let start = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let start = start.canonicalize().unwrap_or_else(|_| start.to_path_buf());
    start.ancestors().find(|above| above.join(".git").exists()).unwrap_or(&start).to_path_buf()
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

fn told(losses: &[Loss]) -> String {
    if losses.is_empty() {
        return "\nNothing was lost. Next: llmops check\n".to_owned();
    }
    let mut text = format!("\nNot as the source says it ({}):\n", losses.len());
    for loss in losses {
        let word = match loss.fate {
            Fate::Dropped => "dropped",
            Fate::Approximated => "approximated",
            Fate::Ignored => "ignored by the source",
        };
        let place = if loss.line == 0 { loss.path.clone() } else { format!("{}:{}", loss.path, loss.line) };
        text.push_str(&format!("  {place}: {word}: {}: {}\n", loss.what, loss.message));
    }
    text.push_str("\nNext: look at each of them, then llmops check\n");
    text
}
