//! A decision takes no memory. In a binary of its own, because counting replaces the allocator.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::hint::black_box;

use futures_util::FutureExt;
use resonance_authz::{
    Actor, Authorizer, CreateVoices, DeleteGenerations, Permission, ReadGenerations, RolePermissions,
    SignedIn, Standing, StandingRecord,
};
use resonance_domain::{Id, MembershipId, OrganizationId, RoleKey, UserId};
use uuid::Uuid;

/// Everybody is a member of everything.
struct Everybody(RoleKey, Option<RolePermissions>);

impl resonance_authz::StandingSource for Everybody {
    type Error = std::convert::Infallible;

    async fn standing(
        &self,
        _: UserId,
        _: OrganizationId,
    ) -> Result<Option<StandingRecord>, std::convert::Infallible> {
        Ok(Some(StandingRecord {
            membership: MembershipId::from_uuid(Uuid::nil()),
            role: self.0.clone(),
            on_record: self.1.clone(),
        }))
    }
}

/// A custom role.
fn accountant() -> (RoleKey, Option<RolePermissions>) {
    let permissions = "org:generations:create org:invoices:create org:invoices:read";
    let role = RoleKey::parse("org:accountant").unwrap();
    (role, Some(RolePermissions::from_stored(permissions)))
}

fn standing((role, on_record): (RoleKey, Option<RolePermissions>)) -> Standing {
    let (ada, acme) = (Id::from_uuid(Uuid::nil()), Id::from_uuid(Uuid::nil()));
    Authorizer::new(Everybody(role, on_record))
        .standing(ada, acme)
        .now_or_never()
        .unwrap()
        .unwrap()
}

fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(
        allocations(|| {
            black_box(Box::new(black_box(1)));
        }),
        1
    );
}

#[test]
fn a_decision_on_a_held_standing_allocates_nothing() {
    for role in [(RoleKey::ADMIN, None), (RoleKey::MEMBER, None), accountant()] {
        let standing = standing(role);
        let taken = allocations(|| {
            for permission in Permission::ALL {
                black_box(black_box(&standing).reaches(*permission));
            }
            for permission in ["org:invoices:create", "org:invoices:delete", "nonsense"] {
                black_box(black_box(&standing).allows(permission));
            }
            let _ = black_box(black_box(&standing).grant::<CreateVoices>());
            let _ = black_box(black_box(&standing).grant_within_reach::<DeleteGenerations>());
            let grant = black_box(&standing).grant::<ReadGenerations>();
            let _ = black_box(grant.clone());
        });
        assert_eq!(taken, 0);
    }
}

#[test]
fn becoming_a_standing_and_being_explained_allocate_nothing_for_built_in_roles() {
    let (ada, acme) = (Id::from_uuid(Uuid::nil()), Id::from_uuid(Uuid::nil()));
    let session = Id::from_uuid(Uuid::nil());
    let authorizer = Authorizer::new(Everybody(RoleKey::MEMBER, None));
    let taken = allocations(|| {
        let own = Actor::User(SignedIn { user: ada, session }).own();
        let standing = authorizer.standing(ada, acme).now_or_never();
        let standing = black_box(standing.unwrap().unwrap());
        black_box(standing.explain(Permission::VoicesCreate));
        let _ = black_box(own);
    });
    assert_eq!(taken, 0);
}
