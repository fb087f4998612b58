//! Organizations by hand, for rules that need no more of them than that they are there.

use resonance_domain::{Id, OrganizationId, UserId};
use resonance_testkit::Instance;

/// An organization with members.
pub(crate) async fn organization(
    instance: &Instance,
    slug: &str,
    members: &[(UserId, &str)],
) -> OrganizationId {
    let organization: OrganizationId = Id::from_uuid(instance.fresh_uuid());
    let id = instance.sql_id(organization.as_uuid());
    let (now, no) = ("'2026-01-01T00:00:00+00:00'", "false");
    instance
        .sql(&format!(
            "INSERT INTO organizations (id, name, slug, description, public_metadata, private_metadata, member_limit,
                deletable, created_at, updated_at)
             VALUES ({id}, '{slug}', '{slug}', '', '{{}}', '{{}}', 0, {no}, {now}, {now})"
        ))
        .await;
    for (user, role) in members {
        let (membership, user) = (
            instance.sql_id(instance.fresh_uuid()),
            instance.sql_id(user.as_uuid()),
        );
        instance
            .sql(&format!(
                "INSERT INTO memberships (organization_id, id, user_id, role, name_key, email_key, created_at, updated_at)
                 SELECT {id}, {membership}, id, '{role}', lower(name), lower(email), {now}, {now}
                 FROM users WHERE id = {user}"
            ))
            .await;
    }
    organization
}

/// Bytes as a literal of this database's SQL.
pub(crate) fn hex_literal(instance: &Instance, bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if instance.test_database.database.is_postgres() {
        format!("'\\x{hex}'")
    } else {
        format!("x'{hex}'")
    }
}
