//! What is left when making a voice ends in the middle.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::{FutureExt as _, future::BoxFuture};
use resonance_domain::LanguageTag;
use resonance_services::Services;
use resonance_speech::{
    audio::Pcm,
    engine::{
        Capabilities, CatalogueVoice, DerivedVoice, EngineError, Progress, SpeechEngine, SynthesisRequest,
        VoiceSample,
    },
};
use resonance_testkit::{Instance, TestEngine, on_both, verdict};

use super::{Booth, quick};

/// Every object belongs to a voice, and every voice has its recording and its preview.
async fn assert_nothing_is_astray(booth: &Booth) {
    let mut keys = booth.instance.sql_texts("SELECT sample_key FROM voices").await;
    let previews = booth.instance.sql_texts("SELECT preview_key FROM voices").await;
    assert_eq!(keys.len(), previews.len());
    keys.extend(previews);
    keys.sort();
    assert_eq!(booth.objects().await, keys);
}

/// While it makes a voice, the member who asked for it is removed.
#[derive(Debug)]
struct Betrayer {
    engine: std::sync::Arc<TestEngine>,
    url: std::sync::OnceLock<String>,
}

impl SpeechEngine for Betrayer {
    fn id(&self) -> &'static str {
        "betrayer"
    }

    fn capabilities(&self) -> &Capabilities {
        self.engine.capabilities()
    }

    fn catalogue(&self) -> BoxFuture<'_, Result<Vec<CatalogueVoice>, EngineError>> {
        self.engine.catalogue()
    }

    fn synthesize(
        &self,
        request: SynthesisRequest,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Pcm, EngineError>> {
        self.engine.synthesize(request, progress)
    }

    fn derive_voice<'a>(
        &'a self,
        sample: &'a VoiceSample,
        language: &'a LanguageTag,
    ) -> BoxFuture<'a, Result<DerivedVoice, EngineError>> {
        async move {
            resonance_testkit::sql_at(self.url.get().unwrap(), "DELETE FROM memberships").await;
            self.engine.derive_voice(sample, language).await
        }
        .boxed()
    }
}

async fn after_the_grace(booth: &Booth, services: &Services) {
    booth.instance.clock.advance(TimeDelta::minutes(16));
    services.settle().await.unwrap();
}

on_both! {
    async fn whoever_is_removed_meanwhile_makes_no_voice_and_leaves_no_upload(backend: Backend) {
        let engine = std::sync::Arc::new(Betrayer { engine: TestEngine::new(), url: std::sync::OnceLock::new() });
        let engines = resonance_speech::engine::Engines::default().with(engine.clone());
        let instance = Instance::with_engines(backend, engines, |_| ()).await;
        engine.url.set(instance.test_database.url.clone()).unwrap();
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        instance.services.settle().await.unwrap();
        let booth = Booth { engine: engine.engine.clone(), mel: ada.clone(), ada, organization, instance };
        let mut input = quick("Vera");
        input.engine = Some("betrayer".into());
        assert_eq!(verdict(&booth.as_ada().await.voices().create(input).await), "NOT_FOUND");
        // The upload is removed by a job of its own, and nothing is left for when the grace is over.
        booth.instance.services.settle().await.unwrap();
        assert_eq!(booth.objects().await, Vec::<String>::new());
        after_the_grace(&booth, &booth.instance.services).await;
        assert_eq!(booth.traces().await, [0; 4]);
    }

    async fn dying_anywhere_leaves_no_object_without_a_voice(backend: Backend) {
        let booth = Booth::new(backend).await;
        let began = Instant::now();
        booth.make("Whole").await;
        let whole = began.elapsed();
        for step in 0..24_u32 {
            let request = booth.as_ada().await;
            let making = tokio::spawn(async move { request.voices().create(quick("Cut short")).await });
            tokio::time::sleep(whole * step / 20).await;
            making.abort();
            let _ = making.await;
        }
        // What was aborted may still hold the database's attention.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let another_node = booth.instance.another_node().await;
        after_the_grace(&booth, &another_node).await;
        assert_nothing_is_astray(&booth).await;
        assert_eq!(booth.count("jobs").await, 0);
        assert_eq!(booth.count("voices").await, booth.count("usage_entries").await);
    }

    async fn a_sweep_that_races_the_upload_never_takes_a_voices_recording(backend: Backend) {
        let booth = Booth::with(backend, |settings| settings.upload_grace = TimeDelta::zero()).await;
        let services = booth.instance.services.clone();
        let sweeping = tokio::spawn(async move {
            loop {
                services.settle().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut kept = 0;
        for _ in 0..20 {
            let made = booth.as_ada().await.voices().create(quick("Raced")).await;
            kept += usize::from(made.is_ok());
        }
        sweeping.abort();
        let _ = sweeping.await;
        after_the_grace(&booth, &booth.instance.services).await;
        assert_nothing_is_astray(&booth).await;
        assert_eq!(booth.count("voices").await, kept);
    }
}
