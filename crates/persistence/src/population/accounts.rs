//! Users, their addresses and their sessions.

use chrono::{DateTime, Utc};
use resonance_domain::{Session, UserId};
use sea_orm::Value;
use uuid::Uuid;

use super::{
    Population,
    bulk::Bulk,
    draw::{Days, Draw, Stream},
    words,
};
use crate::{StorageError, page::folded};

const SIGN_UPS: Days = Days { from: 0, until: 180 };

/// What is told of a user in more than one table.
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) joined_at: DateTime<Utc>,
}

impl Population {
    pub(super) fn user_id(&self, user: u64) -> UserId {
        let moment = SIGN_UPS.moment(user, self.size.users);
        UserId::from_uuid(Draw::of(self.seed, Stream::User, user).uuid(moment))
    }

    /// INVARIANT: addresses are in the domain `example`, which is nobody's (RFC 2606), and in a part of it that is
    /// this seed's, so that two populations do not collide.
    pub(super) fn person(&self, user: u64) -> Person {
        let joined_at = SIGN_UPS.moment(user, self.size.users);
        let mut draw = Draw::of(self.seed, Stream::User, user);
        Person {
            id: draw.uuid(joined_at),
            name: words::person(&mut draw),
            email: format!("member{user}@seed{}.example", self.seed),
            joined_at,
        }
    }

    pub(super) async fn people(self, bulk: &Bulk<'_>) -> Result<(), StorageError> {
        const USERS: [&str; 8] = [
            "id",
            "name",
            "name_key",
            "email",
            "email_verified",
            "last_active_organization_id",
            "created_at",
            "updated_at",
        ];
        const EMAILS: [&str; 7] = [
            "id",
            "user_id",
            "address",
            "address_key",
            "is_primary",
            "verified_at",
            "created_at",
        ];
        let users = self.size.users;
        bulk.insert("users", USERS, users, move |user| {
            let home = self.home(user);
            let person = self.person(user);
            [
                person.id.into(),
                person.name.as_str().into(),
                folded(&person.name).into(),
                person.email.into(),
                true.into(),
                home.map(|(organization, _)| self.organization_id(organization).as_uuid())
                    .into(),
                person.joined_at.into(),
                person.joined_at.into(),
            ]
        })
        .await?;
        bulk.insert("user_emails", EMAILS, users, move |user| {
            let person = self.person(user);
            let id = Draw::of(self.seed, Stream::UserEmail, user).uuid(person.joined_at);
            [
                id.into(),
                person.id.into(),
                person.email.as_str().into(),
                person.email.as_str().into(),
                true.into(),
                person.joined_at.into(),
                person.joined_at.into(),
            ]
        })
        .await
    }
}

pub(super) async fn sessions(
    bulk: &Bulk<'_>,
    sessions: Vec<(Session, [u8; 32])>,
) -> Result<(), StorageError> {
    const SESSIONS: [&str; 8] = [
        "id",
        "user_id",
        "token_hash",
        "active_organization_id",
        "user_agent",
        "created_at",
        "last_used_at",
        "expires_at",
    ];
    bulk.insert("sessions", SESSIONS, sessions.len() as u64, move |index| {
        let session = usize::try_from(index).ok().and_then(|index| sessions.get(index));
        session.map_or_else(
            || [const { Value::Bool(None) }; 8],
            |(session, token_hash)| {
                [
                    session.id.as_uuid().into(),
                    session.user.as_uuid().into(),
                    token_hash.to_vec().into(),
                    session.active_organization.map(|id| id.as_uuid()).into(),
                    session.user_agent.as_deref().into(),
                    session.created_at.into(),
                    session.last_used_at.into(),
                    session.expires_at.into(),
                ]
            },
        )
    })
    .await
}
