//! A text is cut into chunks of at most `chunk_size` units. A chunk ends, in this order of preference, before a
//! heading, before a paragraph, after a sentence, after a word; each begins exactly `chunk_overlap` units before
//! the end of the one before it. Chunks are ranges of the text, character for character.

use super::corpus::Markup;
use crate::manifest::retrieval::ChunkUnit;
use std::sync::LazyLock;
use tiktoken_rs::CoreBPE;
use unicode_segmentation::UnicodeSegmentation as _;

/// How to cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunker {
    /// Most units of a chunk; at least 1.
    pub size: usize,
    /// Units that a chunk shares with the one before it; below `size`.
    pub overlap: usize,
    /// What is counted. Tokens are those of `o200k_base`.
    pub unit: ChunkUnit,
}

/// One chunk: a range of bytes of the text, and the headings over it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// The headings in force where its new text begins, outermost first, with ` > ` between them.
    pub heading: Option<String>,
}

static VOCABULARY: LazyLock<&'static CoreBPE> = LazyLock::new(tiktoken_rs::o200k_base_singleton);

/// How good a place is to cut.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rank {
    Word,
    Sentence,
    Paragraph,
    Heading,
}

impl Chunker {
    /// The chunks of `text`, in order. A chunk of white space alone is left out.
    pub fn split(&self, text: &str, markup: Markup) -> Vec<Piece> {
        // A text is never longer in tokens than in bytes: a short one need not be counted.
        let offsets = if text.len() <= self.size { vec![0, text.len()] } else { self.offsets(text) };
        let units = offsets.len() - 1;
        let headings = if markup == Markup::Markdown { headings(text) } else { Vec::new() };
        let mut pieces = Vec::new();
        if units <= self.size {
            push(&mut pieces, text, (0, text.len()), 0, &headings);
            return pieces;
        }
        let breaks = breaks(text, markup, &headings, &offsets);
        let (mut start, mut fresh) = (0, 0);
        loop {
            let end = if units - start <= self.size { units } else { self.end(start, &breaks) };
            push(&mut pieces, text, (offsets[start], offsets[end]), offsets[fresh], &headings);
            if end == units {
                return pieces;
            }
            (start, fresh) = (end - self.overlap, end);
        }
    }

    /// Where the chunk that starts at this unit ends: the best place in its latter half, else in what is before
    /// that and beyond the overlap, else exactly at its size.
    fn end(&self, start: usize, breaks: &[(usize, Rank)]) -> usize {
        let (least, most) = (start + self.overlap + 1, start + self.size);
        let half = least.max(start + self.size / 2);
        let within = |from: usize| {
            let first = breaks.partition_point(|(at, _)| *at < from);
            let behind = breaks.partition_point(|(at, _)| *at <= most);
            &breaks[first.min(behind)..behind]
        };
        let last = |from: usize, least: Rank| {
            let best = within(from).iter().filter(|(_, rank)| *rank >= least).map(|(_, rank)| *rank).max()?;
            within(from).iter().rev().find(|(_, rank)| *rank == best).map(|(at, _)| *at)
        };
        last(half, Rank::Sentence)
            .or_else(|| last(least, Rank::Sentence))
            .or_else(|| last(half, Rank::Word))
            .unwrap_or(most)
    }

    /// The first byte of every unit, and the end of the text.
    fn offsets(&self, text: &str) -> Vec<usize> {
        match self.unit {
            ChunkUnit::Characters => text.char_indices().map(|(at, _)| at).chain([text.len()]).collect(),
            ChunkUnit::Tokens => {
                let tokens = VOCABULARY.encode_ordinary(text);
                let mut offsets = Vec::with_capacity(tokens.len() + 1);
                let mut at = 0;
                for token in VOCABULARY._decode_native_and_split(tokens) {
                    // A token may end within a character, which then belongs to the next chunk whole.
                    offsets.push(text.floor_char_boundary(at));
                    at += token.len();
                }
                offsets.push(text.len());
                offsets
            }
        }
    }
}

fn push(
    pieces: &mut Vec<Piece>,
    text: &str,
    (start, end): (usize, usize),
    fresh: usize,
    headings: &[Heading],
) {
    if text[start..end].trim().is_empty() {
        return;
    }
    // A heading right behind white space is already in force.
    let fresh = fresh + text[fresh..].len() - text[fresh..].trim_start().len();
    pieces.push(Piece { start, end, heading: in_force(headings, fresh) });
}

/// A heading of Markdown (`#` to `######`), outside of fenced code.
#[derive(Debug)]
struct Heading {
    at: usize,
    level: usize,
    title: String,
}

fn headings(text: &str) -> Vec<Heading> {
    let (mut found, mut fence, mut at) = (Vec::new(), None, 0);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches(' ');
        fence = Fence::after(fence, bare);
        let level = bare.bytes().take_while(|byte| *byte == b'#').count();
        if fence.is_none() && (1..=6).contains(&level) && line.len() - bare.len() < 4 {
            let rest = &bare[level..];
            if rest.starts_with([' ', '\t']) {
                let title = rest.trim().trim_end_matches('#').trim().to_owned();
                found.push(Heading { at, level, title });
            }
        }
        at += line.len();
    }
    found
}

/// The fence that stands open around code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Fence {
    mark: char,
    length: usize,
}

impl Fence {
    /// The fence that a line may open or close: what it is made of, and whether nothing stands behind it.
    fn of(line: &str) -> Option<(Self, bool)> {
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let behind = line.trim_start_matches(mark);
        let length = line.len() - behind.len();
        // Backticks behind backticks are code within a line.
        let opens = length >= 3 && (mark == '~' || !behind.contains('`'));
        opens.then_some((Self { mark, length }, behind.trim().is_empty()))
    }

    /// The fence that stands open behind a line. Only one that is bare and at least as long closes another.
    fn after(open: Option<Self>, line: &str) -> Option<Self> {
        match (open, Self::of(line)) {
            (None, found) => found.map(|(fence, _)| fence),
            (Some(open), Some((fence, true))) if fence.mark == open.mark && fence.length >= open.length => {
                None
            }
            (open, _) => open,
        }
    }
}

fn in_force(headings: &[Heading], at: usize) -> Option<String> {
    let mut path: Vec<&Heading> = Vec::new();
    for heading in headings.iter().take_while(|heading| heading.at <= at) {
        path.retain(|above| above.level < heading.level);
        path.push(heading);
    }
    let titles: Vec<&str> = path.iter().map(|heading| heading.title.as_str()).collect();
    (!titles.is_empty()).then(|| titles.join(" > "))
}

/// Every place to cut as (unit, rank), in order, the best rank of each unit.
fn breaks(text: &str, markup: Markup, headings: &[Heading], offsets: &[usize]) -> Vec<(usize, Rank)> {
    let mut found: Vec<(usize, Rank)> = headings.iter().map(|heading| (heading.at, Rank::Heading)).collect();
    let (mut at, mut blank, mut fence) = (0, true, None);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        let mark = Fence::of(bare);
        let item = markup == Markup::Markdown
            && (bare.starts_with("- ") || bare.starts_with("* ") || bare.starts_with("+ "));
        if fence.is_none() && !bare.is_empty() && (blank || mark.is_some()) {
            found.push((at, Rank::Paragraph));
        } else if item || fence.is_some() {
            found.push((at, Rank::Sentence));
        }
        fence = Fence::after(fence, bare).filter(|_| markup == Markup::Markdown);
        blank = bare.is_empty();
        at += line.len();
    }
    found.extend(text.split_sentence_bound_indices().map(|(at, _)| (at, Rank::Sentence)));
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if before.is_whitespace() && !c.is_whitespace() {
            found.push((at, Rank::Word));
        }
        before = c;
    }
    let mut units: Vec<(usize, Rank)> =
        found.into_iter().map(|(at, rank)| (unit_at(text, offsets, at), rank)).collect();
    units.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    units.dedup_by_key(|(at, _)| *at);
    units
}

/// The unit to cut before so that nothing but white space of the place's own line goes with the next chunk.
fn unit_at(text: &str, offsets: &[usize], at: usize) -> usize {
    let next = offsets.partition_point(|offset| *offset < at);
    match next.checked_sub(1) {
        Some(held) if offsets[next] != at && text[offsets[held]..at].trim().is_empty() => held,
        _ => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn characters(size: usize, overlap: usize) -> Chunker {
        Chunker { size, overlap, unit: ChunkUnit::Characters }
    }

    fn texts(chunker: Chunker, text: &str, markup: Markup) -> Vec<&str> {
        chunker.split(text, markup).iter().map(|piece| &text[piece.start..piece.end]).collect()
    }

    #[test]
    fn chunks_end_before_headings_then_paragraphs_then_sentences_then_words() {
        let text = "# One\n\nFirst text here.\n\n# Two\n\nSecond text here.\n";
        assert_eq!(
            texts(characters(40, 0), text, Markup::Markdown),
            ["# One\n\nFirst text here.\n\n", "# Two\n\nSecond text here.\n"]
        );
        let text = "First one. Second one.\n\nThird one. Fourth one.\n";
        assert_eq!(texts(characters(30, 0), text, Markup::Plain)[0], "First one. Second one.\n\n");
        assert_eq!(texts(characters(20, 0), text, Markup::Plain)[0], "First one. ");
        assert_eq!(
            texts(characters(8, 0), "one two three four", Markup::Plain),
            ["one two ", "three ", "four"]
        );
        assert_eq!(texts(characters(4, 0), "abcdefgh", Markup::Plain), ["abcd", "efgh"]);
    }

    #[test]
    fn headings_are_kept_and_fences_have_none() {
        let text = "# Shop\n\nAbout us.\n\n## Refunds\n\nWithin five days.\n\n```\n# no heading\n```\n";
        let pieces = characters(40, 5).split(text, Markup::Markdown);
        let kept: Vec<Option<&str>> = pieces.iter().map(|piece| piece.heading.as_deref()).collect();
        assert_eq!(kept, [Some("Shop"), Some("Shop > Refunds"), Some("Shop > Refunds")]);
        assert_eq!(characters(4, 0).split("# a\n\nbcd efg", Markup::Plain)[0].heading, None);
    }

    #[test]
    fn a_fence_ends_with_a_bare_one_that_is_as_long() {
        let kept =
            |text: &str| -> Vec<String> { headings(text).into_iter().map(|heading| heading.title).collect() };
        assert_eq!(kept("````\n```\n# in\n```\n````\n# out\n"), ["out"]);
        assert_eq!(kept("```\n``` rust\n# in\n`````\n# out\n"), ["out"]);
        assert_eq!(kept("~~~\n```\n# in\n~~~~\n# out\n"), ["out"]);
        assert_eq!(kept("```inline``` code\n# out\n"), ["out"]);
        assert_eq!(kept("```\n# in\n"), Vec::<String>::new());
    }

    #[test]
    fn tokens_are_counted_and_overlap_exactly() {
        let text = "The quick brown fox jumps over the lazy dog and runs away again. ".repeat(40);
        let chunker = Chunker { size: 50, overlap: 7, unit: ChunkUnit::Tokens };
        let pieces = chunker.split(&text, Markup::Plain);
        assert!(pieces.len() > 5);
        let count = |text: &str| VOCABULARY.encode_ordinary(text).len();
        for pair in pieces.windows(2) {
            assert_eq!(count(&text[pair[1].start..pair[0].end]), 7);
            assert!(count(&text[pair[0].start..pair[0].end]) <= 50);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_the_overlap_is_exact(
            text in "([a-zäß🦀#.] ?|\\.\\n# a){0,200}",
            size in 3_usize..60,
            share in 0_usize..100,
            tokens in any::<bool>(),
        ) {
            let overlap = (size - 1) * share / 100;
            let unit = if tokens { ChunkUnit::Tokens } else { ChunkUnit::Characters };
            let pieces = Chunker { size, overlap, unit }.split(&text, Markup::Markdown);
            let mut covered = 0;
            for piece in &pieces {
                prop_assert!(text[covered.min(piece.start)..piece.start].trim().is_empty());
                covered = piece.end;
                if !tokens {
                    prop_assert!(text[piece.start..piece.end].chars().count() <= size);
                }
            }
            prop_assert!(text[covered..].trim().is_empty());
            for pair in pieces.windows(2).filter(|pair| !tokens && pair[1].start < pair[0].end) {
                prop_assert_eq!(text[pair[1].start..pair[0].end].chars().count(), overlap);
            }
        }
    }
}
