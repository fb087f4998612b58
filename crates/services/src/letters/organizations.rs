//! The letters around organizations, memberships and invitations.

use resonance_authz::{SystemGrant, system::Relay};
use resonance_domain::{
    Event, EventKind, InOrg, InvitationId, InvitationState, MembershipId, OrganizationId, RoleKey, UserId,
    WebhookEndpointId,
};
use resonance_persistence::{ReceivedInvitation, Repositories};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Letter, budgets::Reached};
use crate::{INVITATION_TOKEN, Outcome, changes::told, core::Core};

pub(super) const GRANT: SystemGrant<Relay> = SystemGrant::for_job();

/// What a mail job around organizations is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
pub(crate) enum About {
    /// Brings the link to the invited address.
    Invitation {
        organization: OrganizationId,
        invitation: InvitationId,
        /// Which sending: a later one makes this one pointless.
        sending: u32,
    },
    /// Tells the inviter who joined.
    InvitationAccepted {
        organization: OrganizationId,
        invitation: InvitationId,
        user: UserId,
    },
    /// Tells somebody that they are no member any more.
    MembershipRemoved {
        organization: OrganizationId,
        user: UserId,
    },
    /// Tells a member the new role.
    RoleChanged {
        organization: OrganizationId,
        user: UserId,
        role: String,
    },
    /// Tells an admin that the organization was deleted. Its name is nowhere else any more.
    OrganizationDeleted { name: String, user: UserId },
    /// Tells an admin that a webhook endpoint gets nothing any more.
    WebhookDisabled {
        organization: OrganizationId,
        endpoint: WebhookEndpointId,
        user: UserId,
    },
    /// Tells an admin, and the member whose it is, how far a budget is spent.
    BudgetReached {
        organization: OrganizationId,
        user: UserId,
        reached: Reached,
    },
}

/// What such an event calls for.
pub(crate) fn jobs_for(event: &Event) -> Vec<Value> {
    about(event)
        .iter()
        .filter_map(|about| serde_json::to_value(about).ok())
        .collect()
}

fn about(event: &Event) -> Vec<About> {
    // Of what an operator does in an organization there are two events: one in the organization's log, which calls for
    // letters, and one in the instance's.
    if event.organization.is_none() && event.kind != EventKind::OrganizationDeleted {
        return Vec::new();
    }
    let user = read::<UserId>(event, "user");
    let is_other = |user: &UserId| event.actor.as_ref() != Some(&user.type_id());
    let one = match event.kind {
        EventKind::InvitationCreated | EventKind::InvitationResent => subject::<InOrg<InvitationId>>(event)
            .map(|invitation| About::Invitation {
                organization: invitation.organization,
                invitation: invitation.id,
                sending: read(event, "sending").unwrap_or(1),
            }),
        EventKind::InvitationAccepted => {
            subject::<InOrg<InvitationId>>(event)
                .zip(user)
                .map(|(invitation, user)| About::InvitationAccepted {
                    organization: invitation.organization,
                    invitation: invitation.id,
                    user,
                })
        }
        EventKind::MembershipDeleted => subject::<InOrg<MembershipId>>(event)
            .zip(user.filter(is_other))
            .map(|(membership, user)| About::MembershipRemoved {
                organization: membership.organization,
                user,
            }),
        EventKind::MembershipRoleChanged => subject::<InOrg<MembershipId>>(event)
            .zip(user.filter(is_other))
            .zip(text(told(&event.payload, "role").1))
            .map(|((membership, user), role)| About::RoleChanged {
                organization: membership.organization,
                user,
                role,
            }),
        EventKind::OrganizationDeleted => {
            let name = text(told(&event.payload, "name").0).unwrap_or_default();
            let admins: Vec<UserId> = read(event, "admins").unwrap_or_default();
            let each = admins.into_iter().map(|user| About::OrganizationDeleted {
                name: name.clone(),
                user,
            });
            return each.collect();
        }
        EventKind::BudgetReached => {
            let told: Vec<UserId> = read(event, "admins").unwrap_or_default();
            let reached = serde_json::from_value::<Reached>(event.payload.clone()).ok();
            let each = event.organization.zip(reached).into_iter();
            let each = each.flat_map(|(organization, reached)| {
                told.iter().map(move |user| About::BudgetReached {
                    organization,
                    user: *user,
                    reached: reached.clone(),
                })
            });
            return each.collect();
        }
        EventKind::WebhookEndpointDisabled => {
            let admins: Vec<UserId> = read(event, "admins").unwrap_or_default();
            let endpoint = subject::<InOrg<WebhookEndpointId>>(event);
            let each = endpoint.into_iter().flat_map(|endpoint| {
                admins.iter().map(move |user| About::WebhookDisabled {
                    organization: endpoint.organization,
                    endpoint: endpoint.id,
                    user: *user,
                })
            });
            return each.collect();
        }
        _ => None,
    };
    one.into_iter().collect()
}

/// The recipient and the letter; `None` for what became pointless.
pub(crate) async fn compose(core: &Core, about: About) -> Outcome<Option<(String, Letter)>> {
    let memberships = core.database.memberships();
    let url = &core.settings.public_url;
    Ok(match about {
        About::Invitation {
            organization,
            invitation,
            sending,
        } => {
            let received = core.database.received_invitations();
            let found = received.for_letter(&GRANT, InOrg::new(organization, invitation));
            let found = found.await?.filter(|found| {
                let open = found.invitation.state_at(core.clock.now()) == InvitationState::Pending;
                open && found.invitation.sendings == sending
            });
            found.map(|found| {
                let id = invitation.as_uuid();
                let token = core.tokens.derive(INVITATION_TOKEN, id.as_bytes(), sending);
                let link = core.settings.invitation_link(&token.expose());
                (found.invitation.email.clone(), invited(&found, &link, url))
            })
        }
        About::InvitationAccepted {
            organization,
            invitation,
            user,
        } => {
            let received = core.database.received_invitations();
            let found = received.for_letter(&GRANT, InOrg::new(organization, invitation));
            let inviter = found.await?.and_then(|found| found.invitation.invited_by);
            // Who is no member any more learns nothing of those who are.
            let Some(inviter) = inviter.filter(|inviter| *inviter != user) else {
                return Ok(None);
            };
            let inviter = memberships.for_letter(&GRANT, organization, inviter).await?;
            let joined = memberships.for_letter(&GRANT, organization, user).await?;
            let both = inviter
                .filter(|inviter| inviter.role.is_some())
                .zip(joined.filter(|joined| joined.role.is_some()));
            both.map(|(inviter, joined)| {
                let letter = accepted(&inviter.name, &joined.name, &joined.organization_name, url);
                (inviter.email, letter)
            })
        }
        About::MembershipRemoved { organization, user } => {
            let found = memberships.for_letter(&GRANT, organization, user).await?;
            let found = found.filter(|found| found.role.is_none());
            found.map(|found| (found.email, removed(&found.name, &found.organization_name, url)))
        }
        About::RoleChanged {
            organization,
            user,
            role,
        } => {
            let found = memberships.for_letter(&GRANT, organization, user).await?;
            let found = found.filter(|found| found.role.as_ref().is_some_and(|now| now.as_str() == role));
            found.map(|found| {
                let role = role_name(&role, found.role_name.as_deref());
                let letter = role_changed(&found.name, &found.organization_name, role, url);
                (found.email, letter)
            })
        }
        About::OrganizationDeleted { name, user } => {
            let found = memberships.addressee(&GRANT, user).await?;
            found.map(|(person, email)| (email, deleted(&person, &name, url)))
        }
        About::WebhookDisabled {
            organization,
            endpoint,
            user,
        } => super::webhooks::disabled(core, organization, endpoint, user).await?,
        About::BudgetReached {
            organization,
            user,
            reached,
        } => super::budgets::reached(core, organization, user, &reached).await?,
    })
}

fn subject<T: std::str::FromStr>(event: &Event) -> Option<T> {
    event.subject.as_deref()?.parse().ok()
}

fn read<T: serde::de::DeserializeOwned>(event: &Event, key: &str) -> Option<T> {
    serde_json::from_value(event.payload.get(key)?.clone()).ok()
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::to_owned)
}

fn invited(found: &ReceivedInvitation, link: &str, url: &str) -> Letter {
    let organization = &found.organization_name;
    let custom = found.role.as_ref().map(|role| role.name.as_str());
    let role = role_name(found.invitation.role.as_str(), custom);
    let by = found
        .inviter_name
        .as_ref()
        .map_or_else(String::new, |name| format!(" by {name}"));
    let until = found.invitation.expires_at.format("%-d %B %Y, %H:%M UTC");
    Letter::new(
        format!("Join {organization} on Resonance"),
        &[
            "Hello,".to_owned(),
            format!("you are invited{by} to join {organization} as {role}."),
            format!("The invitation is open until {until}."),
            "If you do not know what this is about, you need do nothing.".to_owned(),
        ],
        Some(("See the invitation", link)),
        url,
    )
}

fn accepted(inviter: &str, joined: &str, organization: &str, url: &str) -> Letter {
    Letter::new(
        format!("{joined} joined {organization}"),
        &[
            format!("Hello {inviter},"),
            format!("{joined} accepted your invitation and is now a member of {organization}."),
        ],
        None,
        url,
    )
}

fn removed(name: &str, organization: &str, url: &str) -> Letter {
    Letter::new(
        format!("You are no longer a member of {organization}"),
        &[
            format!("Hello {name},"),
            format!("your membership in {organization} was ended by one of its admins."),
            "What you made there stays with the organization.".to_owned(),
        ],
        None,
        url,
    )
}

fn role_changed(name: &str, organization: &str, role: &str, url: &str) -> Letter {
    Letter::new(
        format!("Your role in {organization} has changed"),
        &[
            format!("Hello {name},"),
            format!("you are now {role} in {organization}."),
        ],
        None,
        url,
    )
}

fn deleted(name: &str, organization: &str, url: &str) -> Letter {
    Letter::new(
        format!("{organization} was deleted"),
        &[
            format!("Hello {name},"),
            format!(
                "the organization {organization}, of which you were an admin, was deleted with everything in it."
            ),
        ],
        None,
        url,
    )
}

/// A role as it stands in a sentence; a custom one by its name.
fn role_name<'a>(key: &'a str, custom: Option<&'a str>) -> &'a str {
    if key == RoleKey::ADMIN.as_str() {
        "an admin"
    } else if key == RoleKey::MEMBER.as_str() {
        "a member"
    } else {
        custom.unwrap_or(key)
    }
}
