//! Hearing what was spoken.

use chrono::TimeDelta;
use futures_util::TryStreamExt as _;
use resonance_authz::Denied;
use resonance_domain::{AudioFormat, ErrorCode, GenerationState};
use resonance_services::{CreateGeneration, Delivery, ServiceError, SignedQuery};
use resonance_speech::{
    audio::{Limits, decode, measure},
    engine::{Engines, SpeechEngine as _},
};
use resonance_testkit::{Instance, on_both};

use super::{Studio, address, refusals};

async fn bytes(delivery: &Delivery, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let stream = delivery.read(range).await.unwrap();
    let chunks: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    chunks.concat()
}

/// The signature in a signed URL.
fn signature(url: &str) -> SignedQuery {
    let (_, query) = url.split_once("?expires=").unwrap();
    let (expires, signature) = query.split_once("&signature=").unwrap();
    SignedQuery {
        expires: expires.parse().unwrap(),
        signature: signature.to_owned(),
    }
}

on_both! {
    async fn members_hear_the_audio_whole_and_in_part(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        let mel = studio.as_mel().await;
        let early = mel.generations().audio(address(&asked), None).await;
        assert_eq!(refusals(early), [(ErrorCode::Conflict, String::new())]);
        studio.services().settle().await.unwrap();
        let spoken = studio.look(&asked).await;
        let audio = mel.generations().audio(address(&asked), None).await.unwrap();
        assert_eq!((audio.content_type.as_str(), Some(audio.size)), ("audio/mpeg", spoken.audio_bytes));
        let whole = bytes(&audio, None).await;
        assert_eq!(whole.len() as u64, audio.size);
        assert_eq!(bytes(&audio, Some(10..20)).await, whole[10..20]);
        assert!(audio.etag.is_some_and(|etag| etag.starts_with('"') && etag.ends_with('"')));
    }

    async fn a_signed_url_is_its_own_permission_for_a_while_and_for_nothing_else(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (asked, other) = (studio.ask("Hello").await, studio.ask("Good morning").await);
        studio.services().settle().await.unwrap();
        let spoken = studio.look(&asked).await;
        let url = studio.as_ada().await.audio_url(address(&asked));
        assert!(url.starts_with(&format!("http://127.0.0.1:8080/audio/{}?", address(&asked).global_id())), "{url}");
        let good = signature(&url);
        let nobody = studio.instance.anonymous();
        let audio = nobody.generations().audio(address(&asked), Some(&good)).await.unwrap();
        assert_eq!(Some(bytes(&audio, None).await.len() as u64), spoken.audio_bytes);
        let unauthenticated = |outcome: Result<Delivery, ServiceError>| {
            matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated)))
        };
        assert!(unauthenticated(nobody.generations().audio(address(&asked), None).await));
        assert!(unauthenticated(nobody.generations().audio(address(&other), Some(&good)).await));
        let forged = SignedQuery { expires: good.expires + 60, ..good.clone() };
        assert!(unauthenticated(nobody.generations().audio(address(&asked), Some(&forged)).await));
        studio.instance.clock.advance(TimeDelta::minutes(16));
        let later = studio.instance.anonymous();
        assert!(unauthenticated(later.generations().audio(address(&asked), Some(&good)).await));
        // Whoever has a session needs no signature, and is not hindered by an old one.
        assert!(studio.as_mel().await.generations().audio(address(&asked), Some(&good)).await.is_ok());
        studio.as_ada().await.generations().delete(address(&asked)).await.unwrap();
        let gone = studio.as_mel().await.generations().audio(address(&asked), None).await;
        assert!(matches!(gone, Err(ServiceError::Denied(Denied::NotVisible))));
    }

    async fn when_the_store_has_lost_the_audio_it_is_the_stores_fault(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.services().settle().await.unwrap();
        std::fs::remove_dir_all(studio.instance.folder.path().join("blobs/organizations")).unwrap();
        let audio = studio.as_ada().await.generations().audio(address(&asked), None).await.unwrap();
        assert!(matches!(audio.read(None).await.map(drop), Err(ServiceError::Store(_))));
    }

    async fn the_waveform_is_kept_in_256_steps(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (spoken, waiting) = (studio.ask(&"Hello ".repeat(100)).await, studio.ask("wait").await);
        studio.as_ada().await.generations().cancel(address(&waiting)).await.unwrap();
        studio.services().settle().await.unwrap();
        let request = studio.as_mel().await;
        let peaks = request.generations().peaks(studio.organization, &[spoken.id, waiting.id]).await.unwrap();
        assert_eq!((peaks.len(), peaks[0].0, peaks[0].1.len()), (1, spoken.id, 256));
        assert!(peaks[0].1.iter().all(|peak| (1..=128).contains(peak)) && peaks[0].1.contains(&128));
    }

    async fn the_built_in_engine_is_heard_in_every_format(backend: Backend) {
        let data = tempfile::tempdir().unwrap();
        let engine = std::sync::Arc::new(resonance_speech_espeak::EspeakEngine::new(data.path()).unwrap());
        let catalogue = engine.catalogue().await.unwrap();
        let instance = Instance::with_engines(backend, Engines::default().with(engine), |_| ()).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        let english = catalogue.iter().find(|voice| voice.language.as_str() == "en-US").unwrap();
        let voice = instance.system_voice("Vera", "builtin", &english.voice).await;
        let request = instance.request_in(&ada, organization).await;
        let text = "The quick brown fox jumps over the lazy dog.";
        let mut asked = Vec::new();
        for format in AudioFormat::ALL {
            let input = CreateGeneration {
                text: text.into(),
                voice: voice.global_id(),
                format,
                ..CreateGeneration::default()
            };
            asked.push(request.generations().create(input).await.unwrap().generation);
        }
        instance.services.settle().await.unwrap();
        for one in asked {
            let spoken = request.generations().get(address(&one)).await.unwrap();
            assert_eq!(spoken.state, GenerationState::Succeeded, "{:?}", spoken.failure);
            let audio = request.generations().audio(address(&one), None).await.unwrap();
            assert_eq!(audio.content_type, spoken.format.content_type());
            let heard = decode(bytes(&audio, None).await.into(), &Limits::SPEECH).unwrap();
            let facts = measure(&heard.pcm);
            let difference = facts.duration.as_millis().abs_diff(u128::from(spoken.duration_ms.unwrap()));
            // AAC adds one to two frames of 1024 samples.
            let allowed = if spoken.format == AudioFormat::Aac { 100 } else { 50 };
            assert!(difference < allowed, "{:?}: {difference} ms", spoken.format);
            assert!(!facts.is_silent && (1500..6000).contains(&facts.duration.as_millis()), "{facts:?}");
        }
        let period = request.usage().period(None, None).unwrap();
        let metric = resonance_domain::UsageMetric::Characters;
        let used = request.usage().settled(organization, metric, period).await.unwrap();
        assert_eq!(used, (AudioFormat::ALL.len() * text.len()) as u64);
    }
}
