//! What must be true once everything has come to rest.

use std::{collections::BTreeSet, time::Duration};

use resonance_domain::{GenerationId, Id, IdKind, InOrg, OrganizationId};
use serde_json::json;
use tests::Server;

use super::{
    book::{Book, all},
    load::{code_in, token_in},
};

/// Waits until no job is left but those that come round every day.
pub(super) async fn come_to_rest(server: &Server) {
    for _ in 0..900 {
        let open = server.count("events WHERE relayed_at IS NULL").await;
        if open == 0 && server.count("jobs WHERE queue <> 'bill'").await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let jobs = server.rows("jobs", "TRUE").await;
    let organizations = server.rows("organizations", "deleted_at IS NOT NULL").await;
    let log = server.log();
    let log = &log[log.len().saturating_sub(30)..];
    panic!("jobs do not end: {jobs:#?}\n{organizations:#?}\n{log:#?}");
}

/// Nothing was lost, given away or charged twice.
pub(super) async fn usage_adds_up(server: &Server) {
    let verified = server.site().run(&["usage", "verify"], &[]).await;
    assert_eq!(verified.code, Some(0), "{}\n{}", verified.out, verified.err);
}

/// Every audit log is what the instance wrote.
pub(super) async fn logs_are_intact(server: &Server) {
    let folder = server.folder().to_str().unwrap();
    let variables = [
        ("RESONANCE_DATA_DIR", folder),
        ("RESONANCE_DATABASE_URL", server.database_url()),
    ];
    let verified = tests::run(server.folder(), &["audit", "verify", "--all"], &variables).await;
    assert_eq!(verified.code, Some(0), "{}\n{}", verified.out, verified.err);
    assert!(verified.out.contains("instance: intact"), "{}", verified.out);
    assert_eq!(server.count("events WHERE chain_position IS NULL").await, 0);
}

pub(super) async fn check(server: &Server, book: &Book) {
    let promised = Promised::of(server, book).await;
    promised.accounts().await;
    promised.mails().await;
    promised.things().await;
    ledger(server).await;
    objects(server).await;
    promised.deletions().await;
}

/// The server that has come to rest, and what was promised of what still stands.
struct Promised<'a> {
    server: &'a Server,
    book: &'a Book,
    /// Organizations that may be gone.
    doomed: BTreeSet<String>,
}

impl<'a> Promised<'a> {
    async fn of(server: &'a Server, book: &'a Book) -> Self {
        let doomed = all(&book.doomed).into_iter().collect();
        Self { server, book, doomed }
    }

    /// How many rows of `table` have this id in this organization.
    async fn rows<K: IdKind>(&self, table: &str, id: &str, and: &str) -> usize {
        let at: InOrg<Id<K>> = id.parse().unwrap();
        let (organization, id) = (
            self.server.literal(at.organization.as_uuid()),
            self.server.literal(at.id.as_uuid()),
        );
        let what = format!("{table} WHERE organization_id = {organization} AND id = {id} {and}");
        self.server.count(&what).await
    }

    async fn accounts(&self) {
        for account in all(&self.book.accounts) {
            let client = self.server.anonymous().with_token(&account.token);
            let data = client.data("{ viewer { email } }", json!({})).await;
            assert_eq!(
                data["viewer"]["email"],
                account.email.as_str(),
                "an account is lost"
            );
        }
        for joined in all(&self.book.joined) {
            if self.doomed.contains(&joined.organization) {
                continue;
            }
            let organization = self.server.organization_literal(&joined.organization);
            let what = format!(
                "memberships WHERE organization_id = {organization} AND email_key = '{}'",
                joined.what
            );
            assert_eq!(self.server.count(&what).await, 1, "{joined:?} is no member");
        }
    }

    async fn mails(&self) {
        let mails = self.server.mails().await;
        let has = |address: &str, find: fn(&str) -> Option<String>| {
            mails
                .iter()
                .any(|mail| mail.to.contains(address) && find(&mail.text).is_some())
        };
        for address in all(&self.book.codes) {
            assert!(has(&address, code_in), "no code came to {address}");
        }
        for invitation in all(&self.book.invitations) {
            if !self.doomed.contains(&invitation.organization) {
                assert!(
                    has(&invitation.what, token_in),
                    "no link came to {}",
                    invitation.what
                );
            }
        }
    }

    async fn things(&self) {
        for voice in all(&self.book.voices) {
            if !self.doomed.contains(&voice.organization) {
                let rows = self
                    .rows::<resonance_domain::kind::Voice>("voices", &voice.what, "")
                    .await;
                assert_eq!(rows, 1, "{voice:?} is lost");
            }
        }
        let open = self
            .server
            .count("generations WHERE state IN ('queued', 'running')")
            .await;
        assert_eq!(open, 0, "generations do not end");
        for generation in all(&self.book.generations) {
            if !self.doomed.contains(&generation.organization) {
                let kind =
                    self.rows::<resonance_domain::kind::Generation>("generations", &generation.what, "");
                assert_eq!(kind.await, 1, "{generation:?} is lost");
            }
        }
        for generation in all(&self.book.cancelled) {
            let at: InOrg<GenerationId> = generation.parse().unwrap();
            if !self.doomed.contains(&at.organization.type_id()) {
                let and = "AND state = 'cancelled'";
                let rows = self
                    .rows::<resonance_domain::kind::Generation>("generations", &generation, and)
                    .await;
                assert_eq!(rows, 1, "{generation} was cancelled, and went on");
            }
        }
        // What was begun ten times and never ended is given up, as it may be what kills its servers.
        let failed = self
            .server
            .texts("SELECT failure_code || ': ' || failure_message FROM generations WHERE state = 'failed'")
            .await;
        let unfounded: Vec<_> = failed
            .iter()
            .filter(|failure| !failure.contains("interrupted"))
            .collect();
        assert!(
            unfounded.is_empty(),
            "nothing here is a reason to fail: {unfounded:?}\n{:#?}",
            self.server
                .log()
                .iter()
                .filter(|line| line.contains("speaking"))
                .collect::<Vec<_>>()
        );
        for organization in all(&self.book.logos) {
            if !self.doomed.contains(&organization) {
                let id = self.server.organization_literal(&organization);
                let what = format!("organizations WHERE id = {id} AND logo_key IS NOT NULL");
                assert_eq!(
                    self.server.count(&what).await,
                    1,
                    "the logo of {organization} is lost"
                );
            }
        }
    }

    /// Of a deleted organization nothing is left, and one that was not deleted is whole.
    async fn deletions(&self) {
        let mut gone = Vec::new();
        for id in all(&self.book.deleted) {
            assert_eq!(
                self.server.rows_of(&id).await,
                Vec::<String>::new(),
                "{id} was deleted"
            );
            gone.push(id);
        }
        // Whoever asked and got no answer finds all or nothing.
        for id in &self.doomed {
            let rows = self.server.rows_of(id).await;
            if rows.is_empty() {
                gone.push(id.clone());
            }
        }
        assert_eq!(
            self.server
                .count("organizations WHERE deleted_at IS NOT NULL")
                .await,
            0
        );
        let objects = self.server.objects();
        for id in gone {
            let uuid = id.parse::<OrganizationId>().unwrap().as_uuid().to_string();
            let left: Vec<_> = objects.iter().filter(|key| key.contains(&uuid)).collect();
            assert!(left.is_empty(), "{id} was deleted: {left:?}");
        }
    }
}

/// Every hold is settled or released, once; what is settled is what was spoken.
async fn ledger(server: &Server) {
    let open = "usage_entries AS hold WHERE kind = 'hold' AND (SELECT COUNT(*) FROM usage_entries AS ending
        WHERE ending.organization_id = hold.organization_id AND ending.metric = hold.metric
        AND ending.reference_id = hold.reference_id AND ending.kind IN ('settle', 'release')
        AND ending.quantity = hold.quantity) <> 1";
    assert_eq!(
        server.count(open).await,
        0,
        "holds without one end: {:#?}",
        server.rows("usage_entries", "TRUE").await
    );
    for (kind, states) in [("settle", "'succeeded'"), ("release", "'failed', 'cancelled'")] {
        let entries = format!(
            "SELECT CAST(COALESCE(SUM(quantity), 0) AS text) FROM usage_entries WHERE metric = 'characters' AND kind = '{kind}'"
        );
        let generations = format!(
            "SELECT CAST(COALESCE(SUM(characters), 0) AS text) FROM generations WHERE state IN ({states})"
        );
        let (entries, generations) = (server.texts(&entries).await, server.texts(&generations).await);
        assert_eq!(
            entries, generations,
            "{kind} and the generations in {states} differ"
        );
    }
    let voices = server.count("voices").await;
    let counted = server
        .count("usage_entries WHERE metric = 'custom_voices' AND kind = 'settle'")
        .await;
    assert_eq!(counted, voices, "custom voices are not counted once each");
}

/// Every object has a row that names it, and every named object is there.
async fn objects(server: &Server) {
    let mut named = BTreeSet::new();
    for (table, column) in [
        ("organizations", "logo_key"),
        ("voices", "sample_key"),
        ("voices", "preview_key"),
        ("system_voices", "preview_key"),
        ("generations", "audio_key"),
    ] {
        let keys = format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL");
        named.extend(server.texts(&keys).await);
    }
    let stored: BTreeSet<_> = server
        .objects()
        .into_iter()
        .filter(|key| key != ".lock")
        .collect();
    let orphans: Vec<_> = stored.difference(&named).collect();
    let missing: Vec<_> = named.difference(&stored).collect();
    assert!(orphans.is_empty(), "objects that nobody owns: {orphans:#?}");
    assert!(missing.is_empty(), "objects that are missing: {missing:#?}");
}
