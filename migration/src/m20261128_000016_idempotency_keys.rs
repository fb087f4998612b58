//! What requests that may come again made the first time.

crate::migration! {
    /// Idempotency keys.
    up: [
        // `actor_id` is the user or the API key whose key it is. `generation_id` is no reference, as a key outlives a
        // generation that is deleted: what comes again then must not be spoken anew.
        "CREATE TABLE idempotency_keys (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            actor_id {id} NOT NULL,
            key_hash {bytes} NOT NULL,
            fingerprint {bytes} NOT NULL,
            generation_id {id} NOT NULL,
            created_at {time} NOT NULL,
            PRIMARY KEY (organization_id, actor_id, key_hash)
        )",
        "CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at)",
    ],
    down: ["DROP TABLE idempotency_keys"],
}
