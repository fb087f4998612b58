//! What happened, and what is still to be done.

crate::migration! {
    /// Events and jobs.
    up: [
        "CREATE TABLE events (
            id {id} NOT NULL PRIMARY KEY,
            organization_id {id},
            kind text NOT NULL,
            actor_kind text NOT NULL,
            actor text,
            subject text,
            payload {json} NOT NULL,
            ip_address text,
            user_agent text,
            created_at {time} NOT NULL,
            relayed_at {time}
        )",
        // What the relay has not seen yet: a handful of rows, however long the history.
        "CREATE INDEX events_unrelayed ON events (id) WHERE relayed_at IS NULL",
        "CREATE INDEX events_organization ON events (organization_id, id)",
        // States: `waiting` until run_at, `queued`, `running` under a lease, `dead` after too many tries. A job that is
        // done is deleted. `turn` orders a queue fairly between organizations.
        "CREATE TABLE jobs (
            id {id} NOT NULL PRIMARY KEY,
            queue text NOT NULL,
            organization_id {id},
            subject_id {id},
            payload {json} NOT NULL,
            state text NOT NULL,
            turn bigint NOT NULL,
            run_at {time} NOT NULL,
            attempts integer NOT NULL,
            lease_owner {id},
            lease_until {time},
            last_error text,
            created_at {time} NOT NULL
        )",
        "CREATE INDEX jobs_queued ON jobs (queue, turn, id) WHERE state = 'queued'",
        "CREATE INDEX jobs_waiting ON jobs (run_at) WHERE state = 'waiting'",
        "CREATE INDEX jobs_running ON jobs (lease_until) WHERE state = 'running'",
        "CREATE INDEX jobs_organization ON jobs (organization_id, queue, turn)",
        "CREATE UNIQUE INDEX jobs_subject ON jobs (queue, subject_id)",
    ],
    down: ["DROP TABLE jobs", "DROP TABLE events"],
}
