//! One's own e-mail addresses.

use chrono::TimeDelta;
use resonance_authz::Denied;
use resonance_domain::{ErrorCode, Id, UserEmail};
use resonance_services::{Request, ServiceError};
use resonance_testkit::{Instance, PASSWORD, on_both};

use crate::refusals::{rate_limited, refused};

async fn added(instance: &Instance, request: &Request, email: &str) -> UserEmail {
    let added = request.email_addresses().add(email).await.unwrap();
    let code = instance.mailed_code(email).await;
    request.email_addresses().verify(added.id, &code).await.unwrap()
}

fn on_id(code: ErrorCode) -> [(ErrorCode, String); 1] {
    [(code, "emailAddressId".into())]
}

on_both! {
    async fn an_address_is_added_proved_made_primary_and_the_old_one_removed(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let organization = crate::tenants::organization(&instance, "acme", &[(ada.user, "org:admin")]).await;
        let request = instance.request_of(&ada).await;
        let new = request.email_addresses().add("Ada@Example.net").await.unwrap();
        assert!(new.verified_at.is_none() && !new.primary);
        assert_eq!(refused(request.email_addresses().make_primary(new.id).await), on_id(ErrorCode::Conflict));
        let sign_in = async || instance.anonymous().accounts().sign_in("ada@example.net", PASSWORD.into()).await;
        assert!(sign_in().await.is_err());
        let code = instance.mailed_code("Ada@Example.net").await;
        let proved = request.email_addresses().verify(new.id, &code).await.unwrap();
        assert_eq!(proved.verified_at, Some(instance.clock.now()));
        sign_in().await.unwrap();

        request.email_addresses().make_primary(new.id).await.unwrap();
        assert_eq!(instance.request_of(&ada).await.account().unwrap().user.email, "Ada@Example.net");
        let org = instance.sql_id(organization.as_uuid());
        let listed = format!("UPDATE memberships SET role = role WHERE organization_id = {org} AND email_key = 'ada@example.net'");
        assert_eq!(instance.sql(&listed).await, 1);
        let addresses = request.email_addresses().list().await.unwrap();
        assert_eq!(addresses.iter().filter(|address| address.primary).count(), 1);
        assert_eq!(refused(request.email_addresses().remove(new.id).await), on_id(ErrorCode::Conflict));
        let old = addresses.iter().find(|address| !address.primary).unwrap();
        request.email_addresses().remove(old.id).await.unwrap();
        assert_eq!(request.email_addresses().list().await.unwrap().len(), 1);
        // Whoever comes after may have it.
        instance.clock.advance(TimeDelta::seconds(30));
        instance.sign_up("Another Ada", "ada@example.org").await;
    }

    async fn an_unproved_address_keeps_nobody_from_having_it(backend: Backend) {
        let instance = Instance::new(backend).await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let request = instance.request_of(&eve).await;
        let claimed = request.email_addresses().add("ada@example.org").await.unwrap();
        let code = instance.mailed_code("ada@example.org").await;
        instance.sign_up("Ada", "ada@example.org").await;
        // That Ada has an account now is told to whoever reads her mails, and to nobody else.
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        let outcome = request.email_addresses().verify(claimed.id, &wrong).await;
        assert_eq!(refused(outcome), [(ErrorCode::CodeWrong, "code".into())]);
        assert_eq!(refused(request.email_addresses().verify(claimed.id, &code).await), on_id(ErrorCode::Taken));
        // Adding an address that has an account looks like adding any other.
        instance.clock.advance(TimeDelta::seconds(30));
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let request = instance.request_of(&bob).await;
        request.email_addresses().add("ada@example.org").await.unwrap();
    }

    async fn adding_an_address_again_sends_another_code(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let first = request.email_addresses().add("ada@example.net").await.unwrap();
        let first_code = instance.mailed_code("ada@example.net").await;
        assert_eq!(rate_limited(request.email_addresses().add("ADA@example.net").await), 30);
        instance.clock.advance(TimeDelta::seconds(30));
        let again = request.email_addresses().add("ADA@example.net").await.unwrap();
        assert_eq!(first.id, again.id);
        let code = instance.mailed_code("ADA@example.net").await;
        assert_ne!(first_code, code);
        assert_eq!(refused(request.email_addresses().verify(first.id, &first_code).await), [(ErrorCode::CodeWrong, "code".into())]);
        request.email_addresses().verify(first.id, &code).await.unwrap();
        instance.clock.advance(TimeDelta::seconds(30));
        let known = refused(request.email_addresses().add("ada@example.net").await);
        assert_eq!(known, [(ErrorCode::Taken, "email".into())]);
    }

    async fn an_account_has_at_most_ten_addresses(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        for n in 1..10 {
            request.email_addresses().add(&format!("ada{n}@example.org")).await.unwrap();
        }
        let outcome = request.email_addresses().add("ada10@example.org").await;
        assert_eq!(refused(outcome), [(ErrorCode::Conflict, "email".into())]);
    }

    async fn other_peoples_addresses_are_as_if_they_were_not_there(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let (by_ada, by_bob) = (instance.request_of(&ada).await, instance.request_of(&bob).await);
        let adas = added(&instance, &by_ada, "ada@example.net").await;
        let absent = Id::from_uuid(instance.fresh_uuid());
        for id in [adas.id, absent] {
            assert_eq!(refused(by_bob.email_addresses().make_primary(id).await), on_id(ErrorCode::NotFound));
            assert_eq!(refused(by_bob.email_addresses().remove(id).await), on_id(ErrorCode::NotFound));
            assert_eq!(refused(by_bob.email_addresses().verify(id, "123456").await), on_id(ErrorCode::NotFound));
        }
        assert_eq!(by_bob.email_addresses().list().await.unwrap().len(), 1);
        assert_eq!(by_ada.email_addresses().list().await.unwrap().len(), 2);
        let nobody = instance.anonymous();
        assert!(matches!(nobody.email_addresses().list().await, Err(ServiceError::Denied(Denied::Unauthenticated))));
    }

    async fn addresses_made_primary_at_once_leave_one(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let first = added(&instance, &request, "ada1@example.org").await;
        let second = added(&instance, &request, "ada2@example.org").await;
        for _ in 0..20 {
            let tasks = [first.id, second.id, first.id, second.id].map(|id| {
                let request = request.clone();
                tokio::spawn(async move { request.email_addresses().make_primary(id).await })
            });
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            let addresses = request.email_addresses().list().await.unwrap();
            let primary: Vec<_> = addresses.iter().filter(|address| address.primary).collect();
            let user = instance.request_of(&ada).await.account().unwrap().user.email.clone();
            assert_eq!(primary.iter().map(|address| &address.address).collect::<Vec<_>>(), [&user]);
        }
    }
}
