//! The organization: where everything of a tenant hangs.

use async_graphql::{ComplexObject, Context, ID, SimpleObject, dataloader::DataLoader};
use chrono::{DateTime, Utc};
use resonance_authz::Permission;
use resonance_domain::{self as domain, InOrg, OrganizationId};
use resonance_gateway_accounts::{User, UserLoader};
use resonance_gateway_kit::{ApiError, ApiResult, JsonObject, request};
use resonance_gateway_speech::{
    Billing, GenerationArguments, GenerationConnection, GenerationFilter, GenerationOrder, Usage,
    UsagePeriod, VoiceArguments, VoiceConnection, VoiceFilter, VoiceOrder, billing_of, generations_of,
    usage_of, voices_of,
};
use resonance_services::{self as services, MemberQuery, ViewedOrganization};

use crate::{
    ApiKeyConnection, AuditLogConnection, AuditLogFilter, CataloguedPermission, InvitationConnection,
    InvitationState, MemberOrder, MembershipRequestConnection, MembershipRequestState,
    OrganizationDomainConnection, OrganizationEventConnection, OrganizationMemberConnection,
    PermissionExplanation, Role, WebhookEndpointConnection,
    api_key::api_keys,
    audit_log::{AuditLogArguments, audit_log},
    invitation::{InvitationArguments, invitations},
    member::{MemberArguments, members},
    membership_request::{MembershipRequestArguments, membership_requests},
    organization_domain::domains,
    organization_event::events,
    webhook_endpoint::endpoints,
};

/// An organization, as one of its members sees it. For everybody else it does not exist.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Organization {
    /// The organization's id.
    pub id: ID,
    /// The display name.
    pub name: String,
    /// The name in addresses, unique in the instance: lower-case letters, digits and single hyphens.
    pub slug: String,
    /// What the organization says about itself; empty if nothing.
    pub description: String,
    /// How many members and pending invitations there may be; 0 means any number.
    pub member_limit: u32,
    /// Whether the organization may be deleted at all, by whoever has `org:sys_profile:delete`.
    pub deletable: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its profile last changed.
    pub updated_at: DateTime<Utc>,
    #[graphql(skip)]
    viewed: ViewedOrganization,
}

impl From<ViewedOrganization> for Organization {
    fn from(viewed: ViewedOrganization) -> Self {
        let domain::Organization {
            id,
            name,
            slug,
            description,
            member_limit,
            deletable,
            created_at,
            updated_at,
            ..
        } = &viewed.organization;
        Self {
            id: id.type_id().into(),
            name: name.clone(),
            slug: slug.clone(),
            description: description.clone(),
            member_limit: *member_limit,
            deletable: *deletable,
            created_at: *created_at,
            updated_at: *updated_at,
            viewed,
        }
    }
}

impl Organization {
    fn key(&self) -> OrganizationId {
        self.viewed.organization.id
    }

    fn shown(&self, roles: Vec<services::Role>) -> Vec<Role> {
        let shown = roles.into_iter().map(|role| Role::known(self.key(), role));
        shown.collect()
    }

    fn allows(&self, permission: Permission) -> bool {
        self.viewed.standing.permissions().contains(permission)
    }
}

#[ComplexObject]
impl Organization {
    /// Where the logo, or else an avatar of the initials, can be fetched for about a day without signing in.
    async fn logo_url(&self, context: &Context<'_>) -> ApiResult<String> {
        Ok(request(context)?
            .organizations()
            .logo_url(&self.viewed.organization))
    }

    /// Whether a logo was uploaded; without one, `logoUrl` shows an avatar.
    async fn has_logo(&self) -> bool {
        self.viewed.organization.logo_key.is_some()
    }

    /// Data that applications keep with the organization: every member reads it, `org:sys_profile:manage` changes it.
    async fn public_metadata(&self) -> JsonObject {
        JsonObject(self.viewed.organization.public_metadata.clone().into_value())
    }

    /// Who created it; null once that account is gone.
    async fn created_by(&self, context: &Context<'_>) -> ApiResult<Option<User>> {
        let Some(user) = self.viewed.organization.created_by else {
            return Ok(None);
        };
        let users = context.data_unchecked::<DataLoader<UserLoader>>();
        users
            .load_one(InOrg::new(self.key(), user))
            .await
            .map_err(ApiError::from)
    }

    /// The viewer's role here.
    async fn viewer_role(&self) -> Role {
        Role::held(self.key(), self.viewed.standing.role().clone())
    }

    /// What the viewer's role allows everywhere in the organization, such as `org:voices:create`: the product's permissions
    /// first, then those that operators registered.
    async fn viewer_permissions(&self, context: &Context<'_>) -> ApiResult<Vec<String>> {
        Ok(request(context)?.roles().own_permissions(self.key()).await?)
    }

    /// All roles that can be held here: the built-in ones, the instance's, the organization's own; at most 102. Any member
    /// sees them.
    #[graphql(complexity = "5 + 10 * child_complexity")]
    async fn roles(&self, context: &Context<'_>) -> ApiResult<Vec<Role>> {
        let roles = request(context)?.roles().list(self.key()).await?;
        Ok(self.shown(roles))
    }

    /// Those roles that the viewer may give to others: none has a permission that the viewer lacks. Requires
    /// `org:sys_memberships:manage`; null without it.
    #[graphql(complexity = "5 + 10 * child_complexity")]
    async fn assignable_roles(&self, context: &Context<'_>) -> ApiResult<Option<Vec<Role>>> {
        let roles = request(context)?.roles().assignable(self.key()).await?;
        Ok(Some(self.shown(roles)))
    }

    /// All permissions that a role can have: the product's, and those that operators registered. Any member sees them.
    #[graphql(complexity = "5 + 10 * child_complexity")]
    async fn permissions(&self, context: &Context<'_>) -> ApiResult<Vec<CataloguedPermission>> {
        let registered = request(context)?
            .roles()
            .registered_permissions(self.key())
            .await?;
        let product = Permission::ALL.iter().copied().map(Into::into);
        Ok(product.chain(registered.iter().map(Into::into)).collect())
    }

    /// Whether the viewer may invite and remove members and change their roles.
    async fn viewer_can_manage_members(&self) -> bool {
        self.allows(Permission::MembershipsManage)
    }

    /// Whether the viewer may change name, slug, description, logo and public metadata.
    async fn viewer_can_update(&self) -> bool {
        self.allows(Permission::ProfileManage)
    }

    /// Whether `deleteOrganization` would work for the viewer.
    async fn viewer_can_delete(&self) -> bool {
        self.deletable && self.allows(Permission::ProfileDelete)
    }

    /// Tells the viewer why a permission is or is not theirs.
    async fn explain_permission(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The permission, such as `org:voices:create`.")] permission: String,
    ) -> ApiResult<PermissionExplanation> {
        let explanation = request(context)?
            .organizations()
            .explain_permission(self.key(), &permission)
            .await?;
        Ok(PermissionExplanation::of(self.key(), explanation))
    }

    /// How many members there are. Requires `org:sys_memberships:read`; null without it.
    async fn member_count(&self, context: &Context<'_>) -> ApiResult<Option<i32>> {
        let memberships = request(context)?.memberships();
        let count = memberships.count(self.key(), &MemberQuery::default()).await?;
        Ok(Some(i32::try_from(count).unwrap_or(i32::MAX)))
    }

    /// The members. Requires `org:sys_memberships:read`; null without it.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Only members whose name or e-mail address contains this, ignoring case.")]
        search: Option<String>,
        #[graphql(desc = "Only members with this role, such as `org:admin`.")] role: Option<String>,
        #[graphql(desc = "By time of joining when nothing is said.")] order_by: Option<MemberOrder>,
    ) -> ApiResult<Option<OrganizationMemberConnection>> {
        let arguments = MemberArguments {
            first,
            after,
            last,
            before,
            search,
            role,
            order: order_by,
        };
        members(request(context)?, self.key(), arguments).await.map(Some)
    }

    /// The invitations that were sent. Requires `org:sys_memberships:manage`; null without it.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn invitations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Only invitations in one of these states; all when nothing is said.")]
        states: Option<Vec<InvitationState>>,
    ) -> ApiResult<Option<InvitationConnection>> {
        let arguments = InvitationArguments {
            first,
            after,
            last,
            before,
            states: states.unwrap_or_default(),
        };
        invitations(request(context)?, self.key(), arguments)
            .await
            .map(Some)
    }

    /// What happened here, oldest first, for those who follow along: keep `endCursor` and go on with it as `after`. No event
    /// is skipped. Each type requires the permission to read what it is about; others are left out.
    #[graphql(complexity = "5 + usize::try_from(first.unwrap_or(25)).unwrap_or_default() * child_complexity")]
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many at most, up to 100; 25 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "The cursor to go on behind; the beginning when nothing is said.")] after: Option<
            String,
        >,
        #[graphql(
            desc = "Kinds such as `membership.created` and nouns such as `membership.*`; all when nothing is said."
        )]
        types: Option<Vec<String>>,
    ) -> ApiResult<OrganizationEventConnection> {
        events(
            request(context)?,
            self.key(),
            first,
            after,
            types.unwrap_or_default(),
        )
        .await
    }

    /// The keys of its programs, revoked and expired ones included. Requires `org:sys_api_keys:read`; null without it.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<Option<ApiKeyConnection>> {
        api_keys(request(context)?, self.key(), (first, after), (last, before))
            .await
            .map(Some)
    }

    /// Where events are sent to. Requires `org:sys_webhooks:manage`; null without it.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn webhook_endpoints(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<Option<WebhookEndpointConnection>> {
        endpoints(request(context)?, self.key(), (first, after), (last, before))
            .await
            .map(Some)
    }

    /// The mail domains through which people join. Requires `org:sys_domains:read`; null without it.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn domains(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<Option<OrganizationDomainConnection>> {
        domains(request(context)?, self.key(), first, after, last, before)
            .await
            .map(Some)
    }

    /// The requests to join that people made. Requires `org:sys_memberships:manage`; null without it.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn membership_requests(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Only requests in one of these states; all when nothing is said.")] states: Option<
            Vec<MembershipRequestState>,
        >,
    ) -> ApiResult<Option<MembershipRequestConnection>> {
        let arguments = MembershipRequestArguments {
            first,
            after,
            last,
            before,
            states: states.unwrap_or_default(),
        };
        membership_requests(request(context)?, self.key(), arguments)
            .await
            .map(Some)
    }

    /// The voices that members can use: the instance's and the organization's own. Requires `org:voices:read`; null
    /// without it.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn voices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Which voices; all when nothing is said.")] filter: Option<VoiceFilter>,
        #[graphql(desc = "By name when nothing is said.")] order_by: Option<VoiceOrder>,
    ) -> ApiResult<Option<VoiceConnection>> {
        let arguments = VoiceArguments {
            first,
            after,
            last,
            before,
            filter,
            order: order_by,
        };
        voices_of(request(context)?, self.key(), arguments)
            .await
            .map(Some)
    }

    /// The shared history: what was spoken. Requires `org:generations:read`.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn generations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which generations; all when nothing is said.")] filter: Option<GenerationFilter>,
        #[graphql(desc = "In which order; the newest first when nothing is said.")] order_by: Option<
            GenerationOrder,
        >,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<GenerationConnection> {
        let arguments = GenerationArguments {
            first,
            after,
            last,
            before,
            filter,
            order: order_by,
        };
        generations_of(request(context)?, self.key(), arguments).await
    }

    /// The audit log: what happened here, newest first. Requires `org:sys_audit:read`; null without it.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which entries; all when nothing is said.")] filter: Option<AuditLogFilter>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> ApiResult<Option<AuditLogConnection>> {
        let arguments = AuditLogArguments {
            filter,
            first,
            after,
            last,
            before,
        };
        audit_log(request(context)?, self.key(), arguments)
            .await
            .map(Some)
    }

    /// What it may spend, what it has, and what it pays. Requires `org:sys_billing:read`; null without it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn billing(&self, context: &Context<'_>) -> ApiResult<Option<Billing>> {
        billing_of(context, self.key()).await.map(Some)
    }

    /// What was used in a period: characters spoken and custom voices made. Requires `org:usage:read`.
    async fn usage(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The period; this month up to today when nothing is said.")] period: Option<
            UsagePeriod,
        >,
    ) -> ApiResult<Usage> {
        usage_of(context, self.key(), period).await
    }
}
