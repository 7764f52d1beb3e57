//! Configurations of other tools as manifests, suites and cases, with a list of everything that was lost on the way.
//!
//! Nothing is dropped in silence: a key that has no counterpart, an assert that is only approximated, and what the
//! source itself ignored without a word each become a [`Loss`] with its line.

mod asserts;
mod github;
mod javascript;
mod models;
mod output;
mod promptfoo;
mod prompts;
mod prompty;
mod template;
mod tests_of;
mod tree;
mod vendors;

#[cfg(test)]
mod tests;

use crate::domain::{Error, Result};
use serde::Serialize;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

pub use vendors::project;

/// What became of something that has no exact counterpart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It is not in the result.
    Dropped,
    /// Something close to it is.
    Approximated,
    /// The source had no effect with its own tool either, and said nothing.
    Ignored,
}

/// One thing that the result does not say as the source did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Loss {
    /// The file that was imported, or one that it names.
    pub path: String,
    /// 1-based line; 0 where the file as a whole is meant.
    pub line: u32,
    /// What became of it.
    pub fate: Fate,
    /// The key or assert.
    pub what: String,
    /// What that means, and what to do.
    pub message: String,
}

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
    /// Reads a file relative to it; `None` where there is none.
    pub read: &'a dyn Fn(&str) -> Option<String>,
    /// The files that a glob relative to it names, sorted.
    pub list: &'a dyn Fn(&str) -> Vec<String>,
    /// Where it is from.
    pub origin: &'a Origin,
    /// Providers that are defined already: a name that means something else is not taken again.
    pub taken: &'a BTreeMap<String, Value>,
}

/// Collects losses.
#[derive(Debug)]
struct Losses {
    path: String,
    found: RefCell<Vec<Loss>>,
}

impl Losses {
    fn add(&self, fate: Fate, line: u32, what: impl Into<String>, message: impl Into<String>) {
        let loss = Loss { path: self.path.clone(), line, fate, what: what.into(), message: message.into() };
        let mut found = self.found.borrow_mut();
        if !found.contains(&loss) {
            found.push(loss);
        }
    }

    fn dropped(&self, line: u32, what: impl Into<String>, message: impl Into<String>) {
        self.add(Fate::Dropped, line, what, message);
    }

    fn approximated(&self, line: u32, what: impl Into<String>, message: impl Into<String>) {
        self.add(Fate::Approximated, line, what, message);
    }

    fn ignored(&self, line: u32, what: impl Into<String>, message: impl Into<String>) {
        self.add(Fate::Ignored, line, what, message);
    }
}

/// Imports one file. Its name tells what it is: `*.prompt.yml`, `*.prompty`, else a promptfoo configuration.
///
/// # Errors
/// When the file is not YAML, or holds no prompt at all.
pub fn import(source: Source<'_>) -> Result<Imported> {
    let losses = Losses { path: source.path.to_owned(), found: RefCell::default() };
    let name = name_of(source.path);
    let (files, providers) = if source.path.ends_with(".prompty") {
        prompty::import(source, &name, &losses)?
    } else {
        let tree = tree::parse(source.path, source.text)?;
        let github = source.path.ends_with(".prompt.yml")
            || source.path.ends_with(".prompt.yaml")
            || (tree.get("messages").is_some() && tree.get("prompts").is_none());
        if github {
            github::import(source, tree, &name, &losses)?
        } else {
            promptfoo::import(source, tree, &name, &losses)?
        }
    };
    if files.is_empty() {
        let error = Error::input(format!("{} holds no prompt that can be imported", source.path));
        let lost = losses.found.into_inner().into_iter().find(|loss| loss.fate == Fate::Dropped);
        return Err(match lost {
            Some(lost) => error.hint(format!("line {}: {}: {}", lost.line, lost.what, lost.message)),
            None => error.hint("name a promptfoo configuration, a .prompt.yml or a .prompty file"),
        });
    }
    Ok(Imported { files, providers, losses: losses.found.into_inner() })
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

/// Letters, digits and `_`, never empty.
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
    if slug.is_empty() { "imported".to_owned() } else { slug }
}
