//! Texts compared as people read them: by paragraph, then by sentence, then by word; what only moved is told apart
//! from what was rewritten.

use super::tags::{Tag, likeness, tags};
use crate::domain::edits::{Edit, Edits, Run};
use unicode_segmentation::UnicodeSegmentation;

/// Paragraphs at least this alike are one that was rewritten; below, one went and another came.
const SAME_PARAGRAPH: f32 = 0.4;

/// A run of text and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// It stands in both.
    Same(String),
    /// It went.
    Removed(String),
    /// It came.
    Added(String),
    /// A sentence that stands elsewhere in the paragraph now.
    Moved(String),
}

/// What became of a paragraph. Paragraphs are counted from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Paragraph {
    /// It is new.
    Added {
        /// Its number now.
        at: usize,
        /// Its text.
        text: String,
    },
    /// It is gone.
    Removed {
        /// Its number before.
        at: usize,
        /// Its text.
        text: String,
    },
    /// Its text is the same and its place is another.
    Moved {
        /// Its number before.
        from: usize,
        /// Its number now.
        to: usize,
        /// Its text.
        text: String,
    },
    /// It was rewritten, in its place or elsewhere.
    Rewritten {
        /// Its number before.
        from: usize,
        /// Its number now.
        to: usize,
        /// Its words.
        pieces: Vec<Piece>,
        /// Which sorts of words changed.
        tags: Vec<Tag>,
    },
    /// Only white space differs: between paragraphs, or at the ends.
    Spacing,
}

impl Paragraph {
    /// Which sorts of words came or went.
    pub fn tags(&self) -> Vec<Tag> {
        match self {
            Self::Added { text, .. } | Self::Removed { text, .. } => tags("", text),
            Self::Rewritten { tags, .. } => tags.clone(),
            Self::Moved { .. } | Self::Spacing => Vec::new(),
        }
    }

    /// Where to show it.
    fn order(&self) -> (usize, u8) {
        match self {
            Self::Removed { at, .. } => (*at, 0),
            Self::Added { at, .. } => (*at, 2),
            Self::Moved { to, .. } | Self::Rewritten { to, .. } => (*to, 1),
            Self::Spacing => (usize::MAX, 0),
        }
    }
}

/// What differs between two texts; empty when they are the same, byte for byte.
pub fn compare(before: &str, after: &str) -> Vec<Paragraph> {
    if before == after {
        return Vec::new();
    }
    let (old, new) = (paragraphs(before), paragraphs(after));
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    for run in Edits::between(old.clone(), new.clone()).runs().filter(|run| !run.same) {
        gone.extend(run.old);
        come.extend(run.new);
    }
    let mut found = Vec::new();
    gone.retain(|&from| {
        let Some(index) = come.iter().position(|&to| new[to] == old[from]) else { return true };
        let to = come.remove(index);
        found.push(Paragraph::Moved { from: from + 1, to: to + 1, text: old[from].to_owned() });
        false
    });
    for (from, to) in pairs(&gone, &come, &old, &new) {
        gone.retain(|&index| index != from);
        come.retain(|&index| index != to);
        let (before, after) = (old[from], new[to]);
        found.push(Paragraph::Rewritten {
            from: from + 1,
            to: to + 1,
            pieces: words(before, after),
            tags: tags(before, after),
        });
    }
    found.extend(gone.iter().map(|&at| Paragraph::Removed { at: at + 1, text: old[at].to_owned() }));
    found.extend(come.iter().map(|&at| Paragraph::Added { at: at + 1, text: new[at].to_owned() }));
    if found.is_empty() {
        found.push(Paragraph::Spacing);
    }
    found.sort_by_key(Paragraph::order);
    found
}

/// The paragraphs of a text: what blank lines separate.
fn paragraphs(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut at) = (None, 0);
    for line in text.split_inclusive('\n') {
        match (line.trim().is_empty(), start) {
            (true, Some(from)) => {
                found.push(text[from..at].trim_end());
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
        at += line.len();
    }
    found.extend(start.map(|from| text[from..].trim_end()));
    found
}

/// The most alike first, each paragraph once; between equals the first.
fn pairs(gone: &[usize], come: &[usize], old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let mut ranked: Vec<(f32, usize, usize)> = Vec::new();
    for &from in gone {
        ranked.extend(come.iter().map(|&to| (likeness(old[from], new[to]), from, to)));
    }
    ranked.retain(|(alike, ..)| *alike >= SAME_PARAGRAPH);
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut taken: Vec<(usize, usize)> = Vec::new();
    for (_, from, to) in ranked {
        if taken.iter().all(|&(other, place)| other != from && place != to) {
            taken.push((from, to));
        }
    }
    taken
}

/// A rewritten paragraph: whole sentences that stayed or moved, and the words of the others.
fn words(before: &str, after: &str) -> Vec<Piece> {
    let old: Vec<&str> = before.unicode_sentences().collect();
    let new: Vec<&str> = after.unicode_sentences().collect();
    let runs: Vec<Run> = Edits::between(old.clone(), new.clone()).runs().collect();
    let changed = || runs.iter().filter(|run| !run.same);
    let gone: Vec<&str> = changed().flat_map(|run| old[run.old.clone()].to_vec()).collect();
    let come: Vec<&str> = changed().flat_map(|run| new[run.new.clone()].to_vec()).collect();
    let moved = |sentence: &str| {
        let is = |other: &&str| other.trim() == sentence.trim();
        gone.iter().any(is) && come.iter().any(is)
    };
    let mut pieces = Vec::new();
    for run in &runs {
        let (before, after) = (&old[run.old.clone()], &new[run.new.clone()]);
        if run.same {
            after.iter().for_each(|text| push(&mut pieces, Piece::Same((*text).to_owned())));
            continue;
        }
        let stay = |side: &[&str]| -> String {
            side.iter().filter(|sentence| !moved(sentence)).copied().collect::<Vec<_>>().concat()
        };
        let (left, right) = (stay(before), stay(after));
        let bounds = |text| UnicodeSegmentation::split_word_bounds(text).collect();
        for (edit, text) in Edits::between(bounds(&*left), bounds(&*right)).parts() {
            let text = text.to_owned();
            push(
                &mut pieces,
                match edit {
                    Edit::Same => Piece::Same(text),
                    Edit::Removed => Piece::Removed(text),
                    Edit::Added => Piece::Added(text),
                },
            );
        }
        for sentence in after.iter().filter(|sentence| moved(sentence)) {
            pieces.push(Piece::Moved((*sentence).to_owned()));
        }
    }
    joined(pieces)
}

fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match (pieces.last_mut(), &piece) {
        (Some(Piece::Same(text)), Piece::Same(more))
        | (Some(Piece::Removed(text)), Piece::Removed(more))
        | (Some(Piece::Added(text)), Piece::Added(more)) => text.push_str(more),
        _ => pieces.push(piece),
    }
}

/// Joins changes that only a space separates: `[-may not-]{+must+}` and not one mark a word.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut runs: Vec<Piece> = Vec::new();
    let (mut gone, mut come) = (String::new(), String::new());
    let mut iter = pieces.into_iter().peekable();
    let flush = |runs: &mut Vec<Piece>, gone: &mut String, come: &mut String| {
        if !gone.is_empty() {
            runs.push(Piece::Removed(std::mem::take(gone)));
        }
        if !come.is_empty() {
            runs.push(Piece::Added(std::mem::take(come)));
        }
    };
    while let Some(piece) = iter.next() {
        match piece {
            Piece::Removed(text) => gone.push_str(&text),
            Piece::Added(text) => come.push_str(&text),
            Piece::Same(text) => {
                let between = !gone.is_empty() && !come.is_empty();
                let more = matches!(iter.peek(), Some(Piece::Removed(_) | Piece::Added(_)));
                if between && more && text.chars().all(|c| c == ' ') {
                    gone.push_str(&text);
                    come.push_str(&text);
                } else {
                    flush(&mut runs, &mut gone, &mut come);
                    push(&mut runs, Piece::Same(text));
                }
            }
            Piece::Moved(text) => {
                flush(&mut runs, &mut gone, &mut come);
                runs.push(Piece::Moved(text));
            }
        }
    }
    flush(&mut runs, &mut gone, &mut come);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: &[Piece]) -> String {
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Same(text) => text.clone(),
                Piece::Removed(text) => format!("[-{text}-]"),
                Piece::Added(text) => format!("{{+{text}+}}"),
                Piece::Moved(text) => format!("<{text}>"),
            })
            .collect()
    }

    #[test]
    fn a_word_is_marked_and_its_paragraph_named() {
        let before = "Be kind.\n\nYou may refuse refunds older than 30 days.\n";
        let after = "Be kind.\n\nYou must refuse refunds after 30 days.\n";
        let found = compare(before, after);
        let [Paragraph::Rewritten { from: 2, to: 2, pieces, tags }] = &found[..] else { panic!("{found:?}") };
        assert_eq!(text(pieces), "You [-may-]{+must+} refuse refunds [-older than-]{+after+} 30 days.");
        assert_eq!(tags, &[Tag::Modality, Tag::Limit]);
    }

    #[test]
    fn what_moved_is_no_rewrite() {
        let found = compare(
            "One is here.\n\nTwo follows.\n\nThree ends.",
            "Three ends.\n\nOne is here.\n\nTwo follows.",
        );
        assert_eq!(found, [Paragraph::Moved { from: 3, to: 1, text: "Three ends.".into() }]);
        let found = compare("Say hello. Be brief. Cite the source.", "Be brief. Cite the source. Say hello.");
        let [Paragraph::Rewritten { pieces, tags, .. }] = &found[..] else { panic!("{found:?}") };
        assert!(
            pieces.iter().any(|piece| matches!(piece, Piece::Moved(text) if text.trim() == "Say hello."))
        );
        assert!(tags.is_empty(), "{tags:?}");
    }

    #[test]
    fn unlike_paragraphs_come_and_go() {
        let found = compare("Apples are red and round.", "Whales swim in cold oceans.");
        assert!(
            matches!(&found[..], [Paragraph::Removed { at: 1, .. }, Paragraph::Added { at: 1, .. }]),
            "{found:?}"
        );
    }

    #[test]
    fn every_byte_counts_and_no_difference_is_nothing() {
        assert_eq!(compare("a\n\nb", "a\n\n\nb"), [Paragraph::Spacing]);
        assert_eq!(compare("a\n", "a"), [Paragraph::Spacing]);
        assert_eq!(compare("a", "a"), []);
        for (before, after) in [("", "x"), ("x", ""), ("a b", "a  b"), ("ä ö", "ä ü")] {
            assert!(!compare(before, after).is_empty(), "{before:?} {after:?}");
        }
    }
}
