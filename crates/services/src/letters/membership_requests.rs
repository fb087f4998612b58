//! The letters around requests to join.

use resonance_authz::{Permission, SystemGrant, system::Relay};
use resonance_domain::{
    Event, EventKind, InOrg, MembershipRequestId, MembershipRequestState, OrganizationId, UserId,
};
use resonance_persistence::{Repositories, RequestForLetter, UnitOfWork};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Letter;
use crate::{Outcome, core::Core};

const GRANT: SystemGrant<Relay> = SystemGrant::for_job();
/// What whoever decides about requests has.
const DECIDES: Permission = Permission::MembershipsManage;
/// How many members are told of one request.
const REVIEWERS: u32 = 20;

/// What a mail job around requests to join is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
pub(crate) enum About {
    /// Tells a member who may decide that somebody wants to join.
    MembershipRequest {
        organization: OrganizationId,
        request: MembershipRequestId,
        reviewer: UserId,
    },
    /// Tells the requester what was decided.
    MembershipRequestDecided {
        organization: OrganizationId,
        request: MembershipRequestId,
    },
}

/// What such an event calls for.
pub(crate) async fn jobs_for(uow: &UnitOfWork, event: &Event) -> Outcome<Vec<Value>> {
    let Some(subject) = event.subject.as_deref() else {
        return Ok(Vec::new());
    };
    let Ok(InOrg { organization, id }) = subject.parse::<InOrg<MembershipRequestId>>() else {
        return Ok(Vec::new());
    };
    let about = match event.kind {
        EventKind::MembershipRequestCreated => {
            let roles = uow.roles().permitting(&GRANT, organization, DECIDES).await?;
            let requests = uow.membership_requests();
            let reviewers = requests
                .reviewers(&GRANT, organization, &roles, REVIEWERS)
                .await?;
            let each = reviewers.into_iter().map(|reviewer| About::MembershipRequest {
                organization,
                request: id,
                reviewer,
            });
            each.collect()
        }
        EventKind::MembershipRequestRejected => vec![About::MembershipRequestDecided {
            organization,
            request: id,
        }],
        // Who joined another way knows it.
        EventKind::MembershipRequestAccepted if event.payload["through"] == "request" => {
            vec![About::MembershipRequestDecided {
                organization,
                request: id,
            }]
        }
        _ => Vec::new(),
    };
    Ok(about
        .iter()
        .filter_map(|about| serde_json::to_value(about).ok())
        .collect())
}

/// The recipient and the letter; `None` for what became pointless.
pub(crate) async fn compose(core: &Core, about: About) -> Outcome<Option<(String, Letter)>> {
    let url = &core.settings.public_url;
    let requests = core.database.membership_requests();
    Ok(match about {
        About::MembershipRequest {
            organization,
            request,
            reviewer,
        } => {
            let found = requests
                .for_letter(&GRANT, InOrg::new(organization, request))
                .await?;
            let found = found.filter(|found| found.request.state == MembershipRequestState::Pending);
            let memberships = core.database.memberships();
            let reviewer = memberships.for_letter(&GRANT, organization, reviewer).await?;
            let roles = core
                .database
                .roles()
                .permitting(&GRANT, organization, DECIDES)
                .await?;
            let reviewer =
                reviewer.filter(|reviewer| reviewer.role.as_ref().is_some_and(|role| roles.contains(role)));
            found.zip(reviewer).map(|(found, reviewer)| {
                let letter = asked(&reviewer.name, &found, url);
                (reviewer.email, letter)
            })
        }
        About::MembershipRequestDecided {
            organization,
            request,
        } => {
            let found = requests
                .for_letter(&GRANT, InOrg::new(organization, request))
                .await?;
            found.and_then(|found| {
                let letter = match found.request.state {
                    MembershipRequestState::Accepted => accepted(&found, url),
                    MembershipRequestState::Rejected => rejected(&found, url),
                    MembershipRequestState::Pending | MembershipRequestState::Withdrawn => return None,
                };
                Some((found.email, letter))
            })
        }
    })
}

fn asked(reviewer: &str, found: &RequestForLetter, url: &str) -> Letter {
    let RequestForLetter {
        request,
        name,
        organization_name,
        ..
    } = found;
    Letter::new(
        format!("{name} asks to join {organization_name}"),
        &[
            format!("Hello {reviewer},"),
            format!(
                "{name} ({}) asks to join {organization_name}, whose domain suggested it.",
                request.email
            ),
            "You or another admin can accept or reject the request.".to_owned(),
        ],
        None,
        url,
    )
}

fn accepted(found: &RequestForLetter, url: &str) -> Letter {
    let organization = &found.organization_name;
    Letter::new(
        format!("You are now a member of {organization}"),
        &[
            format!("Hello {},", found.name),
            format!("your request to join {organization} was accepted. Welcome!"),
        ],
        None,
        url,
    )
}

fn rejected(found: &RequestForLetter, url: &str) -> Letter {
    let organization = &found.organization_name;
    Letter::new(
        format!("Your request to join {organization} was rejected"),
        &[
            format!("Hello {},", found.name),
            format!("your request to join {organization} was not accepted."),
        ],
        None,
        url,
    )
}
