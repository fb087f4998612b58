use resonance_authz::{
    ACTIONS, Actor, CancelGenerations, CreateVoices, DeleteGenerations, DeleteVoices, Denied, Extent,
    InvitationGrant, Permission, PermissionSet, ReadOrganization, ReadVoices, SignedIn, StandError,
    permissions_of, role_exceeds,
};
use resonance_domain::{Id, RoleKey};
use uuid::Uuid;

use crate::one_member::{ACME, ADA, STRANGER, Unavailable, ada, standing, unknown_role};

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
        (ACME, ADA, None)
    );
    let narrowed = grant.narrow::<ReadVoices>();
    assert_eq!((narrowed.organization(), narrowed.user()), (ACME, ADA));
}

#[test]
fn a_restriction_to_ones_own_things_survives_narrowing() {
    let grant = ada(RoleKey::MEMBER)
        .grant_within_reach::<DeleteGenerations>()
        .unwrap();
    assert_eq!(grant.only_of(), Some(ADA));
    assert_eq!(grant.narrow::<ReadOrganization>().only_of(), Some(ADA));
    assert_eq!(grant.clone().only_of(), Some(ADA));
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
fn nobody_grants_a_role_that_may_more_than_they() {
    let member = permissions_of(&RoleKey::MEMBER);
    assert!(role_exceeds(&RoleKey::ADMIN, member).contains(Permission::MembershipsManage));
    assert_eq!(role_exceeds(&RoleKey::MEMBER, member), PermissionSet::EMPTY);
    assert_eq!(
        role_exceeds(&RoleKey::ADMIN, permissions_of(&RoleKey::ADMIN)),
        PermissionSet::EMPTY
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
