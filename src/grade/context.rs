//! Asserts about what the model was shown.

use super::fault::AssertFault;
use super::material::{Finding, Material, wrong};
use super::say;
use crate::domain::RelPath;
use crate::domain::score::reaches;
use crate::manifest::assert::{Assert, ContextAssert};
use std::collections::BTreeSet;

/// Decides one assert about context.
///
/// `context-contains` looks into each chunk by itself, case-sensitively. `context-recall` is the share of the case's
/// distinct `relevant` sources that at least one chunk comes from; a case without any has no recall, and the assert
/// cannot be decided.
pub fn check(assert: &Assert, test: &ContextAssert, material: &Material<'_>) -> Result<Finding, AssertFault> {
    let chunks = material.answer.context;
    match test {
        ContextAssert::Contains(value) => {
            let value = material.render(assert, value)?;
            let found = chunks.iter().find_map(|chunk| chunk.text.find(&*value).map(|at| (chunk, at)));
            Ok(match found {
                Some((chunk, at)) => {
                    let source = chunk.source.as_deref().map(|source| format!("{}: ", say::line(source, 60)));
                    let quote = say::around(&chunk.text, at, at + value.len());
                    Finding::new(true, format!("found in {}{quote}", source.unwrap_or_default()))
                }
                None => Finding::new(
                    false,
                    format!("none of the {} chunks contains {}", chunks.len(), say::quote(&value)),
                ),
            })
        }
        ContextAssert::Recall { threshold } => {
            let relevant: BTreeSet<String> =
                material.answer.case.relevant.iter().map(|one| normal(one)).collect();
            if relevant.is_empty() {
                let id = &material.answer.case.id;
                return Err(wrong(assert, format!("case `{id}` names no `relevant` sources")));
            }
            let found: BTreeSet<String> =
                chunks.iter().filter_map(|chunk| chunk.source.as_deref()).map(normal).collect();
            let missing: Vec<&str> = relevant.difference(&found).map(String::as_str).collect();
            let hits = relevant.len() - missing.len();
            let recall = ratio(hits, relevant.len());
            let mut reason = format!("{hits} of {} relevant sources found", relevant.len());
            if !missing.is_empty() {
                reason = format!("{reason}; missing: {}", say::line(&missing.join(", "), 120));
            }
            Ok(Finding {
                holds: reaches(recall, *threshold),
                score: Some(recall),
                threshold: Some(*threshold),
                reason,
                lacking: Vec::new(),
            })
        }
    }
}

/// `./kb/a.md` and `kb/a.md` are one source; what is no path inside the repository stays as it is.
fn normal(source: &str) -> String {
    if source.contains("://") {
        return source.to_owned();
    }
    RelPath::new(source).map_or_else(|| source.to_owned(), |path| path.to_string())
}

/// A share of small counts, from 0 to 1; 0 where there is nothing to share.
fn ratio(part: usize, whole: usize) -> f64 {
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}
