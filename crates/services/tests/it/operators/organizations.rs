//! Organizations in the hands of operators.

use resonance_domain::{DirectoryOrder, EventKind, Id, PageRequest};
use resonance_persistence::count_statements;
use resonance_services::{
    AuditLog, CreateOrganization, DirectoryQuery, OperatorCreateOrganization, OperatorUpdateOrganization,
};
use resonance_testkit::{Instance, on_both, verdict};
use serde_json::json;

use super::{log, operator, told_twice};

fn update(organization: resonance_domain::OrganizationId) -> OperatorUpdateOrganization {
    OperatorUpdateOrganization {
        organization,
        name: None,
        slug: None,
        description: None,
        public_metadata: None,
        private_metadata: None,
        member_limit: None,
        deletable: None,
        reason: "support".into(),
    }
}

on_both! {
    async fn operators_create_and_change_organizations_and_both_logs_tell(backend: Backend) {
        let instance = Instance::with(backend, |settings| settings.organizations_per_user = 0).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&olga).await;
        let operators = request.operators();
        let new = OperatorCreateOrganization {
            organization: CreateOrganization { name: "Acme".into(), ..CreateOrganization::default() },
            admin: ada.user,
            member_limit: Some(7),
            deletable: Some(false),
            private_metadata: Some(json!({ "crm": 17 })),
            reason: "contract".into(),
        };
        let acme = operators.create_organization(new.clone()).await.unwrap();
        assert_eq!((acme.organization.member_limit, acme.organization.deletable), (7, false));
        assert_eq!(acme.private_metadata.as_object()["crm"], 17);
        let id = acme.organization.id;
        let standing = instance.request_of(&ada).await.standing(id).await.unwrap();
        assert!(standing.role().is_admin());
        // The operator is no member of it.
        assert_eq!(verdict(&request.standing(id).await), "NOT_FOUND");
        let nobody = OperatorCreateOrganization { admin: Id::from_uuid(instance.fresh_uuid()), ..new.clone() };
        assert_eq!(verdict(&operators.create_organization(nobody).await), "NOT_FOUND adminId");

        let changed = operators.update_organization(OperatorUpdateOrganization {
            name: Some("Acme 2".into()),
            member_limit: Some(9),
            public_metadata: Some(json!({ "stone": "quartz" })),
            private_metadata: Some(json!({ "crm": null, "note": "a secret remark" })),
            ..update(id)
        }).await.unwrap();
        assert_eq!((changed.organization.name.as_str(), changed.organization.member_limit, changed.organization.deletable), ("Acme 2", 9, false));
        assert_eq!(changed.private_metadata.into_value(), json!({ "note": "a secret remark" }));
        let (there, here) = told_twice(&request, id).await;
        assert_eq!(there.kind, EventKind::OrganizationUpdated);
        for event in [there, here] {
            assert_eq!(event.payload["changes"]["memberLimit"], json!({ "old": 7, "new": 9 }));
            assert_eq!(event.payload["reason"], "support");
            assert!(!event.payload.to_string().contains("remark"), "{}", event.payload);
        }
        let wrong = OperatorUpdateOrganization { slug: Some("No".into()), reason: String::new(), ..update(id) };
        assert_eq!(verdict(&operators.update_organization(wrong).await), "INVALID slug, TOO_SHORT reason");
        let too_large = json!({ "note": "x".repeat(9000) });
        let wrong = OperatorUpdateOrganization { private_metadata: Some(too_large), ..update(id) };
        assert_eq!(verdict(&operators.update_organization(wrong).await), "TOO_LONG privateMetadata");
        let absent = update(Id::from_uuid(instance.fresh_uuid()));
        assert_eq!(verdict(&operators.update_organization(absent).await), "NOT_FOUND");
        // Setting the flag makes it deletable for its admin, and back.
        let free = OperatorUpdateOrganization { deletable: Some(true), ..update(id) };
        operators.update_organization(free).await.unwrap();
        instance.request_of(&ada).await.organizations().delete(Some(id)).await.unwrap();
    }

    async fn an_operator_deletes_what_is_protected_only_by_force(backend: Backend) {
        let instance = Instance::with(backend, |settings| settings.deletable = false).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let request = instance.request_of(&olga).await;
        let operators = request.operators();
        assert_eq!(verdict(&operators.delete_organization(acme, false, "over").await), "NOT_DELETABLE force");
        operators.delete_organization(acme, true, "over").await.unwrap();
        assert_eq!(verdict(&instance.request_of(&ada).await.standing(acme).await), "NOT_FOUND");
        instance.services.settle().await.unwrap();
        assert_eq!(instance.sql_count("organizations").await, 0);
        let events = log(&request, AuditLog::Instance).await;
        let deleted: Vec<_> = events.iter().filter(|event| event.kind == EventKind::OrganizationDeleted).collect();
        assert_eq!((deleted.len(), &deleted[0].payload["forced"], &deleted[0].payload["reason"]), (1, &json!(true), &json!("over")));
        let mails = instance.mails.list(100).await.unwrap();
        assert_eq!(mails.iter().filter(|mail| mail.subject.contains("deleted")).count(), 1);
    }

    async fn organizations_are_searched_ordered_and_paged_by_one_statement(backend: Backend) {
        let instance = Instance::new(backend).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        for name in ["Zebra", "Élan", "acme one", "Acme Two", "Acme_x"] {
            instance.found(&ada, name).await;
        }
        let request = instance.request_of(&olga).await;
        let list = async |query: DirectoryQuery| {
            let page = request.operators().organizations(&query, &PageRequest::first(100)).await.unwrap();
            assert_eq!(request.operators().count_organizations(&query).await.unwrap(), page.items.len() as u64);
            page.items.into_iter().map(|found| found.organization.name).collect::<Vec<_>>()
        };
        let search = |text: &str| DirectoryQuery { search: Some(text.into()), ..DirectoryQuery::default() };
        assert_eq!(list(search(" ACME")).await, ["acme one", "Acme Two", "Acme_x"]);
        assert_eq!(list(search("acme_")).await, ["Acme_x"]);
        assert_eq!(list(search("acme-t")).await, ["Acme Two"]);
        assert_eq!(list(search("él")).await, ["Élan"]);
        assert_eq!(list(search("one")).await, <[&str; 0]>::default());
        let by_name = DirectoryQuery { order: DirectoryOrder::Name, descending: true, ..DirectoryQuery::default() };
        assert_eq!(list(by_name.clone()).await, ["Élan", "Zebra", "Acme_x", "Acme Two", "acme one"]);
        let none = DirectoryQuery { created_until: Some(resonance_domain::Month::of(request.now()).start()), ..DirectoryQuery::default() };
        assert_eq!(list(none).await, <[&str; 0]>::default());
        assert_eq!(verdict(&request.operators().count_organizations(&search(&"x".repeat(321))).await), "TOO_LONG search");
        // Page by page, in either direction of the order, nothing is missed or repeated.
        for descending in [false, true] {
            let query = DirectoryQuery { descending, ..by_name.clone() };
            let (mut walked, mut cursor) = (Vec::new(), None);
            loop {
                let page = PageRequest { direction: resonance_domain::Direction::Forward, limit: 2, cursor };
                let (page, statements) = count_statements(request.operators().organizations(&query, &page)).await;
                let page = page.unwrap();
                assert_eq!(statements, 1);
                walked.extend(page.items.iter().map(|found| found.organization.name.clone()));
                cursor = page.items.last().map(|found| found.place(query.order));
                if !page.has_next { break }
            }
            assert_eq!(walked, list(query).await);
        }
    }
}
