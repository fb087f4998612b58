//! Who is an operator: by operators themselves, by configuration and by command line.

use resonance_authz::{Appoints, SystemGrant, system::Appoint};
use resonance_domain::{EmailAddress, ErrorCode, EventKind, FieldError, User, UserId};
use resonance_persistence::{OperatorEntry, Repositories, UnitOfWork};

use super::{Operators, only_reason};
use crate::{Outcome, ServiceError, Services, changes::Changes, codes::ADMIT};

const APPOINT: SystemGrant<Appoint> = SystemGrant::for_job();

impl Operators<'_> {
    /// Every operator, oldest first. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn list(self) -> Outcome<Vec<OperatorEntry>> {
        let operator = self.reading().await?;
        Ok(self.0.core().database.operators().list(&operator).await?)
    }

    /// Gives a user the powers of an operator; doing it again changes nothing. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` for `userId`.
    pub async fn add(self, user: UserId, reason: &str) -> Outcome<UserId> {
        let reason = only_reason(reason)?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                let found = uow.users().by_id(&ADMIT, user).await?;
                found.ok_or_else(no_user)?;
                if uow.operators().add(&operator, user, core.clock.now()).await? {
                    let act = (
                        EventKind::UserMadeOperator,
                        None,
                        user.type_id(),
                        made_operator(false, true),
                    );
                    self.record(uow, &operator, act);
                }
                Ok::<_, ServiceError>(user)
            })
            .await
    }

    /// Takes them away, from oneself too; but somebody must be left who has them. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` for `userId`; `CONFLICT` for the last one.
    pub async fn remove(self, user: UserId, reason: &str) -> Outcome<UserId> {
        let reason = only_reason(reason)?;
        self.0
            .core()
            .database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                some_operator_stays(uow, &operator, user).await?;
                if !uow.operators().remove(&operator, user).await? {
                    return Err(no_user().into());
                }
                let act = (
                    EventKind::UserUnmadeOperator,
                    None,
                    user.type_id(),
                    made_operator(true, false),
                );
                self.record(uow, &operator, act);
                Ok::<_, ServiceError>(user)
            })
            .await
    }
}

/// Refuses what would leave the instance without an operator who is let in.
pub(super) async fn some_operator_stays(
    uow: &UnitOfWork,
    grant: &impl Appoints,
    without: UserId,
) -> Outcome<()> {
    let operators = uow.operators().lock(grant).await?;
    if operators.contains(&without) && operators.len() == 1 {
        let message = "the instance would be left without an operator";
        return Err(FieldError::new(ErrorCode::Conflict, message).into());
    }
    Ok(())
}

pub(super) fn no_user() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such user").at("userId")
}

impl Services {
    /// Gives the account that proved `email` the powers of an operator. Doing it again changes nothing. For the
    /// command line: whoever runs it has the database anyway.
    ///
    /// # Errors
    /// `INVALID` or `NOT_FOUND` for `email`.
    pub async fn add_operator(&self, email: &str) -> Outcome<UserId> {
        let now = self.core().clock.now();
        self.appoint(email, EventKind::UserMadeOperator, async |uow, user| {
            Ok(uow.operators().add(&APPOINT, user.id, now).await?)
        })
        .await
    }

    /// Takes them away. For the command line.
    ///
    /// # Errors
    /// `INVALID` or `NOT_FOUND` for `email`; `CONFLICT` for the last operator.
    pub async fn remove_operator(&self, email: &str) -> Outcome<UserId> {
        self.appoint(email, EventKind::UserUnmadeOperator, async |uow, user| {
            some_operator_stays(uow, &APPOINT, user.id).await?;
            if uow.operators().remove(&APPOINT, user.id).await? {
                return Ok(true);
            }
            let message = "this account is no operator's";
            Err(FieldError::new(ErrorCode::NotFound, message).at("email").into())
        })
        .await
    }

    /// Every operator, oldest first. For the command line.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_operators(&self) -> Outcome<Vec<OperatorEntry>> {
        Ok(self.core().database.operators().list(&APPOINT).await?)
    }

    async fn appoint(
        &self,
        email: &str,
        kind: EventKind,
        change: impl AsyncFnOnce(&UnitOfWork, &User) -> Outcome<bool> + Send,
    ) -> Outcome<UserId> {
        let core = self.core();
        let email = EmailAddress::parse(email).map_err(|error| error.at("email"))?;
        core.database
            .atomically(async |uow| {
                let found = uow.users().by_email(&ADMIT, &email).await?;
                let found = found.ok_or_else(|| {
                    FieldError::new(ErrorCode::NotFound, "no account has proved this address").at("email")
                })?;
                let user = found.user;
                if change(uow, &user).await? {
                    let becomes = kind == EventKind::UserMadeOperator;
                    let payload = made_operator(!becomes, becomes);
                    uow.record(core.event(kind, None, user.id.type_id(), payload));
                }
                Ok::<_, ServiceError>(user.id)
            })
            .await
    }
}

fn made_operator(old: bool, new: bool) -> Changes {
    Changes::default().field("operator", old, new)
}
