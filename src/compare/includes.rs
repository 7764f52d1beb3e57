//! Included files that differ, and whom else each touches.

use super::Side;
use super::prose::{self, Paragraph};
use crate::domain::{PromptName, RelPath};
use crate::manifest::prompt::Prompt;
use crate::render;
use std::collections::{BTreeMap, BTreeSet};

/// An included file that differs.
#[derive(Clone, PartialEq, Debug)]
pub struct Included {
    /// Its path.
    pub path: RelPath,
    /// Whether the first includes it, whether the second does.
    pub present: (bool, bool),
    /// What differs in its text, where both include it.
    pub text: Vec<Paragraph>,
    /// The other prompts of the second side that include it.
    pub also: Vec<PromptName>,
}

/// The files that prompts of one side include, read once.
#[derive(Clone, Debug, Default)]
pub struct Users(BTreeMap<RelPath, BTreeSet<PromptName>>);

impl Users {
    /// Reads what every prompt of a side includes.
    pub fn of(side: &Side<'_>) -> Self {
        let mut users: BTreeMap<RelPath, BTreeSet<PromptName>> = BTreeMap::new();
        for prompt in side.sources.manifests.prompts.values() {
            for path in texts(side, prompt).into_keys() {
                users.entry(path).or_default().insert(prompt.name.clone());
            }
        }
        Self(users)
    }
}

/// The included files that differ, by path.
pub fn compare(before: (&Side<'_>, &Prompt), after: (&Side<'_>, &Prompt), users: &Users) -> Vec<Included> {
    let (mut old, new) = (texts(before.0, before.1), texts(after.0, after.1));
    let also = |path: &RelPath| -> Vec<PromptName> {
        let others = users.0.get(path).into_iter().flatten();
        others.filter(|name| **name != after.1.name).cloned().collect()
    };
    let mut found = Vec::new();
    for (path, now) in new {
        match old.remove(&path) {
            Some(was) if was == now => {}
            Some(was) => found.push(Included {
                present: (true, true),
                text: prose::compare(&was, &now),
                also: also(&path),
                path,
            }),
            None => {
                found.push(Included { present: (false, true), text: Vec::new(), also: also(&path), path });
            }
        }
    }
    found.extend(old.into_keys().map(|path| Included {
        present: (true, false),
        text: Vec::new(),
        also: also(&path),
        path,
    }));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Every file that a prompt's templates include, with its text. A template that cannot be read includes nothing
/// here; whoever renders it says so.
pub fn texts(side: &Side<'_>, prompt: &Prompt) -> BTreeMap<RelPath, String> {
    let folder = &side.sources.manifests.project.folders.prompts;
    let query = prompt.retrieval.as_ref().and_then(|used| used.query.as_ref());
    prompt
        .messages
        .iter()
        .map(|message| &message.content)
        .chain(query)
        .filter(|template| template.is_dynamic())
        .filter_map(|template| render::closure(side.sources.snapshot, folder, template).ok())
        .flat_map(|includes| includes.iter().cloned().collect::<Vec<_>>())
        .map(|include| (include.path, include.text))
        .collect()
}
