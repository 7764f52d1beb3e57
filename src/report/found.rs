//! Whether retrieval found what it should have, in words: a miss of the retriever is another fault than a bad answer
//! to what was found.

use super::document::Detail;
use super::text::{one_line, short};
use crate::domain::{Chunk, Grade, TrialRecord};

/// Characters to quote of a text that is lacking.
const QUOTED: usize = 60;
/// Characters to show of a chunk.
const BEGINS: usize = 60;
/// Chunks to list.
const LISTED: usize = 5;

/// The distinct sources of the chunks, in the order of their first chunk.
fn sources(context: &[Chunk]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for source in context.iter().filter_map(|chunk| chunk.source.as_deref()) {
        if !found.contains(&source) {
            found.push(source);
        }
    }
    found
}

/// The relevant sources that are not among the chunks, joined; `None` when none is missing.
pub fn missing(context: &[Chunk], relevant: &[String]) -> Option<String> {
    let found = sources(context);
    let missing: Vec<&str> =
        relevant.iter().map(String::as_str).filter(|source| !found.contains(source)).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// The texts that asserts did not find in the answer of a trial: of each group, one would have done.
pub fn lacking(record: &TrialRecord) -> Vec<Vec<String>> {
    let Grade::Scored { asserts, .. } = &record.grade else { return Vec::new() };
    asserts.iter().filter(|assert| !assert.passed).flat_map(|assert| assert.lacking.iter().cloned()).collect()
}

/// Of the texts that an answer lacks, those that no chunk holds, whatever their case: no model could have taken them
/// from there. `None` where there is no such text.
pub fn beyond(context: &[Chunk], lacking: &[Vec<String>]) -> Option<String> {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let chunks: Vec<String> = context.iter().map(|chunk| flat(&chunk.text)).collect();
    let held = |text: &String| chunks.iter().any(|chunk| chunk.contains(&flat(text)));
    let mut groups: Vec<String> = Vec::new();
    for group in lacking.iter().filter(|group| !group.iter().any(held)) {
        let quoted: Vec<String> =
            group.iter().map(|text| format!("\"{}\"", short(&one_line(text), QUOTED))).collect();
        let group = quoted.join(" or ");
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    (!groups.is_empty()).then(|| groups.join(" and no chunk "))
}

/// Where each relevant source ranked, or that it was missed, and which texts no chunk holds; `None` where there is
/// nothing to say.
pub fn sentence(detail: &Detail) -> Option<String> {
    let count = detail.context.len();
    let mut parts = Vec::new();
    if let Some(missing) = missing(&detail.context, &detail.relevant) {
        let verb = if detail.relevant.len() > 1 && missing.contains(", ") { "were" } else { "was" };
        parts.push(if detail.pinned {
            format!("the pinned context lacks {missing}")
        } else {
            format!("retrieval missed: {missing} {verb} not among {count}")
        });
    }
    if detail.pinned {
        return parts.pop();
    }
    for source in &detail.relevant {
        let rank = detail.context.iter().position(|chunk| chunk.source.as_deref() == Some(source));
        if let Some(rank) = rank {
            parts.push(format!("{source} found at rank {}", rank + 1));
        }
    }
    let said = parts.join("; ");
    let beyond = beyond(&detail.context, &detail.lacking)
        .filter(|_| count > 0)
        .map(|texts| format!("no chunk that was retrieved holds {texts}"));
    match (said.is_empty(), beyond) {
        (true, beyond) => beyond,
        (false, None) => Some(said),
        (false, Some(beyond)) => Some(format!("{said}, but {beyond}")),
    }
}

/// The chunks that were retrieved, best first, a line each: rank, source, and how the text begins.
pub fn listed(detail: &Detail) -> Vec<String> {
    if detail.pinned {
        return Vec::new();
    }
    let one = |(index, chunk): (usize, &Chunk)| {
        let source = chunk.source.as_deref().map_or("no source".to_owned(), one_line);
        format!("{}. {source}: {}", index + 1, short(&one_line(&chunk.text), BEGINS))
    };
    let mut lines: Vec<String> = detail.context.iter().enumerate().take(LISTED).map(one).collect();
    if detail.context.len() > LISTED {
        lines.push(format!("and {} more", detail.context.len() - LISTED));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(context: &[&str], relevant: &[&str]) -> Detail {
        let chunk = |source: &&str| Chunk {
            text: format!("About {source}:\nit costs 4.90"),
            source: Some((*source).to_owned()),
            score: Some(0.5),
            last_updated: None,
        };
        Detail {
            context: context.iter().map(chunk).collect(),
            relevant: relevant.iter().map(|source| (*source).to_owned()).collect(),
            ..Detail::default()
        }
    }

    #[test]
    fn a_miss_and_a_rank_are_told_apart() {
        let says = |context: &[&str], relevant: &[&str]| sentence(&detail(context, relevant));
        assert_eq!(
            says(&["a", "b"], &["kb/refunds.md"]).as_deref(),
            Some("retrieval missed: kb/refunds.md was not among 2")
        );
        assert_eq!(says(&["a", "b"], &["b"]).as_deref(), Some("b found at rank 2"));
        assert_eq!(
            says(&["a"], &["a", "b"]).as_deref(),
            Some("retrieval missed: b was not among 1; a found at rank 1")
        );
        assert_eq!(says(&["a"], &[]), None);
        assert_eq!(says(&[], &["a"]).as_deref(), Some("retrieval missed: a was not among 0"));
        let pinned = Detail { pinned: true, ..detail(&["a"], &["b"]) };
        assert_eq!(sentence(&pinned).as_deref(), Some("the pinned context lacks b"));
    }

    #[test]
    fn a_chunk_that_was_found_may_still_lack_the_answer() {
        let lacking = |groups: &[&[&str]]| -> Vec<Vec<String>> {
            groups.iter().map(|group| group.iter().map(|text| (*text).to_owned()).collect()).collect()
        };
        let says = |groups: &[&[&str]], relevant: &[&str]| {
            sentence(&Detail { lacking: lacking(groups), ..detail(&["a", "b"], relevant) })
        };
        assert_eq!(
            says(&[&["12.90"]], &["a"]).as_deref(),
            Some("a found at rank 1, but no chunk that was retrieved holds \"12.90\"")
        );
        assert_eq!(
            says(&[&["12.90", "13"], &["x"]], &[]).as_deref(),
            Some("no chunk that was retrieved holds \"12.90\" or \"13\" and no chunk \"x\"")
        );
        assert_eq!(says(&[&["ABOUT a: it"]], &["a"]).as_deref(), Some("a found at rank 1"));
        assert_eq!(says(&[&["12.90", "4.90"]], &[]), None);
        let pinned = Detail { pinned: true, lacking: lacking(&[&["x"]]), ..detail(&["a"], &["a"]) };
        assert_eq!((sentence(&pinned), listed(&pinned)), (None, Vec::new()));
    }

    #[test]
    fn every_chunk_is_listed_with_how_it_begins() {
        let found = listed(&detail(&["a", "a", "b", "c", "d", "e", "f"], &[]));
        assert_eq!(found.len(), 6);
        assert_eq!((found[1].as_str(), found[5].as_str()), ("2. a: About a: it costs 4.90", "and 2 more"));
    }
}
