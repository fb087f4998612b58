//! The process is killed, again and again, at moments that nobody chose.
//!
//! Meanwhile people sign up, invite, join, upload, have texts spoken and delete organizations. What the server said
//! yes to is written down. When the last server has come to rest, everything must have come of it, exactly once, and
//! nothing half-done may be left.

mod book;
mod load;
mod rest;

use std::{sync::Arc, time::Duration};

use resonance_testkit::on_both;
use tests::Server;
use tokio::task::JoinSet;

use self::{book::Book, load::Load};
use crate::chance::{self, Chance};

/// How many kills one run survives, unless the environment says otherwise.
const KILLS: u64 = 12;
/// People who do things at the same time.
const HANDS: u64 = 6;

const VARIABLES: [(&str, &str); 5] = [
    ("RESONANCE_JOB_LEASE_SECONDS", "2"),
    ("RESONANCE_UPLOAD_GRACE_SECONDS", "3"),
    ("RESONANCE_MEMBER_LIMIT", "0"),
    ("RESONANCE_ORGANIZATIONS_PER_USER", "1000000"),
    ("RESONANCE_SPEECH_CONCURRENCY", "2"),
];

/// A number from the environment.
pub(crate) fn number(key: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured by the environment"
    )]
    let text = std::env::var(key).ok()?;
    Some(text.parse().expect("a number"))
}

on_both! {
    async fn whatever_was_promised_before_a_power_cut_is_kept(backend: Backend) {
        let seed = number("RESONANCE_CRASH_SEED").unwrap_or_else(chance::any_seed);
        let kills = number("RESONANCE_CRASH_KILLS").unwrap_or(KILLS);
        eprintln!("RESONANCE_CRASH_SEED={seed} RESONANCE_CRASH_KILLS={kills}");
        let mut chance = Chance::new(seed);
        let mut server = Server::start_with(backend, &VARIABLES).await;
        let book = Arc::new(Book::default());
        let load = Load::new(&server, Arc::clone(&book)).await;
        for round in 0..kills {
            let mut hands = JoinSet::new();
            for hand in 0..HANDS {
                let load = load.at(&server, chance.next());
                hands.spawn(load.work(round * HANDS + hand));
            }
            tokio::time::sleep(Duration::from_millis(chance.up_to(1500))).await;
            server.kill().await;
            // Answers that came are written down; whoever waits for anything else waits in vain.
            tokio::time::sleep(Duration::from_millis(100)).await;
            hands.abort_all();
            while let Some(ended) = hands.join_next().await {
                assert!(ended.is_ok() || ended.unwrap_err().is_cancelled());
            }
            server = server.restart().await;
        }
        eprintln!("{}", book.summary());
        rest::come_to_rest(&server).await;
        rest::check(&server, &book).await;
        rest::logs_are_intact(&server).await;
        rest::usage_adds_up(&server).await;
    }
}
