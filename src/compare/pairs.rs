//! Which prompt of one revision is which of the other.

use super::tags::likeness;
use crate::domain::{PromptName, RelPath};
use crate::manifest::prompt::Prompt;
use crate::plan::Sources;
use std::collections::{BTreeMap, BTreeSet};

/// Texts at least this alike are one prompt under another name.
const SAME_PROMPT: f32 = 0.6;

/// Two sides of one prompt.
#[derive(Debug)]
pub enum Pair<'a> {
    /// As each side has it; never none on both.
    Prompts(Option<&'a Prompt>, Option<&'a Prompt>),
    /// A file that one side has and cannot read.
    Unreadable {
        /// The file.
        path: RelPath,
        /// The name by which the other side knows it, or that of the file.
        name: PromptName,
        /// Whether it is the second side that cannot read it.
        after: bool,
    },
}

impl Pair<'_> {
    fn name(&self) -> &PromptName {
        match self {
            Self::Prompts(_, Some(prompt)) | Self::Prompts(Some(prompt), None) => &prompt.name,
            Self::Unreadable { name, .. } => name,
            Self::Prompts(None, None) => unreachable_name(),
        }
    }
}

/// No pair is empty; were there one, it would stand first.
fn unreachable_name() -> &'static PromptName {
    static NONE: std::sync::LazyLock<PromptName> = std::sync::LazyLock::new(|| PromptName::new(""));
    &NONE
}

/// The prompts that have another name than they had: the new name with the old one.
pub fn renamed(before: &Sources<'_>, after: &Sources<'_>) -> BTreeMap<PromptName, PromptName> {
    let known = &before.manifests.prompts;
    if after.manifests.prompts.keys().all(|name| known.contains_key(name)) {
        return BTreeMap::new();
    }
    let found = pairs(before, after).into_iter().filter_map(|pair| match pair {
        Pair::Prompts(Some(old), Some(new)) => Some((new.name.clone(), old.name.clone())),
        Pair::Prompts(..) | Pair::Unreadable { .. } => None,
    });
    found.filter(|(new, old)| new != old).collect()
}

/// Pairs by name, then by file, then by likeness of what the prompts say; in the order of names.
pub fn pairs<'a>(before: &Sources<'a>, after: &Sources<'a>) -> Vec<Pair<'a>> {
    let (old, new) = (prompts(before), prompts(after));
    let (broken_before, broken_after) = (broken(before), broken(after));
    let mut gone: Vec<&Prompt> = Vec::new();
    let mut come: Vec<&Prompt> =
        new.iter().filter(|new| old.iter().all(|old| old.name != new.name)).copied().collect();
    let mut found = Vec::new();
    for prompt in &old {
        match new.iter().find(|new| new.name == prompt.name) {
            Some(new) => found.push(Pair::Prompts(Some(prompt), Some(new))),
            None => gone.push(prompt),
        }
    }
    // A file that cannot be read on one side hides a prompt; it neither came nor went.
    for (broken, side, is_after) in [(&broken_before, &mut come, false), (&broken_after, &mut gone, true)] {
        side.retain(|prompt| {
            let hidden = broken.contains(&prompt.path);
            if hidden {
                let (path, name) = (prompt.path.clone(), prompt.name.clone());
                found.push(Pair::Unreadable { path, name, after: is_after });
            }
            !hidden
        });
    }
    for path in broken_after.iter().filter(|path| !broken_before.contains(*path)) {
        let known =
            found.iter().any(|pair| matches!(pair, Pair::Unreadable { path: have, .. } if have == path));
        if !known {
            let name = PromptName::new(path.stem());
            found.push(Pair::Unreadable { path: path.clone(), name, after: true });
        }
    }
    let mut ranked: Vec<(f32, usize, usize)> = Vec::new();
    for (from, old) in gone.iter().enumerate() {
        for (to, new) in come.iter().enumerate() {
            let alike = if old.path == new.path { 2.0 } else { likeness(&said(old), &said(new)) };
            if alike >= SAME_PROMPT {
                ranked.push((alike, from, to));
            }
        }
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut left, mut right) = (BTreeSet::new(), BTreeSet::new());
    for (_, from, to) in ranked {
        if !left.contains(&from) && !right.contains(&to) {
            left.insert(from);
            right.insert(to);
            found.push(Pair::Prompts(Some(gone[from]), Some(come[to])));
        }
    }
    let alone = |count: usize, taken: &BTreeSet<usize>| -> Vec<usize> {
        (0..count).filter(|index| !taken.contains(index)).collect()
    };
    found.extend(alone(gone.len(), &left).into_iter().map(|at| Pair::Prompts(Some(gone[at]), None)));
    found.extend(alone(come.len(), &right).into_iter().map(|at| Pair::Prompts(None, Some(come[at]))));
    found.sort_by(|a, b| a.name().cmp(b.name()));
    found
}

fn prompts<'a>(side: &Sources<'a>) -> Vec<&'a Prompt> {
    side.manifests.prompts.values().map(AsRef::as_ref).collect()
}

/// The files of prompts that were read and define nothing sound.
fn broken(side: &Sources<'_>) -> BTreeSet<RelPath> {
    let manifests = side.manifests;
    let folder = &manifests.project.folders.prompts;
    let sound: BTreeSet<&RelPath> = manifests.prompts.values().map(|prompt| &prompt.path).collect();
    let files = manifests.files.iter().filter(|path| path.is_under(folder.as_str()) && !sound.contains(path));
    files.cloned().collect()
}

/// What a prompt says, for telling whether two are one.
fn said(prompt: &Prompt) -> String {
    prompt.messages.iter().map(|message| message.content.text.as_str()).collect::<Vec<_>>().join("\n")
}
