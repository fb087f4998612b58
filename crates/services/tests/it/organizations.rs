//! Organizations.

use std::collections::HashSet;

use chrono::TimeDelta;
use resonance_domain::{Direction, Id, PageRequest, RoleKey};
use resonance_persistence::count_statements;
use resonance_services::{CreateOrganization, IdCursor, UpdateOrganization};
use resonance_testkit::{Instance, at_once, on_both, verdict};
use serde_json::json;

fn named(name: &str) -> CreateOrganization {
    CreateOrganization {
        name: name.into(),
        ..CreateOrganization::default()
    }
}

on_both! {
    async fn the_founder_is_admin_and_works_there(backend: Backend) {
        let instance = Instance::with(backend, |settings| {
            settings.member_limit = 7;
            settings.deletable = false;
        })
        .await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let input = CreateOrganization {
            name: "  Ärzte & Co. ".into(),
            slug: None,
            description: Some("We speak.".into()),
            public_metadata: Some(json!({ "plan": "free" })),
        };
        let viewed = request.organizations().create(input).await.unwrap();
        let organization = &viewed.organization;
        assert_eq!(organization.name, "Ärzte & Co.");
        assert_eq!(organization.slug, "aerzte-co");
        assert_eq!(organization.description, "We speak.");
        assert_eq!(organization.created_by, Some(ada.user));
        assert_eq!((organization.member_limit, organization.deletable), (7, false));
        assert_eq!(viewed.standing.role(), &RoleKey::ADMIN);
        assert_eq!(viewed.generation_count, 0);
        let request = instance.request_of(&ada).await;
        assert_eq!(request.active_organization(), Some(organization.id));
        let again = request.organizations().get(organization.id).await.unwrap().unwrap();
        assert_eq!(again, viewed);
        assert_eq!(again.organization.public_metadata.into_value(), json!({ "plan": "free" }));
    }

    async fn everything_wrong_with_a_new_organization_is_told_at_once(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let input = CreateOrganization {
            name: "a\nb".into(),
            slug: Some("Not a slug".into()),
            description: Some("x".repeat(1001)),
            public_metadata: Some(json!([])),
        };
        let outcome = request.organizations().create(input).await;
        assert_eq!(
            verdict(&outcome),
            "INVALID name, INVALID slug, TOO_LONG description, INVALID publicMetadata"
        );
        let outcome = request.organizations().create(named(&"ä".repeat(257))).await;
        assert_eq!(verdict(&outcome), "TOO_LONG name");
        assert!(request.organizations().create(named(&"ä".repeat(256))).await.is_ok());
        let outcome = instance.anonymous().organizations().create(named("Acme")).await;
        assert_eq!(verdict(&outcome), "UNAUTHENTICATED");
    }

    async fn a_derived_slug_is_numbered_and_a_chosen_one_is_refused_when_taken(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let slug = async |input| request.organizations().create(input).await.unwrap().organization.slug;
        assert_eq!(slug(named("Acme")).await, "acme");
        assert_eq!(slug(named("ACME!")).await, "acme-2");
        assert_eq!(slug(named("acme 4")).await, "acme-4");
        assert_eq!(slug(named("acme")).await, "acme-3");
        assert_eq!(slug(named("acme")).await, "acme-5");
        let chosen = CreateOrganization { slug: Some("acme-2".into()), ..named("Other") };
        let outcome = request.organizations().create(chosen).await;
        assert_eq!(verdict(&outcome), "TAKEN slug");
        assert_eq!(request.organizations().count().await.unwrap(), 5);
    }

    async fn one_name_at_the_same_time_gives_different_slugs(backend: Backend) {
        let instance = Instance::new(backend).await;
        let node = instance.another_node().await;
        let mut contenders = Vec::new();
        for nth in 0..12 {
            let person = instance.sign_up("Ada", &format!("ada{nth}@example.org")).await;
            let services = if nth % 2 == 0 { &instance.services } else { &node };
            let request = services.authenticate(&person.token, Default::default(), None).await.unwrap();
            contenders.push(async move { request.organizations().create(named("Acme")).await });
        }
        let mut slugs = HashSet::new();
        for result in at_once(contenders).await {
            slugs.insert(result.unwrap().organization.slug);
        }
        let expected = std::iter::once("acme".to_owned()).chain((2..=12).map(|n| format!("acme-{n}")));
        assert_eq!(slugs, expected.collect());
    }

    async fn more_organizations_of_a_name_than_there_are_numbers_still_find_slugs(backend: Backend) {
        let instance = Instance::with(backend, |settings| settings.organizations_per_user = 1000).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        for _ in 0..52 {
            let created = request.organizations().create(named("東京")).await.unwrap();
            assert!(created.organization.slug.starts_with("organization"));
        }
    }

    async fn a_user_creates_as_many_as_allowed_also_at_the_same_time(backend: Backend) {
        let instance = Instance::with(backend, |settings| settings.organizations_per_user = 3).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let mut contenders = Vec::new();
        for nth in 0..8 {
            let request = instance.request_of(&ada).await;
            contenders.push(async move {
                verdict(&request.organizations().create(named(&format!("Acme {nth}"))).await)
            });
        }
        let mut created = 0;
        for result in at_once(contenders).await {
            match result.as_str() {
                "OK" => created += 1,
                other => assert_eq!(other, "ORGANIZATION_LIMIT_REACHED"),
            }
        }
        assert_eq!(created, 3);
        assert_eq!(instance.request_of(&ada).await.organizations().count().await.unwrap(), 3);
    }

    async fn an_operator_can_allow_one_user_more_or_nothing(backend: Backend) {
        let instance = Instance::with(backend, |settings| settings.organizations_per_user = 0).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let outcome = request.organizations().create(named("Acme")).await;
        assert_eq!(verdict(&outcome), "ORGANIZATION_LIMIT_REACHED");
        let user = instance.sql_id(ada.user.as_uuid());
        let allow = format!("UPDATE users SET organization_limit = 1 WHERE id = {user}");
        instance.sql(&allow).await;
        assert_eq!(verdict(&request.organizations().create(named("Acme")).await), "OK");
        let outcome = request.organizations().create(named("Acme")).await;
        assert_eq!(verdict(&outcome), "ORGANIZATION_LIMIT_REACHED");
    }

    async fn reading_an_organization_is_one_statement_and_its_standing_none(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let first = instance.found(&ada, "First").await;
        instance.found(&ada, "Second").await;
        let request = instance.request_of(&ada).await;
        let ((), statements) = count_statements(async {
            let viewed = request.organizations().get(first).await.unwrap().unwrap();
            assert_eq!(request.standing(first).await.unwrap(), viewed.standing);
        })
        .await;
        assert_eq!(statements, 1);
        let request = instance.request_of(&ada).await;
        let ((), statements) = count_statements(async {
            let viewed = request.organizations().by_slug("first").await.unwrap().unwrap();
            assert_eq!(viewed.organization.id, first);
            request.standing(first).await.unwrap();
        })
        .await;
        assert_eq!(statements, 1);
        let request = instance.request_of(&ada).await;
        let ((), statements) = count_statements(async {
            let page = request.organizations().list(&PageRequest::first(50)).await.unwrap();
            for viewed in &page.items {
                request.standing(viewed.organization.id).await.unwrap();
            }
            assert_eq!(page.items.len(), 2);
        })
        .await;
        assert_eq!(statements, 1);
    }

    async fn a_users_organizations_come_page_by_page(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.found(&bob, "Not Ada's").await;
        let mut ids = Vec::new();
        for nth in 0..5 {
            ids.push(instance.found(&ada, &format!("Acme {nth}")).await);
        }
        let request = instance.request_of(&ada).await;
        let page = async |direction, limit, cursor: Option<usize>| {
            let cursor = cursor.map(|nth| IdCursor(ids[nth].as_uuid()));
            let page = PageRequest { direction, limit, cursor };
            let page = request.organizations().list(&page).await.unwrap();
            let items: Vec<_> = page.items.iter().map(|viewed| viewed.organization.id).collect();
            (items, page.has_previous, page.has_next)
        };
        assert_eq!(page(Direction::Forward, 2, None).await, (ids[..2].to_vec(), false, true));
        assert_eq!(page(Direction::Forward, 3, Some(1)).await, (ids[2..].to_vec(), true, false));
        assert_eq!(page(Direction::Backward, 2, Some(3)).await, (ids[1..3].to_vec(), true, true));
        assert_eq!(page(Direction::Backward, 9, None).await, (ids.clone(), false, false));
        let unknown = Id::from_uuid(instance.fresh_uuid());
        let found = request.organizations().get_many(&[ids[4], unknown, ids[0]]).await.unwrap();
        let found: HashSet<_> = found.iter().map(|viewed| viewed.organization.id).collect();
        assert_eq!(found, HashSet::from([ids[0], ids[4]]));
    }

    async fn the_profile_changes_field_by_field(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.found(&ada, "Other").await;
        instance.clock.advance(TimeDelta::seconds(5));
        let request = instance.request_of(&ada).await;
        let update = async |input| request.organizations().update(input).await;
        let name = UpdateOrganization {
            organization: Some(acme),
            name: Some(" Acme 2 ".into()),
            description: Some("New.".into()),
            ..UpdateOrganization::default()
        };
        let changed = update(name).await.unwrap().organization;
        assert_eq!((changed.name.as_str(), changed.slug.as_str()), ("Acme 2", "acme"));
        assert_eq!(changed.updated_at, instance.clock.now());
        let slug = |slug: &str| UpdateOrganization {
            organization: Some(acme),
            slug: Some(slug.into()),
            ..UpdateOrganization::default()
        };
        assert_eq!(verdict(&update(slug("other")).await), "TAKEN slug");
        assert_eq!(verdict(&update(slug("Other")).await), "INVALID slug");
        assert_eq!(update(slug("acme")).await.unwrap().organization.slug, "acme");
        assert_eq!(update(slug("acme-2")).await.unwrap().organization.slug, "acme-2");
        let clear = UpdateOrganization {
            organization: Some(acme),
            description: Some(String::new()),
            ..UpdateOrganization::default()
        };
        assert_eq!(update(clear).await.unwrap().organization.description, "");
        let read = request.organizations().get(acme).await.unwrap().unwrap().organization;
        assert_eq!((read.name.as_str(), read.slug.as_str()), ("Acme 2", "acme-2"));
        // What changed is on record, with old and new values; what changed nothing is not.
        let events = "SELECT CAST(payload AS text) FROM events WHERE kind = 'organization.updated' ORDER BY id";
        let events = instance.sql_texts(events).await;
        let events: Vec<serde_json::Value> = events.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(events.len(), 3);
        assert_eq!(events[1], json!({ "changes": { "slug": { "old": "acme", "new": "acme-2" } } }));
    }

    async fn metadata_merges_deeply_and_no_concurrent_merge_is_lost(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let mut contenders = Vec::new();
        for nth in 0..10 {
            let request = instance.request_of(&ada).await;
            contenders.push(async move {
                let changes = json!({ "shared": { format!("key{nth}"): nth } });
                request.organizations().update_metadata(Some(acme), changes).await.unwrap();
            });
        }
        at_once(contenders).await;
        let request = instance.request_of(&ada).await;
        let changes = json!({ "shared": { "key0": null, "key1": { "a": 1 } }, "other": [1] });
        let changed = request.organizations().update_metadata(Some(acme), changes).await.unwrap();
        let expected = json!({
            "shared": { "key1": { "a": 1 }, "key2": 2, "key3": 3, "key4": 4, "key5": 5, "key6": 6, "key7": 7,
                "key8": 8, "key9": 9 },
            "other": [1],
        });
        assert_eq!(changed.organization.public_metadata.into_value(), expected);
        let outcome = request.organizations().update_metadata(Some(acme), json!("no object")).await;
        assert_eq!(verdict(&outcome), "INVALID publicMetadata");
        let long = json!({ "long": "x".repeat(9000) });
        let outcome = request.organizations().update_metadata(Some(acme), long).await;
        assert_eq!(verdict(&outcome), "TOO_LONG publicMetadata");
    }

    async fn switching_is_remembered_by_the_session_and_by_the_user(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let first = instance.found(&ada, "First").await;
        let second = instance.found(&ada, "Second").await;
        assert_eq!(instance.request_of(&ada).await.active_organization(), Some(second));
        let request = instance.request_of(&ada).await;
        let viewed = request.organizations().switch(first).await.unwrap();
        assert_eq!(viewed.organization.id, first);
        let request = instance.request_of(&ada).await;
        assert_eq!(request.active_organization(), Some(first));
        let account = request.account().unwrap();
        assert_eq!(account.session.active_organization, Some(first));
        assert_eq!(account.user.last_active_organization, Some(first));
        let unknown = Id::from_uuid(instance.fresh_uuid());
        assert_eq!(verdict(&request.organizations().switch(unknown).await), "NOT_FOUND");
        assert_eq!(instance.request_of(&ada).await.active_organization(), Some(first));
    }

    async fn a_member_is_told_why_a_permission_is_theirs_or_not(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let request = instance.request_of(&bob).await;
        let explain = async |permission| request.organizations().explain_permission(acme, permission).await;
        let read = explain("org:voices:read").await.unwrap();
        assert!(read.allowed());
        let create = explain("org:voices:create").await.unwrap();
        assert!(!create.allowed());
        assert_eq!(create.role, RoleKey::MEMBER);
        assert!(explain("org:generations:delete").await.unwrap().allowed());
        assert_eq!(verdict(&explain("org:voices:burn").await), "INVALID permission");
    }
}
