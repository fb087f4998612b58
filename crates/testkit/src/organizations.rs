//! Organizations of an instance, and people in them.

use resonance_domain::{OrganizationId, RoleKey};
use resonance_services::{CreateOrganization, InvitationKey, InviteMembers, ViewedOrganization};

use crate::{Instance, Person};

impl Instance {
    /// Founds an organization, whose admin that person is.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn found(&self, founder: &Person, name: &str) -> OrganizationId {
        let request = self.request_of(founder).await;
        let input = CreateOrganization {
            name: name.to_owned(),
            ..CreateOrganization::default()
        };
        request
            .organizations()
            .create(input)
            .await
            .unwrap()
            .organization
            .id
    }

    /// Has an admin invite that person, who accepts.
    ///
    /// # Panics
    /// If one of both is refused.
    pub async fn bring_in(
        &self,
        admin: &Person,
        organization: OrganizationId,
        person: &Person,
        role: RoleKey,
    ) -> ViewedOrganization {
        let input = InviteMembers {
            organization: Some(organization),
            emails: vec![person.email.clone()],
            role: role.as_str().to_owned(),
            expires_in_days: None,
        };
        let outcomes = self.request_of(admin).await.invitations().invite(input).await;
        let invitation = outcomes.unwrap().remove(0).result.unwrap();
        let key = InvitationKey::Id(resonance_domain::InOrg::new(organization, invitation.id));
        let request = self.request_of(person).await;
        request.invitations().accept(&key).await.unwrap()
    }

    /// Sets an organization's member limit, as an operator would; 0 means none.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn set_member_limit(&self, organization: OrganizationId, limit: u32) {
        let id = self.sql_id(organization.as_uuid());
        let sql = format!("UPDATE organizations SET member_limit = {limit} WHERE id = {id}");
        self.sql(&sql).await;
    }
}
