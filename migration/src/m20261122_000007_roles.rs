//! Roles that are not built in, and permissions that the product does not know.

crate::migration! {
    /// Custom roles and registered permissions.
    up: [
        // What operators registered for services of their own.
        "CREATE TABLE permissions (
            key {key} NOT NULL PRIMARY KEY,
            name text NOT NULL,
            description text NOT NULL,
            created_at {time} NOT NULL
        )",
        // `permissions` holds keys, separated by one space: a standing is read with every request, and so is one value.
        "CREATE TABLE instance_roles (
            id {id} NOT NULL PRIMARY KEY,
            key {key} NOT NULL,
            name text NOT NULL,
            description text NOT NULL,
            permissions text NOT NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL
        )",
        "CREATE UNIQUE INDEX instance_roles_key ON instance_roles (key)",
        "CREATE TABLE roles (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            key {key} NOT NULL,
            name text NOT NULL,
            description text NOT NULL,
            permissions text NOT NULL,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        "CREATE UNIQUE INDEX roles_key ON roles (organization_id, key)",
        // Whether any organization has a role of its own with this key.
        "CREATE INDEX roles_key_anywhere ON roles (key)",
        // Who holds a role of the instance. Built-in roles, which nearly everybody has, are never asked for so.
        "CREATE INDEX memberships_custom_role ON memberships (role)
            WHERE role NOT IN ('org:admin', 'org:member')",
        "CREATE INDEX invitations_custom_role ON invitations (role)
            WHERE state = 'pending' AND role NOT IN ('org:admin', 'org:member')",
    ],
    down: [
        "DROP INDEX invitations_custom_role",
        "DROP INDEX memberships_custom_role",
        "DROP TABLE roles",
        "DROP TABLE instance_roles",
        "DROP TABLE permissions",
    ],
}
