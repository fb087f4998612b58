//! The instance itself: its secret, its operators, and what it forgets.

use resonance_authz::{SystemGrant, system::Authenticate};
use resonance_domain::{
    ActorKind, CODE_LIFETIME, EmailAddress, ErrorCode, Event, EventKind, FieldError, IdsExt, Origin,
    SIGN_UP_LIFETIME, UserId,
};
use resonance_persistence::{Repositories, StorageError};
use serde_json::json;

use crate::{Outcome, ServiceError, Services, codes::ADMIT};

/// Why a node must not start.
#[derive(Debug, thiserror::Error)]
pub enum InstanceSecretError {
    /// The database belongs to an instance with another secret: links and codes that were sent, and tokens for other
    /// services, would be void on this node and valid on others.
    #[error(
        "the configured secret has the fingerprint {configured}, but this database was made by an instance whose secret has {bound}"
    )]
    Mismatch {
        /// The configured secret's fingerprint.
        configured: String,
        /// The fingerprint that the database is bound to.
        bound: String,
    },
    /// The database failed.
    #[error("the database failed")]
    Storage(#[from] StorageError),
}

impl Services {
    /// Binds the database to this instance's secret at the very first start, and from then on makes sure that it is
    /// the same one. A node calls it before it serves anything.
    ///
    /// # Errors
    /// [`InstanceSecretError`].
    pub async fn verify_instance_secret(&self) -> Result<(), InstanceSecretError> {
        let core = self.core();
        let configured = core.secret_fingerprint.clone();
        let now = core.clock.now();
        let bound = core
            .database
            .atomically(async |uow| uow.instance().bind(&configured, now).await)
            .await?;
        if bound == configured {
            Ok(())
        } else {
            Err(InstanceSecretError::Mismatch { configured, bound })
        }
    }

    /// Gives the account that proved `email` the powers of an operator. Doing it again changes nothing. For the
    /// command line: whoever runs it has the database anyway.
    ///
    /// # Errors
    /// `INVALID` or `NOT_FOUND` for `email`.
    pub async fn add_operator(&self, email: &str) -> Outcome<UserId> {
        let core = self.core();
        let email = EmailAddress::parse(email).map_err(|error| error.at("email"))?;
        core.database
            .atomically(async |uow| {
                let found = uow.users().by_email(&ADMIT, &email).await?;
                let found = found.ok_or_else(|| {
                    FieldError::new(ErrorCode::NotFound, "no account has proved this address").at("email")
                })?;
                let (user, now) = (found.user.id, core.clock.now());
                if uow.users().make_operator(&ADMIT, user, now).await? {
                    uow.record(Event {
                        id: core.ids.next(),
                        organization: None,
                        kind: EventKind::UserMadeOperator,
                        actor_kind: ActorKind::System,
                        actor: None,
                        subject: Some(user.type_id()),
                        payload: json!({}),
                        origin: Origin::default(),
                        created_at: now,
                    });
                }
                Ok::<_, ServiceError>(user)
            })
            .await
    }

    /// Forgets what has expired: sessions, sign-ups, codes, throttles. How many rows.
    ///
    /// # Errors
    /// The database's.
    pub async fn tidy_accounts(&self) -> Result<u64, StorageError> {
        let core = self.core();
        let now = core.clock.now();
        let authenticate = SystemGrant::<Authenticate>::for_job();
        core.database
            .atomically(async |uow| {
                Ok(uow.sessions().forget_expired(&authenticate, now).await?
                    + uow
                        .sign_ups()
                        .forget_before(&ADMIT, now - SIGN_UP_LIFETIME)
                        .await?
                    + uow
                        .verification_codes()
                        .forget_before(&ADMIT, now - CODE_LIFETIME)
                        .await?
                    + uow.throttles().forget_idle(now).await?)
            })
            .await
    }
}
