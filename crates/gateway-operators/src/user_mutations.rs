//! Managing accounts.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split};
use resonance_services::{DirectoryUser, Outcome};

use crate::user::User;

/// A new account.
#[derive(Debug, InputObject)]
pub(crate) struct CreateUserInput {
    /// The display name: 1 to 128 characters on one line.
    name: String,
    /// The e-mail address, which counts as verified.
    email: String,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// A user's new name.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateUserInput {
    /// The user.
    user_id: ID,
    /// The display name: 1 to 128 characters on one line.
    name: String,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// How many organizations a user may create.
#[derive(Debug, InputObject)]
pub(crate) struct SetOrganizationLimitInput {
    /// The user.
    user_id: ID,
    /// How many, whatever holds for everybody; 0 forbids it. Null or omitted: as many as everybody.
    limit: Option<u32>,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// One user.
#[derive(Debug, InputObject)]
pub(crate) struct UserInput {
    /// The user.
    user_id: ID,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What became of an account.
#[derive(Debug, SimpleObject)]
pub(crate) struct UserPayload {
    /// The user as they are now; null if the input was refused.
    user: Option<User>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of a user's account or powers.
#[derive(Debug, SimpleObject)]
pub(crate) struct UserIdPayload {
    /// The user's id; null if the input was refused.
    user_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

fn payload(outcome: Outcome<DirectoryUser>) -> ApiResult<UserPayload> {
    let (user, user_errors) = split(outcome)?;
    Ok(UserPayload {
        user: user.map(Into::into),
        user_errors,
    })
}

fn id_payload(outcome: Outcome<resonance_domain::UserId>) -> ApiResult<UserIdPayload> {
    let (user, user_errors) = split(outcome)?;
    Ok(UserIdPayload {
        user_id: user.map(|user| user.type_id().into()),
        user_errors,
    })
}

#[derive(Debug, Default)]
pub(crate) struct UserMutation;

#[Object]
impl UserMutation {
    /// Makes an account with a verified address and no password: its owner sets one by asking for a password reset.
    async fn create_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: CreateUserInput,
    ) -> ApiResult<UserPayload> {
        let operators = request(context)?.operators();
        payload(
            operators
                .create_user(&input.name, &input.email, &input.reason)
                .await,
        )
    }

    /// Changes a user's name, in every organization's list of members too.
    async fn update_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and the name.")] input: UpdateUserInput,
    ) -> ApiResult<UserPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let renamed = async {
            let user = parse_id("userId", &input.user_id)?;
            operators.rename_user(user, &input.name, &input.reason).await
        };
        payload(renamed.await)
    }

    /// Sets how many organizations a user may create, whatever holds for everybody.
    async fn set_organization_limit(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and how many.")] input: SetOrganizationLimitInput,
    ) -> ApiResult<UserPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let set = async {
            let user = parse_id("userId", &input.user_id)?;
            operators
                .set_organization_limit(user, input.limit, &input.reason)
                .await
        };
        payload(set.await)
    }

    /// Keeps a user out: every session ends at once and nobody can sign in; memberships stay. The only admin of an
    /// organization (`LAST_ADMIN`) and the only operator (`CONFLICT`) cannot be suspended.
    async fn suspend_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: UserInput,
    ) -> ApiResult<UserPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let suspended = async {
            let user = parse_id("userId", &input.user_id)?;
            operators.suspend(user, &input.reason).await
        };
        payload(suspended.await)
    }

    /// Lets a suspended user in again.
    async fn restore_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: UserInput,
    ) -> ApiResult<UserPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let restored = async {
            let user = parse_id("userId", &input.user_id)?;
            operators.restore(user, &input.reason).await
        };
        payload(restored.await)
    }

    /// Deletes an account for good: sessions and memberships end at once, what the user made in organizations stays there
    /// without an author. The only admin of an organization (`LAST_ADMIN`) and the only operator (`CONFLICT`) cannot be
    /// deleted.
    async fn delete_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: UserInput,
    ) -> ApiResult<UserIdPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let deleted = async {
            let user = parse_id("userId", &input.user_id)?;
            operators.delete_user(user, &input.reason).await
        };
        id_payload(deleted.await)
    }

    /// Gives a user the powers of an operator.
    async fn add_operator(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: UserInput,
    ) -> ApiResult<UserIdPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let added = async {
            let user = parse_id("userId", &input.user_id)?;
            operators.add(user, &input.reason).await
        };
        id_payload(added.await)
    }

    /// Takes the powers of an operator away, from oneself too. The last operator keeps them (`CONFLICT`).
    async fn remove_operator(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: UserInput,
    ) -> ApiResult<UserIdPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let removed = async {
            let user = parse_id("userId", &input.user_id)?;
            operators.remove(user, &input.reason).await
        };
        id_payload(removed.await)
    }
}
