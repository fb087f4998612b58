//! The history at size.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use resonance_authz::{Grant, ReadGenerations, SystemGrant};
use resonance_domain::{Generation, GenerationFilter, GenerationOrder, PageRequest};
use resonance_persistence::{Database, IdCursor, Population, PopulationSize, Repositories};
use resonance_testkit::{TestDatabase, on_both};

const GENERATIONS: u64 = 30_000;
const PAGE: u32 = 50;
/// The page that must cost no more than the first.
const DEEP: u32 = 500;

async fn page_after(
    database: &Database,
    grant: &Grant<ReadGenerations>,
    filter: &GenerationFilter,
    last: Option<&Generation>,
) -> (Vec<Generation>, Duration) {
    let page = PageRequest {
        cursor: last.map(|last| IdCursor(last.id.as_uuid())),
        ..PageRequest::first(PAGE)
    };
    let began = Instant::now();
    let page = database
        .generations()
        .page(grant, filter, GenerationOrder::Newest, &page)
        .await
        .unwrap();
    (page.items, began.elapsed())
}

/// The quickest of some tries: what a page costs when nothing else happens.
async fn cost(
    database: &Database,
    grant: &Grant<ReadGenerations>,
    filter: &GenerationFilter,
    last: Option<&Generation>,
) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..30 {
        let (items, took) = page_after(database, grant, filter, last).await;
        assert_eq!(items.len(), PAGE as usize);
        least = least.min(took);
    }
    least
}

on_both! {
    async fn a_page_deep_in_the_history_costs_what_the_first_costs(backend: Backend) {
        let test = TestDatabase::new(backend).await;
        let database = &test.database;
        let size = PopulationSize {
            users: 2,
            organizations: 1,
            members_per_organization: 2,
            voices_per_organization: 1,
            generations_per_organization: GENERATIONS,
        };
        let population = Population::new(size, 1).unwrap();
        database.populate(&SystemGrant::for_job(), &population, Vec::new(), |_| ()).await.unwrap();
        let member = population.members().next().unwrap();
        let standing = database.standings().of(member.user, member.organization).await.unwrap();
        let grant = standing.grant::<ReadGenerations>().unwrap();
        let all = GenerationFilter::default();

        let mut last = None;
        for _ in 0..DEEP {
            last = page_after(database, &grant, &all, last.as_ref()).await.0.pop();
        }
        let deep = last.unwrap();
        let first = cost(database, &grant, &all, None).await;
        let far = cost(database, &grant, &all, Some(&deep)).await;
        // A window of time deep in the past is found in the same way.
        let oldest = Some(deep.created_at - TimeDelta::days(1));
        let window = GenerationFilter { until: oldest, ..all.clone() };
        let windowed = cost(database, &grant, &window, None).await;
        let began = Instant::now();
        assert_eq!(database.generations().count(&grant, &all).await.unwrap(), GENERATIONS);
        let counted = began.elapsed();
        let dear = first * 2 + Duration::from_millis(2);
        assert!(
            far < dear && windowed < dear && counted < dear * 2,
            "page 1 {first:?}, page {DEEP} {far:?}, in a window of time {windowed:?}, count {counted:?}"
        );
    }
}
