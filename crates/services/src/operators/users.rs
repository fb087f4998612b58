//! Accounts, as operators manage them.

use resonance_authz::OperatorGrant;
use resonance_domain::{EmailAddress, ErrorCode, EventKind, FieldError, IdsExt, InOrg, PersonName, UserId};
use resonance_persistence::{DirectoryUser, NewUser, Repositories, UnitOfWork};

use super::{
    Operators, only_reason,
    staff::{no_user, some_operator_stays},
};
use crate::{Outcome, ServiceError, changes::Changes, codes::ADMIT};

/// How often an act on a user is tried again because the user joined organizations meanwhile.
const TRIES: usize = 5;

impl Operators<'_> {
    /// Makes an account with a proved address and no password: its owner sets one by asking for a password reset.
    /// Whoever asked for an account with this address meanwhile finds it taken. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of the fields; `TAKEN` for `email`.
    pub async fn create_user(self, name: &str, email: &str, reason: &str) -> Outcome<DirectoryUser> {
        let ((name, email), reason) = Self::checked(reason, |errors| {
            let name = errors.take("name", PersonName::parse(name));
            let email = errors.take("email", EmailAddress::parse(email));
            Some((name?, email?))
        })?;
        let taken = || FieldError::new(ErrorCode::Taken, "somebody has proved this address").at("email");
        let core = self.0.core();
        let created = core
            .database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                if uow.users().by_email(&ADMIT, &email).await?.is_some() {
                    return Err(taken().into());
                }
                let new = NewUser {
                    id: core.ids.next(),
                    name: &name,
                    email_id: core.ids.next(),
                    email: &email,
                    password_hash: None,
                    created_at: core.clock.now(),
                };
                uow.users().insert(&ADMIT, &new).await?;
                let payload = Changes::default()
                    .made("name", name.as_str())
                    .made("email", email.as_str());
                let act = (EventKind::UserCreated, None, new.id.type_id(), payload);
                self.record(uow, &operator, act);
                found(uow, &operator, new.id).await
            })
            .await;
        match created {
            // Somebody else was faster.
            Err(ServiceError::Storage(error)) if error.is_unique() => Err(taken().into()),
            created => created,
        }
    }

    /// Changes a user's name, in every organization's list of members too. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of the fields; `NOT_FOUND` for `userId`.
    pub async fn rename_user(self, user: UserId, name: &str, reason: &str) -> Outcome<DirectoryUser> {
        let (name, reason) = Self::checked(reason, |errors| errors.take("name", PersonName::parse(name)))?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                let own = operator.over(user);
                let before = uow.users().lock(&own).await?.ok_or_else(no_user)?;
                if before.name != name.as_str() {
                    uow.users().rename(&own, &name, core.clock.now()).await?;
                    let payload = Changes::default().field("name", before.name, name.as_str());
                    let act = (EventKind::UserUpdated, None, user.type_id(), payload);
                    self.record(uow, &operator, act);
                }
                found(uow, &operator, user).await
            })
            .await
    }

    /// Sets how many organizations a user may create, whatever holds for everybody; 0 forbids it, `None` goes back to what
    /// holds for everybody. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` for `userId`.
    pub async fn set_organization_limit(
        self,
        user: UserId,
        limit: Option<u32>,
        reason: &str,
    ) -> Outcome<DirectoryUser> {
        let reason = only_reason(reason)?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                uow.users()
                    .lock(&operator.over(user))
                    .await?
                    .ok_or_else(no_user)?;
                let before = uow.operators().organization_limit(&operator, user).await?;
                if before != limit {
                    let now = core.clock.now();
                    uow.operators()
                        .set_organization_limit(&operator, user, limit, now)
                        .await?;
                    let payload = Changes::default().field("organizationLimit", before, limit);
                    let act = (EventKind::UserUpdated, None, user.type_id(), payload);
                    self.record(uow, &operator, act);
                }
                found(uow, &operator, user).await
            })
            .await
    }

    /// Keeps a user out: every session ends at once, nobody can sign in, memberships stay. A suspended admin does not count
    /// as one. Doing it again changes nothing. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` for `userId`; `LAST_ADMIN` for the only admin of an organization;
    /// `CONFLICT` for the only operator.
    pub async fn suspend(self, user: UserId, reason: &str) -> Outcome<DirectoryUser> {
        let reason = only_reason(reason)?;
        let core = self.0.core();
        let suspend = || {
            core.database.atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                self.may_go(uow, &operator, user).await?;
                if uow.user_ends().suspend(&operator, user, core.clock.now()).await? {
                    let act = (
                        EventKind::UserSuspended,
                        None,
                        user.type_id(),
                        suspended(false, true),
                    );
                    self.record(uow, &operator, act);
                }
                found(uow, &operator, user).await
            })
        };
        again(suspend).await
    }

    /// Lets a suspended user in again. Doing it again changes nothing. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` for `userId`.
    pub async fn restore(self, user: UserId, reason: &str) -> Outcome<DirectoryUser> {
        let reason = only_reason(reason)?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                uow.users()
                    .lock(&operator.over(user))
                    .await?
                    .ok_or_else(no_user)?;
                if uow.user_ends().restore(&operator, user, core.clock.now()).await? {
                    let act = (
                        EventKind::UserRestored,
                        None,
                        user.type_id(),
                        suspended(true, false),
                    );
                    self.record(uow, &operator, act);
                }
                found(uow, &operator, user).await
            })
            .await
    }

    /// Deletes an account: sessions and memberships end at once, addresses are free again, what the user made in
    /// organizations stays there without an author. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` for `userId`; `LAST_ADMIN` for the only admin of an organization;
    /// `CONFLICT` for the only operator.
    pub async fn delete_user(self, user: UserId, reason: &str) -> Outcome<UserId> {
        let reason = only_reason(reason)?;
        let core = self.0.core();
        let delete = || {
            core.database.atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                self.may_go(uow, &operator, user).await?;
                let ended = uow.user_ends().delete(&operator, user).await?;
                for left in &ended {
                    let subject = InOrg::new(left.organization, left.membership).global_id();
                    let payload = Changes::default()
                        .gone("role", left.role.as_str())
                        .with("user", user.type_id())
                        .with("accountDeleted", true);
                    let kind = EventKind::MembershipDeleted;
                    self.record(uow, &operator, (kind, Some(left.organization), subject, payload));
                }
                let organizations: Vec<String> =
                    ended.iter().map(|left| left.organization.type_id()).collect();
                let payload = Changes::default().with("organizations", organizations);
                self.record(
                    uow,
                    &operator,
                    (EventKind::UserDeleted, None, user.type_id(), payload),
                );
                Ok::<_, ServiceError>(user)
            })
        };
        again(delete).await
    }

    /// Holds a user with their organizations, and refuses what would leave an organization or the instance headless.
    async fn may_go(self, uow: &UnitOfWork, operator: &OperatorGrant, user: UserId) -> Outcome<()> {
        let own = operator.over(user);
        uow.user_ends().hold(&own).await?.ok_or_else(no_user)?;
        let only = uow.user_ends().only_admin_of(&own).await?;
        if !only.is_empty() {
            let names: Vec<_> = only.iter().map(resonance_domain::Id::type_id).collect();
            let message = format!("is the only admin of {}", names.join(", "));
            return Err(FieldError::new(ErrorCode::LastAdmin, message).at("userId").into());
        }
        some_operator_stays(uow, operator, user).await
    }
}

/// The user as it is now.
async fn found(uow: &UnitOfWork, operator: &OperatorGrant, user: UserId) -> Outcome<DirectoryUser> {
    let mut found = uow.directory().users_by_id(operator, &[user]).await?;
    Ok(found.pop().ok_or_else(no_user)?)
}

/// Does something again that collided with other work, a few times.
async fn again<T, F: Future<Output = Outcome<T>>>(act: impl Fn() -> F) -> Outcome<T> {
    let mut tries = 1;
    loop {
        match act().await {
            Err(ServiceError::Storage(error)) if error.is_transient() && tries < TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}

fn suspended(old: bool, new: bool) -> Changes {
    Changes::default().field("suspended", old, new)
}
