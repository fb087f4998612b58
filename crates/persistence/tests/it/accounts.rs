//! Rows of people: each opens with its owner's authority only.

use resonance_authz::{Actor, OwnGrant, SignedIn, Standing};
use resonance_domain::{EmailAddress, Id, PageRequest, SessionId};
use resonance_persistence::{Repositories, StorageError};
use resonance_testkit::{Instance, Person, on_both};

fn own(person: &Person) -> OwnGrant {
    let signed_in = SignedIn {
        user: person.user,
        session: Id::from_uuid(person.user.as_uuid()),
    };
    Actor::User(signed_in).own().unwrap()
}

async fn session_of(instance: &Instance, person: &Person) -> SessionId {
    instance.request_of(person).await.account().unwrap().session.id
}

on_both! {
    async fn nobody_changes_the_addresses_of_another(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let database = &instance.test_database.database;
        let added = instance.request_of(&ada).await.email_addresses().add("ada@example.net").await.unwrap();
        let before = database.user_emails().list(&own(&ada)).await.unwrap();
        assert_eq!(before.len(), 2);
        let now = instance.clock.now();
        database.atomically(async |uow| {
            for address in &before {
                let key = EmailAddress::parse(&address.address).unwrap();
                uow.user_emails().prove(&own(&eve), address.id, now).await?;
                uow.user_emails().make_primary(&own(&eve), address.id, &key, now).await?;
                uow.user_emails().delete(&own(&eve), address.id).await?;
            }
            Ok::<_, StorageError>(())
        }).await.unwrap();
        assert_eq!(database.user_emails().list(&own(&ada)).await.unwrap(), before);
        assert!(before.iter().any(|address| address.id == added.id && address.verified_at.is_none()));
    }

    async fn nobody_sees_or_ends_the_sessions_of_another(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let (adas, eves) = (session_of(&instance, &ada).await, session_of(&instance, &eve).await);
        let database = &instance.test_database.database;
        let now = instance.clock.now();
        let page = database.sessions().page(&own(&eve), &PageRequest::first(10), now).await.unwrap();
        assert_eq!(page.items.iter().map(|session| session.id).collect::<Vec<_>>(), [eves]);
        assert_eq!(database.sessions().count(&own(&eve), now).await.unwrap(), 1);
        database.atomically(async |uow| {
            assert!(!uow.sessions().end(&own(&eve), adas).await?);
            assert_eq!(uow.sessions().end_others(&own(&eve), eves).await?, 0);
            Ok::<_, StorageError>(())
        }).await.unwrap();
        instance.request_of(&ada).await;
    }

    async fn nobody_makes_an_organization_active_in_anothers_session(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let eves = instance.found(&eve, "Eve's").await;
        let adas = session_of(&instance, &ada).await;
        let standing: Standing = instance.request_of(&eve).await.standing(eves).await.unwrap();
        let database = &instance.test_database.database;
        let worked = database.atomically(async |uow| uow.sessions().work_in(&standing, adas).await).await;
        assert!(!worked.unwrap());
        let ada = instance.request_of(&ada).await;
        assert_eq!(ada.account().unwrap().session.active_organization, None);
    }

    async fn a_name_and_a_password_are_changed_for_their_owner_alone(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        for person in [&ada, &eve] {
            instance.found(person, "Same name").await;
        }
        instance.request_of(&eve).await.accounts().update_profile(Some("Mallory")).await.unwrap();
        assert_eq!(instance.request_of(&ada).await.account().unwrap().user.name, "Ada");
        assert_eq!(instance.sql("UPDATE memberships SET role = role WHERE name_key = 'ada'").await, 1);
        assert_eq!(instance.sql("UPDATE memberships SET role = role WHERE name_key = 'mallory'").await, 1);
    }
}
