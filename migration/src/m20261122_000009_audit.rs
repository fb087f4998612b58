//! What makes the events an audit log: a signature of each, and a chain of them for each organization.

crate::migration! {
    /// Signatures, chains, and the orders in which the log is read.
    up: [
        // Of the same happening in another log: what an operator does to an organization is in both.
        "ALTER TABLE events ADD COLUMN copy_of {id}",
        "ALTER TABLE events ADD COLUMN mac {bytes}",
        "ALTER TABLE events ADD COLUMN chain_position bigint",
        "ALTER TABLE events ADD COLUMN chain_hash {bytes}",
        // Not unique: a forged row at the next position would keep the relay from sealing for ever.
        "CREATE INDEX events_chain ON events (organization_id, chain_position, id) WHERE chain_position IS NOT NULL",
        "CREATE INDEX events_kind ON events (organization_id, kind, id)",
        "CREATE INDEX events_actor ON events (organization_id, actor, id)",
        "CREATE INDEX events_subject ON events (organization_id, subject, id)",
        // `id` is the organization's, or all zeros for the chain of what is no organization's.
        "CREATE TABLE audit_chains (
            id {id} NOT NULL PRIMARY KEY,
            organization_id {id},
            length bigint NOT NULL,
            head_hash {bytes} NOT NULL,
            head_mac {bytes} NOT NULL
        )",
        "CREATE UNIQUE INDEX audit_chains_organization ON audit_chains (organization_id)",
    ],
    down: [
        "DROP TABLE audit_chains",
        "DROP INDEX events_subject",
        "DROP INDEX events_actor",
        "DROP INDEX events_kind",
        "DROP INDEX events_chain",
        "ALTER TABLE events DROP COLUMN chain_hash",
        "ALTER TABLE events DROP COLUMN chain_position",
        "ALTER TABLE events DROP COLUMN mac",
        "ALTER TABLE events DROP COLUMN copy_of",
    ],
}
