//! Globs over a snapshot.

use super::snapshot::{Leads, ReadError, Snapshot, Walked};
use crate::domain::RelPath;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeSet;

/// One pattern, split where its first wildcard stands, so that only the folder before it is walked.
struct Pattern {
    folder: RelPath,
    /// Levels below `folder` that can match; `usize::MAX` with `**`.
    depth: usize,
    /// `None`: no wildcard, and `folder` is the one file that is meant.
    matcher: Option<GlobMatcher>,
}

/// Every file that one of the patterns matches, sorted, each once.
pub(super) fn matches(snapshot: &Snapshot, patterns: &[String]) -> Result<Vec<RelPath>, ReadError> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        found.extend(matched(snapshot, pattern)?.files);
    }
    Ok(found.into_iter().collect())
}

/// Every file that a pattern matches, and every link that is not followed and beyond which it may have meant one.
pub(super) fn matched(snapshot: &Snapshot, pattern: &str) -> Result<Walked, ReadError> {
    let pattern = parse(pattern)?;
    let Some(matcher) = pattern.matcher else {
        let files = if snapshot.is_file(&pattern.folder) { vec![pattern.folder] } else { Vec::new() };
        return Ok(Walked { files, links: Vec::new() });
    };
    let mut walked = snapshot.walk(&pattern.folder, pattern.depth)?;
    walked.files.retain(|file| matcher.is_match(file.as_str()));
    // Beyond a link to a folder anything may lie; one that leads nowhere is meant where its own name is.
    walked.links.retain(|(path, leads, below)| {
        matcher.is_match(path.as_str()) || (*below > 0 && *leads != Leads::Nowhere)
    });
    Ok(walked)
}

/// Whether a pattern matches a path, there or not. One that cannot be read matches everything.
pub fn glob_matches(pattern: &str, path: &RelPath) -> bool {
    parse(pattern).map_or(true, |pattern| match pattern.matcher {
        None => pattern.folder == *path,
        Some(matcher) => matcher.is_match(path.as_str()),
    })
}

fn parse(text: &str) -> Result<Pattern, ReadError> {
    if text.starts_with('/') || text.split('/').any(|part| part == "..") {
        return Err(ReadError::Outside);
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).count();
    let folder = RelPath::new(&parts[..plain].join("/")).ok_or(ReadError::Outside)?;
    if plain == parts.len() {
        return Ok(Pattern { folder, depth: 0, matcher: None });
    }
    // A `/` inside of braces counts as a level too many, which only walks deeper than needed.
    let depth =
        if parts[plain..].iter().any(|part| part.contains("**")) { usize::MAX } else { parts.len() - plain };
    let glob = GlobBuilder::new(&parts.join("/"))
        .literal_separator(true)
        .build()
        .map_err(|error| ReadError::Io(format!("the glob {text:?} cannot be read: {}", error.kind())))?;
    Ok(Pattern { folder, depth, matcher: Some(glob.compile_matcher()) })
}
