//! Organizations: founding, looking at, changing, working in, deleting.

use chrono::{DateTime, Utc};
use resonance_authz::{
    ChangeOrganization, DeleteOrganization, Denied, Explanation, Grant, OwnGrant, Permission,
    ReadOrganization,
};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, FieldErrors, IdsExt, InOrg, Metadata, Organization,
    OrganizationDescription, OrganizationId, OrganizationName, Page, PageRequest, RoleKey, Slug,
};
use resonance_persistence::{
    IdCursor, JobQueue, LiveNote, NewJob, NewMembership, Repositories, UnitOfWork, ViewedOrganization,
};
use serde_json::{Map, Value, json};

use crate::{Outcome, Request, ServiceError};

/// Suffixes that are tried in order where a derived slug is taken.
const NUMBERED: std::ops::RangeInclusive<u32> = 2..=50;
/// Random suffixes that are tried after those, the later ones from a wider range.
const RANDOM: u32 = 8;

/// What a new organization is like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateOrganization {
    /// The display name, 1 to 256 characters.
    pub name: String,
    /// The slug; without one, it is derived from the name.
    pub slug: Option<String>,
    /// What it says about itself.
    pub description: Option<String>,
    /// Public metadata, a JSON object.
    pub public_metadata: Option<Value>,
}

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
    /// Founds an organization. The founder becomes its admin and works in it from now on. One transaction.
    ///
    /// Any user may, as long as they founded fewer than the instance (or an operator, for this user) allows. Without
    /// a slug, one is derived from the name and numbered until it is free.
    ///
    /// # Errors
    /// `Unauthenticated`. Refusals: of the fields; `TAKEN` for a slug that was asked for;
    /// `ORGANIZATION_LIMIT_REACHED`.
    pub async fn create(self, input: CreateOrganization) -> Outcome<ViewedOrganization> {
        let request = self.0;
        let core = request.core();
        let session = request.signed_in()?.session;
        let own = request.actor().own()?;
        let mut errors = FieldErrors::default();
        let name = errors.take("name", OrganizationName::parse(&input.name));
        let slug = errors.take("slug", input.slug.as_deref().map(Slug::parse).transpose());
        let description = input.description.unwrap_or_default();
        let description = errors.take("description", OrganizationDescription::parse(&description));
        let metadata = Metadata::parse(input.public_metadata.unwrap_or_else(|| json!({})));
        let metadata = errors.take("publicMetadata", metadata);
        let (Some(name), Some(slug), Some(description), Some(public_metadata)) =
            (name, slug, description, metadata)
        else {
            return Err(errors.into());
        };
        let derived = Slug::derive(&name);
        let viewed = core
            .database
            .atomically(async |uow| {
                let founder = uow.organizations().founder(&own).await?;
                let founder = founder.ok_or(Denied::Unauthenticated)?;
                let limit = founder
                    .organization_limit
                    .unwrap_or(core.settings.organizations_per_user);
                if uow.organizations().founded(&own).await? >= u64::from(limit) {
                    return Err(limit_reached(limit).into());
                }
                let now = core.clock.now();
                let mut new = Organization {
                    id: core.ids.next(),
                    name: name.into_string(),
                    slug: slug.as_ref().unwrap_or(&derived).as_str().to_owned(),
                    description: description.into_string(),
                    logo_key: None,
                    public_metadata,
                    member_limit: core.settings.member_limit,
                    deletable: core.settings.deletable,
                    created_by: Some(own.user()),
                    created_at: now,
                    updated_at: now,
                };
                if slug.is_none() {
                    self.insert_numbered(uow, &own, &derived, &mut new).await?;
                } else if !uow.organizations().insert(&own, &new).await? {
                    return Err(taken().into());
                }
                let membership = NewMembership {
                    id: core.ids.next(),
                    role: RoleKey::ADMIN,
                    name: founder.name,
                    email: founder.email,
                    created_at: now,
                };
                uow.memberships().found(&own, new.id, &membership).await?;
                let viewed = uow.organizations().viewed(&own, new.id).await?;
                let viewed = viewed.ok_or(Denied::NotVisible)?;
                let grant = viewed.standing.grant::<ReadOrganization>()?;
                uow.sessions().work_in(&grant, session).await?;
                uow.record(request.event(
                    EventKind::OrganizationCreated,
                    Some(new.id),
                    new.id.type_id(),
                    json!({ "name": new.name, "slug": new.slug }),
                ));
                uow.record(request.event(
                    EventKind::MembershipCreated,
                    Some(new.id),
                    InOrg::new(new.id, membership.id).global_id(),
                    json!({ "user": own.user(), "role": membership.role.as_str() }),
                ));
                Ok::<_, ServiceError>(viewed)
            })
            .await?;
        request.learn(viewed.standing.clone());
        Ok(viewed)
    }

    /// Stores the organization under the first free one of the slugs that its name suggests.
    async fn insert_numbered(
        self,
        uow: &UnitOfWork,
        own: &OwnGrant,
        derived: &Slug,
        new: &mut Organization,
    ) -> Outcome<()> {
        let numbered: Vec<Slug> = std::iter::once(derived.clone())
            .chain(NUMBERED.map(|number| derived.numbered(number)))
            .collect();
        let taken = uow.organizations().taken_slugs(own, &numbered).await?;
        let free = numbered
            .into_iter()
            .filter(|slug| !taken.iter().any(|taken| taken == slug.as_str()));
        let random = (0..RANDOM).map(|nth| {
            let (bits, _) = self.0.core().ids.uuid().as_u64_pair();
            let (_, low) = self.0.core().ids.uuid().as_u64_pair();
            let drawn = u32::try_from((bits ^ low) & u64::from(u32::MAX)).unwrap_or(u32::MAX);
            derived.numbered(if nth < RANDOM / 2 {
                drawn % 1_000_000
            } else {
                drawn
            })
        });
        // Another transaction may take a slug between looking and storing; then the next one is tried.
        for slug in free.chain(random) {
            slug.as_str().clone_into(&mut new.slug);
            if uow.organizations().insert(own, new).await? {
                return Ok(());
            }
        }
        Err(
            FieldError::new(ErrorCode::Taken, "no slug of this name is free; choose one")
                .at("slug")
                .into(),
        )
    }

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
        self.change(organization, |profile| {
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
        self.change(organization, |profile| {
            let merged = profile.public_metadata.merged(changes);
            profile.public_metadata = merged.map_err(|error| error.at("publicMetadata"))?;
            Ok(())
        })
        .await
    }

    async fn change(
        self,
        organization: OrganizationId,
        edit: impl FnOnce(&mut Organization) -> Result<(), FieldError> + Send,
    ) -> Outcome<ViewedOrganization> {
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
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

    /// Works in another organization from now on: the session does, and later sessions begin there. Any member. One
    /// transaction.
    ///
    /// # Errors
    /// Denials.
    pub async fn switch(self, organization: OrganizationId) -> Outcome<ViewedOrganization> {
        let request = self.0;
        let signed_in = request.signed_in()?;
        let own = request.actor().own()?;
        let viewed = request
            .core()
            .database
            .atomically(async |uow| {
                // Held, so that the membership does not end meanwhile and leave a session in an organization that is
                // the user's no more.
                let standing = uow.standings().of_locked(own.user(), organization).await?;
                let grant = standing.grant::<ReadOrganization>()?;
                if !uow.sessions().work_in(&grant, signed_in.session).await? {
                    return Err(Denied::Unauthenticated.into());
                }
                let viewed = uow.organizations().viewed(&own, organization).await?;
                uow.record(request.event(
                    EventKind::SessionSwitched,
                    None,
                    signed_in.session.type_id(),
                    json!({ "organization": organization }),
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
        let core = request.core();
        let organization = request.organization(organization)?;
        let user = request.signed_in()?.user;
        core.database
            .atomically(async |uow| {
                let standing = uow.standings().of_locked(user, organization).await?;
                let grant = standing.grant::<DeleteOrganization>()?;
                let found = uow.organizations().get(&grant).await?;
                let found = found.ok_or(Denied::NotVisible)?;
                if !found.deletable {
                    let refusal = "this organization is protected from deletion";
                    return Err(FieldError::new(ErrorCode::NotDeletable, refusal).into());
                }
                let admins = uow.memberships().admins(&grant).await?;
                let now = core.clock.now();
                uow.organizations().close(&grant, now).await?;
                uow.jobs()
                    .add(purge_of(core.ids.next(), organization, now))
                    .await?;
                // The organization's own events are purged; this one stays with the instance.
                let id = organization.type_id();
                let payload = json!({ "name": found.name, "admins": admins });
                uow.record(request.event(EventKind::OrganizationDeleted, None, id.clone(), payload));
                uow.tell(LiveNote {
                    organization: Some(organization),
                    kind: EventKind::OrganizationDeleted.as_str().to_owned(),
                    subject: Some(id),
                });
                Ok::<_, ServiceError>(())
            })
            .await?;
        request.forget(organization);
        Ok(organization)
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
        let permission = Permission::from_key(permission).ok_or_else(|| {
            FieldError::new(
                ErrorCode::Invalid,
                "must be a permission such as org:voices:create",
            )
            .at("permission")
        })?;
        Ok(standing.explain(permission))
    }
}

fn taken() -> FieldError {
    FieldError::new(ErrorCode::Taken, "this slug is taken").at("slug")
}

fn limit_reached(limit: u32) -> FieldError {
    let message = if limit == 0 {
        "you may not create organizations here".to_owned()
    } else {
        format!("you have created {limit} organizations, which is as many as you may")
    };
    FieldError::new(ErrorCode::OrganizationLimitReached, message)
}

fn purge_of(id: resonance_domain::JobId, organization: OrganizationId, now: DateTime<Utc>) -> NewJob {
    NewJob {
        id,
        queue: JobQueue::Purge,
        organization: Some(organization),
        subject: Some(organization.as_uuid()),
        payload: json!({}),
        run_at: now,
        created_at: now,
    }
}

/// Old and new values of what differs, for the record.
fn changes(before: &Organization, after: &Organization) -> Value {
    let of = |organization: &Organization| {
        [
            ("name", json!(organization.name)),
            ("slug", json!(organization.slug)),
            ("description", json!(organization.description)),
            ("logo", json!(organization.logo_key)),
            (
                "publicMetadata",
                organization.public_metadata.clone().into_value(),
            ),
        ]
    };
    let changed = of(before).into_iter().zip(of(after));
    let changed = changed.filter(|((_, from), (_, to))| from != to);
    Value::Object(
        changed
            .map(|((field, from), (_, to))| (field.to_owned(), json!({ "old": from, "new": to })))
            .collect::<Map<_, _>>(),
    )
}
