//! Long texts: piece by piece, through crashes and outages, heard while they are made.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::{StreamExt as _, TryStreamExt as _};
use resonance_blobs::BlobKey;
use resonance_domain::{AudioFormat, ErrorCode, Generation, GenerationState, TimeMark};
use resonance_services::{CreateGeneration, Hearing, Outcome, ServiceError, SettingsInput};
use resonance_speech::{
    audio::{Decoded, Limits, decode, measure},
    engine::EngineError,
};
use resonance_testkit::on_both;

use super::{Studio, address, refusals};

/// About so many sentences of 40 characters.
fn text(sentences: usize) -> String {
    (0..sentences)
        .map(|n| format!("Sentence {n:03} of a very long audio book. "))
        .collect()
}

async fn file(studio: &Studio, generation: &Generation) -> Decoded {
    let audio = studio
        .as_mel()
        .await
        .generations()
        .audio(address(generation), None)
        .await
        .unwrap();
    let chunks: Vec<Bytes> = audio.read(None).await.unwrap().try_collect().await.unwrap();
    decode(chunks.concat().into(), &Limits::SPEECH).unwrap()
}

async fn marks(studio: &Studio, generation: &Generation) -> Vec<TimeMark> {
    let mel = studio.as_mel().await;
    let marks = mel
        .generations()
        .time_marks(generation.organization, &[generation.id])
        .await;
    marks.unwrap().remove(0).1
}

async fn hear(studio: &Studio, generation: &Generation) -> Outcome<Hearing> {
    studio
        .as_mel()
        .await
        .generations()
        .hear(address(generation), None)
        .await
}

on_both! {
    async fn pieces_that_fade_into_silence_are_as_long_when_they_are_read_again(backend: Backend) {
        let studio = Studio::new(backend).await;
        studio.engine.fade();
        let asked = studio.ask(&text(30)).await;
        studio.services().settle().await.unwrap();
        let spoken = studio.look(&asked).await;
        assert_eq!((spoken.state, spoken.failure), (GenerationState::Succeeded, None));
    }

    async fn a_long_text_is_spoken_in_pieces_and_becomes_one_file_that_is_charged_once(backend: Backend) {
        let studio = Studio::new(backend).await;
        let text = text(50);
        let asked = studio.ask(&text).await;
        studio.services().settle().await.unwrap();
        let spoken = studio.look(&asked).await;
        assert_eq!((spoken.state, studio.bill().await), (GenerationState::Succeeded, (spoken.characters, 0)));
        let texts = studio.engine.texts();
        assert!(texts.len() > 5 && texts.iter().all(|piece| piece.chars().count() <= 300), "{texts:?}");
        assert_eq!(texts.join(" "), text.trim());
        // The test engine takes a hundredth of a second for a character; a quarter lies between sentences that were
        // spoken apart.
        let expected = spoken.characters as f64 / 100.0 + 0.25 * (texts.len() - 1) as f64;
        let heard = file(&studio, &spoken).await.pcm.duration().as_secs_f64();
        assert!((heard - expected).abs() < 0.3, "{heard} s instead of {expected}");
        assert!((spoken.duration_ms.unwrap() as f64 / 1000.0 - heard).abs() < 0.1);

        let marks = marks(&studio, &spoken).await;
        assert_eq!(marks.len(), 50);
        assert_eq!(marks[7].text, "Sentence 007 of a very long audio book.");
        assert!(marks.windows(2).all(|pair| pair[0].end_ms <= pair[1].start_ms && pair[0].start_ms < pair[0].end_ms));
        assert!((marks[49].end_ms as f64 / 1000.0 - heard).abs() < 0.3);

        // The pieces go when nobody can be listening to them any more.
        assert_eq!(studio.objects().await.len(), texts.len() + 1);
        studio.instance.clock.advance(TimeDelta::hours(1));
        studio.services().settle().await.unwrap();
        assert_eq!(studio.objects().await, [spoken.audio_key.unwrap()]);
    }

    async fn work_on_a_long_text_goes_on_behind_the_piece_where_its_worker_died(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask(&text(50)).await;
        studio.engine.hold();
        let services = studio.services().clone();
        let dying = tokio::spawn(async move { services.settle().await });
        // The first comes alone, the others three at a time.
        studio.engine.has_begun(1).await;
        studio.engine.let_one_go();
        studio.engine.has_begun(4).await;
        studio.engine.let_one_go();
        studio.engine.has_begun(5).await;
        while studio.objects().await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        dying.abort();
        let _ = dying.await;
        let kept = studio.objects().await.len();
        let before = studio.engine.texts().len();
        studio.engine.let_go();
        studio.instance.clock.advance(TimeDelta::seconds(31));
        let other = studio.instance.another_node().await;
        other.settle().await.unwrap();
        let spoken = studio.look(&asked).await;
        assert_eq!((spoken.state, studio.bill().await), (GenerationState::Succeeded, (spoken.characters, 0)));
        let texts = studio.engine.texts();
        let all = studio.objects().await.len() - 1;
        assert_eq!(texts.len() - before, all - kept, "only what was not kept is spoken again");
        assert_eq!(marks(&studio, &spoken).await.len(), 50);
    }

    async fn a_piece_of_which_a_power_cut_left_a_part_is_spoken_again(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask(&text(20)).await;
        studio.engine.hold();
        let services = studio.services().clone();
        let dying = tokio::spawn(async move { services.settle().await });
        studio.engine.has_begun(1).await;
        studio.engine.let_one_go();
        studio.engine.has_begun(4).await;
        dying.abort();
        let _ = dying.await;
        let [first] = studio.objects().await.try_into().unwrap();
        let first = BlobKey::parse(&first).unwrap();
        let whole = studio.instance.blobs.get(&first).await.unwrap();
        let half = whole.slice(..whole.len() / 2);
        studio.instance.blobs.put(&first, half, "audio/wav").await.unwrap();
        studio.engine.let_go();
        studio.instance.clock.advance(TimeDelta::seconds(31));
        studio.instance.another_node().await.settle().await.unwrap();
        let spoken = studio.look(&asked).await;
        assert_eq!((spoken.state, studio.bill().await), (GenerationState::Succeeded, (spoken.characters, 0)));
        assert!(studio.instance.blobs.get(&first).await.unwrap() == whole);
    }

    async fn an_engine_that_is_down_is_waited_for_for_hours_and_nothing_is_charged_meanwhile(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        for _ in 0..12 {
            let down = EngineError::Unavailable { reason: "down".to_owned(), retry_after: None };
            studio.engine.fail_next(down);
            studio.services().settle().await.unwrap();
            let waiting = studio.look(&asked).await;
            assert_eq!((waiting.state, studio.bill().await), (GenerationState::Queued, (0, 5)));
            studio.instance.clock.advance(TimeDelta::minutes(10));
        }
        studio.services().settle().await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Succeeded);
        assert_eq!((studio.bill().await, studio.jobs().await), ((5, 0), 0));
    }

    async fn each_try_begins_once_however_often_its_engine_is_looked_for(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        let down = || EngineError::Unavailable { reason: "down".to_owned(), retry_after: None };
        for error in [down(), down(), down(), EngineError::transient("busy"), down(), down()] {
            studio.engine.fail_next(error);
            studio.services().settle().await.unwrap();
            assert_eq!(studio.look(&asked).await.state, GenerationState::Queued);
            studio.instance.clock.advance(TimeDelta::minutes(10));
        }
        studio.services().settle().await.unwrap();
        assert_eq!(studio.look(&asked).await.state, GenerationState::Succeeded);
        let begun = "SELECT CAST(payload AS text) FROM events WHERE kind = 'generation.started' ORDER BY id";
        let tries: Vec<_> = studio.instance.sql_texts(begun).await.iter().map(|payload| {
            let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
            payload["attempt"].as_u64().unwrap()
        }).collect();
        assert_eq!(tries, [1, 2]);
    }

    async fn what_waited_for_a_day_in_vain_fails_and_is_given_back(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask("Hello").await;
        studio.instance.clock.advance(TimeDelta::hours(25));
        studio.engine.fail_next(EngineError::Unavailable { reason: "down".to_owned(), retry_after: None });
        studio.services().settle().await.unwrap();
        let failed = studio.look(&asked).await;
        assert_eq!((failed.state, failed.failure.unwrap().code.as_str()), (GenerationState::Failed, "ENGINE_UNAVAILABLE"));
        assert_eq!(studio.bill().await, (0, 0));
    }

    async fn when_the_object_store_vanishes_jobs_wait_and_finish(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (short, long) = (studio.ask("Hello").await, studio.ask(&text(20)).await);
        // A file where the folder of all organizations should be.
        let place = studio.instance.folder.path().join("blobs/organizations");
        std::fs::write(&place, "").unwrap();
        for _ in 0..5 {
            studio.services().settle().await.unwrap();
            studio.instance.clock.advance(TimeDelta::minutes(10));
        }
        for asked in [&short, &long] {
            assert_eq!(studio.look(asked).await.state, GenerationState::Queued);
        }
        std::fs::remove_file(&place).unwrap();
        studio.services().settle().await.unwrap();
        for asked in [&short, &long] {
            assert_eq!(studio.look(asked).await.state, GenerationState::Succeeded);
        }
        assert_eq!(studio.bill().await, (short.characters + long.characters, 0));
    }

    async fn whoever_listens_hears_the_first_piece_while_the_rest_is_being_spoken(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask(&text(20)).await;
        let (_, _, stranger) = studio.neighbour().await;
        let outcome = stranger.generations().hear(address(&asked), None).await;
        assert!(matches!(outcome, Err(ServiceError::Denied(_))));
        studio.engine.hold();
        let services = studio.services().clone();
        let work = tokio::spawn(async move { services.settle().await.unwrap() });
        studio.engine.has_begun(1).await;
        studio.engine.let_one_go();
        let Ok(Hearing::Live(mut live)) = hear(&studio, &asked).await else { panic!("not live") };
        assert_eq!(live.content_type, "audio/mpeg");
        let mut heard = live.bytes.next().await.unwrap().unwrap().to_vec();
        assert!(!heard.is_empty());
        assert_eq!(studio.look(&asked).await.state, GenerationState::Running);
        studio.engine.let_go();
        while let Some(bytes) = live.bytes.next().await {
            heard.extend(bytes.unwrap());
        }
        work.await.unwrap();
        let whole = decode(heard.into(), &Limits::SPEECH).unwrap().pcm.duration().as_secs_f64();
        let spoken = studio.look(&asked).await;
        assert!((whole - spoken.duration_ms.unwrap() as f64 / 1000.0).abs() < 0.2, "{whole} s");
        // Whoever comes late gets the file.
        assert!(matches!(hear(&studio, &asked).await, Ok(Hearing::File(_))));
    }

    async fn a_listener_learns_that_the_rest_never_comes(backend: Backend) {
        let studio = Studio::new(backend).await;
        let asked = studio.ask(&text(20)).await;
        studio.engine.hold();
        let services = studio.services().clone();
        let work = tokio::spawn(async move { services.settle().await.unwrap() });
        studio.engine.has_begun(1).await;
        studio.engine.let_one_go();
        let Ok(Hearing::Live(mut live)) = hear(&studio, &asked).await else { panic!("not live") };
        let _first = live.bytes.next().await.unwrap().unwrap();
        studio.as_ada().await.generations().cancel(address(&asked)).await.unwrap();
        let rest: Outcome<Vec<Bytes>> = live.bytes.try_collect().await;
        assert_eq!(refusals(rest), [(ErrorCode::Conflict, String::new())]);
        assert_eq!(refusals(hear(&studio, &asked).await), [(ErrorCode::Conflict, String::new())]);
        studio.engine.let_go();
        work.abort();
    }

    async fn the_file_has_the_rate_and_the_loudness_that_were_asked_for(backend: Backend) {
        let studio = Studio::new(backend).await;
        for sentences in [3, 20] {
            let input = CreateGeneration {
                format: AudioFormat::Flac,
                sample_rate: Some(16_000),
                loudness: Some(-20.0),
                ..studio.input(&text(sentences))
            };
            let asked = studio.as_ada().await.generations().create(input).await.unwrap().generation;
            studio.services().settle().await.unwrap();
            let pcm = file(&studio, &asked).await.pcm;
            assert_eq!(pcm.sample_rate(), 16_000);
            let lufs = measure(&pcm).loudness_lufs.unwrap();
            assert!((lufs + 20.0).abs() < 0.5, "{lufs} LUFS for {sentences} sentences");
        }
    }

    async fn what_cannot_be_honoured_is_refused_or_told(backend: Backend) {
        let studio = Studio::with(backend, |settings| settings.text_limit = 100).await;
        let generations = studio.as_ada().await;
        let generations = generations.generations();
        let input = CreateGeneration {
            format: AudioFormat::Mp3,
            sample_rate: Some(44_000),
            loudness: Some(0.0),
            instructions: Some(" ".to_owned()),
            ..studio.input(&"x".repeat(101))
        };
        assert_eq!(refusals(generations.create(input).await), [
            (ErrorCode::TooLong, "text".to_owned()),
            (ErrorCode::TooShort, "instructions".to_owned()),
            (ErrorCode::Invalid, "sampleRate".to_owned()),
            (ErrorCode::Invalid, "loudness".to_owned()),
        ]);
        let input = CreateGeneration { instructions: Some("whisper".to_owned()), ..studio.input("Hello") };
        assert_eq!(refusals(generations.create(input).await), [(ErrorCode::Unsupported, "instructions".to_owned())]);
        let settings = SettingsInput { top_k: Some(5), ..SettingsInput::default() };
        let created = generations.create(CreateGeneration { settings, ..studio.input("Hello") }).await.unwrap();
        assert_eq!(created.ignored, [resonance_domain::SettingKind::TopK]);
    }
}
