//! The viewer's profile.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use resonance_gateway_kit::{ApiResult, UserError, request, split};

use crate::User;

/// What to change of the profile.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateProfileInput {
    /// The display name: 1 to 128 characters on one line. Null or omitted leaves it as it is.
    name: Option<String>,
}

/// What became of changing the profile.
#[derive(Debug, SimpleObject)]
pub(crate) struct UpdateProfilePayload {
    /// The viewer, changed; null if the input was refused.
    user: Option<User>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct ProfileMutation;

#[Object]
impl ProfileMutation {
    /// Changes the viewer's profile, as members of their organizations see it. Requires being signed in.
    async fn update_profile(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> ApiResult<UpdateProfilePayload> {
        let accounts = request(context)?.accounts();
        let (user, user_errors) = split(accounts.update_profile(input.name.as_deref()).await)?;
        Ok(UpdateProfilePayload {
            user: user.map(Into::into),
            user_errors,
        })
    }
}
