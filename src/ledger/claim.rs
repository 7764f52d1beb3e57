//! Whose file this is: a lock that a process holds as long as it lives, only to tell others that it writes there.

use std::fs::File;
use std::path::Path;

/// Holds the file as long as it is open. Whoever looks whether it is held holds it for a moment itself: that is waited
/// for, or nobody would be told. Where files have no locks, nobody can be.
pub(super) fn claim(file: &File) {
    #[cfg(unix)]
    let _ = file.lock();
    #[cfg(not(unix))]
    let _ = file;
}

/// Whether a process that still lives holds the file. Known on Unix alone; elsewhere a file that is open for writing
/// cannot be removed.
pub(super) fn is_claimed(path: &Path) -> bool {
    #[cfg(unix)]
    return File::open(path)
        .is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Waits until no other process has its turn, which lasts as long as the file is open: what two of them read, change
/// and write at once would lose what one of them wrote. Where files have no locks, nobody waits.
///
/// # Errors
/// When the file cannot be made.
pub(super) fn turn(path: &Path) -> std::io::Result<File> {
    let file = File::options().append(true).create(true).open(path)?;
    let _ = file.lock();
    Ok(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn whoever_looks_takes_nothing_from_the_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("segment");
        let owner = File::create(&path).expect("a file");
        let prober = File::open(&path).expect("the file");
        prober.try_lock().expect("a moment");
        let (tell, told) = channel();
        std::thread::scope(|scope| {
            let owner = &owner;
            scope.spawn(move || {
                claim(owner);
                tell.send(()).expect("told");
            });
            // An owner that does not wait is done by now, without the file; one that waits, after the prober.
            let early = told.recv_timeout(Duration::from_millis(200));
            drop(prober);
            assert!(early.is_err(), "the owner did not wait");
            told.recv().expect("claimed");
        });
        assert!(is_claimed(&path));
        drop(owner);
        assert!(!is_claimed(&path));
    }
}
