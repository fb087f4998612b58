//! Searching the history by words, and filtering it by engine and format.

use std::collections::HashSet;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend, Statement, Value, prelude::Uuid},
};
use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, is_combining_mark},
};
use unicode_segmentation::UnicodeSegmentation as _;

/// How many generations are read at a time.
const BATCH: i64 = 500;
/// How many rows one statement inserts: SQLite takes quadratic time for long ones.
const ROWS: usize = 100;

const TABLES: &[&str] = &[
    // The words of a generation's text, each behind a mark of the organization, so that the index finds those of one
    // organization alone. A table of its own, as a generation is written several times and its text once.
    "postgres:CREATE TABLE generation_search (
        organization_id uuid NOT NULL,
        id uuid NOT NULL,
        words tsvector NOT NULL,
        PRIMARY KEY (organization_id, id),
        FOREIGN KEY (organization_id, id) REFERENCES generations (organization_id, id) ON DELETE CASCADE
    )",
    // The same: `number` is the row of `generation_words`, which keeps nothing but the index.
    "sqlite:CREATE TABLE generation_search (
        number integer PRIMARY KEY,
        organization_id {id} NOT NULL,
        id {id} NOT NULL,
        UNIQUE (organization_id, id),
        FOREIGN KEY (organization_id, id) REFERENCES generations (organization_id, id) ON DELETE CASCADE
    )",
    // Words come as they are to be found; this tokenizer splits at spaces and leaves the rest alone.
    "sqlite:CREATE VIRTUAL TABLE generation_words USING
        fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii')",
    "sqlite:CREATE TRIGGER generation_search_deleted AFTER DELETE ON generation_search BEGIN
        DELETE FROM generation_words WHERE rowid = old.number;
    END",
];

const AFTER_FILLING: &[&str] = &[
    // A list of what is pending would have to be read through by every search.
    "postgres:CREATE INDEX generation_search_words ON generation_search USING gin (words) WITH (fastupdate = off)",
    "ALTER TABLE generations DROP COLUMN search_text",
    "CREATE INDEX generations_engine ON generations (organization_id, engine, id)",
    "CREATE INDEX generations_format ON generations (organization_id, format, id)",
];

const DOWN: &[&str] = &[
    "DROP INDEX generations_format",
    "DROP INDEX generations_engine",
    "ALTER TABLE generations ADD COLUMN search_text text NOT NULL DEFAULT ''",
    // SQLite folds ASCII alone.
    "UPDATE generations SET search_text = lower(text)",
    "DROP TABLE generation_search",
    "sqlite:DROP TABLE generation_words",
];

/// Words of texts.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::Dialect::run(manager, TABLES).await?;
        fill(manager).await?;
        crate::Dialect::run(manager, AFTER_FILLING).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::Dialect::run(manager, DOWN).await
    }
}

/// Brings in the words of the texts that are there, in steps of one size whatever the history's.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    const READ: &str =
        "SELECT organization_id, id, text FROM generations WHERE (organization_id, id) > ($1, $2)
        ORDER BY organization_id, id LIMIT $3";
    let connection = manager.get_connection();
    let backend = manager.get_database_backend();
    let mut last = (Uuid::nil(), Uuid::nil());
    let mut number = 0_i64;
    loop {
        let values: [Value; 3] = [last.0.into(), last.1.into(), BATCH.into()];
        let rows = connection
            .query_all_raw(Statement::from_sql_and_values(backend, READ, values))
            .await?;
        let mut texts = Vec::with_capacity(rows.len());
        for row in &rows {
            let organization: Uuid = row.try_get_by_index(0)?;
            let id: Uuid = row.try_get_by_index(1)?;
            let text: String = row.try_get_by_index(2)?;
            last = (organization, id);
            number += 1;
            texts.push((number, organization, id, marked(organization, &text)));
        }
        for chunk in texts.chunks(ROWS) {
            for statement in insert(backend, chunk) {
                connection.execute_raw(statement).await?;
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

fn insert(backend: DbBackend, rows: &[(i64, Uuid, Uuid, String)]) -> Vec<Statement> {
    let statement = |into: &str, one: &str, values: Vec<Value>| {
        let per_row = one.matches('$').count();
        let mut sql = format!("INSERT INTO {into} VALUES ");
        for row in 0..rows.len() {
            let mut pieces = one.split('$');
            sql.push_str(if row == 0 { "" } else { ", " });
            sql.push_str(pieces.next().unwrap_or_default());
            for (column, piece) in pieces.enumerate() {
                sql.push_str(&format!("${}{piece}", row * per_row + column + 1));
            }
        }
        Statement::from_sql_and_values(backend, sql, values)
    };
    if backend == DbBackend::Postgres {
        let values = rows.iter().flat_map(|(_, organization, id, words)| {
            [(*organization).into(), (*id).into(), words.as_str().into()]
        });
        let row = "($, $, array_to_tsvector(string_to_array($, ' ')))";
        return vec![statement(
            "generation_search (organization_id, id, words)",
            row,
            values.collect(),
        )];
    }
    let places = rows
        .iter()
        .flat_map(|(number, organization, id, _)| [(*number).into(), (*organization).into(), (*id).into()]);
    let words = rows
        .iter()
        .flat_map(|(number, _, _, words)| [(*number).into(), words.as_str().into()]);
    vec![
        statement(
            "generation_search (number, organization_id, id)",
            "($, $, $)",
            places.collect(),
        ),
        statement("generation_words (rowid, words)", "($, $)", words.collect()),
    ]
}

/// The words of a text behind their organization's mark, which is the end of its id.
fn marked(organization: Uuid, text: &str) -> String {
    let mark = format!("{:012x}", organization.as_u128() & 0xffff_ffff_ffff);
    let mut all = String::new();
    for word in words(text) {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&mark);
        all.push_str(&word);
    }
    all
}

/// What a word was when this was written.
fn words(text: &str) -> Vec<String> {
    let plain: String = text
        .nfkd()
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ς' { 'σ' } else { c })
        .filter(|c| !(is_combining_mark(*c) && canonical_combining_class(*c) >= 10))
        .filter(|c| !matches!(c, '\u{ad}' | '\u{20dd}'..='\u{20e4}' | '\u{fe00}'..='\u{fe0f}'))
        .nfc()
        .collect();
    let mut seen = HashSet::new();
    plain
        .unicode_words()
        .flat_map(|word| word.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)))
        .map(|run| run.trim_start_matches(is_combining_mark))
        .filter(|run| run.contains(char::is_alphanumeric))
        .map(|run| run.chars().take(64).collect::<String>())
        .filter(|word| seen.insert(word.clone()))
        .take(16_000)
        .collect()
}
