//! Connections and transactions, when work is interrupted.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use resonance_domain::Id;
use resonance_persistence::{JobQueue, NewJob, Repositories, StorageError, Throttle};
use resonance_testkit::{TestDatabase, on_both};
use uuid::Uuid;

const FIVE_A_DAY: Throttle = Throttle {
    limit: 5,
    per: TimeDelta::days(1),
};

/// More than a test's pool has connections.
const MANY: usize = 20;

fn now() -> DateTime<Utc> {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

on_both! {
    async fn an_interrupted_unit_of_work_leaves_nothing_and_costs_no_connection(backend: Backend) {
        let test = TestDatabase::new(backend).await;
        for _ in 0..MANY {
            let work = test.database.atomically(async |uow| {
                assert!(uow.throttles().take("key", FIVE_A_DAY, 5, now()).await?.is_ok());
                std::future::pending::<Result<(), StorageError>>().await
            });
            assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
        }
        let all = async |uow: &resonance_persistence::UnitOfWork| uow.throttles().take("key", FIVE_A_DAY, 5, now()).await;
        assert!(test.database.atomically(all).await.unwrap().is_ok());
    }

    async fn a_unit_of_work_that_fails_leaves_nothing_and_costs_no_connection(backend: Backend) {
        let test = TestDatabase::new(backend).await;
        for _ in 0..MANY {
            let failed = test.database.atomically(async |uow| {
                assert!(uow.throttles().take("key", FIVE_A_DAY, 5, now()).await.unwrap().is_ok());
                Err::<(), _>(Failure)
            });
            assert!(failed.await.is_err());
        }
        let all = async |uow: &resonance_persistence::UnitOfWork| uow.throttles().take("key", FIVE_A_DAY, 5, now()).await;
        assert!(test.database.atomically(all).await.unwrap().is_ok());
    }

    async fn what_fails_along_with_a_later_statement_leaves_nothing(backend: Backend) {
        let test = TestDatabase::new(backend).await;
        let job = |subject| NewJob {
            id: Id::from_uuid(Uuid::from_u128(7)),
            queue: JobQueue::Sweep,
            lane: String::new(),
            organization: None,
            subject: Some(Uuid::from_u128(subject)),
            payload: serde_json::json!({}),
            run_at: now(),
            created_at: now(),
        };
        for reads in [false, true] {
            let failed = test.database.atomically(async |uow| {
                assert!(uow.throttles().take("key", FIVE_A_DAY, 5, now()).await?.is_ok());
                uow.jobs().add(job(1)).await?;
                // There cannot be two of one identity; nobody waits to hear that at once.
                uow.jobs().add(job(2)).await?;
                if reads {
                    uow.jobs().any_about(JobQueue::Sweep, Uuid::from_u128(1)).await?;
                }
                Ok::<_, StorageError>(())
            });
            assert!(failed.await.is_err());
            assert!(!test.database.jobs().any_about(JobQueue::Sweep, Uuid::from_u128(1)).await.unwrap());
        }
        let all = async |uow: &resonance_persistence::UnitOfWork| {
            uow.jobs().add(job(3)).await?;
            let there = uow.jobs().any_about(JobQueue::Sweep, Uuid::from_u128(3)).await?;
            Ok::<_, StorageError>((there, uow.throttles().take("key", FIVE_A_DAY, 5, now()).await?))
        };
        let (there, taken) = test.database.atomically(all).await.unwrap();
        assert!(there && taken.is_ok());
        assert!(test.database.jobs().any_about(JobQueue::Sweep, Uuid::from_u128(3)).await.unwrap());
    }

    async fn what_an_interrupted_statement_would_have_answered_is_nobody_elses_answer(backend: Backend) {
        let test = TestDatabase::new(backend).await;
        let taken = test.database.atomically(async |uow| uow.throttles().take("key", FIVE_A_DAY, 5, now()).await).await;
        assert!(taken.unwrap().is_ok());
        for wait in (0..200).map(|wait| Duration::from_micros(wait * 10)) {
            // One finds something, the other nothing.
            let (throttles, jobs) = (test.database.throttles(), test.database.jobs());
            let _ = tokio::time::timeout(wait, throttles.check("key", FIVE_A_DAY, now())).await;
            assert!(!jobs.any_to_tend(now()).await.unwrap());
            let _ = tokio::time::timeout(wait, jobs.any_to_tend(now())).await;
            assert!(throttles.check("key", FIVE_A_DAY, now()).await.unwrap().is_err());
        }
    }
}

#[derive(Debug)]
struct Failure;

impl From<StorageError> for Failure {
    fn from(_: StorageError) -> Self {
        Self
    }
}
