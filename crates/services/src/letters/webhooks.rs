//! The letter around webhooks.

use resonance_authz::{SystemGrant, system::SendWebhooks};
use resonance_domain::{OrganizationId, UserId, WebhookDisabled, WebhookEndpointId};
use resonance_persistence::Repositories;
use resonance_webhooks::WebhookUrl;

use super::{Letter, organizations::GRANT};
use crate::{Outcome, core::Core};

/// Tells an admin that an endpoint was switched off; nothing if it is on again, or they are no admin any more.
pub(super) async fn disabled(
    core: &Core,
    organization: OrganizationId,
    endpoint: WebhookEndpointId,
    user: UserId,
) -> Outcome<Option<(String, Letter)>> {
    let sending = SystemGrant::<SendWebhooks>::for_job();
    let endpoint = core
        .database
        .webhook_sending()
        .find(&sending, organization, endpoint);
    let Some((endpoint, reason)) = endpoint.await?.and_then(|one| Some((one.url, one.disabled?))) else {
        return Ok(None);
    };
    let found = core
        .database
        .memberships()
        .for_letter(&GRANT, organization, user)
        .await?;
    let admin = found.filter(|found| {
        found
            .role
            .as_ref()
            .is_some_and(resonance_domain::RoleKey::is_admin)
    });
    Ok(admin.map(|admin| {
        // Without the query, which may hold a secret of the receiver.
        let url = WebhookUrl::parse(&endpoint, true).map(|url| url.without_query());
        let url = url.unwrap_or_default();
        let why = match reason {
            WebhookDisabled::Gone => "It answered that it wants nothing any more (410 Gone).",
            WebhookDisabled::Failing => "Nothing could be delivered to it for five days.",
        };
        let organization = &admin.organization_name;
        let letter = Letter::new(
            format!("A webhook of {organization} was switched off"),
            &[
                format!("Hello {},", admin.name),
                format!("{organization} sends no events to {url} any more. {why}"),
                "Once the receiver works again, switch the endpoint on and replay what has failed."
                    .to_owned(),
            ],
            None,
            &core.settings.public_url,
        );
        (admin.email, letter)
    }))
}
