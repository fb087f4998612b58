//! Organizations and memberships.

use chrono::{DateTime, Utc};
use resonance_domain::{OrganizationId, OrganizationName, Slug};
use sea_orm::Value;
use serde_json::json;

use super::{
    Population,
    bulk::Bulk,
    draw::{Days, Draw, Stream},
    words,
};
use crate::{StorageError, page::folded};

const FOUNDINGS: Days = Days {
    from: 180,
    until: 240,
};
const JOININGS: Days = Days {
    from: 240,
    until: 300,
};

impl Population {
    fn founded_at(&self, organization: u64) -> DateTime<Utc> {
        FOUNDINGS.moment(organization, self.size.organizations)
    }

    pub(super) fn organization_id(&self, organization: u64) -> OrganizationId {
        let moment = self.founded_at(organization);
        OrganizationId::from_uuid(Draw::of(self.seed, Stream::Organization, organization).uuid(moment))
    }

    pub(super) async fn organizations(self, bulk: &Bulk<'_>) -> Result<(), StorageError> {
        const COLUMNS: [&str; 13] = [
            "id",
            "name",
            "name_key",
            "slug",
            "description",
            "public_metadata",
            "private_metadata",
            "member_limit",
            "deletable",
            "generation_count",
            "created_by",
            "created_at",
            "updated_at",
        ];
        let organizations = self.size.organizations;
        let generations = i64::try_from(self.size.generations_per_organization).unwrap_or(i64::MAX);
        bulk.insert("organizations", COLUMNS, organizations, move |organization| {
            let founded_at = self.founded_at(organization);
            let mut draw = Draw::of(self.seed, Stream::Organization, organization);
            let id = draw.uuid(founded_at);
            let name = words::organization(&mut draw);
            let slug = OrganizationName::parse(&name).map_or_else(
                |_| "organization".to_owned(),
                |name| Slug::derive(&name).as_str().to_owned(),
            );
            [
                id.into(),
                name.as_str().into(),
                folded(&name).into(),
                // The seed and the number make it unique.
                format!("{slug}-{}-{organization}", self.seed).into(),
                format!("Made up, number {organization} of seed {}.", self.seed).into(),
                json!({}).into(),
                json!({}).into(),
                0_i64.into(),
                true.into(),
                generations.into(),
                self.person(self.member(organization, 0)).id.into(),
                founded_at.into(),
                founded_at.into(),
            ]
        })
        .await
    }

    pub(super) async fn memberships_of(self, bulk: &Bulk<'_>) -> Result<(), StorageError> {
        const COLUMNS: [&str; 8] = [
            "organization_id",
            "id",
            "user_id",
            "role",
            "name_key",
            "email_key",
            "created_at",
            "updated_at",
        ];
        let count = self.memberships();
        // In the order of time: first each organization's founder, then each one's second member, and so on.
        bulk.insert("memberships", COLUMNS, count, move |index| -> [Value; 8] {
            let organization = index % self.size.organizations;
            let place = index / self.size.organizations;
            let joined_at = if place == 0 {
                self.founded_at(organization)
            } else {
                JOININGS.moment(index, count)
            };
            let person = self.person(self.member(organization, place));
            [
                self.organization_id(organization).as_uuid().into(),
                Draw::of(self.seed, Stream::Membership, index)
                    .uuid(joined_at)
                    .into(),
                person.id.into(),
                Self::role(place).as_str().into(),
                folded(&person.name).into(),
                folded(&person.email).into(),
                joined_at.into(),
                joined_at.into(),
            ]
        })
        .await
    }
}
