use resonance_authz::{
    ACTIONS, Actor, AnyPermission, CancelGenerations, CreateVoices, DeleteGenerations, DeleteVoices, Denied,
    Extent, InvitationGrant, Permission, PermissionSet, ReadOrganization, ReadVoices, RolePermissions,
    SignedIn, StandError, permissions_of, role_exceeds,
};
use resonance_domain::{Author, Id, RoleKey};
use uuid::Uuid;

use crate::one_member::{ACME, ADA, STRANGER, Unavailable, ada, ada_on_record, standing, unknown_role};

#[test]
fn a_stranger_is_told_that_there_is_no_such_organization() {
    let refusal = standing(STRANGER, Some(RoleKey::ADMIN)).unwrap_err();
    assert!(matches!(refusal, StandError::Denied(Denied::NotVisible)));
}

#[test]
fn a_lookup_that_fails_gives_no_standing() {
    assert!(matches!(
        standing(ADA, None),
        Err(StandError::Source(Unavailable))
    ));
}

#[test]
fn nobody_has_rows_of_their_own() {
    assert_eq!(Actor::Anonymous.own().unwrap_err(), Denied::Unauthenticated);
    let session = Id::from_uuid(Uuid::from_u128(9));
    let signed_in = SignedIn { user: ADA, session };
    assert_eq!(Actor::User(signed_in).own().unwrap().user(), ADA);
}

#[test]
fn a_refusal_names_the_missing_permission() {
    let missing = Permission::VoicesCreate;
    assert_eq!(
        ada(RoleKey::MEMBER).grant::<CreateVoices>().unwrap_err(),
        Denied::Forbidden { missing }
    );
}

#[test]
fn a_grant_opens_the_organization_of_the_standing_and_no_other() {
    let grant = ada(RoleKey::ADMIN).grant::<DeleteVoices>().unwrap();
    assert_eq!(
        (grant.organization(), grant.user(), grant.only_of()),
        (ACME, Some(ADA), None)
    );
    let narrowed = grant.narrow::<ReadVoices>();
    assert_eq!((narrowed.organization(), narrowed.user()), (ACME, Some(ADA)));
}

#[test]
fn a_restriction_to_ones_own_things_survives_narrowing() {
    let grant = ada(RoleKey::MEMBER)
        .grant_within_reach::<DeleteGenerations>()
        .unwrap();
    assert_eq!(grant.only_of(), Some(Author::User(ADA)));
    assert_eq!(
        grant.narrow::<ReadOrganization>().only_of(),
        Some(Author::User(ADA))
    );
    assert_eq!(grant.clone().only_of(), Some(Author::User(ADA)));
}

#[test]
fn a_member_deletes_and_stops_only_what_they_had_spoken() {
    let member = ada(RoleKey::MEMBER);
    assert!(member.grant::<DeleteGenerations>().is_err());
    assert!(member.grant::<CancelGenerations>().is_err());
    assert_eq!(member.reaches(Permission::GenerationsDelete), Some(Extent::Own));
    let admin = ada(RoleKey::ADMIN);
    assert_eq!(
        admin.grant_within_reach::<CancelGenerations>().unwrap().only_of(),
        None
    );
}

#[test]
fn a_role_that_nobody_knows_lets_its_holder_see_the_organization_and_nothing_in_it() {
    let holder = ada(unknown_role());
    assert!(holder.permissions().iter().next().is_none());
    assert!(holder.grant::<ReadOrganization>().is_ok());
    assert!(holder.grant_within_reach::<ReadVoices>().is_err());
}

#[test]
fn an_explanation_names_role_and_permission_and_what_to_do() {
    let member = ada(RoleKey::MEMBER);
    let no = member.explain(Permission::VoicesCreate);
    assert!(!no.allowed());
    assert_eq!(
        no.sentence(),
        "Your role org:member lacks the permission org:voices:create. Whoever manages memberships can give you a \
         role that has it."
    );
    let own = member.explain(Permission::GenerationsDelete);
    assert!(own.allowed() && own.sentence().ends_with("for what you made yourself."));
    assert!(ada(RoleKey::ADMIN).explain(Permission::SsoManage).allowed());
}

#[test]
fn a_custom_role_permits_what_is_on_record_and_nothing_else() {
    let accountant = ada_on_record(unknown_role(), "org:voices:create org:invoices:create");
    assert!(accountant.grant::<CreateVoices>().is_ok());
    assert!(accountant.grant::<ReadVoices>().is_err());
    assert!(accountant.allows("org:invoices:create") && accountant.allows("org:voices:create"));
    assert!(!accountant.allows("org:invoices:delete") && !accountant.allows("org:voices:read"));
}

#[test]
fn whoever_has_things_spoken_by_a_custom_role_deletes_what_is_their_own() {
    let speaker = ada_on_record(unknown_role(), "org:generations:create");
    let grant = speaker.grant_within_reach::<DeleteGenerations>().unwrap();
    assert_eq!(grant.only_of(), Some(Author::User(ADA)));
    let remover = ada_on_record(unknown_role(), "org:generations:delete");
    assert_eq!(remover.reaches(Permission::GenerationsDelete), Some(Extent::All));
    let neither = ada_on_record(unknown_role(), "org:generations:read");
    assert_eq!(neither.reaches(Permission::GenerationsDelete), None);
}

#[test]
fn what_storage_says_of_a_built_in_role_is_not_heard() {
    let member = ada_on_record(RoleKey::MEMBER, "org:voices:create org:invoices:create");
    assert_eq!(member, ada(RoleKey::MEMBER));
    let admin = ada_on_record(RoleKey::ADMIN, "");
    assert!(admin.grant::<CreateVoices>().is_ok());
}

#[test]
fn an_admin_has_every_custom_permission_and_a_member_none() {
    let (admin, member) = (ada(RoleKey::ADMIN), ada(RoleKey::MEMBER));
    assert!(admin.allows("org:invoices:create"));
    assert!(!member.allows("org:invoices:create"));
    for nonsense in ["org:sys_everything:manage", "org:invoices", "", "invoices:create"] {
        assert!(!admin.allows(nonsense), "{nonsense}");
    }
}

#[test]
fn custom_permissions_are_explained_like_the_products() {
    let permission = AnyPermission::parse("org:invoices:create").unwrap();
    let accountant = ada_on_record(unknown_role(), "org:invoices:create");
    assert_eq!(
        accountant.explain(permission.clone()).sentence(),
        "Your role org:sound_engineer has the permission org:invoices:create."
    );
    assert!(!ada(RoleKey::MEMBER).explain(permission).allowed());
}

#[test]
fn nobody_grants_a_role_that_may_more_than_they() {
    let member = permissions_of(&RoleKey::MEMBER, None);
    let admin = permissions_of(&RoleKey::ADMIN, None);
    let beyond = role_exceeds(&admin, &member);
    assert!(beyond.product.contains(Permission::MembershipsManage) && beyond.custom.is_all());
    assert!(role_exceeds(&member, &member).is_empty());
    assert!(role_exceeds(&admin, &admin).is_empty());

    let accountant = RolePermissions::from_stored("org:usage:read org:invoices:create");
    assert_eq!(
        role_exceeds(&accountant, &member).to_stored(),
        "org:invoices:create"
    );
    assert!(role_exceeds(&accountant, &admin).is_empty());
    let everything = RolePermissions {
        product: admin.product,
        ..accountant
    };
    assert!(
        role_exceeds(&admin, &everything).custom.is_all(),
        "an admin has permissions to come, too"
    );
}

#[test]
fn an_invitation_opens_for_its_own_secret_only() {
    let (invitation, right) = (Id::from_uuid(Uuid::from_u128(7)), [7; 32]);
    let grant = InvitationGrant::for_secret(ACME, invitation, &right, &right).unwrap();
    assert_eq!((grant.organization(), grant.invitation()), (ACME, invitation));
    for byte in 0..32 {
        let mut wrong = right;
        wrong[byte] ^= 1;
        assert!(InvitationGrant::for_secret(ACME, invitation, &wrong, &right).is_none());
    }
}

#[test]
fn every_action_but_looking_at_the_organization_needs_a_permission() {
    let free: Vec<_> = ACTIONS.iter().filter(|(_, needs)| needs.is_none()).collect();
    assert_eq!(free, [&("ReadOrganization", None)]);
}

#[test]
fn sets_of_permissions_behave_as_sets() {
    let read = PermissionSet::of(&[Permission::VoicesRead, Permission::UsageRead]);
    let write = PermissionSet::of(&[Permission::VoicesRead, Permission::VoicesCreate]);
    assert!(read.union(write).includes(read) && read.union(write).includes(write));
    assert!(!read.includes(write) && !write.includes(read));
    assert_eq!(read.without(write), PermissionSet::of(&[Permission::UsageRead]));
    assert_eq!(format!("{:?}", read.without(write)), r#"{"org:usage:read"}"#);
}
