//! One's own sessions.

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain as domain;
use resonance_gateway_kit::connection;

/// A signed-in device of the viewer. Only its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct Session {
    /// The session's id, for `revokeSession`. It opens nothing.
    pub id: ID,
    /// Whether the request came through this very session.
    pub current: bool,
    /// The id of the organization that was last made active in this session; null if none was.
    pub active_organization_id: Option<ID>,
    /// The client's `User-Agent` when the session was opened, cut to 500 characters; null if it sent none.
    pub user_agent: Option<String>,
    /// The network address that the session was last used from, to within five minutes; null if it is not known.
    pub ip_address: Option<String>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within five minutes.
    pub last_used_at: DateTime<Utc>,
    /// When it ends unless it is used before.
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// The session as a request that came through `current` shows it.
    #[must_use]
    pub fn new(session: domain::Session, current: Option<domain::SessionId>) -> Self {
        Self {
            current: current == Some(session.id),
            id: session.id.type_id().into(),
            active_organization_id: session.active_organization.map(|id| id.type_id().into()),
            user_agent: session.user_agent,
            ip_address: session.ip_address,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}

connection! {
    /// The viewer's sessions, newest first.
    SessionConnection;
    /// A session's place in the list.
    SessionEdge of Session
}
