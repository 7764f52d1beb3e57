//! How one text becomes another, part by part: lines, words, sentences, whatever the caller cuts.

use rustc_hash::FxHashMap;
use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{DiffOp, diff_ratio, group_diff_ops};
use std::ops::Range;
use std::time::Instant;

/// What became of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edit {
    /// It stands in both.
    Same,
    /// It stands in the old one alone.
    Removed,
    /// It stands in the new one alone.
    Added,
}

/// A run of parts: those of the old list and those of the new one that stand in their place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Whether the two are the same.
    pub same: bool,
    /// Places in the old list, from 0.
    pub old: Range<usize>,
    /// Places in the new list, from 0.
    pub new: Range<usize>,
}

/// Two lists of parts, and the shortest way that was found from one to the other (Myers 1986, with the limits on
/// effort that git sets as well).
#[derive(Debug)]
pub struct Edits<'a> {
    old: Vec<&'a str>,
    new: Vec<&'a str>,
    ops: Vec<DiffOp>,
}

impl<'a> Edits<'a> {
    /// The edits between two lists of parts.
    pub fn between(old: Vec<&'a str>, new: Vec<&'a str>) -> Self {
        Self::until(old, new, None)
    }

    /// As [`Edits::between`], but from `deadline` on whatever was not compared counts as changed.
    pub fn until(old: Vec<&'a str>, new: Vec<&'a str>, deadline: Option<Instant>) -> Self {
        // Numbers are compared faster than texts, and the search is compiled once, not for every kind of part.
        let mut numbers: FxHashMap<&str, u32> = FxHashMap::default();
        let mut numbered = |parts: &[&'a str]| -> Vec<u32> {
            let mut number = |part| {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                *numbers.entry(part).or_insert(next)
            };
            parts.iter().map(|part| number(*part)).collect()
        };
        let (from, to) = (numbered(&old), numbered(&new));
        let mut found = Compact::new(Replace::new(Capture::new()), &*from, &*to);
        let Ok(()) = myers::diff_deadline(&mut found, &*from, 0..from.len(), &*to, 0..to.len(), deadline);
        Self { old, new, ops: found.into_inner().into_inner().into_ops() }
    }

    /// The runs that stayed and those that changed, in order.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.ops.iter().map(run)
    }

    /// Every part with what became of it, in order; what was removed before what took its place.
    pub fn parts(&self) -> impl Iterator<Item = (Edit, &'a str)> + '_ {
        self.ops.iter().flat_map(|op| self.parts_of(op))
    }

    /// As [`Edits::parts`], cut into hunks: what changed, with up to `around` parts before and after.
    pub fn hunks(&self, around: usize) -> Vec<Vec<(Edit, &'a str)>> {
        let groups = group_diff_ops(self.ops.clone(), around);
        groups.iter().map(|ops| ops.iter().flat_map(|op| self.parts_of(op)).collect()).collect()
    }

    /// How alike the two are, 0 to 1: twice the parts in common over the parts of both.
    pub fn likeness(&self) -> f32 {
        diff_ratio(&self.ops, self.old.len(), self.new.len())
    }

    fn parts_of(&self, op: &DiffOp) -> impl Iterator<Item = (Edit, &'a str)> + use<'a, '_> {
        let Run { same, old, new } = run(op);
        let gone = if same { 0..0 } else { old };
        let kept = if same { Edit::Same } else { Edit::Added };
        let gone = self.old[gone].iter().map(|part| (Edit::Removed, *part));
        gone.chain(self.new[new].iter().map(move |part| (kept, *part)))
    }
}

fn run(op: &DiffOp) -> Run {
    Run { same: matches!(op, DiffOp::Equal { .. }), old: op.old_range(), new: op.new_range() }
}

/// The lines of a text, with their ends.
pub fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The words of a text and the white space between them.
pub fn words(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let blank = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != blank).unwrap_or(rest.len());
        let (part, more) = rest.split_at(end);
        parts.push(part);
        rest = more;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_and_hunks_say_what_became_of_each() {
        let (old, new) = ("a\nb\nc\nd\ne\nf\n", "a\nb\nC\nd\ne\nf\ng\n");
        let edits = Edits::between(lines(old), lines(new));
        let changed: Vec<_> = edits.parts().filter(|(edit, _)| *edit != Edit::Same).collect();
        assert_eq!(changed, [(Edit::Removed, "c\n"), (Edit::Added, "C\n"), (Edit::Added, "g\n")]);
        assert_eq!(
            edits.hunks(1),
            [
                vec![(Edit::Same, "b\n"), (Edit::Removed, "c\n"), (Edit::Added, "C\n"), (Edit::Same, "d\n")],
                vec![(Edit::Same, "f\n"), (Edit::Added, "g\n")],
            ]
        );
        assert!((edits.likeness() - 10.0 / 13.0).abs() < 1e-6);
        let runs: Vec<Run> = edits.runs().filter(|run| !run.same).collect();
        assert_eq!(runs[0], Run { same: false, old: 2..3, new: 2..3 });
        assert_eq!(runs[1], Run { same: false, old: 6..6, new: 6..7 });
    }

    #[test]
    fn nothing_is_alike_and_a_deadline_that_has_passed_still_gives_both_texts() {
        assert!((Edits::between(vec![], vec![]).likeness() - 1.0).abs() < 1e-6);
        let (old, new): (String, String) = (
            (0..4000).map(|n| format!("{n} ")).collect(),
            (0..4000).rev().map(|n| format!("{n} ")).collect(),
        );
        let edits = Edits::until(words(&old), words(&new), Some(Instant::now()));
        assert_eq!(sides(&edits), (old.clone(), new.clone()));
    }

    fn sides(edits: &Edits<'_>) -> (String, String) {
        let side = |left_out| -> String {
            edits.parts().filter(|(edit, _)| *edit != left_out).map(|(_, part)| part).collect()
        };
        (side(Edit::Added), side(Edit::Removed))
    }

    proptest! {
        #[test]
        fn the_parts_are_the_texts(old in "[ab \n\u{2003}é]{0,40}", new in "[ab \n\u{2003}é]{0,40}") {
            for cut in [lines, words] {
                let edits = Edits::between(cut(&old), cut(&new));
                prop_assert_eq!(sides(&edits), (old.clone(), new.clone()));
            }
        }
    }
}
