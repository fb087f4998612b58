//! The instance, accounts, sessions, codes and throttles.

crate::migration! {
    /// Accounts and sessions.
    up: [
        // What this instance is: one row. Nodes that do not share its secret refuse to start.
        "CREATE TABLE instance (
            id integer NOT NULL PRIMARY KEY CHECK (id = 1),
            secret_fingerprint text NOT NULL,
            created_at {time} NOT NULL
        )",
        "CREATE TABLE users (
            id {id} NOT NULL PRIMARY KEY,
            name text NOT NULL,
            email text NOT NULL,
            email_verified {bool} NOT NULL,
            password_hash text,
            last_active_organization_id {id},
            organization_limit bigint,
            suspended_at {time},
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL
        )",
        "CREATE TABLE user_emails (
            id {id} NOT NULL PRIMARY KEY,
            user_id {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            address text NOT NULL,
            address_key {key} NOT NULL,
            is_primary {bool} NOT NULL,
            verified_at {time},
            created_at {time} NOT NULL
        )",
        // An address belongs to whoever proved it. What was not proved keeps nobody else from proving it.
        "CREATE UNIQUE INDEX user_emails_proved ON user_emails (address_key) WHERE verified_at IS NOT NULL",
        "CREATE UNIQUE INDEX user_emails_user ON user_emails (user_id, address_key)",
        "CREATE UNIQUE INDEX user_emails_primary ON user_emails (user_id) WHERE is_primary",
        // People who asked for an account and have not proved the address yet.
        "CREATE TABLE sign_ups (
            id {id} NOT NULL PRIMARY KEY,
            name text NOT NULL,
            email text NOT NULL,
            password_hash text NOT NULL,
            created_at {time} NOT NULL
        )",
        "CREATE INDEX sign_ups_created_at ON sign_ups (created_at)",
        // The digits are kept nowhere: they derive from the id and the instance's secret. `subject_id` is the sign-up,
        // the address or the user that the code is about; null where an address without an account asked.
        "CREATE TABLE verification_codes (
            id {id} NOT NULL PRIMARY KEY,
            purpose text NOT NULL,
            subject_id {id},
            address text NOT NULL,
            attempts integer NOT NULL,
            consumed_at {time},
            created_at {time} NOT NULL
        )",
        // The code that counts is the newest one about its subject.
        "CREATE INDEX verification_codes_subject ON verification_codes (subject_id, purpose, id)",
        "CREATE INDEX verification_codes_created_at ON verification_codes (created_at)",
        "CREATE TABLE sessions (
            id {id} NOT NULL PRIMARY KEY,
            user_id {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            token_hash {bytes} NOT NULL,
            active_organization_id {id},
            user_agent text,
            ip_address text,
            created_at {time} NOT NULL,
            last_used_at {time} NOT NULL,
            expires_at {time} NOT NULL
        )",
        "CREATE UNIQUE INDEX sessions_token_hash ON sessions (token_hash)",
        "CREATE INDEX sessions_user ON sessions (user_id, id)",
        "CREATE INDEX sessions_expires_at ON sessions (expires_at)",
        // Generic cell rate algorithm: one row per throttled thing holds when it would be idle again.
        "CREATE TABLE throttles (
            key text NOT NULL PRIMARY KEY,
            idle_at bigint NOT NULL
        )",
        "CREATE INDEX throttles_idle_at ON throttles (idle_at)",
        "CREATE TABLE operators (
            user_id {id} NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
            created_at {time} NOT NULL
        )",
    ],
    down: [
        "DROP TABLE operators",
        "DROP TABLE throttles",
        "DROP TABLE sessions",
        "DROP TABLE verification_codes",
        "DROP TABLE sign_ups",
        "DROP TABLE user_emails",
        "DROP TABLE users",
        "DROP TABLE instance",
    ],
}
