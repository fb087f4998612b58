//! Passwords of existing accounts.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split};

/// A password reset that waits for its code.
#[derive(Debug, SimpleObject)]
pub(crate) struct PasswordReset {
    /// The reset's id, for `resetPassword`.
    id: ID,
    /// The address that the code went to, if it has an account.
    email: String,
    /// When the code ceases to be valid.
    expires_at: DateTime<Utc>,
}

/// Whose password is forgotten.
#[derive(Debug, InputObject)]
pub(crate) struct RequestPasswordResetInput {
    /// Any proved address of the account; the code goes there.
    email: String,
}

/// What became of asking for a reset.
#[derive(Debug, SimpleObject)]
pub(crate) struct RequestPasswordResetPayload {
    /// The reset; null if the input was refused.
    password_reset: Option<PasswordReset>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The reset, its code, and the new password.
#[derive(InputObject)]
pub(crate) struct ResetPasswordInput {
    /// The reset.
    password_reset_id: ID,
    /// The six digits of the mail. Spaces and a hyphen do not matter.
    code: String,
    /// The new password: 8 to 128 characters, none of the common ones, without one's address in it.
    new_password: String,
}

/// What became of a reset.
#[derive(Debug, SimpleObject)]
pub(crate) struct ResetPasswordPayload {
    /// Why the input was refused; empty on success: the new password counts, and every session of the account has ended.
    user_errors: Vec<UserError>,
}

/// The present password and the new one.
#[derive(InputObject)]
pub(crate) struct ChangePasswordInput {
    /// The present password.
    current_password: String,
    /// The new password: 8 to 128 characters, none of the common ones, without one's name or address in it.
    new_password: String,
}

/// What became of changing the password.
#[derive(Debug, SimpleObject)]
pub(crate) struct ChangePasswordPayload {
    /// Why the input was refused; empty on success: the new password counts, and the account's other sessions have ended.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Sends a six-digit code to an address by which its owner can set a new password; valid for ten minutes. The answer
    /// never tells whether the address has an account. At most one code in 30 seconds (`RATE_LIMITED`). Open to
    /// everybody.
    async fn request_password_reset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose password is forgotten.")] input: RequestPasswordResetInput,
    ) -> ApiResult<RequestPasswordResetPayload> {
        let accounts = request(context)?.accounts();
        let (pending, user_errors) = split(accounts.request_password_reset(&input.email).await)?;
        Ok(RequestPasswordResetPayload {
            password_reset: pending.map(|pending| PasswordReset {
                id: pending.id.type_id().into(),
                email: pending.email,
                expires_at: pending.expires_at,
            }),
            user_errors,
        })
    }

    /// Sets a new password by the code of a reset, and ends every session of the account. Five wrong tries void a code.
    /// Open to everybody.
    async fn reset_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The reset, its code, and the new password.")] input: ResetPasswordInput,
    ) -> ApiResult<ResetPasswordPayload> {
        let accounts = request(context)?.accounts();
        let outcome = match parse_id("passwordResetId", &input.password_reset_id) {
            Ok(id) => {
                accounts
                    .reset_password(id, &input.code, &input.new_password)
                    .await
            }
            Err(error) => Err(error.into()),
        };
        let (_, user_errors) = split(outcome)?;
        Ok(ResetPasswordPayload { user_errors })
    }

    /// Changes the viewer's password and ends the account's other sessions. Requires being signed in; `RATE_LIMITED` after
    /// too many wrong passwords.
    async fn change_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The present password and the new one.")] input: ChangePasswordInput,
    ) -> ApiResult<ChangePasswordPayload> {
        let accounts = request(context)?.accounts();
        let outcome = accounts
            .change_password(input.current_password, &input.new_password)
            .await;
        let (_, user_errors) = split(outcome)?;
        Ok(ChangePasswordPayload { user_errors })
    }
}
