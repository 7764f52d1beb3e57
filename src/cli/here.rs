//! Names of files as they are typed where the program is called, which may be a folder of the repository.

use crate::domain::RelPath;
use std::path::Path;

/// The path from `root` of a file or folder that is typed from the current folder; what is typed where there is none,
/// and where it lies outside: it may be meant from the root.
pub fn from_root(root: &Path, typed: &str) -> String {
    within(root, typed).unwrap_or_else(|| typed.to_owned())
}

fn within(root: &Path, typed: &str) -> Option<String> {
    let root = root.canonicalize().ok()?;
    let here = std::env::current_dir().ok()?.canonicalize().ok()?;
    // Only the folder is looked through: a link that is a manifest has the name of the link.
    let typed = here.join(typed);
    let folder = typed.parent()?.canonicalize().ok()?;
    let path = match typed.file_name() {
        Some(name) => folder.join(name),
        None => typed.canonicalize().ok()?,
    };
    let inside = path.symlink_metadata().is_ok().then(|| path.strip_prefix(&root).ok()).flatten()?;
    let inside = inside.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
    Some(RelPath::new(&inside)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_left_as_it_is_typed() {
        let root = tempfile::tempdir().expect("a folder");
        for typed in ["support", "prompts/support.yaml", "../x", "/etc/passwd"] {
            assert_eq!(from_root(root.path(), typed), typed);
        }
    }
}
