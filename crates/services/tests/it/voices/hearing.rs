//! Previews and recordings.

use chrono::TimeDelta;
use futures_util::TryStreamExt as _;
use resonance_domain::{Voice, VoiceAddress};
use resonance_services::{Delivery, SignedQuery};
use resonance_speech::audio::{Limits, decode};
use resonance_testkit::{on_both, verdict};
use serde_json::json;

use super::{Booth, address, recordings, signature};

async fn bytes(delivery: &Delivery) -> bytes::Bytes {
    let chunks: Vec<bytes::Bytes> = delivery.read(None).await.unwrap().try_collect().await.unwrap();
    chunks.concat().into()
}

on_both! {
    async fn the_instances_voices_say_something_in_their_language(backend: Backend) {
        let booth = Booth::new(backend).await;
        let mel = booth.as_mel().await;
        let page = resonance_domain::PageRequest::first(3);
        let voices = mel.voices().catalogue(Default::default(), Default::default(), &page).await.unwrap();
        for voice in voices.items {
            let preview = mel.voices().preview(voice.address(), None).await.unwrap();
            assert_eq!(preview.content_type, "audio/mpeg");
            let file = bytes(&preview).await;
            assert_eq!(file.len() as u64, preview.size);
            let heard = decode(file, &Limits::SPEECH).unwrap();
            assert!(heard.pcm.duration().as_millis() > 1_000, "{voice:?}");
            assert!(!heard.measure().is_silent, "{voice:?}");
        }
        let objects = booth.objects().await;
        assert!(objects.len() == 3 && objects.iter().all(|key| key.starts_with("system/previews/builtin/")));
    }

    async fn a_preview_is_made_once_however_many_want_it_at_once(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.instance.system_voice("Echo", "test", &json!({})).await;
        booth.engine.hold();
        let mut wanting = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let mel = booth.as_mel().await;
            wanting.spawn(async move { mel.voices().preview(voice, None).await.unwrap().size });
        }
        booth.engine.has_begun(1).await;
        booth.engine.let_go();
        let sizes = wanting.join_all().await;
        assert!(sizes.iter().all(|size| *size == sizes[0] && *size > 0), "{sizes:?}");
        assert_eq!(booth.engine.texts().len(), 1);
        booth.as_mel().await.voices().preview(voice, None).await.unwrap();
        assert_eq!(booth.engine.texts().len(), 1);
        // A preview that the store has lost is made anew.
        for key in booth.objects().await {
            booth.instance.blobs.delete(&resonance_blobs::BlobKey::parse(&key).unwrap()).await.unwrap();
        }
        booth.as_mel().await.voices().preview(voice, None).await.unwrap();
        assert_eq!(booth.engine.texts().len(), 2);
    }

    async fn a_failed_preview_is_tried_again_by_the_next_who_wants_it(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.instance.system_voice("Echo", "test", &json!({})).await;
        booth.engine.fail_next(resonance_speech::engine::EngineError::transient("hoarse"));
        let mel = booth.as_mel().await;
        assert!(mel.voices().preview(voice, None).await.is_err());
        assert_eq!(booth.objects().await, Vec::<String>::new());
        assert!(mel.voices().preview(voice, None).await.is_ok());
    }

    async fn a_signed_link_to_a_preview_needs_no_session_and_opens_nothing_else(backend: Backend) {
        let booth = Booth::new(backend).await;
        let custom = booth.make("Vera").await;
        let other = booth.make("Otto").await;
        let system = booth.instance.system_voice("Echo", "test", &json!({})).await;
        let ada = booth.as_ada().await;
        let nobody = booth.instance.anonymous();
        for voice in [VoiceAddress::Custom(address(&custom)), system] {
            let seen = ada.voices().get(voice).await.unwrap();
            let url = ada.voices().preview_url(&seen);
            let path = format!("http://127.0.0.1:8080/voices/{}/preview?expires=", voice.global_id());
            assert!(url.starts_with(&path), "{url}");
            let good = signature(&url);
            let hear = async |voice, signature: Option<&SignedQuery>| {
                verdict(&nobody.voices().preview(voice, signature).await)
            };
            assert_eq!(hear(voice, Some(&good)).await, "OK");
            assert_eq!(hear(voice, None).await, "UNAUTHENTICATED");
            assert_eq!(hear(VoiceAddress::Custom(address(&other)), Some(&good)).await, "UNAUTHENTICATED");
            let forged = SignedQuery { expires: good.expires + 1, ..good.clone() };
            assert_eq!(hear(voice, Some(&forged)).await, "UNAUTHENTICATED");
        }
        // The link to a preview is none to the recording.
        let good = signature(&ada.voices().preview_url(&Voice::Custom(custom.clone())));
        let sample = nobody.voices().sample(address(&custom), Some(&good)).await;
        assert_eq!(verdict(&sample), "UNAUTHENTICATED");
        booth.instance.clock.advance(TimeDelta::minutes(16));
        let later = booth.instance.anonymous();
        let late = later.voices().preview(VoiceAddress::Custom(address(&custom)), Some(&good)).await;
        assert_eq!(verdict(&late), "UNAUTHENTICATED");
    }

    async fn a_link_to_a_deleted_voice_leads_nowhere(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        let ada = booth.as_ada().await;
        let custom = VoiceAddress::Custom(address(&voice));
        let url = ada.voices().preview_url(&Voice::Custom(voice.clone()));
        let sample = ada.voices().sample_url(&voice).await.unwrap().unwrap();
        ada.voices().delete(address(&voice)).await.unwrap();
        let nobody = booth.instance.anonymous();
        assert_eq!(verdict(&nobody.voices().preview(custom, Some(&signature(&url))).await), "NOT_FOUND");
        let sample = nobody.voices().sample(address(&voice), Some(&signature(&sample))).await;
        assert_eq!(verdict(&sample), "NOT_FOUND");
    }

    async fn a_voice_that_is_deleted_while_its_preview_is_made_leaves_no_object(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        booth.engine.hold();
        let ada = booth.as_ada().await;
        let custom = VoiceAddress::Custom(address(&voice));
        let hearing = tokio::spawn(async move { verdict(&ada.voices().preview(custom, None).await) });
        booth.engine.has_begun(1).await;
        booth.as_ada().await.voices().delete(address(&voice)).await.unwrap();
        booth.instance.services.settle().await.unwrap();
        booth.engine.let_go();
        assert_eq!(hearing.await.unwrap(), "NOT_FOUND");
        booth.instance.clock.advance(TimeDelta::minutes(16));
        booth.instance.services.settle().await.unwrap();
        assert_eq!(booth.objects().await, Vec::<String>::new());
        assert_eq!(booth.count("jobs").await, 0);
    }

    async fn the_preview_of_a_custom_voice_outlives_the_grace_for_uploads(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        booth.as_mel().await.voices().preview(VoiceAddress::Custom(address(&voice)), None).await.unwrap();
        assert_eq!(booth.count("jobs WHERE queue = 'sweep'").await, 0);
        booth.instance.clock.advance(TimeDelta::minutes(16));
        booth.instance.services.settle().await.unwrap();
        assert_eq!(booth.objects().await.len(), 2);
    }

    async fn a_new_voice_has_its_preview_before_anybody_wants_to_hear_it_and_nobody_pays_for_it(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        let spent = booth.count("usage_entries").await;
        booth.instance.services.settle().await.unwrap();
        assert_eq!((booth.engine.texts().len(), booth.objects().await.len()), (1, 2));
        let preview = booth.as_mel().await.voices().preview(VoiceAddress::Custom(address(&voice)), None).await.unwrap();
        assert!(!decode(bytes(&preview).await, &Limits::SPEECH).unwrap().measure().is_silent);
        // It was there; and it counts nowhere.
        assert_eq!((booth.engine.texts().len(), booth.count("jobs").await), (1, 0));
        assert_eq!((booth.count("usage_entries").await, booth.count("generations").await), (spent, 0));
    }

    async fn the_preview_of_a_new_voice_waits_for_its_engine_and_whoever_wants_it_does_not(backend: Backend) {
        let booth = Booth::new(backend).await;
        let [vera, otto] = [booth.make("Vera").await, booth.make("Otto").await];
        let down = || resonance_speech::engine::EngineError::Unavailable { reason: "down".into(), retry_after: None };
        for _ in 0..4 {
            booth.engine.fail_next(down());
        }
        for pause in [0, 3] {
            booth.instance.clock.advance(TimeDelta::seconds(pause));
            booth.instance.services.settle().await.unwrap();
            assert_eq!(booth.count("jobs WHERE queue = 'preview' AND state = 'waiting'").await, 2);
        }
        assert_eq!((booth.engine.texts().len(), booth.objects().await.len()), (4, 2));
        // It is back, and somebody cannot wait; the job then finds the preview.
        booth.as_mel().await.voices().preview(VoiceAddress::Custom(address(&vera)), None).await.unwrap();
        booth.instance.clock.advance(TimeDelta::seconds(5));
        booth.instance.services.settle().await.unwrap();
        assert_eq!((booth.engine.texts().len(), booth.count("jobs").await), (6, 0));
        let objects = booth.objects().await;
        let of = |voice: &resonance_domain::CustomVoice| {
            let id = voice.id.as_uuid().to_string();
            objects.iter().filter(|key| key.contains(&id)).count()
        };
        assert_eq!((of(&vera), of(&otto)), (2, 2));
    }

    async fn the_preview_of_a_voice_that_is_deleted_before_is_not_made(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        booth.as_ada().await.voices().delete(address(&voice)).await.unwrap();
        booth.instance.services.settle().await.unwrap();
        assert_eq!((booth.engine.texts().len(), booth.count("jobs").await), (0, 0));
        assert_eq!(booth.objects().await, Vec::<String>::new());
    }

    async fn a_recording_is_heard_by_whoever_may_change_the_voice_and_by_their_link(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        let (ada, mel) = (booth.as_ada().await, booth.as_mel().await);
        let sample = ada.voices().sample(address(&voice), None).await.unwrap();
        assert_eq!((sample.content_type.as_str(), sample.size), ("audio/wav", voice.sample.bytes));
        assert_eq!(bytes(&sample).await, recordings::short_wav());
        let refused = mel.voices().sample(address(&voice), None).await;
        assert_eq!(verdict(&refused), "FORBIDDEN org:voices:update");
        assert_eq!(mel.voices().sample_url(&voice).await.unwrap(), None);
        let url = ada.voices().sample_url(&voice).await.unwrap().unwrap();
        let nobody = booth.instance.anonymous();
        assert!(nobody.voices().sample(address(&voice), Some(&signature(&url))).await.is_ok());
        assert_eq!(verdict(&nobody.voices().sample(address(&voice), None).await), "UNAUTHENTICATED");
    }

    async fn a_lost_recording_is_the_stores_fault(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        let key = resonance_blobs::BlobKey::parse(&voice.sample.key).unwrap();
        booth.instance.blobs.delete(&key).await.unwrap();
        let lost = booth.as_ada().await.voices().sample(address(&voice), None).await;
        assert!(matches!(lost, Err(resonance_services::ServiceError::Store(_))), "{lost:?}");
    }
}
