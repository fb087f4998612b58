//! eSpeak NG's data on the disk, where the library wants it.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use espeak_ng::{EspeakNg, translate::resolve_dict_stem, voices::list_voices};

use crate::language::LANGUAGES;

/// Counts our own changes to what is installed, within one version of the library.
const LAYOUT: u32 = 1;

/// The data was not written to the disk.
#[derive(Debug, thiserror::Error)]
#[error("the speech data cannot be installed in `{}`", folder.display())]
pub struct InstallError {
    folder: PathBuf,
    #[source]
    source: io::Error,
}

/// Installs the data in a folder of its own below `root`, unless it is there already, and answers that folder.
///
/// It is written beside its final place and renamed when it is complete and on the disk, so that a crash leaves
/// nothing half done, and of two processes at once either may win.
pub(crate) fn install(root: &Path) -> Result<PathBuf, InstallError> {
    let folder = folder(root);
    if folder.is_dir() {
        return Ok(folder);
    }
    match write(root, &folder) {
        Err(_) if folder.is_dir() => Ok(folder),
        written => written
            .map(|()| folder.clone())
            .map_err(|source| InstallError { folder, source }),
    }
}

/// The data's own folder below `root`.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join(format!("espeak-ng-{}-{LAYOUT}", EspeakNg::version()))
}

fn write(root: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    let temporary = tempfile::Builder::new().prefix(".espeak-ng-").tempdir_in(root)?;
    espeak_ng::install_bundled_data(temporary.path())?;
    keep_only_our_languages(temporary.path())?;
    sync(temporary.path())?;
    fs::rename(temporary.path(), folder)?;
    // What is no longer there cannot be removed again; `close` would complain where dropping does not.
    drop(temporary);
    Ok(())
}

/// Removes what no voice of ours needs: the library reads the descriptions of all languages for every sentence.
fn keep_only_our_languages(data: &Path) -> io::Result<()> {
    let dictionaries: HashSet<String> = LANGUAGES
        .iter()
        .filter_map(|language| resolve_dict_stem(data, language.espeak))
        .collect();
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix("_dict"));
        if stem.is_some_and(|stem| !dictionaries.contains(stem)) {
            fs::remove_file(entry.path())?;
        }
    }
    for voice in list_voices(data) {
        if !LANGUAGES
            .iter()
            .any(|language| language.espeak.eq_ignore_ascii_case(&voice.language))
        {
            fs::remove_file(data.join("lang").join(&voice.file))?;
        }
    }
    Ok(())
}

/// How many files are forced to the disk at a time. File systems gather what is asked for together, and the first start
/// of a server waits for this.
const AT_A_TIME: usize = 32;

fn sync(folder: &Path) -> io::Result<()> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    let share = paths.len().div_ceil(AT_A_TIME).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = paths
            .chunks(share)
            .map(|paths| scope.spawn(move || paths.iter().try_for_each(|path| File::open(path)?.sync_all())))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread that wrote files panicked")))
        })
    })
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn many_processes_at_once_install_one_complete_set() {
        let root = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| install(root.path()).unwrap());
            }
        });
        let names: Vec<_> = fs::read_dir(root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let voices = list_voices(&install(root.path()).unwrap());
        for language in LANGUAGES {
            assert!(
                voices
                    .iter()
                    .any(|voice| voice.language.eq_ignore_ascii_case(language.espeak)),
                "{language:?}"
            );
        }
    }

    #[test]
    fn what_a_crash_left_behind_does_no_harm() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(".espeak-ng-crashed")).unwrap();
        let folder = install(root.path()).unwrap();
        assert!(folder.join("phontab").is_file());
        // Installed once, it is not touched again.
        fs::write(folder.join("mark"), "").unwrap();
        assert_eq!(install(root.path()).unwrap(), folder);
        assert!(folder.join("mark").exists());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = install(file.path()).unwrap_err();
        assert!(error.to_string().contains(file.path().to_str().unwrap()));
    }
}
