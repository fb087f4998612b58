//! Changing and deleting voices.

use resonance_domain::{CustomVoice, VoiceAddress, VoiceCategory};
use resonance_services::{CreateGeneration, UpdateVoice};
use resonance_testkit::{on_both, verdict};

use super::{Booth, address};

fn change(voice: &CustomVoice) -> UpdateVoice {
    UpdateVoice {
        voice: address(voice),
        name: None,
        description: None,
        category: None,
    }
}

on_both! {
    async fn voices_are_renamed_described_and_recategorised(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_ada().await;
        let voice = booth.make("Vera").await;
        booth.instance.clock.advance(chrono::TimeDelta::minutes(1));
        let input = UpdateVoice {
            name: Some(" Veronica ".into()),
            description: Some("Like honey.".into()),
            category: Some(VoiceCategory::Podcast),
            ..change(&voice)
        };
        let changed = ada.voices().update(input).await.unwrap();
        assert_eq!((changed.name.as_str(), changed.description.as_str()), ("Veronica", "Like honey."));
        assert_eq!(changed.category, VoiceCategory::Podcast);
        assert!(changed.updated_at > voice.updated_at);
        let custom = VoiceAddress::Custom(address(&voice));
        assert_eq!(ada.voices().get(custom).await.unwrap(), resonance_domain::Voice::Custom(changed.clone()));
        // It is found under its new name, and not under its old one.
        let find = async |search: &str| {
            let filter = resonance_domain::VoiceFilter { search: Some(search.into()), ..Default::default() };
            booth.as_mel().await.voices().count(booth.organization, filter).await.unwrap()
        };
        assert_eq!((find("veronica").await, find("honey").await, find("vera").await), (1, 1, 0));
        // What is absent stays; what is empty is cleared.
        let cleared = ada.voices().update(UpdateVoice { description: Some(String::new()), ..change(&voice) }).await;
        let cleared = cleared.unwrap();
        assert_eq!((cleared.name.as_str(), cleared.description.as_str()), ("Veronica", ""));
        // Changing nothing leaves no trace.
        let same = ada.voices().update(UpdateVoice { name: Some("Veronica".into()), ..change(&voice) }).await;
        assert_eq!(same.unwrap(), cleared);
        let told = booth.instance.sql_texts(
            "SELECT CAST(payload AS text) FROM events WHERE kind = 'voice.updated' ORDER BY id",
        );
        let told: Vec<serde_json::Value> =
            told.await.iter().map(|payload| serde_json::from_str(payload).unwrap()).collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0]["changes"]["name"]["old"], "Vera");
        assert_eq!(told[0]["changes"]["category"]["new"], "podcast");
        assert_eq!(told[1]["changes"]["description"]["old"], "Like honey.");
    }

    async fn a_wrong_change_is_refused_as_a_whole(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        let input = UpdateVoice {
            name: Some(" ".into()),
            description: Some("x".repeat(501)),
            category: Some(VoiceCategory::Podcast),
            ..change(&voice)
        };
        let refused = booth.as_ada().await.voices().update(input).await;
        assert_eq!(verdict(&refused), "TOO_SHORT name, TOO_LONG description");
        assert_eq!(booth.count("voices WHERE category = 'general' AND name = 'Vera'").await, 1);
    }

    async fn members_hear_voices_but_do_not_change_them(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        let mel = booth.as_mel().await;
        let input = UpdateVoice { name: Some(" ".into()), ..change(&voice) };
        assert_eq!(verdict(&mel.voices().update(input).await), "FORBIDDEN org:voices:update");
        assert_eq!(verdict(&mel.voices().delete(address(&voice)).await), "FORBIDDEN org:voices:delete");
        assert_eq!(verdict(&mel.voices().get(VoiceAddress::Custom(address(&voice))).await), "OK");
    }

    async fn deleting_a_voice_takes_its_recording_and_its_preview_and_keeps_what_it_spoke(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_ada().await;
        let (voice, other) = (booth.make("Vera").await, booth.make("Otto").await);
        let custom = VoiceAddress::Custom(address(&voice));
        ada.voices().preview(custom, None).await.unwrap();
        let input = CreateGeneration { text: "Hello".into(), voice: custom.global_id(), ..Default::default() };
        let spoken = ada.generations().create(input).await.unwrap().generation;
        booth.instance.services.settle().await.unwrap();
        assert_eq!(booth.objects().await.len(), 5);

        ada.voices().delete(address(&voice)).await.unwrap();
        assert_eq!(verdict(&ada.voices().get(custom).await), "NOT_FOUND");
        booth.instance.services.settle().await.unwrap();
        let objects = booth.objects().await;
        assert!(objects.contains(&other.sample.key) && objects.len() == 3, "{objects:?}");
        let history = resonance_domain::InOrg::new(booth.organization, spoken.id);
        let spoken = ada.generations().get(history).await.unwrap();
        assert_eq!((spoken.voice.name.as_str(), spoken.state.as_str()), ("Vera", "succeeded"));
        assert!(ada.generations().audio(history, None).await.is_ok());
        let told = booth.instance.sql_texts("SELECT subject FROM events WHERE kind = 'voice.deleted'").await;
        assert_eq!(told, [custom.global_id()]);
        // It was made, so it stays on the meter.
        assert_eq!(booth.count("usage_entries WHERE metric = 'custom_voices'").await, 2);
    }

    async fn of_many_who_delete_a_voice_at_once_one_succeeds(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        let mut deletions = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let request = booth.as_ada().await;
            let voice = address(&voice);
            deletions.spawn(async move { verdict(&request.voices().delete(voice).await) });
        }
        let mut verdicts = deletions.join_all().await;
        verdicts.sort();
        let mut expected = vec!["NOT_FOUND"; 7];
        expected.push("OK");
        assert_eq!(verdicts, expected);
        assert_eq!(booth.count("events WHERE kind = 'voice.deleted'").await, 1);
    }
}
