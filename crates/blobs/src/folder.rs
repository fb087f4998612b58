//! A folder as a store, and what a killed process leaves in it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use object_store::local::LocalFileSystem;

/// The file whose lock every process holds that has the folder open. No key begins with a dot.
const LOCK_FILE: &str = ".lock";

/// A folder that is open.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Locked as long as it lives.
    lock: File,
    /// Stores objects without flushing them, where all can be flushed at once.
    pub(crate) provisional: Arc<LocalFileSystem>,
    at_once: bool,
    flushing: Mutex<()>,
    failed: AtomicU64,
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
    let at_once = flushes_at_once(&lock);
    let folder = Folder {
        lock,
        provisional: Arc::new(store.clone().with_fsync(!at_once)),
        at_once,
        flushing: Mutex::default(),
        failed: AtomicU64::default(),
    };
    Ok((store.with_fsync(true), folder))
}

impl Folder {
    /// Waits until everything that was put into the folder is on the disk, or was to be when it was put. Blocks.
    ///
    /// It flushes the whole file system: one flush for any number of objects and the folders made for them, where flushing
    /// them one by one takes several each.
    pub(crate) fn flush(&self) -> io::Result<()> {
        if !self.at_once {
            return Ok(());
        }
        // One at a time: the system tells of what went wrong once, and it must be known before the next one goes well.
        let _turn = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        sync(&self.lock).inspect_err(|_| {
            self.failed.fetch_add(1, Ordering::SeqCst);
        })
    }

    /// How many flushes failed. What was put before a flush that failed may be lost, however well later ones go.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::SeqCst)
    }
}

#[cfg(target_os = "linux")]
fn sync(folder: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(folder)?)
}

#[cfg(not(target_os = "linux"))]
fn sync(_folder: &File) -> io::Result<()> {
    Ok(())
}

/// Whether the folder's file system is one that can be flushed as a whole and tells of what goes wrong with that (Linux 5.8
/// and later). File systems that are programs (FUSE) say yes and do nothing, so only known ones count; in others, every
/// object is flushed when it is put.
#[cfg(target_os = "linux")]
fn flushes_at_once(folder: &File) -> bool {
    // The magic numbers of `linux/magic.h`: ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, overlays of these, and ZFS's own.
    const KNOWN: [u64; 7] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0xF2F5_2010,
        0x0102_1994,
        0x794C_7630,
        0x2FC1_2FC1,
    ];
    let magic = rustix::fs::fstatfs(folder).map(|about| u64::try_from(about.f_type).unwrap_or_default());
    magic.is_ok_and(|magic| KNOWN.contains(&magic))
}

#[cfg(not(target_os = "linux"))]
fn flushes_at_once(_folder: &File) -> bool {
    false
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_flush_that_failed_is_not_made_good_by_the_next() {
        let path = tempfile::tempdir().unwrap();
        let (_, mut folder) = open(path.path()).unwrap();
        folder.flush().unwrap();
        assert_eq!(folder.failed(), 0);
        // A file that is opened as a place alone cannot be flushed.
        let place =
            rustix::fs::open(path.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
        let lock = std::mem::replace(&mut folder.lock, place.into());
        folder.at_once = true;
        assert!(folder.flush().is_err());
        folder.lock = lock;
        folder.flush().unwrap();
        assert_eq!(folder.failed(), 1);
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
