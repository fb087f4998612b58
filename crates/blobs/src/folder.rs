//! A folder as a store, and what a killed process leaves in it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
};

use object_store::local::LocalFileSystem;

/// The file whose lock every process holds that has the folder open. No key begins with a dot.
const LOCK_FILE: &str = ".lock";

/// Opens a folder, made where it is missing. The file is locked as long as it lives.
///
/// Objects are written under another name and renamed when they are whole and on the disk. Whoever opens the
/// folder while nobody else has it open removes what was never renamed.
pub(crate) fn open(folder: &Path) -> io::Result<(LocalFileSystem, File)> {
    fs::create_dir_all(folder)?;
    let lock = File::create(folder.join(LOCK_FILE))?;
    match lock.try_lock() {
        Ok(()) => sweep(folder)?,
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(failed)) => return Err(failed),
    }
    lock.lock_shared()?;
    let store = LocalFileSystem::new_with_prefix(folder)?
        .with_fsync(true)
        .with_automatic_cleanup(true);
    Ok((store, lock))
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
