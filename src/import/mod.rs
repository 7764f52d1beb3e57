//! Configurations of other tools as manifests, suites and cases, with a list of everything that was lost on the way.
//!
//! Nothing is dropped in silence: a key that has no counterpart, an assert that is only approximated, and what the
//! source itself ignored without a word each become a [`Loss`] with its line.

mod asserts;
mod github;
mod javascript;
mod losses;
mod models;
mod output;
mod promptfoo;
mod prompts;
mod prompty;
mod tags;
mod template;
mod tests_of;
mod tree;
mod trial;
mod vendors;

#[cfg(test)]
mod tests;

use crate::domain::{Diagnostic, Digest, Error, Place, RelPath, Result, Span};
use crate::manifest::YAML_SYNTAX;
use losses::Losses;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tree::Tree;

pub use losses::{Fate, Loss};
pub use vendors::project;

/// A file to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// From the root of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What an import makes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// The source, as it was named.
    pub path: String,
    /// Files, in the order in which they should be listed.
    pub files: Vec<File>,
    /// Providers that they name, as `llmops.yaml` defines them.
    pub providers: BTreeMap<String, Value>,
    /// What was lost, in the order of the source.
    pub losses: Vec<Loss>,
}

/// What a manifest says of its origin.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// Who imports, as git knows them.
    pub author: Option<String>,
    /// The commit that the source stands in, all digits.
    pub commit: Option<String>,
    /// The file, as it was named.
    pub file: String,
    /// The day, ISO 8601.
    pub today: String,
}

/// A file to import: where it is, what it says, and how to read the files that it names.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// As it was named.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Reads a file relative to it, or says why not.
    pub read: &'a dyn Fn(&str) -> Result<String, String>,
    /// The files that a glob relative to it names, sorted, or why they are not taken.
    pub list: &'a dyn Fn(&str) -> Result<Vec<String>, String>,
    /// Where it is from.
    pub origin: &'a Origin,
    /// Providers that are defined already: a name that means something else is not taken again.
    pub taken: &'a BTreeMap<String, Value>,
    /// Files that other sources of the same run make: their names are not taken again.
    pub made: &'a BTreeSet<String>,
}

impl Source<'_> {
    /// The mapping in a file beside the source.
    fn mapping(&self, file: &str) -> Result<Tree<'static>, String> {
        let text = (self.read)(file)?;
        let tree = tree::parse(&text).map_err(|fault| fault.to_string())?;
        if tree.is_map() { Ok(tree) } else { Err("it is no mapping".to_owned()) }
    }
}

/// Imports one file. Its name tells what it is: `*.prompt.yml`, `*.prompty`, else a promptfoo configuration.
///
/// # Errors
/// When the file is not YAML, or holds no prompt at all.
pub fn import(source: Source<'_>) -> Result<Imported> {
    let losses = Losses::new(source.path);
    let name = name_of(source.path);
    let (files, providers) = if source.path.ends_with(".prompty") {
        prompty::import(source, &name, &losses)?
    } else {
        let tree = tree::parse(source.text).map_err(|fault| no_yaml(source, &fault))?;
        let github = source.path.ends_with(".prompt.yml")
            || source.path.ends_with(".prompt.yaml")
            || (tree.get("messages").is_some() && tree.get("prompts").is_none());
        if github {
            github::import(source, tree, &name, &losses)?
        } else {
            promptfoo::import(source, tree, &name, &losses)?
        }
    };
    let losses = losses.into_found();
    if files.is_empty() {
        let error = Error::input(format!("{} holds no prompt that can be imported", source.origin.file));
        let lost = losses.into_iter().find(|loss| loss.fate == Fate::Dropped);
        return Err(match lost {
            Some(lost) => error.hint(format!("line {}: {}: {}", lost.line, lost.what, lost.message)),
            None => error.hint("name a promptfoo configuration, a .prompt.yml or a .prompty file"),
        });
    }
    Ok(Imported { path: source.path.to_owned(), files, providers, losses })
}

/// The error for a source that cannot be read, at its place where that is inside the repository.
fn no_yaml(source: Source<'_>, fault: &tree::Fault) -> Error {
    let message = format!("{} is not YAML: {fault}", source.origin.file);
    let Some(path) = RelPath::new(&source.origin.file) else { return Error::input(message) };
    let span = Span::new(fault.line.max(1), fault.column.max(1), 1);
    let help = "look at indentation, quotes and colons around here";
    Error::invalid(vec![
        Diagnostic::error(YAML_SYNTAX, message).at(Place::at(&path, span)).help(help.to_owned()),
    ])
}

/// A name for prompts from a path: its last part without what all such files are called.
fn name_of(path: &str) -> String {
    let mut parts = path.trim_end_matches('/').rsplit(['/', '\\']);
    let file = parts.next().unwrap_or("imported");
    let stem = file.split('.').next().unwrap_or(file);
    let stem = if stem.to_lowercase().starts_with("promptfoo") {
        match stem.len() {
            // `promptfooconfig.yaml` says nothing; its folder may.
            _ if stem.eq_ignore_ascii_case("promptfooconfig") => parts.next().unwrap_or("promptfoo"),
            _ => stem,
        }
    } else {
        stem
    };
    slug(stem)
}

/// Small letters, digits and `_`, never empty. A text with letters outside ASCII is told apart by its content: two of
/// them would else have one name.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().take(60) {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    let slug = slug.trim_end_matches('_').to_owned();
    if !text.chars().any(|c| c.is_alphanumeric() && !c.is_ascii()) {
        return if slug.is_empty() { "imported".to_owned() } else { slug };
    }
    let mark = Digest::of_text(text).short().chars().take(8).collect::<String>();
    if slug.is_empty() { format!("x{mark}") } else { format!("{slug}_{mark}") }
}
