//! Founding organizations.

use resonance_authz::{Denied, OwnGrant};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, FieldErrors, IdsExt, InOrg, InstanceSettings, Metadata, Organization,
    OrganizationDescription, OrganizationName, RoleKey, Slug,
};
use resonance_persistence::{Founder, NewMembership, Repositories, UnitOfWork, ViewedOrganization};
use serde_json::{Value, json};

use crate::{Organizations, Outcome, ServiceError, changes::Changes, profile::taken};

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

/// The same, checked.
#[derive(Debug)]
pub(crate) struct Founding {
    name: OrganizationName,
    slug: Option<Slug>,
    description: OrganizationDescription,
    public_metadata: Metadata,
    /// What an operator decides instead of the instance's settings.
    pub(crate) member_limit: Option<u32>,
    /// Likewise.
    pub(crate) deletable: Option<bool>,
}

impl Founding {
    /// Checks every field.
    pub(crate) fn parse(errors: &mut FieldErrors, input: CreateOrganization) -> Option<Self> {
        let name = errors.take("name", OrganizationName::parse(&input.name));
        let slug = errors.take("slug", input.slug.as_deref().map(Slug::parse).transpose());
        let description = input.description.unwrap_or_default();
        let description = errors.take("description", OrganizationDescription::parse(&description));
        let metadata = Metadata::parse(input.public_metadata.unwrap_or_else(|| json!({})));
        let metadata = errors.take("publicMetadata", metadata);
        Some(Self {
            name: name?,
            slug: slug?,
            description: description?,
            public_metadata: metadata?,
            member_limit: None,
            deletable: None,
        })
    }
}

/// The events of a founding: kind, subject, payload.
pub(crate) fn founded(viewed: &ViewedOrganization) -> [(EventKind, String, Changes); 2] {
    let (new, standing) = (&viewed.organization, &viewed.standing);
    [
        (
            EventKind::OrganizationCreated,
            new.id.type_id(),
            Changes::default()
                .made("name", new.name.as_str())
                .made("slug", new.slug.as_str())
                .made("description", new.description.as_str())
                .made("memberLimit", new.member_limit)
                .made("deletable", new.deletable)
                .keys(
                    "publicMetadata",
                    &Value::Null,
                    &new.public_metadata.clone().into_value(),
                ),
        ),
        (
            EventKind::MembershipCreated,
            InOrg::new(new.id, standing.membership()).global_id(),
            Changes::default()
                .made("role", standing.role().as_str())
                .with("user", standing.user().type_id()),
        ),
    ]
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
        let Some(founding) = Founding::parse(&mut errors, input) else {
            return Err(errors.into());
        };
        let viewed = core
            .database
            .atomically(async |uow| {
                let founder = uow.organizations().founder(&own).await?;
                let founder = founder.ok_or(Denied::Unauthenticated)?;
                let settings = core.instance_settings(uow).await?;
                let limit = settings.organizations_of_user(founder.organization_limit);
                if uow.organizations().founded(&own).await? >= u64::from(limit) {
                    return Err(limit_reached(limit).into());
                }
                let viewed = self.found(uow, &own, founder, founding, &settings).await?;
                uow.sessions().work_in(&viewed.standing, session).await?;
                for (kind, subject, payload) in founded(&viewed) {
                    uow.record(request.event(kind, Some(viewed.organization.id), subject, payload));
                }
                Ok::<_, ServiceError>(viewed)
            })
            .await?;
        request.learn(viewed.standing.clone());
        Ok(viewed)
    }

    /// Stores a new organization with its first admin, whose authority `own` is.
    pub(crate) async fn found(
        self,
        uow: &UnitOfWork,
        own: &OwnGrant,
        founder: Founder,
        founding: Founding,
        settings: &InstanceSettings,
    ) -> Outcome<ViewedOrganization> {
        let core = self.0.core();
        let derived = Slug::derive(&founding.name);
        let now = core.clock.now();
        let mut new = Organization {
            id: core.ids.next(),
            name: founding.name.into_string(),
            slug: founding.slug.as_ref().unwrap_or(&derived).as_str().to_owned(),
            description: founding.description.into_string(),
            logo_key: None,
            public_metadata: founding.public_metadata,
            member_limit: founding.member_limit.unwrap_or(settings.member_limit),
            deletable: founding.deletable.unwrap_or(settings.organizations_deletable),
            created_by: Some(own.user()),
            created_at: now,
            updated_at: now,
        };
        if founding.slug.is_none() {
            self.insert_numbered(uow, own, &derived, &mut new).await?;
        } else if !uow.organizations().insert(own, &new).await? {
            return Err(taken().into());
        }
        let membership = NewMembership {
            id: core.ids.next(),
            role: RoleKey::ADMIN,
            name: founder.name,
            email: founder.email,
            created_at: now,
        };
        uow.memberships().found(own, new.id, &membership).await?;
        let viewed = uow.organizations().viewed(own, new.id).await?;
        viewed.ok_or(Denied::NotVisible.into())
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
}

fn limit_reached(limit: u32) -> FieldError {
    let message = if limit == 0 {
        "you may not create organizations here".to_owned()
    } else {
        format!("you have created {limit} organizations, which is as many as you may")
    };
    FieldError::new(ErrorCode::OrganizationLimitReached, message)
}
