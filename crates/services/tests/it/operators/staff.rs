//! Who is an operator.

use resonance_domain::{EventKind, PageRequest};
use resonance_services::{AuditLog, AuditQuery, DirectoryQuery, UpdateInstance};
use resonance_testkit::{Instance, at_once, on_both, verdict};

use super::{log, operator};

on_both! {
    async fn whoever_is_no_operator_gets_the_answer_that_there_is_nothing(backend: Backend) {
        let instance = Instance::new(backend).await;
        operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        for request in [instance.anonymous(), instance.request_of(&ada).await] {
            let operators = request.operators();
            let (query, page) = (DirectoryQuery::default(), PageRequest::first(10));
            let ids = PageRequest::first(10);
            for verdict in [
                verdict(&operators.admit().await),
                verdict(&operators.list().await),
                verdict(&operators.users(&query, &page).await),
                verdict(&operators.organizations(&query, &page).await),
                verdict(&operators.events(AuditLog::Organization(acme), &AuditQuery::default(), &ids).await),
                verdict(&operators.settings().await),
                verdict(&operators.totals().await),
                verdict(&operators.months(None, None).await),
                verdict(&operators.update_settings(UpdateInstance { reason: "x".into(), ..UpdateInstance::default() }).await),
                verdict(&operators.suspend(ada.user, "x").await),
                verdict(&operators.delete_user(ada.user, "x").await),
                verdict(&operators.create_user("x", "x@example.org", "x").await),
                verdict(&operators.add(ada.user, "x").await),
                verdict(&operators.remove(ada.user, "x").await),
                verdict(&operators.delete_organization(acme, true, "x").await),
                verdict(&operators.add_member(acme, ada.user, "org:member", "x").await),
            ] {
                assert_eq!(verdict, "NOT_FOUND");
            }
        }
    }

    async fn operators_make_and_unmake_operators_but_for_the_last_one(backend: Backend) {
        let instance = Instance::new(backend).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&olga).await;
        assert_eq!(verdict(&request.operators().remove(olga.user, "bye").await), "CONFLICT");
        assert_eq!(verdict(&request.operators().suspend(olga.user, "bye").await), "CONFLICT");
        assert_eq!(verdict(&request.operators().delete_user(olga.user, "bye").await), "CONFLICT");
        assert_eq!(verdict(&request.operators().remove(ada.user, "x").await), "NOT_FOUND userId");
        request.operators().add(ada.user, "help").await.unwrap();
        let names: Vec<_> = request.operators().list().await.unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["Olga Operator", "Ada"]);
        assert_eq!(log(&request, AuditLog::Instance).await[0].kind, EventKind::UserMadeOperator);
        let adas = instance.request_of(&ada).await;
        adas.operators().admit().await.unwrap();
        // Both at once: one stays.
        let (one, other) = (request.clone(), adas.clone());
        let outcomes = at_once::<std::pin::Pin<Box<dyn Future<Output = String> + Send>>>(vec![
            Box::pin(async move { verdict(&one.operators().suspend(ada.user, "race").await) }),
            Box::pin(async move { verdict(&other.operators().remove(olga.user, "race").await) }),
        ]).await;
        let able = instance.sql_count("operators o JOIN users u ON u.id = o.user_id WHERE u.suspended_at IS NULL").await;
        assert_eq!(able, 1, "{outcomes:?}");
    }

    async fn an_operator_unmade_is_out_with_the_next_act(backend: Backend) {
        let instance = Instance::new(backend).await;
        let olga = operator(&instance).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        instance.services.add_operator("ada@example.org").await.unwrap();
        let under_way = instance.request_of(&ada).await;
        under_way.operators().admit().await.unwrap();
        instance.services.remove_operator("ada@example.org").await.unwrap();
        assert_eq!(verdict(&under_way.operators().suspend(olga.user, "revenge").await), "NOT_FOUND");
        assert_eq!(verdict(&instance.services.remove_operator("ada@example.org").await), "NOT_FOUND email");
        assert_eq!(verdict(&instance.services.remove_operator("olga@resonance.test").await), "CONFLICT");
        assert_eq!(instance.services.list_operators().await.unwrap().len(), 1);
    }
}
