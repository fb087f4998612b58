//! What a decision costs: `cargo bench -p resonance-authz`.
//!
//! Each figure is one decision. "own" falls through to the rule for what one made oneself, the longest way.
#![allow(missing_docs, clippy::allow_attributes, reason = "a benchmark")]

use std::convert::Infallible;

use divan::{AllocProfiler, Bencher, black_box};
use futures_util::FutureExt;
use resonance_authz::{
    Authorizer, CreateVoices, DeleteGenerations, Permission, ReadGenerations, RolePermissions, Standing,
    StandingRecord, StandingSource, permissions_of, role_exceeds,
};
use resonance_domain::{Id, OrganizationId, RoleKey, UserId};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const ACME: OrganizationId = Id::from_uuid(Uuid::from_u128(1));
const ADA: UserId = Id::from_uuid(Uuid::from_u128(2));

struct Member;

impl StandingSource for Member {
    type Error = Infallible;

    async fn standing(&self, _: UserId, _: OrganizationId) -> Result<Option<StandingRecord>, Infallible> {
        Ok(Some(StandingRecord {
            membership: Id::from_uuid(Uuid::from_u128(3)),
            role: RoleKey::MEMBER,
            on_record: None,
        }))
    }
}

fn member() -> Standing {
    let standing = Authorizer::new(Member).standing(ADA, ACME).now_or_never();
    #[expect(clippy::unwrap_used, reason = "a benchmark")]
    standing.unwrap().unwrap()
}

/// Somebody with a custom role of five product permissions and eight custom ones.
fn accountant() -> Standing {
    const PERMISSIONS: &str = "org:sys_billing:read org:sys_billing:manage org:usage:read org:voices:read \
        org:generations:read org:invoices:create org:invoices:read org:invoices:delete org:invoices:send \
        org:ledger:read org:ledger:export org:taxes:read org:taxes:file";
    let record = StandingRecord {
        membership: Id::from_uuid(Uuid::from_u128(3)),
        #[expect(clippy::unwrap_used, reason = "a benchmark")]
        role: RoleKey::parse("org:accountant").unwrap(),
        on_record: Some(RolePermissions::from_stored(PERMISSIONS)),
    };
    Authorizer::<Member>::standing_of(ADA, ACME, record)
}

mod held_standing {
    use super::{
        Bencher, CreateVoices, DeleteGenerations, Permission, ReadGenerations, accountant, black_box, member,
    };

    #[divan::bench]
    fn allowed_or_not(bencher: Bencher<'_, '_>) {
        let standing = member();
        bencher.bench_local(|| black_box(&standing).grant::<ReadGenerations>().is_ok());
    }

    #[divan::bench]
    fn grant_refused(bencher: Bencher<'_, '_>) {
        let standing = member();
        bencher.bench_local(|| {
            black_box(&black_box(&standing).grant::<CreateVoices>());
        });
    }

    #[divan::bench]
    fn grant_given(bencher: Bencher<'_, '_>) {
        let standing = member();
        bencher.bench_local(|| {
            black_box(&black_box(&standing).grant::<ReadGenerations>());
        });
    }

    #[divan::bench]
    fn grant_for_own_things(bencher: Bencher<'_, '_>) {
        let standing = member();
        bencher.bench_local(|| {
            black_box(&black_box(&standing).grant_within_reach::<DeleteGenerations>());
        });
    }

    #[divan::bench]
    fn any_permission(bencher: Bencher<'_, '_>) {
        let standing = member();
        bencher.bench_local(|| black_box(&standing).reaches(black_box(Permission::GenerationsDelete)));
    }

    #[divan::bench]
    fn grant_of_a_custom_role(bencher: Bencher<'_, '_>) {
        let standing = accountant();
        bencher.bench_local(|| {
            black_box(&black_box(&standing).grant::<ReadGenerations>());
        });
    }

    #[divan::bench]
    fn custom_permission(bencher: Bencher<'_, '_>) {
        let standing = accountant();
        bencher.bench_local(|| black_box(&standing).allows(black_box("org:invoices:create")));
    }

    #[divan::bench]
    fn explained(bencher: Bencher<'_, '_>) {
        let standing = member();
        bencher.bench_local(|| black_box(&standing).explain(black_box(Permission::VoicesCreate)));
    }
}

#[divan::bench]
fn standing_from_a_record() -> Standing {
    Authorizer::<Member>::standing_of(
        black_box(ADA),
        black_box(ACME),
        StandingRecord {
            membership: Id::from_uuid(Uuid::from_u128(3)),
            role: black_box(RoleKey::MEMBER),
            on_record: None,
        },
    )
}

#[divan::bench]
fn may_give_a_role(bencher: Bencher<'_, '_>) {
    let (own, admin) = (member(), permissions_of(&RoleKey::ADMIN, None));
    bencher.bench_local(|| role_exceeds(black_box(&admin), black_box(&own).role_permissions()));
}
