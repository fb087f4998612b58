//! People who use an instance.

use resonance_authz::{SystemGrant, system::Admit};
use resonance_domain::{
    Clock, EmailAddress, IdsExt, OrganizationId, Origin, PersonName, SESSION_IDLE_LIFETIME, Session, UserId,
};
use resonance_identity::SecretToken;
use resonance_persistence::{NewUser, Repositories, StorageError};
use resonance_services::{Request, SESSION_TOKEN, SystemIds};

use crate::Instance;

/// Somebody with an account and an open session.
#[derive(Debug, Clone)]
pub struct Person {
    /// The account.
    pub user: UserId,
    /// The display name.
    pub name: String,
    /// The proved, primary address.
    pub email: String,
    /// The session's token.
    pub token: String,
}

impl Instance {
    /// Makes an account with a proved address and an open session.
    ///
    /// # Panics
    /// If the address has an account already.
    pub async fn sign_up(&self, name: &str, email: &str) -> Person {
        let user = SystemIds.next();
        let now = self.clock.now();
        let token = SecretToken::random(SESSION_TOKEN, &mut rand::rng());
        let session = Session {
            id: SystemIds.next(),
            user,
            active_organization: None,
            user_agent: None,
            ip_address: None,
            created_at: now,
            last_used_at: now,
            expires_at: now + SESSION_IDLE_LIFETIME,
        };
        self.test_database
            .database
            .atomically(async |uow| {
                let grant = SystemGrant::<Admit>::for_job();
                let new = NewUser {
                    id: user,
                    name: &PersonName::parse(name).unwrap(),
                    email_id: SystemIds.next(),
                    email: &EmailAddress::parse(email).unwrap(),
                    password_hash: "nobody signs in with this",
                    created_at: now,
                };
                uow.users().insert(&grant, &new).await?;
                uow.sessions()
                    .open(&grant, &session, token.hash().as_bytes())
                    .await?;
                Ok::<_, StorageError>(())
            })
            .await
            .unwrap();
        Person {
            user,
            name: name.to_owned(),
            email: email.to_owned(),
            token: token.expose(),
        }
    }

    /// A request of that person, working in whatever organization is the active one.
    ///
    /// # Panics
    /// If the person's session has ended.
    pub async fn request_of(&self, person: &Person) -> Request {
        let origin = Origin::default();
        self.services
            .authenticate(&person.token, origin, None)
            .await
            .unwrap()
    }

    /// A request of that person which names an organization by its header.
    ///
    /// # Panics
    /// If the person's session has ended.
    pub async fn request_in(&self, person: &Person, organization: OrganizationId) -> Request {
        let origin = Origin::default();
        let request = self
            .services
            .authenticate(&person.token, origin, Some(organization));
        request.await.unwrap()
    }
}
