//! Organizations: looking at them, working in them, deleting them.

use chrono::{DateTime, Utc};
use resonance_authz::{AnyPermission, DeleteOrganization, Denied, Explanation, Grant};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, IdsExt, JobId, Organization, OrganizationId, Page, PageRequest, Slug,
};
use resonance_persistence::{
    IdCursor, JobQueue, LiveNote, NewJob, Repositories, UnitOfWork, ViewedOrganization,
};
use serde_json::json;

use crate::{Outcome, Request, ServiceError, billing, changes::Changes, refusals::Attempt};

/// The use cases of organizations.
#[derive(Debug, Clone, Copy)]
pub struct Organizations<'a>(pub(crate) &'a Request);

impl Request {
    /// The use cases of organizations.
    #[must_use]
    pub fn organizations(&self) -> Organizations<'_> {
        Organizations(self)
    }
}

impl Organizations<'_> {
    /// One of the user's organizations; `None` if it does not exist or the user is no member. One statement.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn get(self, id: OrganizationId) -> Outcome<Option<ViewedOrganization>> {
        let own = self.0.actor().own()?;
        let found = self.0.core().database.organizations().viewed(&own, id).await?;
        Ok(found.inspect(|viewed| self.0.remember(viewed.standing.clone())))
    }

    /// The same by slug. A text that is no slug is no organization's.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn by_slug(self, slug: &str) -> Outcome<Option<ViewedOrganization>> {
        let own = self.0.actor().own()?;
        let Ok(slug) = Slug::parse(slug) else {
            return Ok(None);
        };
        let organizations = self.0.core().database.organizations();
        let found = organizations.viewed_by_slug(&own, &slug).await?;
        Ok(found.inspect(|viewed| self.0.remember(viewed.standing.clone())))
    }

    /// Those of `ids` that are the user's, in no order. One statement.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn get_many(self, ids: &[OrganizationId]) -> Outcome<Vec<ViewedOrganization>> {
        let own = self.0.actor().own()?;
        let found = self.0.core().database.organizations().viewed_many(&own, ids);
        let found = found.await?;
        for viewed in &found {
            self.0.remember(viewed.standing.clone());
        }
        Ok(found)
    }

    /// A page of the user's organizations, oldest first. One statement.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn list(self, page: &PageRequest<IdCursor>) -> Outcome<Page<ViewedOrganization>> {
        let own = self.0.actor().own()?;
        let rows = self.0.core().database.organizations().page(&own, page).await?;
        for viewed in &rows {
            self.0.remember(viewed.standing.clone());
        }
        Ok(Page::from_rows(page, rows))
    }

    /// How many organizations the user is a member of.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn count(self) -> Outcome<u64> {
        let own = self.0.actor().own()?;
        Ok(self.0.core().database.organizations().count(&own).await?)
    }

    /// Works in another organization from now on: the session does, and later sessions begin there. Any member. One
    /// transaction.
    ///
    /// # Errors
    /// Denials.
    pub async fn switch(self, organization: OrganizationId) -> Outcome<ViewedOrganization> {
        let request = self.0;
        let signed_in = request.signed_in()?;
        let own = request.actor().own()?;
        let before = request
            .account()
            .and_then(|account| account.session.active_organization);
        let attempt = Attempt::in_organization("setActiveOrganization", organization);
        let viewed = request
            .attempt(attempt, async |uow| {
                // Held, so that the membership does not end meanwhile and leave a session in an organization that is
                // the user's no more.
                let standing = uow.standings().of_locked(own.user(), organization).await?;
                if !uow.sessions().work_in(&standing, signed_in.session).await? {
                    return Err(Denied::Unauthenticated.into());
                }
                let viewed = uow.organizations().viewed(&own, organization).await?;
                uow.record(request.event(
                    EventKind::SessionSwitched,
                    None,
                    signed_in.session.type_id(),
                    Changes::default().field(
                        "activeOrganization",
                        before.map(|organization| organization.type_id()),
                        organization.type_id(),
                    ),
                ));
                viewed.ok_or(ServiceError::Denied(Denied::NotVisible))
            })
            .await?;
        request.learn(viewed.standing.clone());
        Ok(viewed)
    }

    /// Deletes an organization for good. Requires `org:sys_profile:delete`, and that the organization may be deleted
    /// at all. Access ends in this one transaction; rows and objects are removed by a durable job.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_DELETABLE`.
    pub async fn delete(self, organization: Option<OrganizationId>) -> Outcome<OrganizationId> {
        let request = self.0;
        let organization = request.organization(organization)?;
        let user = request.signed_in()?.user;
        let attempt = Attempt::in_organization("deleteOrganization", organization);
        request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, organization).await?;
                let grant = standing.grant::<DeleteOrganization>()?;
                let found = uow.organizations().get(&grant).await?;
                let found = found.ok_or(Denied::NotVisible)?;
                if !found.deletable {
                    let refusal = "this organization is protected from deletion";
                    return Err(FieldError::new(ErrorCode::NotDeletable, refusal).into());
                }
                let payload = self.close(uow, &grant, &found).await?;
                let id = organization.type_id();
                uow.record(request.event(EventKind::OrganizationDeleted, None, id, payload));
                Ok::<_, ServiceError>(())
            })
            .await?;
        request.forget(organization);
        Ok(organization)
    }

    /// Ends all access and has the rest purged; what is to stand in the event, which stays with the instance, as the
    /// organization's own events are purged.
    pub(crate) async fn close(
        self,
        uow: &UnitOfWork,
        grant: &Grant<DeleteOrganization>,
        found: &Organization,
    ) -> Outcome<Changes> {
        let core = self.0.core();
        let admins = uow.memberships().admins(grant).await?;
        let now = core.clock.now();
        uow.organizations().close(grant, now).await?;
        uow.jobs().add(purge_of(core.ids.next(), found.id, now)).await?;
        if let Some(ending) = billing::ending(core, found.id)? {
            uow.jobs().add(ending).await?;
        }
        uow.tell(LiveNote {
            organization: Some(found.id),
            kind: EventKind::OrganizationDeleted.as_str().to_owned(),
            subject: Some(found.id.type_id()),
        });
        let admins: Vec<String> = admins.iter().map(|admin| admin.type_id()).collect();
        Ok(Changes::default()
            .gone("name", found.name.as_str())
            .gone("slug", found.slug.as_str())
            .with("admins", admins))
    }

    /// Tells a member why a permission (`org:<feature>:<action>`) is or is not theirs. Any member.
    ///
    /// # Errors
    /// Denials. Refusals: `INVALID` for what is no permission.
    pub async fn explain_permission(
        self,
        organization: OrganizationId,
        permission: &str,
    ) -> Outcome<Explanation> {
        let standing = self.0.standing(organization).await?;
        let permission = AnyPermission::parse(permission).map_err(|error| error.at("permission"))?;
        if let AnyPermission::Custom(custom) = &permission {
            let registered = self.0.registered_permissions().await?;
            if !registered.iter().any(|known| known.permission == *custom) {
                let message = "is no permission of this instance";
                return Err(FieldError::new(ErrorCode::Invalid, message)
                    .at("permission")
                    .into());
            }
        }
        Ok(standing.explain(permission))
    }
}

fn purge_of(id: JobId, organization: OrganizationId, now: DateTime<Utc>) -> NewJob {
    NewJob {
        id,
        queue: JobQueue::Purge,
        lane: String::new(),
        organization: Some(organization),
        subject: Some(organization.as_uuid()),
        payload: json!({}),
        run_at: now,
        created_at: now,
    }
}
