//! The built-in engine's data, which the binary brings along.

use std::os::unix::process::CommandExt as _;

use anyhow::Context as _;
use resonance_speech_espeak::EspeakEngine;

use crate::configuration::Configuration;

/// Installs the data at the very first start, and then starts this process anew, under the same number and with the same
/// arguments: having read the data once, it would hold those 30 MB of the binary in memory for as long as it serves.
///
/// To be called before anything is opened.
pub(crate) fn install(configuration: &Configuration) -> anyhow::Result<()> {
    let root = configuration.data_dir.join("speech");
    let missing = EspeakEngine::install(&root).context("the built-in speech engine")?;
    // What is still missing now would be missing after every start.
    if missing && !EspeakEngine::install(&root).context("the built-in speech engine")? {
        let binary = std::env::current_exe().context("the binary's own path")?;
        let error = std::process::Command::new(binary)
            .args(std::env::args_os().skip(1))
            .exec();
        tracing::info!(
            error = &error as &dyn std::error::Error,
            "serving with the speech data still in memory: the process could not be started anew"
        );
    }
    Ok(())
}
