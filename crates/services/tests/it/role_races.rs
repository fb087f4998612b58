//! Roles under way in several requests at once, on two nodes.

use resonance_domain::InOrg;
use resonance_services::{InviteMembers, RegisterPermission, Services};
use resonance_testkit::{Person, at_once, on_both, verdict};

use crate::{
    roles::{acme, holder, make, membership},
    roles_of_the_instance::{new_role, operator, register},
};

type Attempt = std::pin::Pin<Box<dyn Future<Output = String> + Send>>;

async fn request(node: &Services, person: &Person) -> resonance_services::Request {
    node.authenticate(&person.token, Default::default(), None)
        .await
        .unwrap()
}

on_both! {
    async fn a_role_that_is_deleted_while_it_is_given_is_either_gone_or_held(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let node = instance.another_node().await;
        let bob = holder(&instance, &ada, acme, "Bob", "org:member").await;
        let bobs = membership(&instance, &bob, acme).await;
        for round in 0..10 {
            let admin = instance.request_of(&ada).await;
            let role = make(&admin, acme, &format!("org:role_{round}"), &["org:usage:read"]).await.unwrap();
            let (deletes, gives, invites) =
                (request(&node, &ada).await, request(&instance.services, &ada).await, request(&node, &ada).await);
            let (id, key) = (InOrg::new(acme, role.id), role.key.as_str().to_owned());
            let invitation = InviteMembers {
                organization: Some(acme),
                emails: vec![format!("eve{round}@example.org")],
                role: key.clone(),
                expires_in_days: None,
            };
            let attempts: Vec<Attempt> = vec![
                Box::pin(async move { verdict(&deletes.roles().delete(id).await) }),
                Box::pin(async move { verdict(&gives.memberships().change_role(bobs, &key).await) }),
                Box::pin(async move { verdict(&invites.invitations().invite(invitation).await) }),
            ];
            let verdicts = at_once(attempts).await;
            let deleted = verdicts[0] == "OK";
            let expected = if deleted { ["OK", "INVALID role", "INVALID role"] } else { ["ROLE_IN_USE roleId", "OK", "OK"] };
            assert_eq!(verdicts, expected, "round {round}");
            admin.memberships().change_role(bobs, "org:member").await.unwrap();
        }
        let orphans = "memberships m WHERE m.role NOT IN ('org:admin', 'org:member')
            AND NOT EXISTS (SELECT 1 FROM roles r WHERE r.key = m.role)";
        assert_eq!(instance.sql_count(orphans).await, 0);
    }

    async fn a_role_of_the_instance_that_is_deleted_while_organizations_give_it_is_either_gone_or_held(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let node = instance.another_node().await;
        let zoe = instance.sign_up("Zoe", "zoe@example.org").await;
        let other = instance.found(&zoe, "Other").await;
        instance.set_member_limit(other, 0).await;
        let bob = holder(&instance, &ada, acme, "Bob", "org:member").await;
        let cem = holder(&instance, &zoe, other, "Cem", "org:member").await;
        let (bobs, cems) = (membership(&instance, &bob, acme).await, membership(&instance, &cem, other).await);
        for round in 0..10 {
            let (admin, grant) = (instance.request_of(&ada).await, operator(&ada));
            let key = format!("org:role_{round}");
            let role = admin.instance_roles().create(&grant, new_role(&key, &[])).await.unwrap();
            let (deletes, here, there) =
                (request(&node, &ada).await, request(&instance.services, &ada).await, request(&node, &zoe).await);
            let (one, two) = (key.clone(), key.clone());
            let attempts: Vec<Attempt> = vec![
                Box::pin(async move { verdict(&deletes.instance_roles().delete(&grant, role.id).await) }),
                Box::pin(async move { verdict(&here.memberships().change_role(bobs, &one).await) }),
                Box::pin(async move { verdict(&there.memberships().change_role(cems, &two).await) }),
            ];
            let verdicts = at_once(attempts).await;
            let given = verdicts[1..].iter().any(|verdict| verdict == "OK");
            assert_eq!(verdicts[0] == "OK", !given, "round {round}: {verdicts:?}");
            for (person, member) in [(&ada, bobs), (&zoe, cems)] {
                let request = instance.request_of(person).await;
                request.memberships().change_role(member, "org:member").await.unwrap();
            }
        }
    }

    async fn of_two_who_make_a_role_with_the_same_key_at_once_one_does(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let node = instance.another_node().await;
        for round in 0..10 {
            let key = format!("org:role_{round}");
            let (here, there, everywhere) =
                (request(&instance.services, &ada).await, request(&node, &ada).await, request(&node, &ada).await);
            let (one, two, grant) = (key.clone(), key.clone(), operator(&ada));
            let attempts: Vec<Attempt> = vec![
                Box::pin(async move { verdict(&make(&here, acme, &one, &[]).await) }),
                Box::pin(async move { verdict(&make(&there, acme, &two, &[]).await) }),
                Box::pin(async move { verdict(&everywhere.instance_roles().create(&grant, new_role(&key, &[])).await) }),
            ];
            let mut verdicts = at_once(attempts).await;
            verdicts.sort();
            assert_eq!(verdicts, ["OK", "TAKEN key", "TAKEN key"], "round {round}");
        }
    }

    async fn a_permission_that_is_removed_while_a_role_takes_it_is_in_no_role(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let node = instance.another_node().await;
        for round in 0..10 {
            register(&instance, &ada, &["org:invoices:read"]).await;
            let (makes, removes, grant) =
                (request(&instance.services, &ada).await, request(&node, &ada).await, operator(&ada));
            let attempts: Vec<Attempt> = vec![
                Box::pin(async move {
                    verdict(&make(&makes, acme, &format!("org:role_{round}"), &["org:invoices:read"]).await)
                }),
                Box::pin(async move {
                    verdict(&removes.instance_roles().remove_permission(&grant, "org:invoices:read").await)
                }),
            ];
            let verdicts = at_once(attempts).await;
            assert_eq!(verdicts[1], "OK");
            assert!(["OK", "INVALID permissions.0"].contains(&verdicts[0].as_str()), "{verdicts:?}");
            assert_eq!(instance.sql_count("roles WHERE permissions <> ''").await, 0, "round {round}");
        }
    }

    async fn permissions_registered_at_once_leave_no_more_kinds_of_action_than_a_token_states(backend: Backend) {
        let (instance, ada, _) = acme(backend).await;
        let keys: Vec<String> = (0..48).map(|nth| format!("org:invoices:act{nth}")).collect();
        register(&instance, &ada, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let mut attempts: Vec<Attempt> = Vec::new();
        for nth in 0..4 {
            let (asks, grant) = (request(&instance.services, &ada).await, operator(&ada));
            attempts.push(Box::pin(async move {
                let input = RegisterPermission {
                    key: format!("org:invoices:more{nth}"),
                    name: "X".into(),
                    description: String::new(),
                };
                verdict(&asks.instance_roles().register_permission(&grant, input).await)
            }));
        }
        let mut verdicts = at_once(attempts).await;
        verdicts.sort();
        assert_eq!(verdicts, ["INVALID key", "INVALID key", "INVALID key", "OK"]);
    }
}
