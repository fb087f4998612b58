//! People who asked for an account and have not proved their address yet.

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::Admit};
use resonance_domain::{EmailAddress, InvitationState, PersonName, SignUpId};

use crate::{StorageError, executor::Executor, read_rows::known};

/// The table of sign-ups.
#[derive(Debug, Clone, Copy)]
pub struct SignUps<'a>(pub(crate) Executor<'a>);

/// Somebody's wish for an account.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// Its identity.
    pub id: SignUpId,
    /// The display name.
    pub name: PersonName,
    /// The address, which nobody has proved yet.
    pub email: EmailAddress,
    /// The PHC string of the password.
    pub password_hash: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What signing up through an invitation's link needs to know of the invitation.
#[derive(Debug, Clone)]
pub struct InvitedAddress {
    /// Whom the invitation went to.
    pub email: EmailAddress,
    /// Its stored state.
    pub state: InvitationState,
    /// When it ceases to be acceptable.
    pub expires_at: DateTime<Utc>,
}

impl SignUps<'_> {
    /// Keeps a sign-up.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(self, _grant: &SystemGrant<Admit>, sign_up: &SignUp) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO sign_ups (id, name, email, password_hash, created_at)
            VALUES ($1, $2, $3, $4, $5)";
        let values = [
            sign_up.id.as_uuid().into(),
            sign_up.name.as_str().into(),
            sign_up.email.as_str().into(),
            sign_up.password_hash.as_str().into(),
            sign_up.created_at.into(),
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// The sign-up, if it was made after `since`.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        _grant: &SystemGrant<Admit>,
        id: SignUpId,
        since: DateTime<Utc>,
    ) -> Result<Option<SignUp>, StorageError> {
        const GET: &str =
            "SELECT name, email, password_hash, created_at FROM sign_ups WHERE id = $1 AND created_at > $2";
        let found = self
            .0
            .one(GET, [id.as_uuid().into(), since.into()], |row| {
                Ok((
                    row.try_get_by_index::<String>(0)?,
                    row.try_get_by_index::<String>(1)?,
                    row.try_get_by_index(2)?,
                    row.try_get_by_index(3)?,
                ))
            })
            .await?;
        found
            .map(|(name, email, password_hash, created_at)| {
                Ok(SignUp {
                    id,
                    name: known(PersonName::parse(&name).ok(), "sign_ups.name")?,
                    email: known(EmailAddress::parse(&email).ok(), "sign_ups.email")?,
                    password_hash,
                    created_at,
                })
            })
            .transpose()
    }

    /// Forgets a sign-up that became an account.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget(self, _grant: &SystemGrant<Admit>, id: SignUpId) -> Result<(), StorageError> {
        const FORGET: &str = "DELETE FROM sign_ups WHERE id = $1";
        self.0.execute(FORGET, [id.as_uuid().into()]).await?;
        Ok(())
    }

    /// Forgets sign-ups that were made before `time`.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_before(
        self,
        _grant: &SystemGrant<Admit>,
        time: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        const FORGET: &str = "DELETE FROM sign_ups WHERE created_at < $1";
        self.0.execute(FORGET, [time.into()]).await
    }

    /// The invitation that a link's token opens, looked up by the token's hash.
    ///
    /// # Errors
    /// The database's.
    pub async fn invited_by_token(
        self,
        _grant: &SystemGrant<Admit>,
        token_hash: &[u8; 32],
    ) -> Result<Option<InvitedAddress>, StorageError> {
        const FIND: &str = "SELECT email, state, expires_at FROM invitations WHERE token_hash = $1";
        let found = self
            .0
            .one(FIND, [token_hash.to_vec().into()], |row| {
                Ok((
                    row.try_get_by_index::<String>(0)?,
                    row.try_get_by_index::<String>(1)?,
                    row.try_get_by_index(2)?,
                ))
            })
            .await?;
        found
            .map(|(email, state, expires_at)| {
                Ok(InvitedAddress {
                    email: known(EmailAddress::parse(&email).ok(), "invitations.email")?,
                    state: known(InvitationState::from_stored(&state), "invitations.state")?,
                    expires_at,
                })
            })
            .transpose()
    }
}
