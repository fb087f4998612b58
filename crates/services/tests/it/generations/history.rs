//! The history: order, pages, filters, counts, and whose it is.

use chrono::TimeDelta;
use resonance_authz::Denied;
use resonance_domain::{
    Direction, ErrorCode, Generation, GenerationFilter, GenerationState, Page, PageRequest, VoiceAddress,
};
use resonance_persistence::count_statements;
use resonance_services::{CreateGeneration, IdCursor, Request, ServiceError};
use resonance_testkit::on_both;

use super::{Studio, address, refusals};

async fn texts(request: &Request, studio: &Studio, filter: GenerationFilter) -> Vec<String> {
    let first = PageRequest::first(100);
    let page = request
        .generations()
        .list(studio.organization, &filter, &first)
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
    async fn pages_lead_through_the_whole_history_newest_first_both_ways(backend: Backend) {
        let studio = Studio::new(backend).await;
        for n in 0..7 {
            studio.ask(&format!("text {n}")).await;
        }
        let request = studio.as_mel().await;
        let all = GenerationFilter::default();
        let list = async |direction, cursor| {
            let page = PageRequest { direction, limit: 3, cursor };
            request.generations().list(studio.organization, &all, &page).await.unwrap()
        };
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
        let none = request.generations().list(studio.organization, &all, &PageRequest::first(0)).await.unwrap();
        assert!(none.items.is_empty() && none.has_next);
    }

    async fn a_page_costs_one_statement_and_the_count_of_all_another(backend: Backend) {
        let studio = Studio::new(backend).await;
        for n in 0..5 {
            studio.ask(&format!("text {n}")).await;
        }
        let request = studio.as_ada().await;
        let filter = GenerationFilter::default();
        let page = PageRequest::first(50);
        let (page, statements) = count_statements(request.generations().list(studio.organization, &filter, &page)).await;
        assert_eq!((page.unwrap().items.len(), statements), (5, 1));
        let (count, statements) = count_statements(request.generations().count(studio.organization, &filter)).await;
        assert_eq!((count.unwrap(), statements), (5, 1));
    }

    async fn searching_ignores_case_in_every_script_and_takes_signs_for_themselves(backend: Backend) {
        let studio = Studio::new(backend).await;
        for text in ["Grüße aus KÖLN", "100 % sicher", "snake_case", r"back\slash", "Ἀθῆναι", "plain"] {
            studio.ask(text).await;
        }
        let request = studio.as_ada().await;
        for (search, found) in [
            ("köln", vec!["Grüße aus KÖLN"]),
            ("  GRÜSSE", vec![]),
            ("GRÜßE ", vec!["Grüße aus KÖLN"]),
            ("%", vec!["100 % sicher"]),
            ("_", vec!["snake_case"]),
            (r"k\s", vec![r"back\slash"]),
            ("ἈΘΉ", vec![]),
            ("ἀθῆν", vec!["Ἀθῆναι"]),
            ("a", vec!["plain", r"back\slash", "snake_case", "Grüße aus KÖLN"]),
            ("'; --", vec![]),
        ] {
            let filter = GenerationFilter { search: Some(search.into()), ..GenerationFilter::default() };
            assert_eq!(texts(&request, &studio, filter).await, found, "{search}");
        }
        let blank = GenerationFilter { search: Some("  ".into()), ..GenerationFilter::default() };
        assert_eq!(texts(&request, &studio, blank).await.len(), 6);
        let wrong = [("x".repeat(201), ErrorCode::TooLong), ("a\0b".to_owned(), ErrorCode::Invalid)];
        for (search, code) in wrong {
            let filter = GenerationFilter { search: Some(search), ..GenerationFilter::default() };
            let outcome = request.generations().list(studio.organization, &filter, &PageRequest::first(1)).await;
            assert_eq!(refusals(outcome), [(code, "search".to_owned())]);
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
        assert!(hidden(room.list(studio.organization, &filter, &page).await.unwrap_err()));
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
        let listed = room.list(elsewhere, &filter, &page).await.unwrap();
        assert_eq!(listed.items.iter().map(|one| one.id).collect::<Vec<_>>(), [theirs.id]);
        let after_ours = PageRequest { cursor: cursor(&ours), direction: Direction::Backward, limit: 9 };
        assert_eq!(room.list(elsewhere, &filter, &after_ours).await.unwrap().items.len(), 1);
        let by_ada = GenerationFilter { author: Some(studio.ada.user), ..filter };
        assert_eq!(room.count(elsewhere, &by_ada).await.unwrap(), 0);
        let nobody = studio.instance.anonymous();
        let outcome = nobody.generations().get(address(&ours)).await;
        assert!(matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated))));
    }
}
