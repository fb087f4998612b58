//! Finding texts in the history.

use migration::{Migrator, MigratorTrait as _};
use resonance_authz::ReadGenerations;
use resonance_domain::{GenerationFilter, GenerationOrder, Id, PageRequest, words};
use resonance_persistence::Repositories as _;
use resonance_testkit::{TestDatabase, on_both, sql_at};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

/// Texts of many kinds of words.
const TEXTS: [&str; 9] = [
    "Crème brûlée in KÖLN, can't example.org",
    "ﬁve Ⅳ ½ ｱﾊﾟｰﾄ か が",
    "東京都 한국어 हिन्दी שָׁלוֹם",
    "Ἀθῆναι ΟΔΟΣ İstanbul straße",
    "1\u{fe0f}\u{20e3} hy\u{ad}phen 🎙 a🎙b",
    "--- !? *",
    "'); DROP TABLE generations; --",
    "\" AND OR NOT NEAR(a b)",
    "tabs\tand\nlines",
];

on_both! {
    async fn texts_that_were_there_before_are_found_by_their_words_as_new_ones_are(backend: Backend) {
        let test = TestDatabase::empty(backend).await;
        let old = sea_orm::Database::connect(&test.url).await.unwrap();
        Migrator::up(&old, Some(12)).await.unwrap();
        let id = |number: u128| Uuid::from_u128((0x0190_63d4_7af4_7cc2 << 64) | (0x8000 << 48) | number);
        let literal = |id: Uuid| match test.database.is_postgres() {
            true => format!("'{id}'"),
            false => format!("X'{}'", id.simple()),
        };
        let now = "'2026-01-01T00:00:00+00:00'";
        let (user, home, other) = (id(1), id(2), id(3));
        let [me, here, there] = [user, home, other].map(literal);
        for sql in [
            format!("INSERT INTO users (id, name, email, email_verified, created_at, updated_at)
                VALUES ({me}, 'Ada', 'ada@example.org', true, {now}, {now})"),
            format!("INSERT INTO organizations (id, name, slug, description, public_metadata, private_metadata,
                    member_limit, deletable, created_at, updated_at)
                VALUES ({here}, 'Acme', 'acme', '', '{{}}', '{{}}', 5, true, {now}, {now}),
                    ({there}, 'Other', 'other', '', '{{}}', '{{}}', 5, true, {now}, {now})"),
            format!("INSERT INTO memberships (organization_id, id, user_id, role, name_key, email_key, created_at, updated_at)
                VALUES ({here}, {me}, {me}, 'org:admin', 'ada', 'ada@example.org', {now}, {now})"),
        ] {
            old.execute_unprepared(&sql).await.unwrap();
        }
        // More than are brought in at a time.
        for n in 0..1_100_u32 {
            let text = TEXTS.get(n as usize).copied().unwrap_or("nothing in particular").replace('\'', "''");
            let organization = if n % 2 == 0 || (n as usize) < TEXTS.len() { &here } else { &there };
            let generation = literal(id(1_000 + u128::from(n)));
            old.execute_unprepared(&format!(
                "INSERT INTO generations (organization_id, id, voice_id, voice_scope, voice_name, text, search_text,
                    characters, temperature, top_p, top_k, repetition_penalty, speed, format, engine, engine_voice,
                    state, progress, created_at)
                 VALUES ({organization}, {generation}, {generation}, 'system', 'Vera', '{text}', '', 4, 1, 1, 1, 1, 1,
                    'wav', 'test', '{{}}', 'failed', 0, {now})"
            )).await.unwrap();
        }
        old.close().await.unwrap();

        test.database.migrate().await.unwrap();
        let standing = test.database.standings().of(Id::from_uuid(user), Id::from_uuid(home)).await.unwrap();
        let grant = standing.grant::<ReadGenerations>().unwrap();
        let found = async |search: &str| {
            let filter = GenerationFilter { search: Some(search.to_owned()), ..GenerationFilter::default() };
            let page = PageRequest::first(100);
            let page = test.database.generations().page(&grant, &filter, GenerationOrder::Oldest, &page).await.unwrap();
            let count = test.database.generations().count(&grant, &filter).await.unwrap();
            (page.items.into_iter().map(|one| one.text).collect::<Vec<_>>(), count)
        };
        // The words of then are those of today; if this fails, a new migration must make them anew.
        for text in TEXTS {
            for word in words(text) {
                let (texts, _) = found(&word).await;
                assert!(texts.iter().any(|found| found == text), "{word} of {text}: {texts:?}");
            }
        }
        assert_eq!(found("nothing part").await.1, 545);
        assert_eq!(found("lines tab").await.0, ["tabs\tand\nlines"]);
        // What is deleted by whomever takes its words along.
        sql_at(&test.url, "DELETE FROM generations").await;
        assert_eq!(found("nothing").await.1, 0);
        assert_eq!(sql_at(&test.url, "DELETE FROM generation_search").await, 0);
    }
}
