//! Organizations, as operators manage them.

use resonance_authz::{ChangeOrganization, DeleteOrganization, Denied, OperatorGrant};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, FieldErrors, Metadata, OrganizationDescription, OrganizationId,
    OrganizationName, Slug, UserId,
};
use resonance_persistence::{DirectoryOrganization, Repositories, UnitOfWork};
use serde_json::{Value, json};

use super::{Operators, only_reason, staff::no_user};
use crate::{
    CreateOrganization, Outcome, ServiceError,
    founding::{Founding, founded},
    profile::{changes, taken},
};

/// A new organization, made by an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorCreateOrganization {
    /// What everybody says of a new organization.
    pub organization: CreateOrganization,
    /// Who founds it and becomes its admin.
    pub admin: UserId,
    /// The member limit, if not the instance's default; 0 means none.
    pub member_limit: Option<u32>,
    /// Whether its admins may delete it, if not the instance's default.
    pub deletable: Option<bool>,
    /// Data that only operators see, a JSON object.
    pub private_metadata: Option<Value>,
    /// Why.
    pub reason: String,
}

/// What is to change; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorUpdateOrganization {
    /// The organization.
    pub organization: OrganizationId,
    /// The display name.
    pub name: Option<String>,
    /// The slug.
    pub slug: Option<String>,
    /// What it says about itself; empty means nothing.
    pub description: Option<String>,
    /// Merged into the public metadata.
    pub public_metadata: Option<Value>,
    /// Merged into the metadata that only operators see.
    pub private_metadata: Option<Value>,
    /// The member limit; 0 means none. Nobody who is in is put out.
    pub member_limit: Option<u32>,
    /// Whether its admins may delete it.
    pub deletable: Option<bool>,
    /// Why.
    pub reason: String,
}

impl Operators<'_> {
    /// Founds an organization for a user, who becomes its admin; how many that user founded does not matter. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of the fields; `TAKEN` for `slug`; `NOT_FOUND` for `adminId`.
    pub async fn create_organization(
        self,
        input: OperatorCreateOrganization,
    ) -> Outcome<DirectoryOrganization> {
        let ((founding, private), reason) = Self::checked(&input.reason, |errors| {
            let founding = Founding::parse(errors, input.organization);
            let private = Metadata::parse(input.private_metadata.unwrap_or_else(|| json!({})));
            let private = errors.take("privateMetadata", private);
            let mut founding = founding?;
            founding.member_limit = input.member_limit;
            founding.deletable = input.deletable;
            Some((founding, private?))
        })?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                let own = operator.over(input.admin);
                let founder = uow.organizations().founder(&own).await?;
                let founder = founder.ok_or_else(|| FieldError {
                    field: Some("adminId".to_owned()),
                    ..no_user()
                })?;
                let settings = core.instance_settings(uow).await?;
                let organizations = self.0.organizations();
                let viewed = organizations
                    .found(uow, &own, founder, founding, &settings)
                    .await?;
                let id = viewed.organization.id;
                if private != Metadata::default() {
                    uow.operators()
                        .store_private_metadata(&operator, id, &private)
                        .await?;
                }
                for (kind, subject, payload) in founded(&viewed) {
                    self.record(uow, &operator, (kind, Some(id), subject, payload));
                }
                entry(uow, &operator, id).await
            })
            .await
    }

    /// Changes an organization: profile, metadata, member limit, deletable flag. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of the fields; `TAKEN` for `slug`.
    pub async fn update_organization(
        self,
        input: OperatorUpdateOrganization,
    ) -> Outcome<DirectoryOrganization> {
        let id = input.organization;
        let ((name, slug, description), reason) = Self::checked(&input.reason, |errors| {
            let name = input.name.as_deref().map(OrganizationName::parse).transpose();
            let name = errors.take("name", name);
            let slug = errors.take("slug", input.slug.as_deref().map(Slug::parse).transpose());
            let description = input.description.as_deref();
            let description = description.map(OrganizationDescription::parse).transpose();
            let description = errors.take("description", description);
            Some((name?, slug?, description?))
        })?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting_in(uow, &reason, id).await?;
                let before = entry(uow, &operator, id).await?;
                let mut after = before.clone();
                let profile = &mut after.organization;
                if let Some(name) = name {
                    profile.name = name.into_string();
                }
                if let Some(slug) = slug {
                    slug.as_str().clone_into(&mut profile.slug);
                }
                if let Some(description) = description {
                    profile.description = description.into_string();
                }
                profile.member_limit = input.member_limit.unwrap_or(profile.member_limit);
                profile.deletable = input.deletable.unwrap_or(profile.deletable);
                let mut errors = FieldErrors::default();
                if let Some(changes) = input.public_metadata {
                    let merged = profile.public_metadata.merged(changes);
                    if let Some(merged) = errors.take("publicMetadata", merged) {
                        profile.public_metadata = merged;
                    }
                }
                if let Some(changes) = input.private_metadata {
                    let merged = after.private_metadata.merged(changes);
                    if let Some(merged) = errors.take("privateMetadata", merged) {
                        after.private_metadata = merged;
                    }
                }
                errors.finish()?;
                self.store(uow, &operator, &before, &mut after).await?;
                Ok::<_, ServiceError>(after)
            })
            .await
    }

    async fn store(
        self,
        uow: &UnitOfWork,
        operator: &OperatorGrant,
        before: &DirectoryOrganization,
        after: &mut DirectoryOrganization,
    ) -> Outcome<()> {
        if before == after {
            return Ok(());
        }
        let now = self.0.core().clock.now();
        let id = before.organization.id;
        after.organization.updated_at = now;
        let (old, new) = (&before.organization, &after.organization);
        let grant = operator.within::<ChangeOrganization>(id);
        match uow.organizations().store_profile(&grant, new).await {
            Ok(()) => {}
            // The slug is all that is unique in a profile.
            Err(error) if error.is_unique() => return Err(taken().into()),
            Err(error) => return Err(error.into()),
        }
        let operators = uow.operators();
        operators
            .store_terms(operator, id, new.member_limit, new.deletable, now)
            .await?;
        operators
            .store_private_metadata(operator, id, &after.private_metadata)
            .await?;
        let mut payload = changes(old, new)
            .field("memberLimit", old.member_limit, new.member_limit)
            .field("deletable", old.deletable, new.deletable);
        // That it changed is for all who read the log; what it says is for operators only.
        if before.private_metadata != after.private_metadata {
            payload = payload.secret("privateMetadata");
        }
        let act = (EventKind::OrganizationUpdated, Some(id), id.type_id(), payload);
        self.record(uow, operator, act);
        Ok(())
    }

    /// Deletes an organization for good, as its admins could; `force` also one that is protected from deletion. One
    /// transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_DELETABLE`.
    pub async fn delete_organization(
        self,
        organization: OrganizationId,
        force: bool,
        reason: &str,
    ) -> Outcome<OrganizationId> {
        let reason = only_reason(reason)?;
        self.0
            .core()
            .database
            .atomically(async |uow| {
                let operator = self.acting_in(uow, &reason, organization).await?;
                let grant = operator.within::<DeleteOrganization>(organization);
                let found = uow.organizations().get(&grant).await?;
                let found = found.ok_or(Denied::NotVisible)?;
                if !found.deletable && !force {
                    let refusal = "this organization is protected from deletion; force it if you must";
                    return Err(FieldError::new(ErrorCode::NotDeletable, refusal)
                        .at("force")
                        .into());
                }
                let payload = self.0.organizations().close(uow, &grant, &found).await?;
                let payload = payload.with("forced", !found.deletable);
                // The organization's own log is purged; this one stays.
                let act = (
                    EventKind::OrganizationDeleted,
                    None,
                    organization.type_id(),
                    payload,
                );
                self.record(uow, &operator, act);
                Ok::<_, ServiceError>(organization)
            })
            .await
    }
}

/// The organization as it is now.
async fn entry(
    uow: &UnitOfWork,
    operator: &OperatorGrant,
    organization: OrganizationId,
) -> Outcome<DirectoryOrganization> {
    let ids = [organization];
    let mut found = uow.directory().organizations_by_id(operator, &ids).await?;
    found.pop().ok_or(ServiceError::Denied(Denied::NotVisible))
}
