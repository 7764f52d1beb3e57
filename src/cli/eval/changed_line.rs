//! Where a review should point: the line of a manifest that a change touched.

use crate::domain::RelPath;
use crate::domain::edits::{self, Edits};
use crate::repo::Snapshot;

/// Keys that say something of a change and are not the change.
const ABOUT: [&str; 7] =
    ["version:", "changelog:", "created:", "author:", "description:", "owners:", "metadata:"];
/// A larger manifest is not compared.
const MOST: u64 = 1 << 20;

/// The 1-based line of the file that changed between two snapshots: the first that is no remark, or else the first.
/// `None` where the file is new, the same, or cannot be read.
pub fn of(then: &Snapshot, now: &Snapshot, path: &RelPath) -> Option<u32> {
    first(&then.read_text(path, MOST).ok()?, &now.read_text(path, MOST).ok()?)
}

fn first(old: &str, new: &str) -> Option<u32> {
    let lines = edits::lines(new);
    let last = lines.len().saturating_sub(1);
    let changed: Vec<usize> = Edits::between(edits::lines(old), lines.clone())
        .runs()
        .filter(|run| !run.same)
        .flat_map(|run| {
            let range = run.new;
            // Where lines went away, the one that took their place.
            if range.is_empty() { range.start.min(last)..range.start.min(last) + 1 } else { range }
        })
        .collect();
    let is_change = |line: &usize| {
        let text = lines.get(*line).map_or("", |line| line.trim());
        !text.is_empty() && !text.starts_with('#') && !ABOUT.iter().any(|key| text.starts_with(key))
    };
    let found = changed.iter().copied().find(is_change).or(changed.first().copied())?;
    u32::try_from(found).ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_is_pointed_at_and_not_the_remark_on_it() {
        let old = "version: \"1\"\nsystem: |\n  One.\n  Two.\nparameters: {}\n";
        for (new, line) in [
            (old.to_owned(), None),
            (old.replace("\"1\"", "\"2\"").replace("Two", "Three"), Some(4)),
            (old.replace("\"1\"", "\"2\""), Some(1)),
            (old.replace("  Two.\n", ""), Some(4)),
            (format!("{old}tools: []\n"), Some(6)),
            ("version: \"1\"\n".to_owned(), Some(1)),
        ] {
            assert_eq!(first(old, &new), line, "{new}");
        }
    }
}
