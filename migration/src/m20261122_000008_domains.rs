//! Mail domains, and requests to join.

crate::migration! {
    /// Domains of organizations, and how people join through them.
    up: [
        // `name` is in its normal form: lower-case ASCII. Several organizations may have added a name; one has proved it.
        "CREATE TABLE organization_domains (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            name {key} NOT NULL,
            enrolment_mode text NOT NULL,
            role text NOT NULL,
            proof text,
            verified_at {time},
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        "CREATE UNIQUE INDEX organization_domains_proved ON organization_domains (name) WHERE verified_at IS NOT NULL",
        "CREATE UNIQUE INDEX organization_domains_name ON organization_domains (organization_id, name)",
        // `domain_id` is null once the domain was removed; `role` is the domain's, and outlives it.
        "CREATE TABLE membership_requests (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            user_id {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            email text NOT NULL,
            email_key {key} NOT NULL,
            domain_id {id},
            role text NOT NULL,
            state text NOT NULL,
            decided_by {id} REFERENCES users (id) ON DELETE SET NULL,
            created_at {time} NOT NULL,
            closed_at {time},
            PRIMARY KEY (organization_id, id),
            FOREIGN KEY (organization_id, domain_id) REFERENCES organization_domains (organization_id, id)
        )",
        // One pending request per user and organization, whatever runs in parallel.
        "CREATE UNIQUE INDEX membership_requests_pending ON membership_requests (organization_id, user_id)
            WHERE state = 'pending'",
        "CREATE INDEX membership_requests_state ON membership_requests (organization_id, state, id)",
        "CREATE INDEX membership_requests_user ON membership_requests (user_id, id)",
        "CREATE INDEX membership_requests_domain ON membership_requests (organization_id, domain_id)",
        "CREATE INDEX membership_requests_decided_by ON membership_requests (decided_by)",
        // Whom no domain lets in (any more): `id` is the user, who dismissed the suggestion or was removed by an admin.
        "CREATE TABLE closed_enrolments (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            reason text NOT NULL,
            created_at {time} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        "CREATE INDEX closed_enrolments_user ON closed_enrolments (id)",
    ],
    down: [
        "DROP TABLE closed_enrolments",
        "DROP TABLE membership_requests",
        "DROP TABLE organization_domains",
    ],
}
