//! The instance itself: its secret, and what it forgets.

use resonance_authz::{SystemGrant, system::Authenticate};
use resonance_domain::{CODE_LIFETIME, SIGN_UP_LIFETIME};
use resonance_persistence::{Repositories, StorageError};

use crate::{Services, codes::ADMIT};

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
