//! Changing what organizations say of themselves.

use resonance_authz::{ChangeOrganization, Denied, Grant};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, FieldErrors, Organization, OrganizationDescription, OrganizationId,
    OrganizationName, Slug,
};
use resonance_persistence::{Repositories, UnitOfWork, ViewedOrganization};
use serde_json::Value;

use crate::{Organizations, Outcome, changes::Changes, refusals::Attempt};

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateOrganization {
    /// The organization; none means the active one.
    pub organization: Option<OrganizationId>,
    /// The display name.
    pub name: Option<String>,
    /// The slug.
    pub slug: Option<String>,
    /// What it says about itself; empty means nothing.
    pub description: Option<String>,
}

impl Organizations<'_> {
    /// Changes name, slug or description. Requires `org:sys_profile:manage`. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: of the fields; `TAKEN` for the slug.
    pub async fn update(self, input: UpdateOrganization) -> Outcome<ViewedOrganization> {
        let organization = self.0.organization(input.organization)?;
        let mut errors = FieldErrors::default();
        let name = input.name.as_deref().map(OrganizationName::parse).transpose();
        let name = errors.take("name", name);
        let slug = errors.take("slug", input.slug.as_deref().map(Slug::parse).transpose());
        let description = input.description.as_deref();
        let description = description.map(OrganizationDescription::parse).transpose();
        let description = errors.take("description", description);
        let (Some(name), Some(slug), Some(description)) = (name, slug, description) else {
            return Err(errors.into());
        };
        self.change("updateOrganization", organization, |profile| {
            if let Some(name) = name {
                profile.name = name.into_string();
            }
            if let Some(slug) = slug {
                slug.as_str().clone_into(&mut profile.slug);
            }
            if let Some(description) = description {
                profile.description = description.into_string();
            }
            Ok(())
        })
        .await
    }

    /// Merges `changes` into the public metadata: objects merge key by key, `null` removes a key. Requires
    /// `org:sys_profile:manage`. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `INVALID` and `TOO_LONG` for the metadata.
    pub async fn update_metadata(
        self,
        organization: Option<OrganizationId>,
        changes: Value,
    ) -> Outcome<ViewedOrganization> {
        let organization = self.0.organization(organization)?;
        self.change("updateOrganizationMetadata", organization, |profile| {
            let merged = profile.public_metadata.merged(changes);
            profile.public_metadata = merged.map_err(|error| error.at("publicMetadata"))?;
            Ok(())
        })
        .await
    }

    async fn change(
        self,
        operation: &'static str,
        organization: OrganizationId,
        edit: impl FnOnce(&mut Organization) -> Result<(), FieldError> + Send,
    ) -> Outcome<ViewedOrganization> {
        self.0
            .attempt(Attempt::in_organization(operation, organization), async |uow| {
                let (grant, mut viewed) = self.hold(uow, organization).await?;
                let before = viewed.organization.clone();
                edit(&mut viewed.organization)?;
                self.store(uow, &grant, &before, &mut viewed.organization).await?;
                Ok(viewed)
            })
            .await
    }

    /// Holds an organization that the user may change, and reads it.
    pub(crate) async fn hold(
        self,
        uow: &UnitOfWork,
        organization: OrganizationId,
    ) -> Outcome<(Grant<ChangeOrganization>, ViewedOrganization)> {
        let own = self.0.actor().own()?;
        let standing = uow.standings().of_locked(own.user(), organization).await?;
        let grant = standing.grant::<ChangeOrganization>()?;
        let viewed = uow.organizations().viewed(&own, organization).await?;
        Ok((grant, viewed.ok_or(Denied::NotVisible)?))
    }

    /// Stores a changed profile and what changed; nothing if nothing did.
    pub(crate) async fn store(
        self,
        uow: &UnitOfWork,
        grant: &Grant<ChangeOrganization>,
        before: &Organization,
        after: &mut Organization,
    ) -> Outcome<()> {
        if before == after {
            return Ok(());
        }
        after.updated_at = self.0.core().clock.now();
        match uow.organizations().store_profile(grant, after).await {
            Ok(()) => {}
            // The slug is all that is unique in a profile.
            Err(error) if error.is_unique() => return Err(taken().into()),
            Err(error) => return Err(error.into()),
        }
        let organization = grant.organization();
        uow.record(self.0.event(
            EventKind::OrganizationUpdated,
            Some(organization),
            organization.type_id(),
            changes(before, after),
        ));
        Ok(())
    }
}

/// The slug is another's.
pub(crate) fn taken() -> FieldError {
    FieldError::new(ErrorCode::Taken, "this slug is taken").at("slug")
}

/// Old and new values of what differs, for the record.
pub(crate) fn changes(before: &Organization, after: &Organization) -> Changes {
    let metadata = |organization: &Organization| organization.public_metadata.clone().into_value();
    Changes::default()
        .field("name", before.name.as_str(), after.name.as_str())
        .field("slug", before.slug.as_str(), after.slug.as_str())
        .field(
            "description",
            before.description.as_str(),
            after.description.as_str(),
        )
        .field("logo", before.logo_key.as_deref(), after.logo_key.as_deref())
        .keys("publicMetadata", &metadata(before), &metadata(after))
}
