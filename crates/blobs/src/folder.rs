//! A folder as a store, and what a killed process leaves in it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use object_store::local::LocalFileSystem;

/// The file whose lock every process holds that has the folder open. No key begins with a dot.
const LOCK_FILE: &str = ".lock";

/// Whether the system can flush all that was put into a folder at once. Where it cannot, every object is flushed when it
/// is put.
const FLUSHES_AT_ONCE: bool = cfg!(target_os = "linux");

/// A folder that is open.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Locked as long as it lives.
    lock: File,
    /// Stores objects without flushing them.
    pub(crate) provisional: Arc<LocalFileSystem>,
}

/// Opens a folder, made where it is missing.
///
/// Objects are written under another name and renamed when they are whole; by the first of the two stores, when they are
/// on the disk. Whoever opens the folder while nobody else has it open removes what was never renamed.
pub(crate) fn open(path: &Path) -> io::Result<(LocalFileSystem, Folder)> {
    fs::create_dir_all(path)?;
    let lock = File::create(path.join(LOCK_FILE))?;
    match lock.try_lock() {
        Ok(()) => sweep(path)?,
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(failed)) => return Err(failed),
    }
    lock.lock_shared()?;
    let store = LocalFileSystem::new_with_prefix(path)?.with_automatic_cleanup(true);
    let provisional = Arc::new(store.clone().with_fsync(!FLUSHES_AT_ONCE));
    Ok((store.with_fsync(true), Folder { lock, provisional }))
}

impl Folder {
    /// Waits until everything that was put into the folder is on the disk. Blocks.
    ///
    /// It flushes the whole file system: one flush for any number of objects and the folders made for them, where flushing them
    /// one by one takes several each.
    #[cfg(target_os = "linux")]
    pub(crate) fn flush(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.lock)?)
    }

    /// Does nothing: every object was flushed when it was put.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn flush(&self) -> io::Result<()> {
        let _ = &self.lock;
        Ok(())
    }
}

/// Removes the halves of objects, and the folders that hold nothing else.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let (entry, path) = entry.map(|entry| {
            let path = entry.path();
            (entry, path)
        })?;
        if entry.file_type()?.is_dir() {
            sweep(&path)?;
            // Fails where something is left, as it should.
            let _ = fs::remove_dir(&path);
        } else if is_half(&entry.file_name().to_string_lossy()) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Whether `object_store` calls the file so until it is whole: the object's name, `#`, a number.
fn is_half(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(folder: &Path) -> std::path::PathBuf {
        fs::create_dir_all(folder.join("org_1/audio")).unwrap();
        fs::write(folder.join("org_1/whole"), "whole").unwrap();
        let half = folder.join("org_1/audio/gen_1.wav#1");
        fs::write(&half, "hal").unwrap();
        half
    }

    #[test]
    fn halves_that_a_killed_process_left_are_removed_when_the_folder_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let half = half(folder.path());
        let _opened = open(folder.path()).unwrap();
        assert!(!half.exists());
        assert!(!folder.path().join("org_1/audio").exists());
        assert!(folder.path().join("org_1/whole").exists());
    }

    #[test]
    fn what_another_process_is_just_writing_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).unwrap();
        let half = half(folder.path());
        let second = open(folder.path()).unwrap();
        assert!(half.exists());
        drop((first, second));
        let _third = open(folder.path()).unwrap();
        assert!(!half.exists());
    }
}
