//! Whether retrieval found what it should have, in words: a miss of the retriever is another fault than a bad answer
//! to what was found.

use super::document::Detail;
use crate::domain::Chunk;

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

/// Where each relevant source ranked, or that it was missed; `None` for a case that names none.
pub fn sentence(detail: &Detail) -> Option<String> {
    if detail.relevant.is_empty() {
        return None;
    }
    let count = detail.context.len();
    let pinned = count > 0 && detail.context.iter().all(|chunk| chunk.score.is_none());
    let mut parts = Vec::new();
    if let Some(missing) = missing(&detail.context, &detail.relevant) {
        let verb = if detail.relevant.len() > 1 && missing.contains(", ") { "were" } else { "was" };
        parts.push(if pinned {
            format!("the pinned context lacks {missing}")
        } else {
            format!("retrieval missed: {missing} {verb} not among {count}")
        });
    }
    for source in &detail.relevant {
        let rank = detail.context.iter().position(|chunk| chunk.source.as_deref() == Some(source));
        if let Some(rank) = rank.filter(|_| !pinned) {
            parts.push(format!("{source} found at rank {}", rank + 1));
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The sources that were retrieved, best first, for one line.
pub fn listed(detail: &Detail) -> Option<String> {
    let retrieved = detail.context.iter().any(|chunk| chunk.score.is_some());
    retrieved.then(|| sources(&detail.context).join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(context: &[&str], score: Option<f64>, relevant: &[&str]) -> Detail {
        let chunk = |source: &&str| Chunk {
            text: "t".to_owned(),
            source: Some((*source).to_owned()),
            score,
            last_updated: None,
        };
        Detail {
            context: context.iter().map(chunk).collect(),
            relevant: relevant.iter().map(|source| (*source).to_owned()).collect(),
            critical: false,
        }
    }

    #[test]
    fn a_miss_and_a_rank_are_told_apart() {
        let says = |context: &[&str], relevant: &[&str]| sentence(&detail(context, Some(0.5), relevant));
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
        assert_eq!(sentence(&detail(&["a"], None, &["b"])).as_deref(), Some("the pinned context lacks b"));
    }
}
