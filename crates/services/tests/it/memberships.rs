//! Members: lists, roles, leaving and removing.

use resonance_authz::Denied;
use resonance_domain::{
    Direction, Id, InOrg, MembershipId, MembershipOrder, OrganizationId, PageRequest, RoleKey,
};
use resonance_persistence::count_statements;
use resonance_services::{Member, MemberQuery, Request, ServiceError, TextCursor};
use resonance_testkit::{Backend, Instance, Person, at_once, on_both, verdict};

/// An organization without a member limit.
async fn acme(backend: Backend) -> (Instance, Person, OrganizationId) {
    let instance = Instance::with(backend, |settings| settings.member_limit = 0).await;
    let ada = instance.sign_up("Ada Lovelace", "ada@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    (instance, ada, acme)
}

async fn members(request: &Request, organization: OrganizationId) -> Vec<Member> {
    let page = PageRequest::first(100);
    let memberships = request.memberships();
    let page = memberships
        .list(organization, &MemberQuery::default(), &page)
        .await;
    page.unwrap().items
}

async fn membership(
    instance: &Instance,
    person: &Person,
    organization: OrganizationId,
) -> InOrg<MembershipId> {
    let request = instance.request_of(person).await;
    let standing = request.standing(organization).await.unwrap();
    InOrg::new(organization, standing.membership())
}

fn names(members: &[Member]) -> Vec<&str> {
    members.iter().map(|member| member.name.as_str()).collect()
}

on_both! {
    async fn members_are_found_filtered_ordered_and_paged(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let people = [
            ("bob", "Zoe@example.org", RoleKey::MEMBER),
            ("Émile 100%", "b_b@example.org", RoleKey::ADMIN),
            ("bob", "adam@other.example", RoleKey::MEMBER),
            ("Çelik", "bob@example.org", RoleKey::MEMBER),
        ];
        for (name, email, role) in people {
            let person = instance.sign_up(name, email).await;
            instance.bring_in(&ada, acme, &person, role).await;
        }
        // The same people elsewhere show nowhere here.
        let eve = instance.sign_up("bob Eve", "eve@example.org").await;
        instance.found(&eve, "Evil").await;
        let request = instance.request_of(&ada).await;
        let list = async |query: MemberQuery| {
            let memberships = request.memberships();
            let page = PageRequest::first(100);
            let page = memberships.list(acme, &query, &page).await.unwrap();
            assert_eq!(memberships.count(acme, &query).await.unwrap(), page.items.len() as u64);
            page.items.iter().map(|member| member.email.clone()).collect::<Vec<_>>()
        };
        let all = ["ada@example.org", "Zoe@example.org", "b_b@example.org", "adam@other.example", "bob@example.org"];
        let of = |order| MemberQuery { order, ..MemberQuery::default() };
        assert_eq!(list(of(MembershipOrder::JoinedAt)).await, all);
        let by_email = ["ada@example.org", "adam@other.example", "b_b@example.org", "bob@example.org", "Zoe@example.org"];
        assert_eq!(list(of(MembershipOrder::Email)).await, by_email);
        // In the order of characters, so `ç` and `é` come after `z`.
        let by_name = ["ada@example.org", "Zoe@example.org", "adam@other.example", "bob@example.org", "b_b@example.org"];
        assert_eq!(list(of(MembershipOrder::Name)).await, by_name);
        let descending = MemberQuery { descending: true, ..of(MembershipOrder::Name) };
        assert_eq!(list(descending).await, by_name.iter().rev().copied().collect::<Vec<_>>());
        let search = |text: &str| MemberQuery { search: Some(text.into()), ..MemberQuery::default() };
        assert_eq!(list(search("BOB")).await, ["Zoe@example.org", "adam@other.example", "bob@example.org"]);
        assert_eq!(list(search(" çEL ")).await, ["bob@example.org"]);
        assert_eq!(list(search("%")).await, ["b_b@example.org"]);
        assert_eq!(list(search("b_b")).await, ["b_b@example.org"]);
        assert_eq!(list(search("@other.")).await, ["adam@other.example"]);
        assert_eq!(list(search("eve")).await, <[&str; 0]>::default());
        assert_eq!(list(search("  ")).await, all);
        let admins = MemberQuery { role: Some("org:admin".into()), ..MemberQuery::default() };
        assert_eq!(list(admins).await, ["ada@example.org", "b_b@example.org"]);
        let both = MemberQuery { role: Some("org:admin".into()), ..search("bob") };
        assert_eq!(list(both).await, <[&str; 0]>::default());
        for (query, expected) in [
            (search(&"x".repeat(257)), "TOO_LONG search"),
            (MemberQuery { role: Some("admin".into()), ..MemberQuery::default() }, "INVALID role"),
        ] {
            let outcome = request.memberships().list(acme, &query, &PageRequest::first(1)).await;
            assert_eq!(verdict(&outcome), expected);
        }
    }

    async fn pages_in_either_direction_miss_and_repeat_nobody_whatever_the_order(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        for nth in 0..6 {
            // Names repeat, so that ties matter.
            let person = instance.sign_up(&format!("Bob {}", nth / 2), &format!("bob{nth}@example.org")).await;
            instance.bring_in(&ada, acme, &person, RoleKey::MEMBER).await;
        }
        let request = instance.request_of(&ada).await;
        for order in [MembershipOrder::JoinedAt, MembershipOrder::Name, MembershipOrder::Email] {
            for descending in [false, true] {
                let query = MemberQuery { order, descending, ..MemberQuery::default() };
                let whole = PageRequest::first(100);
                let whole = request.memberships().list(acme, &query, &whole).await.unwrap().items;
                assert_eq!(whole.len(), 7);
                for direction in [Direction::Forward, Direction::Backward] {
                    let mut walked = Vec::new();
                    let mut cursor: Option<TextCursor> = None;
                    loop {
                        let page = PageRequest { direction, limit: 3, cursor };
                        let page = request.memberships().list(acme, &query, &page).await.unwrap();
                        let next = match direction {
                            Direction::Forward => {
                                walked.extend(page.items.iter().cloned());
                                page.items.last().filter(|_| page.has_next)
                            }
                            Direction::Backward => {
                                walked.splice(0..0, page.items.iter().cloned());
                                page.items.first().filter(|_| page.has_previous)
                            }
                        };
                        let Some(next) = next else { break };
                        cursor = Some(next.place(order));
                    }
                    assert_eq!(walked, whole, "{order:?} {descending} {direction:?}");
                }
            }
        }
    }

    async fn a_page_of_members_is_one_statement(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        for nth in 0..5 {
            let person = instance.sign_up("Bob", &format!("bob{nth}@example.org")).await;
            instance.bring_in(&ada, acme, &person, RoleKey::MEMBER).await;
        }
        let request = instance.request_of(&ada).await;
        let (members, statements) = count_statements(members(&request, acme)).await;
        assert_eq!((members.len(), statements), (6, 1));
    }

    async fn a_changed_name_is_found_under_the_new_one(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        instance.request_of(&bob).await.accounts().update_profile(Some("Robert")).await.unwrap();
        let request = instance.request_of(&ada).await;
        let query = MemberQuery { search: Some("robert".into()), ..MemberQuery::default() };
        let found = request.memberships().list(acme, &query, &PageRequest::first(9)).await.unwrap();
        assert_eq!(names(&found.items), ["Robert"]);
    }

    async fn a_role_changes_what_a_member_may_at_once(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let bobs = membership(&instance, &bob, acme).await;
        let request = instance.request_of(&ada).await;
        let bob_invites = async || {
            let request = instance.request_of(&bob).await;
            verdict(&request.invitations().list(acme, &[], &PageRequest::first(1)).await)
        };
        assert_eq!(bob_invites().await, "FORBIDDEN org:sys_memberships:manage");
        let changed = request.memberships().change_role(bobs, "org:admin").await.unwrap();
        assert_eq!((changed.membership.role, changed.name.as_str()), (RoleKey::ADMIN, "Bob"));
        assert_eq!(bob_invites().await, "OK");
        let change = async |role| verdict(&request.memberships().change_role(bobs, role).await);
        assert_eq!(change("org:admin").await, "OK");
        assert_eq!(change("org:owner").await, "INVALID role");
        assert_eq!(change("admin").await, "INVALID role");
        assert_eq!(change("org:member").await, "OK");
        assert_eq!(bob_invites().await, "FORBIDDEN org:sys_memberships:manage");
        // Giving the role that is held already is no change, and not on record.
        assert_eq!(instance.sql_count("events WHERE kind = 'membership.role_changed'").await, 2);
        let stranger = InOrg::new(acme, Id::from_uuid(instance.fresh_uuid()));
        let outcome = request.memberships().change_role(stranger, "org:member").await;
        assert_eq!(verdict(&outcome), "NOT_FOUND memberId");
    }

    async fn a_member_of_another_organization_is_none_of_ours(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let other = instance.found(&bob, "Other").await;
        let bobs = membership(&instance, &bob, other).await;
        let disguised = InOrg::new(acme, bobs.id);
        let request = instance.request_of(&ada).await;
        let memberships = request.memberships();
        assert_eq!(verdict(&memberships.change_role(disguised, "org:member").await), "NOT_FOUND memberId");
        assert_eq!(verdict(&memberships.remove(disguised).await), "NOT_FOUND memberId");
        assert!(memberships.get_many(acme, &[bobs.id]).await.unwrap().is_empty());
        assert_eq!(verdict(&memberships.change_role(bobs, "org:member").await), "NOT_FOUND");
        assert_eq!(members(&instance.request_of(&bob).await, other).await.len(), 1);
    }

    async fn the_last_admin_can_neither_leave_nor_be_demoted_nor_removed(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let request = instance.request_of(&ada).await;
        let adas = membership(&instance, &ada, acme).await;
        let bobs = membership(&instance, &bob, acme).await;
        let memberships = request.memberships();
        let refused = async || {
            assert_eq!(verdict(&memberships.leave(Some(acme)).await), "LAST_ADMIN");
            assert_eq!(verdict(&memberships.change_role(adas, "org:member").await), "LAST_ADMIN");
            assert_eq!(verdict(&memberships.remove(adas).await), "LAST_ADMIN");
        };
        refused().await;
        // An admin who is kept out is none.
        memberships.change_role(bobs, "org:admin").await.unwrap();
        let bob_user = instance.sql_id(bob.user.as_uuid());
        instance.sql(&format!("UPDATE users SET suspended_at = created_at WHERE id = {bob_user}")).await;
        refused().await;
        // But that one can be demoted, as it changes nothing.
        assert_eq!(verdict(&memberships.change_role(bobs, "org:member").await), "OK");
        memberships.change_role(bobs, "org:admin").await.unwrap();
        instance.sql(&format!("UPDATE users SET suspended_at = NULL WHERE id = {bob_user}")).await;
        assert_eq!(verdict(&memberships.leave(Some(acme)).await), "OK");
        assert_eq!(names(&members(&instance.request_of(&bob).await, acme).await), ["Bob"]);
    }

    async fn of_two_admins_who_demote_each_other_at_once_one_succeeds(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let node = instance.another_node().await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::ADMIN).await;
        let adas = membership(&instance, &ada, acme).await;
        let bobs = membership(&instance, &bob, acme).await;
        for round in 0..10 {
            let ada_request = instance.request_of(&ada).await;
            let bob_request = node.authenticate(&bob.token, Default::default(), None).await.unwrap();
            let demote = |request: Request, target| {
                async move { verdict(&request.memberships().change_role(target, "org:member").await) }
            };
            let mut verdicts = at_once(vec![demote(ada_request, bobs), demote(bob_request, adas)]).await;
            verdicts.sort();
            assert_eq!(verdicts, ["FORBIDDEN org:sys_memberships:manage", "OK"], "round {round}");
            // Whoever is left makes the other an admin again.
            let all = members(&instance.request_of(&ada).await, acme).await;
            let admins: Vec<_> = all.iter().filter(|member| member.membership.role.is_admin()).collect();
            assert_eq!(admins.len(), 1);
            let (left, other) = if admins[0].membership.user == ada.user { (&ada, bobs) } else { (&bob, adas) };
            let request = instance.request_of(left).await;
            request.memberships().change_role(other, "org:admin").await.unwrap();
        }
    }

    async fn of_all_admins_who_leave_at_once_one_stays(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let mut people = vec![ada.clone()];
        for nth in 0..5 {
            let person = instance.sign_up("Bob", &format!("bob{nth}@example.org")).await;
            instance.bring_in(&ada, acme, &person, RoleKey::ADMIN).await;
            people.push(person);
        }
        let mut contenders = Vec::new();
        for person in &people {
            let request = instance.request_of(person).await;
            contenders.push(async move { verdict(&request.memberships().leave(Some(acme)).await) });
        }
        let mut verdicts = at_once(contenders).await;
        verdicts.sort();
        assert_eq!(verdicts, ["LAST_ADMIN", "OK", "OK", "OK", "OK", "OK"]);
    }

    async fn whoever_leaves_or_is_removed_works_there_no_more(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let (bob, cem) =
            (instance.sign_up("Bob", "bob@example.org").await, instance.sign_up("Cem", "cem@example.org").await);
        for person in [&bob, &cem] {
            let viewed = instance.bring_in(&ada, acme, person, RoleKey::MEMBER).await;
            assert_eq!(viewed.standing.role(), &RoleKey::MEMBER);
            assert_eq!(instance.request_of(person).await.active_organization(), Some(acme));
        }
        // Requests that began before know it, too.
        let (bobs_request, cems_request) = (instance.request_of(&bob).await, instance.request_of(&cem).await);
        assert_eq!(bobs_request.memberships().leave(None).await.unwrap(), acme);
        assert!(matches!(bobs_request.standing(acme).await, Err(ServiceError::Denied(Denied::NotVisible))));
        let cems = membership(&instance, &cem, acme).await;
        let removed = instance.request_of(&ada).await.memberships().remove(cems).await.unwrap();
        assert_eq!(removed.email, "cem@example.org");
        assert_eq!(verdict(&cems_request.memberships().leave(None).await), "NOT_FOUND");
        for person in [&bob, &cem] {
            let request = instance.request_of(person).await;
            assert_eq!(request.active_organization(), None);
            assert_eq!(request.account().unwrap().session.active_organization, None);
            assert_eq!(request.account().unwrap().user.last_active_organization, None);
            assert!(request.organizations().get(acme).await.unwrap().is_none());
            assert_eq!(verdict(&request.memberships().leave(None).await), "ORGANIZATION_REQUIRED");
        }
        let again = instance.request_of(&ada).await.memberships().remove(cems).await;
        assert_eq!(verdict(&again), "NOT_FOUND memberId");
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(100).await.unwrap();
        let told: Vec<_> = mails.iter().filter(|mail| mail.subject.contains("no longer")).collect();
        assert_eq!(told.len(), 1, "who leaves needs no mail");
        assert_eq!(told[0].to, "cem@example.org");
    }

    async fn a_new_role_is_told_by_mail_unless_one_took_it_oneself(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let bobs = membership(&instance, &bob, acme).await;
        let adas = membership(&instance, &ada, acme).await;
        instance.request_of(&ada).await.memberships().change_role(bobs, "org:admin").await.unwrap();
        instance.request_of(&ada).await.memberships().change_role(adas, "org:member").await.unwrap();
        instance.services.settle().await.unwrap();
        let mails = instance.mails.list(100).await.unwrap();
        let told: Vec<_> = mails.iter().filter(|mail| mail.subject.contains("Your role in Acme")).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].to, "bob@example.org");
    }
}
