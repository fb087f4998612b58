//! All mutations of this crate.

use async_graphql::MergedObject;

use crate::{
    email_address::EmailAddressMutation, jwt::JwtMutation, password::PasswordMutation,
    profile::ProfileMutation, sign_in::SessionMutation, sign_up::SignUpMutation,
};

/// The mutations around accounts and sessions.
#[derive(Debug, Default, MergedObject)]
pub struct AccountsMutation(
    SignUpMutation,
    SessionMutation,
    PasswordMutation,
    ProfileMutation,
    EmailAddressMutation,
    JwtMutation,
);
