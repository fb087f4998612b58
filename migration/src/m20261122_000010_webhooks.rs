//! Webhooks, and the order of the feed of events.

crate::migration! {
    /// Endpoints, deliveries, and the place of an event among those that were passed on.
    up: [
        // Ids are drawn before a transaction commits, so a smaller one can become visible later: a reader that goes on
        // from the greatest that it saw would miss it. `position` is given one batch after the other.
        "ALTER TABLE events ADD COLUMN position bigint",
        "CREATE UNIQUE INDEX events_position ON events (position)",
        "CREATE INDEX events_feed ON events (organization_id, position)",
        // A deleted endpoint stays, hidden, until its deliveries are tidied away in batches.
        "CREATE TABLE webhook_endpoints (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            url text NOT NULL,
            description text NOT NULL,
            events {json} NOT NULL,
            enabled {bool} NOT NULL,
            disabled_reason text,
            secret_generation integer NOT NULL,
            previous_secret_until {time},
            failing_since {time},
            created_by {id} REFERENCES users (id) ON DELETE SET NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            deleted_at {time},
            PRIMARY KEY (organization_id, id)
        )",
        "CREATE INDEX webhook_endpoints_created_by ON webhook_endpoints (created_by)",
        "CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (deleted_at) WHERE deleted_at IS NOT NULL",
        // States: `waiting` until run_at, `queued`, `sending` under a lease, `succeeded`, `failed`. `body` is what is
        // sent at every try, byte for byte. `event_id` refers to no row: a test is no event.
        "CREATE TABLE webhook_deliveries (
            organization_id {id} NOT NULL,
            id {id} NOT NULL,
            endpoint_id {id} NOT NULL,
            event_id {id} NOT NULL,
            kind text NOT NULL,
            body text NOT NULL,
            state text NOT NULL,
            attempts integer NOT NULL,
            run_at {time} NOT NULL,
            lease_owner {id},
            lease_until {time},
            last_attempt_at {time},
            last_status integer,
            last_error text,
            last_duration_ms integer,
            created_at {time} NOT NULL,
            finished_at {time},
            PRIMARY KEY (organization_id, id),
            FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id)
        )",
        // One delivery for an event and an endpoint, whoever relays; and the order of the log.
        "CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (endpoint_id, event_id)",
        "CREATE INDEX webhook_deliveries_queued ON webhook_deliveries (endpoint_id, id) WHERE state = 'queued'",
        "CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (run_at) WHERE state = 'waiting'",
        "CREATE INDEX webhook_deliveries_sending ON webhook_deliveries (lease_until) WHERE state = 'sending'",
        "CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (endpoint_id, event_id) WHERE state = 'failed'",
        "CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL",
    ],
    down: [
        "DROP TABLE webhook_deliveries",
        "DROP TABLE webhook_endpoints",
        "DROP INDEX events_feed",
        "DROP INDEX events_position",
        "ALTER TABLE events DROP COLUMN position",
    ],
}
