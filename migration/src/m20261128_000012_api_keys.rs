//! API keys, and who made what with them.

crate::migration! {
    /// API keys.
    up: [
        // `permissions` as in roles. `voices` are written addresses, null for all.
        "CREATE TABLE api_keys (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            name text NOT NULL,
            hint text NOT NULL,
            token_hash {bytes} NOT NULL,
            permissions text NOT NULL,
            voices {json},
            character_budget bigint CHECK (character_budget > 0),
            expires_at {time},
            revoked_at {time},
            last_used_at {time},
            created_by {id} REFERENCES users (id) ON DELETE SET NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        "CREATE UNIQUE INDEX api_keys_token ON api_keys (token_hash)",
        "CREATE INDEX api_keys_created_by ON api_keys (created_by)",
        // What a key (`id`) holds and used in a month, for its budget; the ledger knows the lines.
        "CREATE TABLE api_key_months (
            organization_id {id} NOT NULL,
            id {id} NOT NULL,
            month {key} NOT NULL,
            characters bigint NOT NULL CHECK (characters >= 0),
            PRIMARY KEY (organization_id, id, month),
            FOREIGN KEY (organization_id, id) REFERENCES api_keys (organization_id, id)
        )",
        "ALTER TABLE generations ADD COLUMN created_by_key {id}",
        // SQLite adds no constraint to a table that exists. Keys are removed with their organization alone.
        "postgres:ALTER TABLE generations ADD FOREIGN KEY (organization_id, created_by_key)
            REFERENCES api_keys (organization_id, id)",
        "CREATE INDEX generations_created_by_key ON generations (organization_id, created_by_key, id)
            WHERE created_by_key IS NOT NULL",
        // As for members and voices: a line outlives what it is about.
        "ALTER TABLE usage_entries ADD COLUMN api_key_id {id}",
    ],
    down: [
        "ALTER TABLE usage_entries DROP COLUMN api_key_id",
        "DROP INDEX generations_created_by_key",
        "ALTER TABLE generations DROP COLUMN created_by_key",
        "DROP TABLE api_key_months",
        "DROP TABLE api_keys",
    ],
}
