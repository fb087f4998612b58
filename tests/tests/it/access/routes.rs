//! Fetching: every route beside GraphQL.

use tests::World;

use super::{Outsider, Targets, assert_no_leak, assert_same};

/// The routes of what is an organization's, and what its members get there.
const ROUTES: &[(fn(&Targets) -> String, u16)] = &[
    (|of| format!("/audio/{}", of.generation), 200),
    (|of| format!("/organizations/{}/logo", of.organization), 200),
    (|of| format!("/voices/{}/preview", of.voice), 200),
    (|of| format!("/voices/{}/sample", of.voice), 403),
];

pub(super) async fn walk(world: &World) {
    for (route, status_inside) in ROUTES {
        for outsider in Outsider::all(world) {
            for (hidden, absent) in &outsider.pairs {
                let (hidden_path, absent_path) = (route(hidden), route(absent));
                if hidden_path.ends_with(&format!("{}/logo", world.b.id)) {
                    continue;
                }
                let about = format!("{} fetches {hidden_path}", outsider.who);
                let one = outsider.client.fetch(&hidden_path).await;
                let other = outsider.client.fetch(&absent_path).await;
                let status = if outsider.who == "nobody" { 401 } else { 404 };
                assert_eq!(one.status, status, "{about}\n{one:#?}");
                assert_no_leak(world, &hidden_path, &one, &about);
                assert_same(&one, &other, &[], &about);
            }
        }
        let path = route(&Targets::of(&world.a));
        let answer = world.a.member.client.fetch(&path).await;
        assert_eq!(answer.status, *status_inside, "{path}\n{answer:#?}");
    }
}
