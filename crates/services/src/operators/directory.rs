//! Seeing and searching every user and organization.

use chrono::{DateTime, Utc};
use resonance_authz::{ManageMemberships, ReadMemberships};
use resonance_domain::{
    DirectoryOrder, Invitation, InvitationState, OrganizationId, Page, PageRequest, UserEmail, UserId,
    bounded_text,
};
use resonance_persistence::{
    DirectoryFilter, DirectoryOrganization, DirectoryUser, IdCursor, Member, Repositories, TextCursor,
    ViewedOrganization,
};

use super::Operators;
use crate::{MemberQuery, Outcome, memberships};

/// Longer searches find nothing that a shorter one would not.
const MAX_SEARCH: usize = 320;

/// Which users or organizations are wanted, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryQuery {
    /// The beginning of a name, slug or proved address, in whichever case; or an id.
    pub search: Option<String>,
    /// Whether suspended users are wanted, or only the others.
    pub suspended: Option<bool>,
    /// The first moment of creation.
    pub created_from: Option<DateTime<Utc>>,
    /// The first moment of creation that is too late.
    pub created_until: Option<DateTime<Utc>>,
    /// The order.
    pub order: DirectoryOrder,
    /// The other way round.
    pub descending: bool,
}

impl DirectoryQuery {
    fn filter(&self) -> Outcome<DirectoryFilter> {
        let search = self
            .search
            .as_deref()
            .map(|text| bounded_text(text, 0, MAX_SEARCH));
        Ok(DirectoryFilter {
            search: search.transpose().map_err(|error| error.at("search"))?,
            suspended: self.suspended,
            created_from: self.created_from,
            created_until: self.created_until,
        })
    }
}

impl Operators<'_> {
    /// A page of all organizations. One statement.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `search`.
    pub async fn organizations(
        self,
        query: &DirectoryQuery,
        page: &PageRequest<TextCursor>,
    ) -> Outcome<Page<DirectoryOrganization>> {
        let operator = self.reading().await?;
        let directory = self.0.core().database.directory();
        let filter = query.filter()?;
        let rows = directory.organizations(&operator, &filter, query.order, query.descending, page);
        Ok(Page::from_rows(page, rows.await?))
    }

    /// How many there are under the same query. One statement.
    ///
    /// # Errors
    /// As [`Operators::organizations`].
    pub async fn count_organizations(self, query: &DirectoryQuery) -> Outcome<u64> {
        let operator = self.reading().await?;
        let directory = self.0.core().database.directory();
        Ok(directory.count_organizations(&operator, &query.filter()?).await?)
    }

    /// Those of `ids` that exist, in no order. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn organizations_by_id(self, ids: &[OrganizationId]) -> Outcome<Vec<DirectoryOrganization>> {
        let operator = self.reading().await?;
        let directory = self.0.core().database.directory();
        Ok(directory.organizations_by_id(&operator, ids).await?)
    }

    /// How many members organizations have; those without any are absent. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn member_counts(self, ids: &[OrganizationId]) -> Outcome<Vec<(OrganizationId, u64)>> {
        let operator = self.reading().await?;
        let directory = self.0.core().database.directory();
        Ok(directory.member_counts(&operator, ids).await?)
    }

    /// A page of an organization's members. One statement.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `search` and `role`.
    pub async fn members(
        self,
        organization: OrganizationId,
        query: &MemberQuery,
        page: &PageRequest<TextCursor>,
    ) -> Outcome<Page<Member>> {
        let grant = self.reading().await?.within::<ReadMemberships>(organization);
        let filter = memberships::filter(query)?;
        let members = self.0.core().database.memberships();
        let rows = members.page(&grant, &filter, query.order, query.descending, page);
        Ok(Page::from_rows(page, rows.await?))
    }

    /// How many members there are under the same query. One statement.
    ///
    /// # Errors
    /// As [`Operators::members`].
    pub async fn count_members(self, organization: OrganizationId, query: &MemberQuery) -> Outcome<u64> {
        let grant = self.reading().await?.within::<ReadMemberships>(organization);
        let members = self.0.core().database.memberships();
        Ok(members.count(&grant, &memberships::filter(query)?).await?)
    }

    /// A page of the invitations that an organization sent, newest first. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn invitations_of(
        self,
        organization: OrganizationId,
        states: &[InvitationState],
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<Invitation>> {
        let grant = self.reading().await?.within::<ManageMemberships>(organization);
        let invitations = self.0.core().database.invitations();
        let rows = invitations.page(&grant, states, self.0.now(), page).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many invitations in these states it sent. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn count_invitations_of(
        self,
        organization: OrganizationId,
        states: &[InvitationState],
    ) -> Outcome<u64> {
        let grant = self.reading().await?.within::<ManageMemberships>(organization);
        let invitations = self.0.core().database.invitations();
        Ok(invitations.count(&grant, states, self.0.now()).await?)
    }

    /// A page of all users. One statement.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `search`.
    pub async fn users(
        self,
        query: &DirectoryQuery,
        page: &PageRequest<TextCursor>,
    ) -> Outcome<Page<DirectoryUser>> {
        let operator = self.reading().await?;
        let directory = self.0.core().database.directory();
        let filter = query.filter()?;
        let rows = directory.users(&operator, &filter, query.order, query.descending, page);
        Ok(Page::from_rows(page, rows.await?))
    }

    /// How many there are under the same query. One statement.
    ///
    /// # Errors
    /// As [`Operators::users`].
    pub async fn count_users(self, query: &DirectoryQuery) -> Outcome<u64> {
        let operator = self.reading().await?;
        let directory = self.0.core().database.directory();
        Ok(directory.count_users(&operator, &query.filter()?).await?)
    }

    /// Those of `ids` that exist, in no order. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn users_by_id(self, ids: &[UserId]) -> Outcome<Vec<DirectoryUser>> {
        let operator = self.reading().await?;
        let directory = self.0.core().database.directory();
        Ok(directory.users_by_id(&operator, ids).await?)
    }

    /// A user's addresses, oldest first. There are few.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn emails_of(self, user: UserId) -> Outcome<Vec<UserEmail>> {
        let own = self.reading().await?.over(user);
        Ok(self.0.core().database.user_emails().list(&own).await?)
    }

    /// A page of the organizations that a user is a member of, oldest first, with what the user is there. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn organizations_of(
        self,
        user: UserId,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<ViewedOrganization>> {
        let own = self.reading().await?.over(user);
        let rows = self.0.core().database.organizations().page(&own, page).await?;
        Ok(Page::from_rows(page, rows))
    }

    /// How many those are.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn count_organizations_of(self, user: UserId) -> Outcome<u64> {
        let own = self.reading().await?.over(user);
        Ok(self.0.core().database.organizations().count(&own).await?)
    }
}
