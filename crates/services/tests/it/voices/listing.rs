//! Lists of voices.

use resonance_domain::{PageRequest, Voice, VoiceCategory, VoiceFilter, VoiceOrder, VoiceScope, VoiceSort};
use resonance_persistence::count_statements;
use resonance_services::CreateVoice;
use resonance_testkit::{Instance, on_both, verdict};
use serde_json::json;

use super::{Booth, quick};

async fn names(booth: &Booth, filter: VoiceFilter, sort: VoiceSort) -> Vec<String> {
    let mel = booth.as_mel().await;
    let page = PageRequest::first(100);
    let voices = mel
        .voices()
        .list(booth.organization, filter.clone(), sort, &page)
        .await
        .unwrap();
    let total = mel.voices().count(booth.organization, filter).await.unwrap();
    assert_eq!(total, voices.items.len() as u64);
    voices.items.iter().map(|voice| voice.name().to_owned()).collect()
}

async fn found(booth: &Booth, search: &str) -> Vec<String> {
    let filter = VoiceFilter {
        search: Some(search.into()),
        ..VoiceFilter::default()
    };
    names(booth, filter, VoiceSort::default()).await
}

/// A booth whose instance has three voices of its own and whose organization has three.
async fn shelf(backend: resonance_testkit::Backend) -> Booth {
    let booth = Booth::new(backend).await;
    booth.instance.sql("DELETE FROM system_voices").await;
    for name in ["anna", "Delta", "zoe"] {
        booth.instance.system_voice(name, "test", &json!({})).await;
    }
    let ada = booth.as_ada().await;
    let voices = [
        ("Émile", "français, 100% warm", "fr-FR", VoiceCategory::Audiobook),
        ("Bert", "a_b \\ c", "en-GB", VoiceCategory::General),
        ("carla", "", "en-US", VoiceCategory::Podcast),
    ];
    for (name, description, language, category) in voices {
        let input = CreateVoice {
            description: Some(description.into()),
            language: Some(language.into()),
            category: Some(category),
            ..quick(name)
        };
        ada.voices().create(input).await.unwrap();
    }
    // What the test kit stored as it is, in the case in which names are sorted.
    booth
        .instance
        .sql("UPDATE system_voices SET name_key = lower(name), search_text = lower(name)")
        .await;
    booth
}

on_both! {
    async fn the_instances_voices_and_ones_own_stand_in_one_list(backend: Backend) {
        let booth = shelf(backend).await;
        let by_name = ["anna", "Bert", "carla", "Delta", "zoe", "Émile"];
        assert_eq!(names(&booth, VoiceFilter::default(), VoiceSort::default()).await, by_name);
        let descending = VoiceSort { by: VoiceOrder::Name, descending: true };
        let mut reversed = by_name;
        reversed.reverse();
        assert_eq!(names(&booth, VoiceFilter::default(), descending).await, reversed);
        let newest = VoiceSort { by: VoiceOrder::CreatedAt, descending: true };
        let made = names(&booth, VoiceFilter::default(), newest).await;
        assert_eq!(made[..3], ["carla", "Bert", "Émile"]);
    }

    async fn lists_are_searched_and_narrowed(backend: Backend) {
        let booth = shelf(backend).await;
        assert_eq!(found(&booth, " DELT ").await, ["Delta"]);
        assert_eq!(found(&booth, "ÉMIL").await, ["Émile"]);
        assert_eq!(found(&booth, "FRANÇAIS").await, ["Émile"]);
        // What is special in patterns is not special in a search.
        assert_eq!(found(&booth, "100%").await, ["Émile"]);
        assert_eq!(found(&booth, "%").await, ["Émile"]);
        assert_eq!(found(&booth, "a_b").await, ["Bert"]);
        assert_eq!(found(&booth, "_").await, ["Bert"]);
        assert_eq!(found(&booth, "\\").await, ["Bert"]);
        assert_eq!(found(&booth, "'; --").await, [""; 0]);
        assert_eq!(found(&booth, "   ").await.len(), 6);

        let by = |filter| names(&booth, filter, VoiceSort::default());
        let none = VoiceFilter::default;
        assert_eq!(by(VoiceFilter { category: Some(VoiceCategory::Podcast), ..none() }).await, ["carla"]);
        assert_eq!(by(VoiceFilter { language: Some("EN".into()), ..none() }).await.len(), 5);
        assert_eq!(by(VoiceFilter { language: Some("en-gb".into()), ..none() }).await, ["Bert"]);
        assert_eq!(by(VoiceFilter { language: Some("fr".into()), ..none() }).await, ["Émile"]);
        assert_eq!(by(VoiceFilter { language: Some("frr".into()), ..none() }).await.len(), 0);
    }

    async fn the_scope_chooses_whose_voices(backend: Backend) {
        let booth = shelf(backend).await;
        let system = VoiceFilter { scope: Some(VoiceScope::System), ..VoiceFilter::default() };
        assert_eq!(names(&booth, system, VoiceSort::default()).await, ["anna", "Delta", "zoe"]);
        let custom = VoiceFilter { scope: Some(VoiceScope::Custom), ..VoiceFilter::default() };
        assert_eq!(names(&booth, custom, VoiceSort::default()).await, ["Bert", "carla", "Émile"]);
    }

    async fn filters_that_make_no_sense_are_refused(backend: Backend) {
        let booth = Booth::new(backend).await;
        let mel = booth.as_mel().await;
        let filter = VoiceFilter {
            search: Some("x".repeat(101)),
            language: Some("english".into()),
            ..VoiceFilter::default()
        };
        let page = PageRequest::first(1);
        let refused = mel.voices().list(booth.organization, filter.clone(), VoiceSort::default(), &page).await;
        assert_eq!(verdict(&refused), "TOO_LONG filter.search, INVALID filter.language");
        assert_eq!(
            verdict(&booth.instance.anonymous().voices().count_catalogue(filter).await),
            "TOO_LONG filter.search, INVALID filter.language",
        );
        let nul = VoiceFilter { search: Some("a\0b".into()), ..VoiceFilter::default() };
        assert_eq!(verdict(&mel.voices().count(booth.organization, nul).await), "INVALID filter.search");
    }

    async fn a_list_costs_two_statements_however_long_it_is(backend: Backend) {
        let booth = shelf(backend).await;
        let mel = booth.as_mel().await;
        for limit in [1, 100] {
            let page = PageRequest::first(limit);
            let list = mel.voices().list(booth.organization, VoiceFilter::default(), VoiceSort::default(), &page);
            let (voices, statements) = count_statements(list).await;
            assert_eq!(statements, 2);
            let addresses: Vec<_> = voices.unwrap().items.iter().map(Voice::address).collect();
            let (many, statements) = count_statements(mel.voices().get_many(&addresses)).await;
            assert_eq!(many.unwrap().len(), addresses.len());
            assert!(statements <= 2, "{statements}");
        }
    }

    async fn a_cursor_from_outside_breaks_nothing(backend: Backend) {
        let instance = Instance::with_voices(backend).await;
        let page = PageRequest {
            cursor: Some(resonance_services::TextCursor { key: "\0m'\"\\".into(), id: instance.fresh_uuid() }),
            ..PageRequest::first(5)
        };
        for by in [VoiceOrder::Name, VoiceOrder::CreatedAt] {
            let sort = VoiceSort { by, descending: false };
            let nobody = instance.anonymous();
            assert!(nobody.voices().catalogue(VoiceFilter::default(), sort, &page).await.is_ok());
        }
    }
}
