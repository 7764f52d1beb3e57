//! What a query brought before and brings now, beside each other.

use super::Hit;

/// Where a chunk stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spot {
    /// The document; `None` where a retriever of the team's own did not say.
    pub source: Option<String>,
    /// Its range of bytes there, where that is known.
    pub range: Option<(u64, u64)>,
    /// Its rank, from 1.
    pub rank: usize,
}

/// How two rankings differ.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shift {
    /// Chunks that only the second has, best first.
    pub came: Vec<Spot>,
    /// Chunks that only the first had, best first.
    pub went: Vec<Spot>,
}

/// Compares two rankings; `None` where the same texts of the same sources stand in the same order. A text that only
/// moved within its document is the same chunk. Without chunks that came or went, the order is what differs.
pub fn shift(before: &[Hit], after: &[Hit]) -> Option<Shift> {
    let key = |hit: &Hit| (hit.chunk.source.clone(), hit.chunk.text.clone());
    let (old, new): (Vec<_>, Vec<_>) = (before.iter().map(key).collect(), after.iter().map(key).collect());
    if old == new {
        return None;
    }
    let spots = |hits: &[Hit], other: &[(Option<String>, String)]| {
        let only = hits.iter().enumerate().filter(|(_, hit)| !other.contains(&key(hit)));
        only.map(|(at, hit)| Spot { source: hit.chunk.source.clone(), range: hit.range, rank: at + 1 })
            .collect()
    };
    Some(Shift { came: spots(after, &old), went: spots(before, &new) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Chunk;

    fn hit(source: &str, text: &str, start: u64) -> Hit {
        let chunk =
            Chunk { text: text.to_owned(), source: Some(source.to_owned()), score: None, last_updated: None };
        Hit { chunk, heading: None, range: Some((start, start + 9)) }
    }

    #[test]
    fn what_came_and_what_went_is_told_from_what_only_moved() {
        let (a, b, c) = (hit("a.md", "one", 0), hit("a.md", "two", 9), hit("b.md", "one", 0));
        assert_eq!(shift(&[a.clone(), b.clone()], &[hit("a.md", "one", 5), b.clone()]), None);
        let found = shift(&[a.clone(), b.clone()], &[b.clone(), c]).expect("a shift");
        assert_eq!((found.came.len(), found.went.len()), (1, 1));
        assert_eq!((found.came[0].source.as_deref(), found.came[0].rank), (Some("b.md"), 2));
        assert_eq!((found.went[0].range, found.went[0].rank), (Some((0, 9)), 1));
        assert_eq!(shift(&[a.clone(), b.clone()], &[b, a]), Some(Shift::default()));
        assert_eq!(shift(&[], &[]), None);
    }
}
