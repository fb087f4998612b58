//! The usage ledger.

crate::migration! {
    /// The append-only ledger.
    up: [
        // No foreign keys to generations, voices or users: a line outlives what it is about.
        // `reference_id` is the generation for characters and the voice for custom voices; the unique index makes
        // holding, settling and releasing idempotent.
        "CREATE TABLE usage_entries (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            metric text NOT NULL,
            kind text NOT NULL,
            reference_id {id} NOT NULL,
            quantity bigint NOT NULL CHECK (quantity >= 0),
            voice_id {id},
            user_id {id},
            day {key} NOT NULL,
            created_at {time} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        "CREATE UNIQUE INDEX usage_entries_once ON usage_entries (organization_id, metric, reference_id, kind)",
        // For each generation, one of settle and release, never both.
        "CREATE UNIQUE INDEX usage_entries_end ON usage_entries (organization_id, metric, reference_id)
            WHERE kind IN ('settle', 'release')",
        "CREATE INDEX usage_entries_day ON usage_entries (organization_id, metric, kind, day)",
        "sqlite:CREATE TRIGGER usage_entries_append_only BEFORE UPDATE ON usage_entries
            BEGIN SELECT RAISE(ABORT, 'usage entries are append-only'); END",
        "postgres:CREATE FUNCTION usage_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'usage entries are append-only'; END $$",
        "postgres:CREATE TRIGGER usage_entries_append_only BEFORE UPDATE ON usage_entries
            FOR EACH ROW EXECUTE FUNCTION usage_entries_append_only()",
    ],
    down: ["DROP TABLE usage_entries", "postgres:DROP FUNCTION usage_entries_append_only()"],
}
