//! Lanes within a queue.

crate::migration! {
    /// What waits in one lane of a queue is claimed apart from what waits in another. The jobs of speech that there are
    /// already go to the lanes of their engines.
    up: [
        "ALTER TABLE jobs ADD COLUMN lane {key} NOT NULL DEFAULT ''",
        "UPDATE jobs SET lane = COALESCE((SELECT g.engine FROM generations g
            WHERE g.organization_id = jobs.organization_id AND g.id = jobs.subject_id), '') WHERE queue = 'speak'",
        "DROP INDEX jobs_queued",
        "CREATE INDEX jobs_queued ON jobs (queue, lane, turn, id) WHERE state = 'queued'",
        "DROP INDEX jobs_organization",
        "CREATE INDEX jobs_organization ON jobs (organization_id, queue, lane, turn)",
    ],
    down: [
        "DROP INDEX jobs_organization",
        "CREATE INDEX jobs_organization ON jobs (organization_id, queue, turn)",
        "DROP INDEX jobs_queued",
        "CREATE INDEX jobs_queued ON jobs (queue, turn, id) WHERE state = 'queued'",
        "ALTER TABLE jobs DROP COLUMN lane",
    ],
}
