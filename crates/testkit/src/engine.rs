//! An engine in a test's hands.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use resonance_domain::{Fidelity, LanguageTag};
use resonance_speech::{
    audio::{Pcm, SampleShape},
    engine::{
        Capabilities, CatalogueVoice, DerivedVoice, EngineError, EngineVoice, Engines, Progress,
        SpeechEngine, SynthesisRequest, VoiceSample,
    },
};
use tokio::sync::{Semaphore, watch};

/// Speaks a tone of a hundredth of a second per character, at once or when it is told to.
#[derive(Debug)]
pub struct TestEngine {
    id: String,
    capabilities: Capabilities,
    uploads: bool,
    texts: Mutex<Vec<String>>,
    samples: Mutex<Vec<Option<Bytes>>>,
    begun: watch::Sender<usize>,
    at_work: AtomicUsize,
    most_at_work: AtomicUsize,
    holding: AtomicBool,
    fading: AtomicBool,
    gate: Semaphore,
    fraction: watch::Sender<f64>,
    failures: Mutex<VecDeque<EngineError>>,
}

impl TestEngine {
    /// An engine that speaks at once; its id is `test`.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::named("test")
    }

    /// Another one, with another id.
    #[must_use]
    pub fn named(id: &str) -> Arc<Self> {
        Arc::new(Self {
            id: id.to_owned(),
            capabilities: Capabilities {
                settings: Vec::new(),
                languages: Vec::new(),
                cloning: None,
                instructions: false,
                max_characters: 5_000,
            },
            uploads: false,
            texts: Mutex::default(),
            samples: Mutex::default(),
            begun: watch::Sender::new(0),
            at_work: AtomicUsize::new(0),
            most_at_work: AtomicUsize::new(0),
            holding: AtomicBool::new(false),
            fading: AtomicBool::new(false),
            gate: Semaphore::new(0),
            fraction: watch::Sender::new(0.0),
            failures: Mutex::default(),
        })
    }

    /// From now on everything ends so softly that it depends on the rounding of 16 bits whether anybody hears it.
    pub fn fade(&self) {
        self.fading.store(true, Ordering::Release);
    }

    /// One that clones voices, and listens to the recordings itself.
    #[must_use]
    pub fn cloning() -> Arc<Self> {
        let mut engine = Self::new();
        if let Some(engine) = Arc::get_mut(&mut engine) {
            engine.capabilities.cloning = Some(SampleShape::USUAL);
        }
        engine
    }

    /// One that clones voices, and wants the recordings with the texts.
    #[must_use]
    pub fn wanting_samples(shape: SampleShape) -> Arc<Self> {
        let mut engine = Self::new();
        if let Some(engine) = Arc::get_mut(&mut engine) {
            engine.capabilities.cloning = Some(shape);
            engine.uploads = true;
        }
        engine
    }

    /// The set of engines that it alone makes up.
    #[must_use]
    pub fn alone(self: &Arc<Self>) -> Engines {
        Engines::default().with(Arc::clone(self) as _)
    }

    /// From now on it waits, before it is done with a text, until it is let go.
    pub fn hold(&self) {
        self.holding.store(true, Ordering::SeqCst);
    }

    /// Lets it be done with one text, now or next.
    pub fn let_one_go(&self) {
        self.gate.add_permits(1);
    }

    /// Lets everything go, from now on at once.
    pub fn let_go(&self) {
        self.holding.store(false, Ordering::SeqCst);
        self.gate.add_permits(10_000);
    }

    /// Whoever waits tells that this fraction is done.
    pub fn tell(&self, fraction: f64) {
        self.fraction.send_replace(fraction);
    }

    /// It fails with the next text.
    ///
    /// # Panics
    /// Never.
    pub fn fail_next(&self, error: EngineError) {
        self.failures.lock().unwrap().push_back(error);
    }

    /// The texts that it began with, in that order.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }

    /// The recordings that came with the texts, in that order.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn samples(&self) -> Vec<Option<Bytes>> {
        self.samples.lock().unwrap().clone()
    }

    /// Waits until it has begun with `count` texts since it was made.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn has_begun(&self, count: usize) {
        let mut begun = self.begun.subscribe();
        let reached = begun.wait_for(|begun| *begun >= count);
        tokio::time::timeout(std::time::Duration::from_secs(20), reached)
            .await
            .expect("the engine was not asked")
            .unwrap();
    }

    /// With how many texts it has begun since it was made.
    #[must_use]
    pub fn begun(&self) -> usize {
        *self.begun.borrow()
    }

    /// The most texts that it was at work on at the same time.
    #[must_use]
    pub fn most_at_work(&self) -> usize {
        self.most_at_work.load(Ordering::SeqCst)
    }

    async fn speak(&self, text: &str, progress: Progress) -> Result<Pcm, EngineError> {
        let at_work = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_work.fetch_max(at_work, Ordering::SeqCst);
        let _leaving = Leaving(&self.at_work);
        self.texts.lock().unwrap().push(text.to_owned());
        // Before anybody who waits for the beginning can tell a fraction.
        let mut fractions = self.fraction.subscribe();
        self.begun.send_modify(|begun| *begun += 1);
        if let Some(error) = self.failures.lock().unwrap().pop_front() {
            return Err(error);
        }
        if self.holding.load(Ordering::SeqCst) {
            loop {
                tokio::select! {
                    permit = self.gate.acquire() => break permit.unwrap().forget(),
                    _ = fractions.changed() => progress.report(*fractions.borrow_and_update())?,
                }
            }
        }
        let count = text.chars().count() * 220;
        let loud = if self.fading.load(Ordering::Acquire) {
            count / 2
        } else {
            count
        };
        let samples = (0..count)
            .map(|n| {
                if n < loud {
                    0.5 * (n as f32 * 0.1).sin()
                } else {
                    0.003_005
                }
            })
            .collect();
        Ok(Pcm::new(samples, NonZeroU32::new(22_050).unwrap()))
    }
}

struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl SpeechEngine for TestEngine {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn catalogue(&self) -> BoxFuture<'_, Result<Vec<CatalogueVoice>, EngineError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn synthesize(
        &self,
        request: SynthesisRequest,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Pcm, EngineError>> {
        async move {
            self.samples.lock().unwrap().push(request.sample);
            self.speak(&request.text, progress).await
        }
        .boxed()
    }

    fn sample_of<'a>(&self, voice: &'a EngineVoice) -> Option<&'a str> {
        self.uploads.then(|| voice.get("key")?.as_str())?
    }

    fn derive_voice<'a>(
        &'a self,
        sample: &'a VoiceSample,
        _language: &'a LanguageTag,
    ) -> BoxFuture<'a, Result<DerivedVoice, EngineError>> {
        let voice = if self.capabilities.cloning.is_some() {
            DerivedVoice {
                voice: serde_json::json!({ "key": sample.key }),
                fidelity: Fidelity::Cloned,
            }
        } else {
            DerivedVoice {
                voice: serde_json::json!({ "derived": true }),
                fidelity: Fidelity::Approximated,
            }
        };
        async move { Ok(voice) }.boxed()
    }
}
