//! Generations: jobs, audio and history.

crate::migration! {
    /// Generations.
    up: [
        // The voice is kept by value: a deleted voice keeps its generations, and its name in them.
        // `search_text` is the text in lower case as Rust folds it, so that both databases find the same.
        // `reuse_key` is set while this is the generation that the same input gives back.
        "CREATE TABLE generations (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            created_by {id} REFERENCES users (id) ON DELETE SET NULL,
            voice_id {id} NOT NULL,
            voice_scope text NOT NULL,
            voice_name text NOT NULL,
            text text NOT NULL,
            search_text text NOT NULL,
            characters bigint NOT NULL,
            temperature {float} NOT NULL,
            top_p {float} NOT NULL,
            top_k integer NOT NULL,
            repetition_penalty {float} NOT NULL,
            speed {float} NOT NULL,
            format text NOT NULL,
            engine text NOT NULL,
            engine_voice {json} NOT NULL,
            reuse_key {bytes},
            state text NOT NULL,
            progress {float} NOT NULL,
            failure_code text,
            failure_message text,
            audio_key text,
            audio_bytes bigint,
            duration_ms bigint,
            sample_rate integer,
            peaks {bytes},
            created_at {time} NOT NULL,
            started_at {time},
            finished_at {time},
            PRIMARY KEY (organization_id, id),
            CHECK ((state = 'succeeded') = (audio_key IS NOT NULL))
        )",
        "CREATE UNIQUE INDEX generations_reuse ON generations (organization_id, reuse_key) WHERE reuse_key IS NOT NULL",
        "CREATE INDEX generations_voice ON generations (organization_id, voice_id, id)",
        "CREATE INDEX generations_author ON generations (organization_id, created_by, id)",
        "CREATE INDEX generations_state ON generations (organization_id, state, id)",
        "CREATE INDEX generations_created_by ON generations (created_by)",
    ],
    down: ["DROP TABLE generations"],
}
