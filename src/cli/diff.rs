//! `llmops diff`: what a change to prompts really changes.

mod chunks;

use super::args::{DiffArgs, Global};
use super::clock;
use super::eval::prices;
use super::known::Evidence;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::compare::{Fate, PromptChange, Side, compare};
use crate::domain::{Error, Exit, Kind, Result};
use crate::manifest::plain;
use crate::manifest::prompt::Prompt;
use crate::report::changes::{Marks, Scored, document, write};
use std::path::Path;

/// Resolve, read both sides, compare, show.
///
/// # Errors
/// When there is no repository, a revision or a prompt that was named is not there, or a digest cannot be computed.
pub fn diff(global: &Global, terminal: &Terminal, args: &DiffArgs) -> Result<Exit> {
    if let Some(file) = &args.textconv {
        return textconv(terminal, file);
    }
    let today = clock::today();
    let here = Workspace::open(global.root.as_deref(), &today)?;
    let asked = Asked::read(&here, &args.what)?;
    let before = here.at(&asked.before, &today)?;
    let after = asked.after.as_ref().map(|revision| here.at(revision, &today)).transpose()?;
    let after = after.as_ref().unwrap_or(&here);
    let (old_prices, new_prices) = (prices(&before)?, prices(after)?);
    let (old, new) = (
        Side { sources: before.sources(), prices: &old_prices },
        Side { sources: after.sources(), prices: &new_prices },
    );
    for name in &asked.prompts {
        if before.prompt(name).is_err() {
            after.prompt(name)?;
        }
    }
    let wanted =
        |prompt: &Prompt| asked.prompts.is_empty() || asked.prompts.iter().any(|name| named(prompt, name));
    let changes = compare(&old, &new, &wanted)?;
    let broken = changes.iter().any(|change| matches!(change.fate, Fate::Unreadable { after: true }));
    let exit = if broken { Exit::Input } else { Exit::Done };
    let evidence = Evidence::read(&here)?;
    let mut shown: Vec<Scored> = changes.into_iter().map(|change| scored(change, &evidence)).collect();
    for one in &mut shown {
        one.chunks = chunks::chunks((&before, after), terminal, &one.change)?;
    }
    let (from, to) = (asked.before.as_str(), asked.after.as_deref().unwrap_or("working tree"));
    if terminal.json {
        terminal.stdout(&format!("{}\n", document(&shown, (from, to), exit.code())));
    } else {
        let marks = if args.markdown {
            Marks::Markdown
        } else {
            Marks::Terminal(terminal.table().color, terminal.columns)
        };
        terminal.people(&write(&shown, &format!("{from}..{to}"), marks));
    }
    Ok(exit)
}

/// Whether a prompt goes by this name or path.
fn named(prompt: &Prompt, name: &str) -> bool {
    let path = name.strip_prefix("./").unwrap_or(name);
    prompt.name.as_str() == name || prompt.path.as_str() == path || prompt.path.stem() == path
}

fn scored(change: PromptChange, evidence: &Evidence) -> Scored {
    let of = |side: &Option<crate::compare::Version>| {
        side.as_ref().and_then(|side| side.digest).and_then(|digest| evidence.score(&digest))
    };
    Scored { before: of(&change.before), after: of(&change.after), change, chunks: None }
}

/// What was asked for: two sides, and prompts.
struct Asked {
    before: String,
    after: Option<String>,
    prompts: Vec<String>,
}

impl Asked {
    /// The first argument is a range, a revision, or already a prompt: a prompt's name goes before a revision's.
    fn read(here: &Workspace, what: &[String]) -> Result<Self> {
        let git = here.git.as_ref().ok_or_else(|| {
            Error::input(format!("there is no git repository at {}", here.root.display()))
                .hint("run `git init`, and commit what is to be compared with")
        })?;
        let head = || -> Result<String> {
            match git.head()? {
                Some(_) => Ok("HEAD".to_owned()),
                None => Err(Error::input("there is no commit to compare with").hint("commit first")),
            }
        };
        let bare = |prompts: &[String]| -> Result<Self> {
            Ok(Self { before: head()?, after: None, prompts: prompts.to_vec() })
        };
        let Some((first, rest)) = what.split_first() else { return bare(what) };
        if let Some((from, to)) = first.split_once("..") {
            if to.starts_with('.') {
                return Err(Error::input(format!("`{first}` is no range of this verb"))
                    .hint("write A..B; for changes since a branch left, write $(git merge-base A B)..B"));
            }
            let or_head = |text: &str| if text.is_empty() { head() } else { Ok(text.to_owned()) };
            return Ok(Self { before: or_head(from)?, after: Some(or_head(to)?), prompts: rest.to_vec() });
        }
        if here.manifests.prompts.values().any(|prompt| named(prompt, first)) {
            return bare(what);
        }
        match git.resolve(first) {
            Ok(_) => Ok(Self { before: first.clone(), after: None, prompts: rest.to_vec() }),
            // A prompt that was deleted is known to HEAD alone.
            Err(_) if first.contains('/') || here.at("HEAD", "")?.prompt(first).is_ok() => bare(what),
            Err(error) => {
                Err(Error::new(Kind::Input, format!("`{first}` is neither a prompt nor a revision"))
                    .hint(error.hint_text().unwrap_or("see `git log`").to_owned()))
            }
        }
    }
}

/// Prints a file in a stable form. It works outside of any repository, and never fails on what a file holds: git would
/// show nothing at all.
fn textconv(terminal: &Terminal, file: &Path) -> Result<Exit> {
    let bytes = std::fs::read(file)
        .map_err(|error| Error::input(format!("cannot read {}", file.display())).because(error))?;
    let text = String::from_utf8_lossy(&bytes);
    let manifest = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let shown = if manifest { plain::normalised(&text) } else { None };
    terminal.stdout(&shown.unwrap_or_else(|| text.replace("\r\n", "\n")));
    Ok(Exit::Done)
}
