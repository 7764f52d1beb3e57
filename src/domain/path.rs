//! Paths inside a repository.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A path relative to the repository root, with `/` between its parts, normalised, and never leaving the
/// root: it holds no `..`, no empty part and no leading `/`. Symlinks are the business of `repo`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RelPath(Arc<str>);

impl RelPath {
    /// Normalises `text` as a path from the root. `None` when it is absolute or leaves the root.
    pub fn new(text: &str) -> Option<Self> {
        Self::resolve("", text)
    }

    /// The root itself.
    pub fn root() -> Self {
        Self("".into())
    }

    /// Resolves `text` as a path from the folder that holds this file. `None` when it leaves the root.
    pub fn sibling(&self, text: &str) -> Option<Self> {
        Self::resolve(self.parent(), text)
    }

    /// Resolves `text` as a path from this folder. `None` when it leaves the root.
    pub fn join(&self, text: &str) -> Option<Self> {
        Self::resolve(&self.0, text)
    }

    fn resolve(base: &str, text: &str) -> Option<Self> {
        let text = text.replace('\\', "/");
        if text.starts_with('/') || text.contains('\0') || text.get(1..2) == Some(":") {
            return None;
        }
        let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        Some(Self(parts.join("/").into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that holds this file; empty at the root.
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// The last part of the path.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The extension without its dot, in lower case; empty when there is none.
    pub fn extension(&self) -> String {
        self.file_name().rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_lowercase())
    }

    /// The path without its extension.
    pub fn stem(&self) -> &str {
        let name = self.file_name();
        match name.rfind('.') {
            Some(dot) if dot > 0 => &self.0[..self.0.len() - (name.len() - dot)],
            _ => &self.0,
        }
    }

    /// Whether this path is `folder` or lies under it.
    pub fn is_under(&self, folder: &str) -> bool {
        folder.is_empty()
            || self.0.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path under `folder`, or `None` when it does not lie there.
    pub fn strip(&self, folder: &str) -> Option<&str> {
        if folder.is_empty() {
            return Some(&self.0);
        }
        self.0.strip_prefix(folder)?.strip_prefix('/')
    }

    /// The path on disk, under `root`.
    pub fn on_disk(&self, root: &Path) -> PathBuf {
        if self.0.is_empty() { root.to_path_buf() } else { root.join(&*self.0) }
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_the_root() {
        assert_eq!(RelPath::new("a/./b//c.yaml").map(|p| p.to_string()), Some("a/b/c.yaml".into()));
        assert_eq!(RelPath::new("a/../b").map(|p| p.to_string()), Some("b".into()));
        for outside in ["..", "a/../../b", "/etc/passwd", "C:\\x", "\\x", "a\0b"] {
            assert_eq!(RelPath::new(outside), None, "{outside}");
        }
    }

    #[test]
    fn a_sibling_resolves_from_the_folder_of_the_file() {
        let suite = RelPath::new("evals/support.yaml").expect("inside");
        assert_eq!(suite.sibling("cases/a.jsonl").map(|p| p.to_string()), Some("evals/cases/a.jsonl".into()));
        assert_eq!(suite.sibling("../../x"), None);
        assert_eq!(
            (suite.stem(), suite.parent(), suite.extension().as_str()),
            ("evals/support", "evals", "yaml")
        );
    }
}
