//! API keys.

use std::sync::Arc;

use chrono::TimeDelta;
use resonance_authz::Denied;
use resonance_domain::{
    ActorKind, AudioFormat, GenerationState, InOrg, OrganizationId, Origin, PageRequest, RoleKey,
    UsageMetric, VoiceAddress,
};
use resonance_services::{
    CreateApiKey, CreateGeneration, CreateRole, CreatedApiKey, InviteMembers, NewRole, Outcome, Request,
    ServiceError, SignedQuery, UpdateApiKey,
};
use resonance_speech::engine::EngineError;
use resonance_testkit::{Backend, Instance, Person, TestEngine, at_once, on_both, verdict};
use serde_json::json;

const SPEAKS: [&str; 3] = [
    "org:voices:read",
    "org:generations:read",
    "org:generations:create",
];

/// Acme with its admin Ada, its member Mel, and a voice.
struct Shop {
    instance: Instance,
    engine: Arc<TestEngine>,
    ada: Person,
    mel: Person,
    acme: OrganizationId,
    voice: VoiceAddress,
}

impl Shop {
    async fn new(backend: Backend) -> Self {
        let engine = TestEngine::new();
        let instance = Instance::with_engines(backend, engine.alone(), |_| ()).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let mel = instance.sign_up("Mel", "mel@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, acme, &mel, RoleKey::MEMBER).await;
        let voice = instance.system_voice("Vera", "test", &json!({})).await;
        Self {
            instance,
            engine,
            ada,
            mel,
            acme,
            voice,
        }
    }

    fn input(&self) -> CreateApiKey {
        CreateApiKey {
            organization: Some(self.acme),
            name: "CI".into(),
            permissions: SPEAKS.map(str::to_owned).to_vec(),
            ..CreateApiKey::default()
        }
    }

    async fn make(&self, input: CreateApiKey) -> CreatedApiKey {
        self.instance
            .request_of(&self.ada)
            .await
            .api_keys()
            .create(input)
            .await
            .unwrap()
    }

    async fn come(&self, key: &CreatedApiKey) -> Outcome<Request> {
        let services = &self.instance.services;
        services
            .authenticate_key(&key.token.expose(), Origin::default())
            .await
    }

    fn text(&self, text: &str) -> CreateGeneration {
        CreateGeneration {
            text: text.into(),
            voice: self.voice.global_id(),
            format: AudioFormat::Wav,
            ..CreateGeneration::default()
        }
    }

    async fn spent(&self, key: &CreatedApiKey) -> u64 {
        let request = self.instance.request_of(&self.ada).await;
        request
            .billing()
            .spent_by_key(InOrg::new(self.acme, key.key.id))
            .await
            .unwrap()
    }
}

fn is_unauthenticated(outcome: &Outcome<Request>) -> bool {
    matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated)))
}

on_both! {
    async fn a_key_speaks_is_the_author_in_the_history_on_the_meter_and_in_the_log(backend: Backend) {
        let shop = Shop::new(backend).await;
        let key = shop.make(shop.input()).await;
        let program = shop.come(&key).await.unwrap();
        let made = program.generations().create(shop.text("Hello")).await.unwrap().generation;
        assert_eq!((made.created_by, made.created_by_key, made.organization), (None, Some(key.key.id), shop.acme));
        shop.instance.services.settle().await.unwrap();
        let heard = program.generations().get(InOrg::new(shop.acme, made.id)).await.unwrap();
        assert_eq!((heard.state, heard.created_by_key), (GenerationState::Succeeded, Some(key.key.id)));
        let ada = shop.instance.request_in(&shop.ada, shop.acme).await;
        let period = ada.usage().period(None, None).unwrap();
        let by_key = ada.usage().by_key(shop.acme, UsageMetric::Characters, period).await.unwrap();
        assert_eq!(by_key.iter().map(|used| (used.key, used.quantity)).collect::<Vec<_>>(), [(key.key.id, 5)]);
        assert!(ada.usage().by_member(shop.acme, UsageMetric::Characters, period).await.unwrap().is_empty());
        let told = shop.instance.sql_texts(
            "SELECT actor_kind || ' ' || actor FROM events WHERE kind = 'generation.created'").await;
        let address = InOrg::new(shop.acme, key.key.id).global_id();
        assert_eq!(told, [format!("{} {address}", ActorKind::ApiKey.as_str())]);
        // The same again is free, whoever asks.
        assert!(program.generations().create(shop.text("Hello")).await.unwrap().reused);
        assert_eq!(shop.spent(&key).await, 5);
    }

    async fn of_the_secret_only_the_hash_is_stored_and_nothing_of_it_is_told(backend: Backend) {
        let shop = Shop::new(backend).await;
        let key = shop.make(shop.input()).await;
        let secret = key.token.expose();
        assert!(secret.starts_with("rsk_") && secret.ends_with(&key.key.hint) && key.key.hint.len() == 4);
        assert!(!format!("{key:?}").contains(&secret));
        shop.instance.services.settle().await.unwrap();
        for text in ["SELECT name || hint || permissions FROM api_keys", "SELECT CAST(payload AS text) FROM events"] {
            assert!(shop.instance.sql_texts(text).await.iter().all(|row| !row.contains(&secret[4..])));
        }
    }

    async fn revoked_expired_unknown_and_orphaned_keys_are_all_answered_alike_from_the_next_request_on(backend: Backend) {
        let shop = Shop::new(backend).await;
        let (revoked, kept) = (shop.make(shop.input()).await, shop.make(shop.input()).await);
        let end = shop.instance.clock_now() + TimeDelta::hours(1);
        let expiring = shop.make(CreateApiKey { expires_at: Some(end), ..shop.input() }).await;
        let before = shop.come(&revoked).await.unwrap();
        let request = shop.instance.request_of(&shop.ada).await;
        request.api_keys().revoke(InOrg::new(shop.acme, revoked.key.id)).await.unwrap();
        assert!(is_unauthenticated(&shop.come(&revoked).await));
        // Also for a request that was under way.
        assert_eq!(verdict(&before.generations().create(shop.text("late")).await), "NOT_FOUND");
        assert!(shop.come(&expiring).await.is_ok());
        shop.instance.clock.advance(TimeDelta::hours(1));
        assert!(is_unauthenticated(&shop.come(&expiring).await));
        for made_up in ["rsk_", "rsk_x", &format!("rsk_{}", "A".repeat(43))] {
            let outcome = shop.instance.services.authenticate_key(made_up, Origin::default()).await;
            assert!(is_unauthenticated(&outcome), "{made_up}");
        }
        assert!(shop.come(&kept).await.is_ok());
        let request = shop.instance.request_of(&shop.ada).await;
        request.organizations().delete(Some(shop.acme)).await.unwrap();
        assert!(is_unauthenticated(&shop.come(&kept).await));
        shop.instance.services.settle().await.unwrap();
        assert_eq!(shop.instance.sql_texts("SELECT name FROM api_keys").await, Vec::<String>::new());
    }

    async fn a_budget_is_never_overshot_by_one_character_however_many_ask_at_once(backend: Backend) {
        let shop = Shop::new(backend).await;
        let key = shop.make(CreateApiKey { character_budget: Some(100), ..shop.input() }).await;
        let node = shop.instance.another_node().await;
        let programs = [
            shop.come(&key).await.unwrap(),
            node.authenticate_key(&key.token.expose(), Origin::default()).await.unwrap(),
        ];
        let tries = (0..100).map(|nth| {
            let (program, input) = (programs[nth % 2].clone(), shop.text(&format!("text {nth:02}")));
            async move { program.generations().create(input).await }
        });
        let outcomes = at_once(tries.collect()).await;
        let refused = outcomes.iter().filter(|outcome| verdict(outcome) == "QUOTA_EXCEEDED").count();
        let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        // Seven characters each.
        assert_eq!((made, refused), (14, 86));
        assert_eq!(shop.spent(&key).await, 98);
        // Nothing of the refused ones is left.
        assert_eq!(shop.instance.sql_texts("SELECT text FROM generations").await.len(), 14);
        // In another month there is as much again.
        shop.instance.clock.advance(TimeDelta::days(32));
        assert!(shop.come(&key).await.unwrap().generations().create(shop.text("another month")).await.is_ok());
    }

    async fn what_fails_is_given_back_to_the_budget(backend: Backend) {
        let shop = Shop::new(backend).await;
        let key = shop.make(CreateApiKey { character_budget: Some(10), ..shop.input() }).await;
        let program = shop.come(&key).await.unwrap();
        let made = program.generations().create(shop.text("0123456789")).await.unwrap().generation;
        shop.engine.fail_next(EngineError::permanent("no"));
        shop.instance.services.settle().await.unwrap();
        let failed = program.generations().get(InOrg::new(shop.acme, made.id)).await.unwrap();
        assert_eq!((failed.state, shop.spent(&key).await), (GenerationState::Failed, 0));
        assert!(program.generations().create(shop.text("9876543210")).await.is_ok());
    }

    async fn what_is_cancelled_is_given_back_to_the_budget(backend: Backend) {
        let shop = Shop::new(backend).await;
        let key = shop.make(CreateApiKey { character_budget: Some(10), ..shop.input() }).await;
        let program = shop.come(&key).await.unwrap();
        let made = program.generations().create(shop.text("0123456789")).await.unwrap().generation;
        assert_eq!(verdict(&program.generations().create(shop.text("x")).await), "QUOTA_EXCEEDED");
        // A key stops what it made itself.
        program.generations().cancel(InOrg::new(shop.acme, made.id)).await.unwrap();
        assert_eq!(shop.spent(&key).await, 0);
        assert!(program.generations().create(shop.text("9876543210")).await.is_ok());
    }

    async fn for_a_key_with_a_list_of_voices_there_are_no_others(backend: Backend) {
        let shop = Shop::new(backend).await;
        let own = shop.instance.custom_voice(shop.acme, "Clara").await;
        let key = shop.make(CreateApiKey { voices: Some(vec![own.global_id()]), ..shop.input() }).await;
        let program = shop.come(&key).await.unwrap();
        assert_eq!(verdict(&program.generations().create(shop.text("Hello")).await), "NOT_FOUND voiceId");
        let input = CreateGeneration { voice: own.global_id(), ..shop.text("Hello") };
        assert!(program.generations().create(input).await.is_ok());
        // Another organization's voice is none.
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let elsewhere = shop.instance.found(&eve, "Elsewhere").await;
        let foreign = shop.instance.custom_voice(elsewhere, "Clara").await;
        let input = CreateApiKey { voices: Some(vec![foreign.global_id()]), ..shop.input() };
        let ada = shop.instance.request_of(&shop.ada).await;
        assert_eq!(verdict(&ada.api_keys().create(input).await), "NOT_FOUND voices");
    }

    async fn a_key_repeats_downloads_and_deletes_as_far_as_it_reaches(backend: Backend) {
        let shop = Shop::new(backend).await;
        let own = shop.instance.custom_voice(shop.acme, "Clara").await;
        let key = shop.make(CreateApiKey { voices: Some(vec![own.global_id()]), ..shop.input() }).await;
        let program = shop.come(&key).await.unwrap();
        let ada = shop.instance.request_in(&shop.ada, shop.acme).await;
        let at = |made: resonance_services::CreatedGeneration| InOrg::new(shop.acme, made.generation.id);
        let hers = at(ada.generations().create(shop.text("hers")).await.unwrap());
        let input = CreateGeneration { voice: own.global_id(), ..shop.text("its") };
        let its = at(program.generations().create(input).await.unwrap());
        // By the voices of its list alone, and on its own account.
        assert_eq!(verdict(&program.generations().repeat(hers, true).await), "NOT_FOUND voiceId");
        let repeated = program.generations().repeat(its, true).await.unwrap();
        assert_eq!(repeated.generation.created_by_key, Some(key.key.id));
        assert_eq!(shop.spent(&key).await, 6);
        shop.instance.services.settle().await.unwrap();

        let url = program.generations().archive_url(&[hers, its]).await.unwrap();
        let fetch = async |url: &str, request: &Request| {
            let (_, link) = url.split_once("/archives/").unwrap();
            let (archive, query) = link.split_once("?expires=").unwrap();
            let (expires, signature) = query.split_once("&signature=").unwrap();
            let signed = SignedQuery { expires: expires.parse().unwrap(), signature: signature.into() };
            verdict(&request.generations().archive(&archive.parse().unwrap(), Some(&signed)).await)
        };
        assert_eq!(fetch(&url, &shop.instance.anonymous()).await, "OK");

        let repeated = at(repeated);
        let outcome = program.generations().delete_many(&[its, hers]).await;
        assert_eq!(verdict(&outcome), "FORBIDDEN org:generations:delete");
        assert_eq!(verdict(&program.generations().delete_many(&[its, repeated]).await), "OK");
        let url = program.generations().archive_url(&[hers]).await.unwrap();
        ada.api_keys().revoke(InOrg::new(shop.acme, key.key.id)).await.unwrap();
        assert_eq!(fetch(&url, &shop.instance.anonymous()).await, "NOT_FOUND");
    }

    async fn a_key_opens_nothing_elsewhere_and_does_nothing_that_takes_a_person(backend: Backend) {
        let shop = Shop::new(backend).await;
        let key = shop.make(shop.input()).await;
        let program = shop.come(&key).await.unwrap();
        let eve = shop.instance.sign_up("Eve", "eve@example.org").await;
        let elsewhere = shop.instance.found(&eve, "Elsewhere").await;
        let input = CreateGeneration { organization: Some(elsewhere), ..shop.text("Hello") };
        assert_eq!(verdict(&program.generations().create(input).await), "NOT_FOUND");
        let page = PageRequest::first(5);
        assert_eq!(verdict(&program.generations().list(elsewhere, &Default::default(), Default::default(), &page).await), "NOT_FOUND");
        assert_eq!(verdict(&program.api_keys().list(shop.acme, &page).await), "FORBIDDEN org:sys_api_keys:read");
        let invite = InviteMembers {
            organization: Some(shop.acme),
            emails: vec!["x@example.org".into()],
            role: "org:member".into(),
            expires_in_days: None,
        };
        assert_eq!(verdict(&program.invitations().invite(invite).await), "UNAUTHENTICATED");
        assert_eq!(verdict(&program.api_keys().create(shop.input()).await), "UNAUTHENTICATED");
        assert_eq!(verdict(&program.organizations().delete(Some(shop.acme)).await), "UNAUTHENTICATED");
        // Others' generations it sees, and does not delete.
        let ada = shop.instance.request_in(&shop.ada, shop.acme).await;
        let hers = ada.generations().create(shop.text("hers")).await.unwrap().generation;
        let hers = InOrg::new(shop.acme, hers.id);
        assert!(program.generations().get(hers).await.is_ok());
        assert_eq!(verdict(&program.generations().delete(hers).await), "FORBIDDEN org:generations:delete");
    }

    async fn nobody_gives_a_key_what_they_lack_nor_what_is_for_people(backend: Backend) {
        let shop = Shop::new(backend).await;
        let ada = shop.instance.request_of(&shop.ada).await;
        for never in ["org:sys_memberships:manage", "org:sys_api_keys:manage", "org:voices:update", "org:usage:read", "org:nonsense", "x"] {
            let input = CreateApiKey { permissions: vec![never.into()], ..shop.input() };
            assert_eq!(verdict(&ada.api_keys().create(input).await), "INVALID permissions", "{never}");
        }
        let input = CreateApiKey { permissions: Vec::new(), name: " ".into(), character_budget: Some(0), ..shop.input() };
        assert_eq!(verdict(&ada.api_keys().create(input).await), "TOO_SHORT name, TOO_SHORT permissions, INVALID characterBudget");
        let mel = shop.instance.request_of(&shop.mel).await;
        assert_eq!(verdict(&mel.api_keys().create(shop.input()).await), "FORBIDDEN org:sys_api_keys:manage");
        // Who may manage keys, and not delete generations, gives no key that, and changes none that has it.
        let role = NewRole {
            key: "org:keeper".into(),
            name: "Keeper".into(),
            description: String::new(),
            permissions: vec!["org:sys_api_keys:manage".into(), "org:voices:read".into()],
        };
        ada.roles().create(CreateRole { organization: Some(shop.acme), role }).await.unwrap();
        let mels = mel.standing(shop.acme).await.unwrap().membership();
        ada.memberships().change_role(InOrg::new(shop.acme, mels), "org:keeper").await.unwrap();
        let mel = shop.instance.request_of(&shop.mel).await;
        let strong = CreateApiKey { permissions: vec!["org:generations:delete".into()], ..shop.input() };
        assert_eq!(verdict(&mel.api_keys().create(strong.clone()).await), "ROLE_EXCEEDS_OWN permissions");
        let strong = shop.make(strong).await;
        let change = UpdateApiKey { name: Some("mine".into()), ..UpdateApiKey::default() };
        let strong = InOrg::new(shop.acme, strong.key.id);
        assert_eq!(verdict(&mel.api_keys().update(strong, change).await), "ROLE_EXCEEDS_OWN permissions");
        // Ending one is always allowed.
        assert!(mel.api_keys().revoke(strong).await.is_ok());
    }

    async fn changing_a_key_is_obeyed_by_its_next_request_and_its_last_use_is_kept(backend: Backend) {
        let shop = Shop::new(backend).await;
        let key = shop.make(CreateApiKey { character_budget: Some(3), ..shop.input() }).await;
        let id = InOrg::new(shop.acme, key.key.id);
        let ada = shop.instance.request_of(&shop.ada).await;
        let program = shop.come(&key).await.unwrap();
        assert_eq!(verdict(&program.generations().create(shop.text("four")).await), "QUOTA_EXCEEDED");
        let change = UpdateApiKey { character_budget: Some(None), ..UpdateApiKey::default() };
        ada.api_keys().update(id, change).await.unwrap();
        assert!(program.generations().create(shop.text("four")).await.is_ok());
        let change = UpdateApiKey { permissions: Some(vec!["org:voices:read".into()]), ..UpdateApiKey::default() };
        ada.api_keys().update(id, change).await.unwrap();
        let program = shop.come(&key).await.unwrap();
        assert_eq!(verdict(&program.generations().create(shop.text("five!")).await), "FORBIDDEN org:generations:create");
        for _ in 0..100 {
            if ada.api_keys().get_many(shop.acme, &[key.key.id]).await.unwrap()[0].last_used_at.is_some() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the use of the key was not noted");
    }
}
