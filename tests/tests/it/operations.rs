//! The command line, and what those who run an instance see of it.

mod command_line;
mod configuration;
mod database;
mod health;
mod jwts;
mod logs;
mod seeding;
mod stopping;

use std::time::Duration;

/// Waits until something is true.
async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    for _ in 0..1200 {
        if is_true().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("this never became true: {what}");
}
