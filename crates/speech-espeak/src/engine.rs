//! The engine.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use resonance_domain::{LanguageTag, SettingKind};
use resonance_speech::{
    audio::Pcm,
    engine::{
        Cancellation, Capabilities, CatalogueVoice, DerivedVoice, EngineError, Progress, SpeechEngine,
        SynthesisRequest, VoiceSample,
    },
};
use tokio::task::spawn_blocking;

use crate::{
    catalogue,
    data::{InstallError, folder, install},
    derivation,
    language::{LANGUAGES, Language},
    speaking::{Report, Speaker},
    voice::EspeakVoice,
};

/// The longest text, in Unicode scalar values.
const MAX_CHARACTERS: usize = 5_000;

/// The built-in engine.
pub struct EspeakEngine {
    capabilities: Capabilities,
    studio: Arc<Studio>,
}

impl EspeakEngine {
    /// Installs the engine's data (15 MB) below `data_root` as [`EspeakEngine::new`] does; whether it was missing.
    ///
    /// # Errors
    /// If the data cannot be written there.
    pub fn install(data_root: &Path) -> Result<bool, InstallError> {
        let missing = !folder(data_root).is_dir();
        install(data_root)?;
        Ok(missing)
    }

    /// Prepares the engine. Its data (15 MB) is kept in a folder of its own below `data_root`; several processes may
    /// share it.
    ///
    /// # Errors
    /// If the data cannot be written there.
    pub fn new(data_root: &Path) -> Result<Self, InstallError> {
        let capabilities = Capabilities {
            settings: vec![SettingKind::Speed],
            languages: LANGUAGES
                .iter()
                .filter_map(|language| LanguageTag::parse(language.tag).ok())
                .collect(),
            cloning: None,
            instructions: false,
            max_characters: MAX_CHARACTERS,
        };
        let studio = Studio {
            data: install(data_root)?,
            speakers: Mutex::default(),
        };
        Ok(Self {
            capabilities,
            studio: Arc::new(studio),
        })
    }

    /// Does work for the processor where it blocks nobody, and stops it soon if nobody waits for it any more.
    async fn work<T: Send + 'static>(
        &self,
        progress: Progress,
        work: impl FnOnce(&Studio, Report<'_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let abandoned = Cancellation::default();
        let _guard = CancelOnDrop(abandoned.clone());
        let studio = Arc::clone(&self.studio);
        let report = move |fraction| {
            if abandoned.is_cancelled() {
                Err(EngineError::Cancelled)
            } else {
                progress.report(fraction)
            }
        };
        spawn_blocking(move || work(&studio, &report))
            .await
            .unwrap_or(Err(EngineError::Panicked))
    }
}

impl SpeechEngine for EspeakEngine {
    fn id(&self) -> &str {
        "builtin"
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn catalogue(&self) -> BoxFuture<'_, Result<Vec<CatalogueVoice>, EngineError>> {
        Box::pin(async { Ok(catalogue::voices()) })
    }

    fn synthesize(
        &self,
        request: SynthesisRequest,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Pcm, EngineError>> {
        Box::pin(async move {
            let SynthesisRequest {
                text,
                voice,
                settings,
                instructions: _,
                sample: _,
            } = request;
            if text.chars().nth(MAX_CHARACTERS).is_some() {
                return Err(EngineError::TextTooLong { max: MAX_CHARACTERS });
            }
            let (voice, language) = EspeakVoice::read(&voice)?;
            let speed = if settings.speed.is_nan() {
                1.0
            } else {
                settings.speed.clamp(0.25, 4.0)
            };
            self.work(progress, move |studio, report| {
                studio.speak(language, &voice, &text, speed, report)
            })
            .await
        })
    }

    fn derive_voice<'a>(
        &'a self,
        sample: &'a VoiceSample,
        language: &'a LanguageTag,
    ) -> BoxFuture<'a, Result<DerivedVoice, EngineError>> {
        Box::pin(async move {
            let unsupported = || EngineError::UnsupportedLanguage(language.as_str().to_owned());
            let language = Language::of(language).ok_or_else(unsupported)?;
            let analysis = sample.analysis;
            self.work(Progress::default(), move |studio, report| {
                derivation::derive(&analysis, language, |voice| {
                    studio.speak(language, voice, language.preview, 1.0, report)
                })
            })
            .await
        })
    }
}

impl fmt::Debug for EspeakEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EspeakEngine")
            .field("data", &self.studio.data)
            .finish_non_exhaustive()
    }
}

/// The data, and what was loaded from it.
struct Studio {
    data: PathBuf,
    speakers: Mutex<HashMap<&'static str, Arc<Speaker>>>,
}

impl Studio {
    fn speak(
        &self,
        language: &'static Language,
        voice: &EspeakVoice,
        text: &str,
        speed: f64,
        report: Report<'_>,
    ) -> Result<Pcm, EngineError> {
        self.speaker(language)?.speak(voice, text, speed, report)
    }

    fn speaker(&self, language: &'static Language) -> Result<Arc<Speaker>, EngineError> {
        // A panic elsewhere cannot have left the map half changed.
        let mut speakers = self.speakers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(speaker) = speakers.get(language.espeak) {
            return Ok(Arc::clone(speaker));
        }
        let speaker = Arc::new(Speaker::load(&self.data, language)?);
        speakers.insert(language.espeak, Arc::clone(&speaker));
        Ok(speaker)
    }
}

/// Stops work that nobody waits for any more.
struct CancelOnDrop(Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
