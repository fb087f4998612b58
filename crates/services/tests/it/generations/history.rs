//! The history: order, pages, filters, counts, and whose it is.

use chrono::TimeDelta;
use resonance_authz::Denied;
use resonance_domain::{
    AudioFormat, Direction, ErrorCode, Generation, GenerationFilter, GenerationOrder, GenerationState, Page,
    PageRequest, VoiceAddress,
};
use resonance_persistence::count_statements;
use resonance_services::{CreateGeneration, IdCursor, Request, ServiceError};
use resonance_testkit::on_both;

use super::{Studio, address, refusals};

async fn texts(request: &Request, studio: &Studio, filter: GenerationFilter) -> Vec<String> {
    let first = PageRequest::first(100);
    let page = request
        .generations()
        .list(studio.organization, &filter, GenerationOrder::Newest, &first)
        .await
        .unwrap();
    let count = request
        .generations()
        .count(studio.organization, &filter)
        .await
        .unwrap();
    assert_eq!(count, page.items.len() as u64);
    page.items.into_iter().map(|generation| generation.text).collect()
}

fn cursor(generation: &Generation) -> Option<IdCursor> {
    Some(IdCursor(generation.id.as_uuid()))
}

on_both! {
    async fn pages_lead_through_the_whole_history_in_both_orders_both_ways(backend: Backend) {
        let studio = Studio::new(backend).await;
        for n in 0..7 {
            studio.ask(&format!("text {n}")).await;
        }
        let request = studio.as_mel().await;
        let all = GenerationFilter::default();
        let in_order = async |order, direction, cursor| {
            let page = PageRequest { direction, limit: 3, cursor };
            request.generations().list(studio.organization, &all, order, &page).await.unwrap()
        };
        let list = async |direction, cursor| in_order(GenerationOrder::Newest, direction, cursor).await;
        let texts = |page: &Page<Generation>| page.items.iter().map(|one| one.text.clone()).collect::<Vec<_>>();
        let first = list(Direction::Forward, None).await;
        assert_eq!((texts(&first), first.has_next), (vec!["text 6".into(), "text 5".into(), "text 4".into()], true));
        let second = list(Direction::Forward, cursor(&first.items[2])).await;
        let third = list(Direction::Forward, cursor(&second.items[2])).await;
        assert_eq!((texts(&third), third.has_next), (vec!["text 0".into()], false));
        let last = list(Direction::Backward, None).await;
        assert_eq!((texts(&last), last.has_previous), (vec!["text 2".into(), "text 1".into(), "text 0".into()], true));
        let before = list(Direction::Backward, cursor(&second.items[0])).await;
        assert_eq!((texts(&before), before.has_previous), (texts(&first), false));
        let none = request.generations().list(studio.organization, &all, GenerationOrder::Newest, &PageRequest::first(0)).await.unwrap();
        assert!(none.items.is_empty() && none.has_next);

        let oldest = in_order(GenerationOrder::Oldest, Direction::Forward, None).await;
        assert_eq!((texts(&oldest), oldest.has_next), (vec!["text 0".into(), "text 1".into(), "text 2".into()], true));
        let next = in_order(GenerationOrder::Oldest, Direction::Forward, cursor(&oldest.items[2])).await;
        assert_eq!(texts(&next), ["text 3", "text 4", "text 5"]);
        let back = in_order(GenerationOrder::Oldest, Direction::Backward, cursor(&next.items[0])).await;
        assert_eq!((texts(&back), back.has_previous), (texts(&oldest), false));
        let end = in_order(GenerationOrder::Oldest, Direction::Backward, None).await;
        assert_eq!(texts(&end), ["text 4", "text 5", "text 6"]);
    }

    async fn a_page_costs_one_statement_and_the_count_of_all_another(backend: Backend) {
        let studio = Studio::new(backend).await;
        for n in 0..5 {
            studio.ask(&format!("text {n}")).await;
        }
        let request = studio.as_ada().await;
        let filter = GenerationFilter::default();
        let page = PageRequest::first(50);
        let (page, statements) = count_statements(request.generations().list(studio.organization, &filter, GenerationOrder::Newest, &page)).await;
        assert_eq!((page.unwrap().items.len(), statements), (5, 1));
        let (count, statements) = count_statements(request.generations().count(studio.organization, &filter)).await;
        assert_eq!((count.unwrap(), statements), (5, 1));
    }

    async fn searching_finds_all_the_words_and_the_last_one_by_its_beginning(backend: Backend) {
        let studio = Studio::new(backend).await;
        for text in [
            "Grüße aus KÖLN",
            "100 % sicher, \"wirklich\"",
            "snake_case AND back\\slash",
            "Ἀθῆναι",
            "L'été à Zürich: crème brûlée",
            "東京タワー",
            "한국어 읽기",
            "Visit example.org - or don't!",
            "NOT near: title:x OR y*",
            "🎙",
        ] {
            studio.ask(text).await;
        }
        let request = studio.as_ada().await;
        let all = texts(&request, &studio, GenerationFilter::default()).await;
        let found = async |search: &str| {
            let filter = GenerationFilter { search: Some(search.into()), ..GenerationFilter::default() };
            texts(&request, &studio, filter).await
        };
        for (search, expected) in [
            // Case, accents and forms do not count; words do.
            ("köln", &["Grüße aus KÖLN"][..]),
            ("koln GRUße", &["Grüße aus KÖLN"]),
            ("Ko\u{308}LN aus", &["Grüße aus KÖLN"]),
            ("öln", &[]),
            ("gruss", &[]),
            ("ἈΘΉΝ", &["Ἀθῆναι"]),
            ("αθηναι", &["Ἀθῆναι"]),
            ("ete brul", &["L'été à Zürich: crème brûlée"]),
            ("l’été", &["L'été à Zürich: crème brûlée"]),
            // The last one may be unfinished, the others not; the order does not matter.
            ("sich", &["100 % sicher, \"wirklich\""]),
            ("sich 100", &[]),
            ("wirklich sich", &["100 % sicher, \"wirklich\""]),
            ("sicher köln", &[]),
            // Scripts without spaces, and with others.
            ("東京", &["東京タワー"]),
            ("京タワ", &["東京タワー"]),
            ("ﾀﾜｰ", &["東京タワー"]),
            ("東都", &[]),
            ("한국", &["한국어 읽기"]),
            // Signs, and what are operators elsewhere.
            ("\"sicher", &["100 % sicher, \"wirklich\""]),
            ("sich*", &["100 % sicher, \"wirklich\""]),
            ("-sicher", &["100 % sicher, \"wirklich\""]),
            ("AND", &["snake_case AND back\\slash"]),
            ("snake AND case", &["snake_case AND back\\slash"]),
            ("snake OR case", &[]),
            ("NOT x", &["NOT near: title:x OR y*"]),
            ("NEAR(title, 2)", &[]),
            ("title:x", &["NOT near: title:x OR y*"]),
            ("words:snake", &[]),
            ("case & back | !x", &[]),
            ("slash:*", &["snake_case AND back\\slash"]),
            ("example.org don't", &["Visit example.org - or don't!"]),
            ("'; DROP TABLE generations; --", &[]),
        ] {
            assert_eq!(found(search).await, expected, "{search}");
        }
        // Where no word is asked for, none is missing.
        for nothing in ["", "  ", "%", "\" * ' - _", "🎙"] {
            assert_eq!(found(nothing).await, all, "{nothing}");
        }
        let wrong = [("x".repeat(201), ErrorCode::TooLong), ("a\0b".to_owned(), ErrorCode::Invalid)];
        for (search, code) in wrong {
            let filter = GenerationFilter { search: Some(search), ..GenerationFilter::default() };
            let outcome = request
                .generations()
                .list(studio.organization, &filter, GenerationOrder::Newest, &PageRequest::first(1))
                .await;
            assert_eq!(refusals(outcome), [(code, "search".to_owned())]);
        }
    }

    async fn searching_pages_narrows_and_forgets_what_is_deleted(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, neighbour) = studio.neighbour().await;
        let mut asked = Vec::new();
        for n in 0..7 {
            asked.push(studio.ask(&format!("morning {n}")).await);
            studio.ask(&format!("evening {n}")).await;
        }
        neighbour.generations().create(studio.input("morning there")).await.unwrap();
        let request = studio.as_mel().await;
        let mornings = GenerationFilter { search: Some("mor".into()), ..GenerationFilter::default() };
        let page = PageRequest { cursor: cursor(&asked[4]), direction: Direction::Forward, limit: 3 };
        let list = async |order, page| {
            let page = request.generations().list(studio.organization, &mornings, order, page).await.unwrap();
            (page.items.into_iter().map(|one| one.text).collect::<Vec<_>>(), page.has_next)
        };
        let found = list(GenerationOrder::Newest, &page).await;
        assert_eq!(found, (vec!["morning 3".into(), "morning 2".into(), "morning 1".into()], true));
        let found = list(GenerationOrder::Oldest, &page).await;
        assert_eq!(found, (vec!["morning 5".into(), "morning 6".into()], false));
        let own = request.generations().count(studio.organization, &mornings).await.unwrap();
        let theirs = neighbour.generations().count(elsewhere, &mornings).await.unwrap();
        assert_eq!((own, theirs), (7, 1));

        let narrow = GenerationFilter { states: vec![GenerationState::Succeeded], ..mornings.clone() };
        assert!(texts(&request, &studio, narrow).await.is_empty());
        let ada = studio.as_ada().await;
        for one in &asked[..6] {
            ada.generations().delete(address(one)).await.unwrap();
        }
        assert_eq!(texts(&request, &studio, mornings).await, ["morning 6"]);
        // Nothing of it is left behind.
        let kept = studio.instance.sql_count("generation_search WHERE true").await;
        let (ours, others) = (8, 1);
        assert_eq!(kept, ours + others);
        if backend == resonance_testkit::Backend::Sqlite {
            assert_eq!(studio.instance.sql_count("generation_words_docsize WHERE true").await, kept);
        }
    }

    async fn filters_narrow_by_voice_author_state_and_time(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (ada, mel) = (studio.as_ada().await, studio.as_mel().await);
        let clara = studio.instance.custom_voice(studio.organization, "Clara").await;
        studio.ask("old").await;
        studio.services().settle().await.unwrap();
        studio.instance.clock.advance(TimeDelta::days(3));
        let middle = studio.instance.clock.now();
        mel.generations().create(studio.input("by mel")).await.unwrap();
        studio.instance.clock.advance(TimeDelta::days(3));
        let late = studio.instance.clock.now();
        let by_clara = CreateGeneration { voice: clara.global_id(), ..studio.input("by clara") };
        let by_clara = CreateGeneration { format: AudioFormat::Flac, ..by_clara };
        let by_clara = ada.generations().create(by_clara).await.unwrap().generation;
        ada.generations().cancel(address(&by_clara)).await.unwrap();

        let all = GenerationFilter::default;
        let id = |voice: VoiceAddress| Some(voice.id());
        for (filter, found) in [
            (all(), vec!["by clara", "by mel", "old"]),
            (GenerationFilter { voice: id(clara), ..all() }, vec!["by clara"]),
            (GenerationFilter { author: Some(studio.mel.user), ..all() }, vec!["by mel"]),
            (GenerationFilter { states: vec![GenerationState::Succeeded], ..all() }, vec!["old"]),
            (
                GenerationFilter { states: vec![GenerationState::Queued, GenerationState::Cancelled], ..all() },
                vec!["by clara", "by mel"],
            ),
            (GenerationFilter { format: Some(AudioFormat::Flac), ..all() }, vec!["by clara"]),
            (GenerationFilter { format: Some(AudioFormat::Mp3), author: Some(studio.ada.user), ..all() }, vec!["old"]),
            (GenerationFilter { format: Some(AudioFormat::Wav), ..all() }, vec![]),
            (GenerationFilter { engine: Some("test".into()), ..all() }, vec!["by clara", "by mel", "old"]),
            (GenerationFilter { engine: Some("tes\0".into()), ..all() }, vec![]),
            (GenerationFilter { from: Some(middle), ..all() }, vec!["by clara", "by mel"]),
            (GenerationFilter { until: Some(middle), ..all() }, vec!["old"]),
            (GenerationFilter { from: Some(middle), until: Some(late), ..all() }, vec!["by mel"]),
            (GenerationFilter { from: Some(late), until: Some(middle), ..all() }, vec![]),
            (GenerationFilter { voice: id(studio.voice), search: Some("BY".into()), ..all() }, vec!["by mel"]),
        ] {
            assert_eq!(texts(&ada, &studio, filter.clone()).await, found, "{filter:?}");
        }
    }

    async fn the_voices_name_is_that_of_the_time_also_when_the_voice_is_gone(backend: Backend) {
        let studio = Studio::new(backend).await;
        let clara = studio.instance.custom_voice(studio.organization, "Clara").await;
        let input = CreateGeneration { voice: clara.global_id(), ..studio.input("Hello") };
        let asked = studio.as_ada().await.generations().create(input).await.unwrap().generation;
        let id = studio.instance.sql_id(clara.id().as_uuid());
        studio.instance.sql(&format!("DELETE FROM voices WHERE id = {id}")).await;
        studio.services().settle().await.unwrap();
        let spoken = studio.look(&asked).await;
        assert_eq!((spoken.voice.name.as_str(), spoken.voice_address()), ("Clara", clara));
        assert_eq!(spoken.state, GenerationState::Succeeded);
    }

    async fn places_in_the_queue_are_told_to_members_only(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, neighbour) = studio.neighbour().await;
        let mut ids = Vec::new();
        for n in 0..3 {
            ids.push(studio.ask(&format!("text {n}")).await.id);
        }
        let mut places = studio.as_mel().await.generations().places_in_queue(studio.organization, &ids).await.unwrap();
        places.sort();
        assert_eq!(places, ids.iter().copied().zip(1..).collect::<Vec<_>>());
        let hidden = neighbour.generations().places_in_queue(studio.organization, &ids).await;
        assert!(matches!(hidden, Err(ServiceError::Denied(Denied::NotVisible))));
        assert!(neighbour.generations().places_in_queue(elsewhere, &ids).await.unwrap().is_empty());
        studio.services().settle().await.unwrap();
        assert!(studio.as_mel().await.generations().places_in_queue(studio.organization, &ids).await.unwrap().is_empty());
    }

    async fn nothing_of_one_organization_is_found_from_another_with_the_same_data(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, neighbour) = studio.neighbour().await;
        let ours = studio.ask("Hello").await;
        let theirs = neighbour.generations().create(studio.input("Hello")).await.unwrap().generation;
        studio.services().settle().await.unwrap();
        let hidden = |error: ServiceError| matches!(error, ServiceError::Denied(Denied::NotVisible));
        let (filter, page) = (GenerationFilter::default(), PageRequest::first(10));
        let room = neighbour.generations();

        // Asking for the other organization, as nobody there.
        assert!(hidden(room.get(address(&ours)).await.unwrap_err()));
        assert!(hidden(room.list(studio.organization, &filter, GenerationOrder::Newest, &page).await.unwrap_err()));
        assert!(hidden(room.count(studio.organization, &filter).await.unwrap_err()));
        assert!(hidden(room.peaks(studio.organization, &[ours.id]).await.unwrap_err()));
        assert!(hidden(room.audio(address(&ours), None).await.unwrap_err()));

        // Asking in the own organization for what is the other's.
        let misplaced = resonance_domain::InOrg::new(elsewhere, ours.id);
        assert!(hidden(room.get(misplaced).await.unwrap_err()));
        assert!(hidden(room.cancel(misplaced).await.unwrap_err()));
        assert!(hidden(room.delete(misplaced).await.unwrap_err()));
        assert!(hidden(room.audio(misplaced, None).await.unwrap_err()));
        assert!(room.peaks(elsewhere, &[ours.id]).await.unwrap().is_empty());
        let listed = room.list(elsewhere, &filter, GenerationOrder::Newest, &page).await.unwrap();
        assert_eq!(listed.items.iter().map(|one| one.id).collect::<Vec<_>>(), [theirs.id]);
        let after_ours = PageRequest { cursor: cursor(&ours), direction: Direction::Backward, limit: 9 };
        assert_eq!(room.list(elsewhere, &filter, GenerationOrder::Newest, &after_ours).await.unwrap().items.len(), 1);
        let by_ada = GenerationFilter { author: Some(studio.ada.user), ..filter };
        assert_eq!(room.count(elsewhere, &by_ada).await.unwrap(), 0);
        let nobody = studio.instance.anonymous();
        let outcome = nobody.generations().get(address(&ours)).await;
        assert!(matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated))));
    }
}
