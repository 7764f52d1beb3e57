//! Files that git LFS keeps: a revision has a pointer, and the content lies beside git's objects, where it was fetched.

use super::snapshot::ReadError;
use crate::domain::Digest;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// How every pointer begins.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Whether a blob is a pointer, which must not pass for content.
pub(super) fn is_pointer(blob: &[u8]) -> bool {
    blob.starts_with(POINTER)
}

/// The content behind a pointer, out of the folder that all work trees share (`.git`).
///
/// # Errors
/// [`ReadError::Io`] when it was not fetched or is not what the pointer names, [`ReadError::TooLarge`] above the limit.
pub(super) fn content(pointer: &[u8], shared: Option<&Path>, limit: u64) -> Result<Vec<u8>, ReadError> {
    let absent = || {
        ReadError::Io(
            "kept in git LFS, and its content as of this revision is not here; run `git lfs fetch --all`"
                .to_owned(),
        )
    };
    let id = id(pointer).ok_or_else(absent)?;
    let path = shared.map(|git| git.join("lfs/objects").join(&id[..2]).join(&id[2..4]).join(id));
    let file = path.and_then(|path| File::open(path).ok()).ok_or_else(absent)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|_| absent())?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(ReadError::TooLarge { limit });
    }
    let whole = Digest::of_bytes(&bytes).to_string().strip_prefix("sha256:") == Some(id);
    if whole { Ok(bytes) } else { Err(absent()) }
}

/// The SHA-256 that a pointer names.
fn id(pointer: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(pointer).ok()?;
    let id = text.lines().find_map(|line| line.strip_prefix("oid sha256:"))?.trim();
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}
