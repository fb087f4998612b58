//! Changing the instance's settings.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, UserError, request, split};
use resonance_services::UpdateInstance;

use crate::instance::{EnrolmentMode, InstanceSettings};

/// What is to change. Omitted values stay as they are; null goes back to what is configured.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateInstanceSettingsInput {
    /// The member limit of new organizations; 0 means none.
    member_limit: MaybeUndefined<u32>,
    /// Whether new organizations may be deleted by their admins.
    organizations_deletable: MaybeUndefined<bool>,
    /// Whether users may create organizations at all.
    organization_creation: MaybeUndefined<bool>,
    /// How many organizations a user may create.
    organizations_per_user: MaybeUndefined<u32>,
    /// Whether organizations can have mail domains. Switched off, nobody joins through one; what was proved stays.
    domains_enabled: MaybeUndefined<bool>,
    /// How people with an address at a proved domain may be let in; domains that let them in otherwise do nothing.
    enrolment_modes: MaybeUndefined<Vec<EnrolmentMode>>,
    /// The key of the role that they get where the organization says nothing: one of the instance's.
    domain_default_role: MaybeUndefined<String>,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What became of the settings.
#[derive(Debug, SimpleObject)]
pub(crate) struct InstanceSettingsPayload {
    /// What holds now; null if the input was refused.
    settings: Option<InstanceSettings>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct InstanceMutation;

#[Object]
impl InstanceMutation {
    /// Changes what holds in the instance. Defaults of organizations are copied when one is created: no existing one changes.
    async fn update_instance_settings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateInstanceSettingsInput,
    ) -> ApiResult<InstanceSettingsPayload> {
        let request = request(context)?;
        request.operators().admit().await?;
        let input = UpdateInstance {
            member_limit: said(input.member_limit),
            organizations_deletable: said(input.organizations_deletable),
            organization_creation: said(input.organization_creation),
            organizations_per_user: said(input.organizations_per_user),
            domains_enabled: said(input.domains_enabled),
            enrolment_modes: said(input.enrolment_modes)
                .map(|modes| modes.map(|modes| modes.into_iter().map(Into::into).collect())),
            domain_default_role: said(input.domain_default_role),
            reason: input.reason,
        };
        let (settings, user_errors) = split(request.operators().update_settings(input).await)?;
        Ok(InstanceSettingsPayload {
            settings: settings.map(Into::into),
            user_errors,
        })
    }
}

fn said<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}
