//! Organizations, memberships and invitations.

crate::migration! {
    /// Organizations and who is in them.
    up: [
        // `slug` is null exactly for a deleted organization that is still being purged.
        "CREATE TABLE organizations (
            id {id} NOT NULL PRIMARY KEY,
            name text NOT NULL,
            slug {key},
            description text NOT NULL,
            logo_key text,
            public_metadata {json} NOT NULL,
            private_metadata {json} NOT NULL,
            member_limit bigint NOT NULL,
            deletable {bool} NOT NULL,
            generation_count bigint NOT NULL DEFAULT 0,
            created_by {id} REFERENCES users (id) ON DELETE SET NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            deleted_at {time}
        )",
        "CREATE UNIQUE INDEX organizations_slug ON organizations (slug)",
        "CREATE INDEX organizations_created_by ON organizations (created_by)",
        // `name_key` and `email_key` copy the user's name and primary address in lower case, so that sorting and
        // searching an organization's members reads one index of this table.
        "CREATE TABLE memberships (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            user_id {id} NOT NULL REFERENCES users (id),
            role text NOT NULL,
            name_key {key} NOT NULL,
            email_key {key} NOT NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        // The way to a standing; it carries the role, so that PostgreSQL need not visit the table.
        "sqlite:CREATE UNIQUE INDEX memberships_user ON memberships (user_id, organization_id)",
        "postgres:CREATE UNIQUE INDEX memberships_user ON memberships (user_id, organization_id) INCLUDE (id, role)",
        "CREATE INDEX memberships_name ON memberships (organization_id, name_key, id)",
        "CREATE INDEX memberships_email ON memberships (organization_id, email_key, id)",
        "CREATE INDEX memberships_role ON memberships (organization_id, role, id)",
        "CREATE TABLE invitations (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            email text NOT NULL,
            email_key {key} NOT NULL,
            role text NOT NULL,
            state text NOT NULL,
            token_hash {bytes} NOT NULL,
            sendings integer NOT NULL,
            expires_at {time} NOT NULL,
            invited_by {id} REFERENCES users (id) ON DELETE SET NULL,
            accepted_by {id} REFERENCES users (id) ON DELETE SET NULL,
            last_sent_at {time} NOT NULL,
            closed_at {time},
            created_at {time} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        "CREATE UNIQUE INDEX invitations_token_hash ON invitations (token_hash)",
        // One pending invitation per organization and address, whatever runs in parallel.
        "CREATE UNIQUE INDEX invitations_pending ON invitations (organization_id, email_key) WHERE state = 'pending'",
        "CREATE INDEX invitations_received ON invitations (email_key, id)",
        "CREATE INDEX invitations_invited_by ON invitations (invited_by)",
        "CREATE INDEX invitations_accepted_by ON invitations (accepted_by)",
    ],
    down: ["DROP TABLE invitations", "DROP TABLE memberships", "DROP TABLE organizations"],
}
