//! The instance's catalogue.

use std::collections::{BTreeSet, HashSet};

use resonance_domain::{PageRequest, Voice, VoiceAddress, VoiceCategory, VoiceFilter, VoiceSort};
use resonance_services::Request;
use resonance_testkit::{Instance, on_both};

async fn catalogue(request: &Request) -> Vec<Voice> {
    let page = PageRequest::first(100);
    let voices = request
        .voices()
        .catalogue(VoiceFilter::default(), VoiceSort::default(), &page);
    voices.await.unwrap().items
}

on_both! {
    async fn everybody_sees_voices_of_every_category_in_several_languages(backend: Backend) {
        let instance = Instance::with_voices(backend).await;
        let nobody = instance.anonymous();
        let voices = catalogue(&nobody).await;
        assert!(voices.len() >= 20, "{}", voices.len());
        let categories: HashSet<VoiceCategory> = voices
            .iter()
            .map(|voice| match voice {
                Voice::System(voice) => voice.category,
                Voice::Custom(voice) => panic!("{voice:?} is no voice of the instance's"),
            })
            .collect();
        assert_eq!(categories.len(), VoiceCategory::ALL.len());
        let languages: BTreeSet<&str> = voices.iter().map(|voice| voice.language().language()).collect();
        assert!(languages.len() >= 10, "{languages:?}");
        let total = nobody.voices().count_catalogue(VoiceFilter::default()).await.unwrap();
        assert_eq!(total, voices.len() as u64);
        let one = nobody.voices().get(voices[0].address()).await.unwrap();
        assert_eq!(one, voices[0]);
    }

    async fn seeding_again_and_on_many_nodes_at_once_changes_nothing(backend: Backend) {
        let instance = Instance::with_engines(backend, resonance_testkit::builtin_engine(), |_| ()).await;
        let nodes = [
            instance.services.clone(),
            instance.another_node().await,
            instance.another_node().await,
            instance.another_node().await,
        ];
        for _ in 0..30 {
            instance.sql("DELETE FROM system_voices").await;
            let mut seeding = tokio::task::JoinSet::new();
            for node in &nodes {
                let node = node.clone();
                seeding.spawn(async move { node.seed_catalogue().await.unwrap() });
            }
            seeding.join_all().await;
        }
        let first = catalogue(&instance.anonymous()).await;
        instance.clock.advance(chrono::TimeDelta::hours(1));
        nodes[1].seed_catalogue().await.unwrap();
        assert_eq!(catalogue(&instance.anonymous()).await, first);
    }

    async fn an_upgrade_changes_voices_in_place_and_removes_none(backend: Backend) {
        let instance = Instance::with_voices(backend).await;
        let before = catalogue(&instance.anonymous()).await;
        // What an older release had written: another name, another sound, and a voice that is no more.
        instance.sql("UPDATE system_voices SET name = 'Sammy', preview_key = 'system/a.mp3' WHERE key = 'en-us-sam'").await;
        instance.sql(r#"UPDATE system_voices SET engine_voice = '{"language":"en-us"}', preview_key = 'system/b.mp3'
            WHERE key = 'en-us-ruby'"#).await;
        let gone = instance.system_voice("Gone", "builtin", &serde_json::json!({})).await;
        instance.services.seed_catalogue().await.unwrap();
        let after = catalogue(&instance.anonymous()).await;
        assert_eq!(after.len(), before.len() + 1);
        let find = |voices: &[Voice], name: &str| match voices.iter().find(|voice| voice.name() == name) {
            Some(Voice::System(voice)) => voice.clone(),
            other => panic!("{other:?}"),
        };
        let (old, new) = (find(&before, "Sam"), find(&after, "Sam"));
        assert_eq!((old.id, old.created_at), (new.id, new.created_at));
        // It sounds as before, so its preview stays; another one must be made anew.
        assert_eq!(new.preview_key.as_deref(), Some("system/a.mp3"));
        let (old, new) = (find(&before, "Ruby"), find(&after, "Ruby"));
        assert_eq!((old.id, old.engine_voice, None), (new.id, new.engine_voice, new.preview_key));
        assert!(matches!(gone, VoiceAddress::System(id) if after.iter().any(|voice| voice.address().id() == id)));
    }

    async fn an_instance_without_engines_has_an_empty_catalogue(backend: Backend) {
        let instance = Instance::new(backend).await;
        instance.services.seed_catalogue().await.unwrap();
        assert_eq!(catalogue(&instance.anonymous()).await, []);
    }
}
