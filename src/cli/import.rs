//! `llmops import`: other tools' files as manifests, with a list of what was lost.

use super::args::{Global, ImportArgs};
use super::clock;
use super::init::create;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Error, Exit, RelPath, Result};
use crate::import::{Fate, Imported, Loss, Origin, Source, import as convert, project};
use crate::repo::{Repository, Snapshot};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file that is imported, or that one names.
const MOST: u64 = 16 << 20;
/// Files that one glob of a configuration stands for.
const MOST_FILES: usize = 200;
/// The project file.
const PROJECT_FILE: &str = "llmops.yaml";

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
    let defined = defined(&root);
    let mut taken = defined.clone();
    for file in &args.files {
        let imported = of_file(file, &taken)?;
        taken.extend(imported.providers);
        for file in imported.files {
            if create(&root.join(&file.path), &file.text)? {
                written.push(file.path);
            } else {
                kept.push(file.path);
            }
        }
        losses.extend(imported.losses);
    }
    taken.retain(|name, _| !defined.contains_key(name));
    let mut to_add = project(&taken);
    if let Some(text) = &to_add
        && create(&root.join(PROJECT_FILE), text)?
    {
        written.push(PROJECT_FILE.to_owned());
        to_add = None;
    }
    let exit = if args.strict && !losses.is_empty() { Exit::Failed } else { Exit::Done };
    if terminal.json {
        let document = json!({"schema": "llmops/import/v1", "exit_code": exit.code(),
                              "written": written, "kept": kept, "losses": losses,
                              "providers_to_add": to_add.as_ref().map(|_| &taken)});
        terminal.stdout(&format!("{document}\n"));
        return Ok(exit);
    }
    let mut text = String::new();
    written.iter().for_each(|path| text.push_str(&format!("wrote {path}\n")));
    kept.iter()
        .for_each(|path| text.push_str(&format!("kept  {path} (it was there; nothing was written to it)\n")));
    if let Some(entries) = &to_add {
        text.push_str(&format!(
            "kept  {PROJECT_FILE} (it was there); what was imported needs these entries in it:\n\n{entries}"
        ));
    }
    text.push_str(&told(&losses));
    if !terminal.quiet || exit != Exit::Done {
        terminal.people(&text);
    }
    if exit == Exit::Failed {
        terminal.say("error: the import is lossy, and --strict allows no loss");
    }
    Ok(exit)
}

/// The providers of the project file that is there. One that cannot be read defines nothing: `check` says why.
fn defined(root: &Path) -> BTreeMap<String, Value> {
    let text = read(&root.join(PROJECT_FILE)).unwrap_or_default();
    let document: Value = serde_yaml::from_str(&text).unwrap_or_default();
    let providers = document.get("providers").cloned();
    providers.and_then(|providers| serde_json::from_value(providers).ok()).unwrap_or_default()
}

/// Who imports, and the commit that holds the file as it is; what git does not know stays unknown.
fn origin(file: &Path, shown: &str) -> Origin {
    let git = file
        .canonicalize()
        .ok()
        .and_then(|file| Repository::discover(file.parent()?).ok().flatten().map(|git| (git, file)));
    let author = git.as_ref().and_then(|(git, _)| git.committer().ok());
    let commit = git.as_ref().and_then(|(git, file)| {
        let inside = RelPath::new(&file.strip_prefix(git.root()).ok()?.to_string_lossy())?;
        let head = git.head().ok()??;
        let committed = Snapshot::revision(git, &head).ok()?.read_text(&inside, MOST).ok()?;
        (committed == read(file).ok()?).then(|| head.as_str().to_owned())
    });
    let name = file.file_name().map_or_else(|| shown.to_owned(), |name| name.to_string_lossy().into_owned());
    let file = if Path::new(shown).is_absolute() { name } else { shown.to_owned() };
    Origin { author, commit, file, today: clock::today() }
}

fn of_file(file: &Path, taken: &BTreeMap<String, Value>) -> Result<Imported> {
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
    let list = |glob: &str| listed(&folder, &bound, glob);
    let origin = origin(file, &shown);
    let absolute = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let path = absolute.to_string_lossy();
    let source = Source { path: &path, text: &text, read: &near, list: &list, origin: &origin, taken };
    let mut imported = convert(source)?;
    imported.losses.iter_mut().for_each(|loss| loss.path.clone_from(&shown));
    Ok(imported)
}

/// The files that a glob relative to `folder` names, without those outside of `bound`.
fn listed(folder: &Path, bound: &Path, glob: &str) -> Vec<String> {
    let Ok(glob) = globset::GlobBuilder::new(glob.trim_start_matches("./")).literal_separator(true).build()
    else {
        return Vec::new();
    };
    let (glob, start) =
        (glob.compile_matcher(), if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let mut files: Vec<String> = walkdir::WalkDir::new(start)
        .max_depth(8)
        .into_iter()
        .filter_map(|entry| entry.ok()?.path().strip_prefix(start).ok()?.to_str().map(str::to_owned))
        .filter(|file| glob.is_match(file) && !file.contains('*'))
        .filter(|file| start.join(file).canonicalize().is_ok_and(|path| path.starts_with(bound)))
        .take(MOST_FILES)
        .collect();
    files.sort();
    files
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
