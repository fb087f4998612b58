//! Races.

use std::sync::Arc;

use tokio::sync::Barrier;

/// Runs all of `contenders` at the same moment, each in a task of its own; their results in the same order.
///
/// # Panics
/// If one of them does.
pub async fn at_once<F>(contenders: Vec<F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let start = Arc::new(Barrier::new(contenders.len()));
    let tasks: Vec<_> = contenders
        .into_iter()
        .map(|contender| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                contender.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
