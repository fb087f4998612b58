//! The instance's settings, what its operators search by, and who was active when.

crate::migration! {
    /// Settings, search and activity.
    up: [
        // One row. What is null is as the configuration says.
        "CREATE TABLE instance_settings (
            id integer NOT NULL PRIMARY KEY CHECK (id = 1),
            member_limit bigint,
            organizations_deletable {bool},
            organization_creation {bool},
            organizations_per_user bigint,
            domains_enabled {bool},
            enrolment_modes {json},
            domain_default_role text,
            updated_at {time}
        )",
        "INSERT INTO instance_settings (id) VALUES (1)",
        // Names in lower case, so that searching by their beginning and sorting read an index.
        "ALTER TABLE users ADD COLUMN name_key {key} NOT NULL DEFAULT ''",
        "CREATE INDEX users_name ON users (name_key, id)",
        "CREATE INDEX users_created_at ON users (created_at)",
        "CREATE INDEX users_suspended ON users (id) WHERE suspended_at IS NOT NULL",
        "ALTER TABLE organizations ADD COLUMN name_key {key} NOT NULL DEFAULT ''",
        // The newest month that this organization was counted in as active.
        "ALTER TABLE organizations ADD COLUMN active_month {key}",
        "CREATE INDEX organizations_name ON organizations (name_key, id)",
        "CREATE INDEX organizations_created_at ON organizations (created_at)",
        // `id` is the membership's. A row outlives the membership and the account, as what was is not undone.
        "CREATE TABLE member_months (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            month {key} NOT NULL,
            user_id {id} NOT NULL,
            acted {bool} NOT NULL,
            PRIMARY KEY (organization_id, month, user_id)
        )",
        // Sums that outlive the organizations which they come from.
        "CREATE TABLE instance_months (
            month {key} NOT NULL PRIMARY KEY,
            active_organizations bigint NOT NULL,
            generations bigint NOT NULL,
            characters bigint NOT NULL
        )",
    ],
    down: [
        "DROP TABLE instance_months",
        "DROP TABLE member_months",
        "DROP INDEX organizations_created_at",
        "DROP INDEX organizations_name",
        "ALTER TABLE organizations DROP COLUMN active_month",
        "ALTER TABLE organizations DROP COLUMN name_key",
        "DROP INDEX users_suspended",
        "DROP INDEX users_created_at",
        "DROP INDEX users_name",
        "ALTER TABLE users DROP COLUMN name_key",
        "DROP TABLE instance_settings",
    ],
}
