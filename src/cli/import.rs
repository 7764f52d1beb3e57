//! `llmops import`: other tools' files as manifests, with a list of what was lost.

use super::args::{Global, ImportArgs};
use super::clock;
use super::init::create;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Error, Exit, RelPath, Result};
use crate::import::{Fate, File, Imported, Loss, Origin, Source, import as convert, project};
use crate::repo::{Repository, Snapshot};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Bytes of a file that is imported, or that one names.
const MOST: u64 = 16 << 20;
/// Files that one glob of a configuration stands for.
const MOST_FILES: usize = 1_000;
/// The project file.
const PROJECT_FILE: &str = "llmops.yaml";

/// Converts every file, then writes what is not there yet, and lists what was lost. Where one cannot be converted,
/// nothing is written of any.
///
/// # Errors
/// When a file cannot be read, holds no prompt, or something cannot be written.
pub fn import(global: &Global, terminal: &Terminal, args: &ImportArgs) -> Result<Exit> {
    let root = match (&args.out, &global.root) {
        (Some(out), _) | (None, Some(out)) => out.clone(),
        (None, None) => Workspace::open(None, &clock::today())?.root,
    };
    let defined = defined(&root);
    let (sources, mut providers) = converted(&args.files, &defined)?;
    let mut outcome = Outcome::default();
    for source in sources {
        outcome.write(&root, source)?;
    }
    providers.retain(|name, _| !defined.contains_key(name));
    let mut to_add = project(&providers);
    if let Some(text) = &to_add
        && create(&root, PROJECT_FILE, text)?
    {
        outcome.written.push(PROJECT_FILE.to_owned());
        to_add = None;
    }
    let exit = if args.strict && !outcome.losses.is_empty() { Exit::Failed } else { Exit::Done };
    if terminal.json {
        let Outcome { written, kept, losses } = &outcome;
        let document = json!({"schema": "llmops/import/v1", "exit_code": exit.code(),
                              "written": written, "kept": kept, "losses": losses,
                              "providers_to_add": to_add.as_ref().map(|_| &providers)});
        terminal.stdout(&format!("{document}\n"));
        return Ok(exit);
    }
    if !terminal.quiet || exit != Exit::Done {
        terminal.people(&outcome.told(args.out.as_deref(), to_add.as_deref()));
    }
    if exit == Exit::Failed {
        terminal.say("error: the import is lossy, and --strict allows no loss");
    }
    Ok(exit)
}

/// Every source with what it becomes, and the providers of all.
fn converted(files: &[PathBuf], defined: &Providers) -> Result<(Vec<Imported>, Providers)> {
    let (mut taken, mut made) = (defined.clone(), BTreeSet::new());
    let mut sources = Vec::new();
    for file in files {
        let mut imported = of_file(file, &taken, &made)?;
        taken.append(&mut imported.providers);
        made.extend(imported.files.iter().map(|file| file.path.clone()));
        sources.push(imported);
    }
    Ok((sources, taken))
}

/// Providers by name, as a project file defines them.
type Providers = BTreeMap<String, Value>;

/// What became of all sources.
#[derive(Default)]
struct Outcome {
    written: Vec<String>,
    kept: Vec<String>,
    losses: Vec<Loss>,
}

impl Outcome {
    /// Writes the files of one source: all that are not there, or none where one is there and says something else.
    fn write(&mut self, root: &Path, source: Imported) -> Result<()> {
        self.losses.extend(source.losses);
        let there: Vec<&File> = source.files.iter().filter(|file| root.join(&file.path).exists()).collect();
        let foreign = there.iter().find(|file| !says(&root.join(&file.path), &file.text));
        if let Some(foreign) = foreign {
            self.losses.push(Loss {
                path: source.path,
                line: 0,
                fate: Fate::Dropped,
                what: foreign.path.clone(),
                message: "it was there and says something else: nothing of this source was written; move it away, or name another folder with --out".to_owned(),
            });
            self.kept.extend(there.iter().map(|file| file.path.clone()));
            return Ok(());
        }
        let mut written: Vec<&File> = Vec::new();
        for file in &source.files {
            match create(root, &file.path, &file.text) {
                Ok(true) => written.push(file),
                Ok(false) => self.kept.push(file.path.clone()),
                Err(error) => {
                    // Half of a source would pass for the whole of it. Whatever cannot be removed, the error is said.
                    written.iter().for_each(|file| drop(fs::remove_file(root.join(&file.path))));
                    return Err(error);
                }
            }
        }
        self.written.extend(written.iter().map(|file| file.path.clone()));
        Ok(())
    }

    /// All of it for people.
    fn told(&self, out: Option<&Path>, to_add: Option<&str>) -> String {
        let mut text = String::new();
        let shown = |path: &str| out.map_or_else(|| path.into(), |out| out.join(path)).display().to_string();
        self.written.iter().for_each(|path| text.push_str(&format!("wrote {}\n", shown(path))));
        self.kept.iter().for_each(|path| {
            let path = shown(path);
            text.push_str(&format!("kept  {path} (it was there; nothing was written to it)\n"));
        });
        if let Some(entries) = to_add {
            text.push_str(&format!(
                "kept  {PROJECT_FILE} (it was there); what was imported needs these entries in it:\n\n{entries}"
            ));
        }
        text.push_str(&told(&self.losses));
        text
    }
}

/// Whether a file says this, whatever the day on which it was made.
fn says(path: &Path, text: &str) -> bool {
    let undated = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("created: "));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    read(path).is_ok_and(|have| undated(&have) == undated(text))
}

/// The providers of the project file that is there. One that cannot be read defines nothing: `check` says why.
fn defined(root: &Path) -> Providers {
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

fn of_file(file: &Path, taken: &Providers, made: &BTreeSet<String>) -> Result<Imported> {
    let shown = file.display().to_string();
    let text = read(file).map_err(|error| {
        Error::input(format!("cannot read {shown}")).because(error).hint("name a file, in UTF-8")
    })?;
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    // A configuration names files beside it, or above it, but never outside the folder it belongs to.
    let bound = enclosing(&folder);
    let near = |named: &str| -> Result<String, String> {
        let path = folder.join(named).canonicalize().map_err(|_| "the file is not there".to_owned())?;
        if !path.starts_with(&bound) {
            return Err("the file lies outside of the repository".to_owned());
        }
        if is_private(path.strip_prefix(&bound).unwrap_or(&path)) {
            return Err("a file of keys, or of git's or our own; what is imported is committed".to_owned());
        }
        read(&path).map_err(|error| format!("the file cannot be read: {error}"))
    };
    let list = |glob: &str| listed(&folder, &bound, glob);
    let origin = origin(file, &shown);
    let absolute = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let path = absolute.to_string_lossy();
    let source = Source { path: &path, text: &text, read: &near, list: &list, origin: &origin, taken, made };
    let mut imported = convert(source)?;
    let own = path.into_owned();
    for loss in &mut imported.losses {
        loss.path = if loss.path == own { shown.clone() } else { beside(&folder, &loss.path) };
    }
    imported.path = shown;
    Ok(imported)
}

/// A file that a source names, as people name it who named the source.
fn beside(folder: &Path, named: &str) -> String {
    let path = folder.join(named.trim_start_matches("./")).display().to_string();
    RelPath::new(&path).map_or(path, |path| path.as_str().to_owned())
}

/// Whether a path from the root is one that holds keys, or what no source is made of.
fn is_private(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy().to_lowercase();
        name == ".git" || name == ".llmops" || name.starts_with(".env")
    })
}

/// The files that a glob relative to `folder` names, without those outside of `bound`.
fn listed(folder: &Path, bound: &Path, glob: &str) -> Result<Vec<String>, String> {
    let glob = globset::GlobBuilder::new(glob.trim_start_matches("./")).literal_separator(true).build();
    let glob = glob.map_err(|error| format!("it is no glob: {error}"))?.compile_matcher();
    let start = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut files: Vec<String> = walkdir::WalkDir::new(start)
        .max_depth(8)
        .into_iter()
        .filter_entry(|entry| !is_private(Path::new(entry.file_name())))
        .filter_map(|entry| entry.ok()?.path().strip_prefix(start).ok()?.to_str().map(str::to_owned))
        .filter(|file| glob.is_match(file) && !file.contains('*'))
        .filter(|file| {
            let path = start.join(file).canonicalize();
            path.is_ok_and(|path| path.starts_with(bound) && path.is_file())
        })
        .take(MOST_FILES + 1)
        .collect();
    if files.len() > MOST_FILES {
        return Err(format!("more than {MOST_FILES} files fit this glob; name fewer"));
    }
    files.sort();
    Ok(files)
}

/// The repository around a folder, or else the folder.
fn enclosing(folder: &Path) -> PathBuf {
    let start = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let start = start.canonicalize().unwrap_or_else(|_| start.to_path_buf());
    start.ancestors().find(|above| above.join(".git").exists()).unwrap_or(&start).to_path_buf()
}

/// The text of a file, all of it or none: the first part of a sheet would pass for the whole.
fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::from(ErrorKind::IsADirectory));
    }
    file.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", MOST >> 20)));
    }
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
