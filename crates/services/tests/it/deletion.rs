//! Deleting organizations, and what is left: nothing.

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::TryStreamExt;
use resonance_authz::{SystemGrant, system};
use resonance_blobs::BlobKey;
use resonance_domain::{OrganizationId, RoleKey};
use resonance_persistence::Repositories;
use resonance_services::{CreateWebhookEndpoint, InviteMembers, UpdateOrganization};
use resonance_testkit::{Instance, Person, on_both, verdict};

/// Tables whose rows belong to organizations.
async fn tables(instance: &Instance) -> Vec<String> {
    instance.tables_with("organization_id").await
}

/// How many rows of each such table belong to the organization.
async fn rows(instance: &Instance, organization: OrganizationId) -> Vec<(String, usize)> {
    let id = instance.sql_id(organization.as_uuid());
    let mut rows = Vec::new();
    for table in tables(instance).await {
        let count = instance
            .sql_count(&format!("{table} WHERE organization_id = {id}"))
            .await;
        rows.push((table, count));
    }
    rows
}

async fn objects(instance: &Instance, organization: OrganizationId) -> usize {
    let prefix = BlobKey::parse(&format!("organizations/{}", organization.as_uuid())).unwrap();
    let all: Vec<_> = instance.blobs.list(Some(&prefix)).try_collect().await.unwrap();
    all.len()
}

/// An organization with something in every table and in the object store, and with a second admin.
async fn furnished(instance: &Instance, ada: &Person, bob: &Person, generations: usize) -> OrganizationId {
    let acme = instance.found(ada, "Acme").await;
    instance.set_member_limit(acme, 0).await;
    instance.bring_in(ada, acme, bob, RoleKey::ADMIN).await;
    let request = instance.request_in(ada, acme).await;
    let input = InviteMembers {
        emails: vec!["cem@example.org".into()],
        role: "org:member".into(),
        ..InviteMembers::default()
    };
    request.invitations().invite(input).await.unwrap();
    crate::roles::make(&request, acme, "org:clerk", &[])
        .await
        .unwrap();
    let voice = instance.custom_voice(acme, "Ada").await;
    let resonance_domain::VoiceAddress::Custom(voice) = voice else {
        panic!("not custom")
    };
    let [organization, voice_id, user] =
        [acme.as_uuid(), voice.id.as_uuid(), ada.user.as_uuid()].map(|id| instance.sql_id(id));
    let now = "'2026-01-01T00:00:00+00:00'";
    let [domain, asked] = [
        instance.sql_id(instance.fresh_uuid()),
        instance.sql_id(instance.fresh_uuid()),
    ];
    for sql in [
        format!(
            "INSERT INTO organization_domains (organization_id, id, name, enrolment_mode, role, created_at, updated_at)
             VALUES ({organization}, {domain}, 'acme.example', 'automatic_suggestion', 'org:member', {now}, {now})"
        ),
        format!(
            "INSERT INTO membership_requests (organization_id, id, user_id, email, email_key, domain_id, role, state,
                created_at)
             VALUES ({organization}, {asked}, {user}, 'a@acme.example', 'a@acme.example', {domain}, 'org:member',
                'withdrawn', {now})"
        ),
        format!(
            "INSERT INTO closed_enrolments (organization_id, id, reason, created_at)
             VALUES ({organization}, {user}, 'dismissed', {now})"
        ),
    ] {
        instance.sql(&sql).await;
    }
    for nth in 0..generations {
        let id = instance.sql_id(instance.fresh_uuid());
        let sql = format!(
            "INSERT INTO generations (organization_id, id, created_by, voice_id, voice_scope, voice_name, text,
                characters, temperature, top_p, top_k, repetition_penalty, speed, format, engine,
                engine_voice, state, progress, created_at)
             VALUES ({organization}, {id}, {user}, {voice_id}, 'custom', 'Ada', 'text {nth}', 4, 1, 1, 1, 1, 1,
                'wav', 'test', '{{}}', 'failed', 0, {now})"
        );
        instance.sql(&sql).await;
        let words = if instance.test_database.database.is_postgres() {
            format!("(organization_id, id, words) VALUES ({organization}, {id}, '')")
        } else {
            format!("(organization_id, id) VALUES ({organization}, {id})")
        };
        instance
            .sql(&format!("INSERT INTO generation_search {words}"))
            .await;
        let entry = instance.sql_id(instance.fresh_uuid());
        let sql = format!(
            "INSERT INTO usage_entries (organization_id, id, metric, kind, reference_id, quantity, day, created_at)
             VALUES ({organization}, {entry}, 'characters', 'hold', {id}, 4, '2026-01-01', {now})"
        );
        instance.sql(&sql).await;
        let key = format!("organizations/{}/generations/{nth}/audio.wav", acme.as_uuid());
        instance
            .blobs
            .put(
                &BlobKey::parse(&key).unwrap(),
                Bytes::from_static(b"RIFF"),
                "audio/wav",
            )
            .await
            .unwrap();
    }
    for sql in [
        format!("INSERT INTO budgets (organization_id, id, characters, updated_at) VALUES ({organization}, {user}, 1, {now})"),
        format!(
            "INSERT INTO spending (organization_id, id, period, characters, alerted)
             VALUES ({organization}, {user}, '2026-01-01T00:00:00Z', 4, 0)"
        ),
        format!(
            "INSERT INTO subscriptions (organization_id, id, reference, status, product, amount, currency, recurring, period,
                next_period, period_start, period_end, cancel_at_period_end, created_at, changed_at, is_current)
             VALUES ({organization}, {domain}, '{acme:?}', 'active', 'p', 1, 'usd', 'month', 'a', 'b', {now}, {now}, FALSE,
                {now}, {now}, TRUE)"
        ),
        format!(
            "INSERT INTO usage_exports (organization_id, id, exported_at)
             SELECT organization_id, id, created_at FROM usage_entries WHERE organization_id = {organization}"
        ),
        format!(
            "INSERT INTO idempotency_keys (organization_id, actor_id, key_hash, fingerprint, generation_id, created_at)
             VALUES ({organization}, {user}, {domain}, {domain}, {domain}, {now})"
        ),
        format!(
            "INSERT INTO usage_totals (organization_id, metric, dimension, grain, slot, id, engine, quantity)
             VALUES ({organization}, 'characters', 'total', 'day', '2026-01-01', {organization}, '', 4)"
        ),
    ] {
        instance.sql(&sql).await;
    }
    // As the relay would note it before long.
    let month = resonance_domain::Month::of(instance.clock_now());
    instance
        .sql(&format!(
            "INSERT INTO member_months (organization_id, id, month, user_id, acted)
             SELECT organization_id, id, '{month}', user_id, true FROM memberships WHERE organization_id = {organization}"
        ))
        .await;
    let key = resonance_services::CreateApiKey {
        name: "CI".into(),
        permissions: vec!["org:voices:read".into()],
        ..resonance_services::CreateApiKey::default()
    };
    request.api_keys().create(key).await.unwrap();
    let endpoint = CreateWebhookEndpoint {
        url: "https://example.org/".into(),
        enabled: Some(false),
        ..CreateWebhookEndpoint::default()
    };
    let endpoint = request.webhooks().create(endpoint).await.unwrap().id;
    let [delivery, endpoint, event] =
        [instance.fresh_uuid(), endpoint.as_uuid(), instance.fresh_uuid()].map(|id| instance.sql_id(id));
    let sql = format!(
        "INSERT INTO webhook_deliveries (organization_id, id, endpoint_id, event_id, kind, body, state, attempts, run_at,
            created_at) VALUES ({organization}, {delivery}, {endpoint}, {event}, 'voice.created', '{{}}', 'failed', 1,
            {now}, {now})"
    );
    instance.sql(&sql).await;
    let job = instance.sql_id(instance.fresh_uuid());
    let sql = format!(
        "INSERT INTO jobs (id, queue, organization_id, payload, state, turn, run_at, attempts, created_at)
         VALUES ({job}, 'speak', {organization}, '{{}}', 'waiting', 0, '2099-01-01T00:00:00+00:00', 0, {now})"
    );
    instance.sql(&sql).await;
    acme
}

on_both! {
    async fn nothing_is_left_of_a_deleted_organization_and_everything_of_another(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let other = furnished(&instance, &ada, &bob, 3).await;
        let acme = furnished(&instance, &ada, &bob, 3).await;
        instance.services.settle().await.unwrap();
        let before = rows(&instance, other).await;
        // The walk means something only if there is something everywhere.
        for (table, count) in rows(&instance, acme).await {
            assert!(count > 0, "nothing in {table}");
        }
        let request = instance.request_of(&ada).await;
        assert_eq!(request.organizations().delete(Some(acme)).await.unwrap(), acme);
        // Access ends at once, for requests under way too.
        assert_eq!(verdict(&request.standing(acme).await), "NOT_FOUND");
        for person in [&ada, &bob] {
            let request = instance.request_of(person).await;
            assert_ne!(request.active_organization(), Some(acme));
            assert!(request.organizations().get(acme).await.unwrap().is_none());
            assert_eq!(request.organizations().count().await.unwrap(), 1);
        }
        let update = UpdateOrganization { organization: Some(acme), ..UpdateOrganization::default() };
        assert_eq!(verdict(&request.organizations().update(update).await), "NOT_FOUND");
        assert_eq!(verdict(&request.organizations().delete(Some(acme)).await), "NOT_FOUND");
        // Its slug is free at once.
        let again = instance.found(&ada, "Acme").await;
        let again = instance.request_of(&ada).await.organizations().get(again).await.unwrap().unwrap();
        assert_eq!(again.organization.slug, "acme-2");
        instance.services.settle().await.unwrap();
        for (table, count) in rows(&instance, acme).await {
            assert_eq!(count, 0, "{table}");
        }
        let id = instance.sql_id(acme.as_uuid());
        assert_eq!(instance.sql_count(&format!("organizations WHERE id = {id}")).await, 0);
        for (table, column) in [("users", "last_active_organization_id"), ("sessions", "active_organization_id")] {
            assert_eq!(instance.sql_count(&format!("{table} WHERE {column} = {id}")).await, 0, "{table}");
        }
        assert_eq!(objects(&instance, acme).await, 0);
        assert_eq!(objects(&instance, other).await, 3);
        let after = rows(&instance, other).await;
        assert_eq!(after, before);
    }

    async fn the_admins_are_told_by_mail(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let cem = instance.sign_up("Cem", "cem@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::ADMIN).await;
        instance.bring_in(&ada, acme, &cem, RoleKey::MEMBER).await;
        instance.services.settle().await.unwrap();
        instance.request_of(&bob).await.organizations().delete(Some(acme)).await.unwrap();
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(100).await.unwrap();
        let mut told: Vec<_> = mails
            .iter()
            .filter(|mail| mail.subject == "Acme was deleted")
            .map(|mail| mail.to.as_str())
            .collect();
        told.sort_unstable();
        assert_eq!(told, ["ada@example.org", "bob@example.org"]);
    }

    async fn deleting_needs_the_permission_and_the_flag(backend: Backend) {
        let instance = Instance::with(backend, |settings| settings.deletable = false).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let delete = async |person| verdict(&instance.request_of(person).await.organizations().delete(Some(acme)).await);
        assert_eq!(delete(&bob).await, "FORBIDDEN org:sys_profile:delete");
        assert_eq!(delete(&ada).await, "NOT_DELETABLE");
        let id = instance.sql_id(acme.as_uuid());
        instance.sql(&format!("UPDATE organizations SET deletable = true WHERE id = {id}")).await;
        assert_eq!(delete(&ada).await, "OK");
    }

    async fn purging_waits_for_uploads_under_way(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = furnished(&instance, &ada, &bob, 1).await;
        // An upload has begun, as its sweep job tells, and sends its object after the organization is deleted.
        let prefix = format!("organizations/{}/logo/1", acme.as_uuid());
        let (job, organization) = (instance.sql_id(instance.fresh_uuid()), instance.sql_id(acme.as_uuid()));
        let payload = serde_json::json!({ "prefix": prefix, "unless": { "logo": acme } });
        let due = (resonance_domain::Clock::now(&*instance.clock) + TimeDelta::minutes(15)).to_rfc3339();
        instance.sql(&format!(
            "INSERT INTO jobs (id, queue, organization_id, payload, state, turn, run_at, attempts, created_at)
             VALUES ({job}, 'sweep', {organization}, '{payload}', 'waiting', 0, '{due}', 0, '{due}')"
        )).await;
        instance.request_of(&ada).await.organizations().delete(Some(acme)).await.unwrap();
        instance.services.settle().await.unwrap();
        assert_eq!(instance.sql_count(&format!("organizations WHERE id = {organization}")).await, 1);
        let key = BlobKey::parse(&format!("{prefix}/logo.png")).unwrap();
        instance.blobs.put(&key, Bytes::from_static(b"late"), "image/png").await.unwrap();
        instance.clock.advance(TimeDelta::minutes(16));
        instance.services.settle().await.unwrap();
        instance.clock.advance(TimeDelta::minutes(1));
        instance.services.settle().await.unwrap();
        assert_eq!(objects(&instance, acme).await, 0);
        assert_eq!(instance.sql_count(&format!("organizations WHERE id = {organization}")).await, 0);
        assert!(rows(&instance, acme).await.iter().all(|(_, count)| *count == 0));
    }

    async fn purging_goes_on_where_a_killed_node_stopped(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = furnished(&instance, &ada, &bob, 5).await;
        instance.request_of(&ada).await.organizations().delete(Some(acme)).await.unwrap();
        // A node that was killed after some steps: a few rows are gone, and the job is under its lease.
        let database = &instance.test_database.database;
        let grant = SystemGrant::<system::Purge>::for_job();
        for _ in 0..3 {
            database.atomically(async |uow| uow.purges().delete_some(&grant, acme, 2).await).await.unwrap();
        }
        let now = resonance_domain::Clock::now(&*instance.clock);
        let lost = database
            .atomically(async |uow| {
                uow.jobs()
                    .claim(resonance_persistence::JobQueue::Purge, "", instance.fresh_uuid(), now + TimeDelta::seconds(30), 1)
                    .await
            })
            .await
            .unwrap();
        assert_eq!(lost.len(), 1);
        instance.services.settle().await.unwrap();
        assert!(rows(&instance, acme).await.iter().any(|(_, count)| *count > 0), "nobody else works on a leased job");
        instance.clock.advance(TimeDelta::seconds(31));
        instance.services.settle().await.unwrap();
        assert!(rows(&instance, acme).await.iter().all(|(_, count)| *count == 0));
        assert_eq!(objects(&instance, acme).await, 0);
    }

    async fn no_row_of_an_organization_that_is_not_deleted_can_be_purged(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let grant = SystemGrant::<system::Purge>::for_job();
        let database = &instance.test_database.database;
        let deleted = database.atomically(async |uow| uow.purges().delete_some(&grant, acme, 9).await).await;
        assert_eq!(deleted.unwrap(), 0);
        let gone = database.atomically(async |uow| uow.purges().finish(&grant, acme).await).await;
        assert!(!gone.unwrap());
        assert!(instance.request_of(&ada).await.organizations().get(acme).await.unwrap().is_some());
    }
}
