//! Where an invitation's link leads when the operator has named no page of an application for it.

use axum::{
    Router,
    extract::{Path, Request as HttpRequest, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use resonance_authz::Denied;
use resonance_domain::InvitationState;
use resonance_mail::html_escape;
use resonance_services::ServiceError;

use crate::{identify::Identify, mails::page};

/// What every invitation's path begins with.
pub(crate) const PATH: &str = "/invitations/";

pub(crate) fn routes(identify: Identify) -> Router {
    Router::new()
        .route("/invitations/{token}", get(show))
        .with_state(identify)
}

async fn show(State(identify): State<Identify>, Path(token): Path<String>, http: HttpRequest) -> Response {
    let (parts, _) = http.into_parts();
    let request = match identify.request(&parts).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    let received = match request.invitations().by_token(&token).await {
        Ok(received) => received,
        Err(error) => {
            if !matches!(error, ServiceError::Denied(Denied::NotVisible)) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "showing an invitation failed"
                );
            }
            let body = "<h1>No such invitation</h1><p>The link is wrong, or a newer mail has replaced it.";
            return (StatusCode::NOT_FOUND, page("No such invitation", body)).into_response();
        }
    };
    let organization = html_escape(&received.organization_name);
    let inviter = received.inviter_name.as_deref().map_or_else(
        || "You are".to_owned(),
        |name| format!("{} has", html_escape(name)),
    );
    let invited = if received.inviter_name.is_some() {
        "invited you"
    } else {
        "invited"
    };
    let (email, role) = (
        html_escape(&received.invitation.email),
        html_escape(received.invitation.role.as_str()),
    );
    let body = match received.invitation.state_at(request.now()) {
        InvitationState::Pending => {
            let token = html_escape(&token);
            format!(
                "<h1>Join {organization}</h1><p>{inviter} {invited} to join {organization} as {role}, as {email}.\
                 <p>In the application, open this link; or through the API, first sign up with this address (or sign in):\
                 <pre>mutation {{ signUp(input: {{ name: \"…\", email: \"{email}\", password: \"…\",\n    \
                 invitationToken: \"{token}\" }}) {{ token userErrors {{ code message }} }} }}</pre>\
                 <p>and then accept:\
                 <pre>mutation {{ acceptInvitation(input: {{ token: \"{token}\" }}) {{\n    \
                 organization {{ id name }} userErrors {{ code message }} }} }}</pre>"
            )
        }
        InvitationState::Expired => {
            format!("<h1>Join {organization}</h1><p>This invitation has expired. Ask for a new one.")
        }
        InvitationState::Accepted | InvitationState::Declined | InvitationState::Revoked => {
            format!("<h1>Join {organization}</h1><p>This invitation is no longer open.")
        }
    };
    page(&format!("Join {organization}"), &body)
}
