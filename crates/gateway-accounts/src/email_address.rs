//! One's own e-mail addresses.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain as domain;
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split};

/// An e-mail address of the viewer. Only its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct EmailAddress {
    /// The address's id.
    pub id: ID,
    /// The address, as written.
    pub address: String,
    /// When it was proved to be the viewer's; null means not yet: it is of no use until then.
    pub verified_at: Option<DateTime<Utc>>,
    /// Whether it is the one that mails go to and that members of the viewer's organizations see.
    pub primary: bool,
}

impl From<domain::UserEmail> for EmailAddress {
    fn from(email: domain::UserEmail) -> Self {
        Self {
            id: email.id.type_id().into(),
            address: email.address,
            verified_at: email.verified_at,
            primary: email.primary,
        }
    }
}

/// The address to add.
#[derive(Debug, InputObject)]
pub(crate) struct AddEmailAddressInput {
    /// The address. An account has at most ten.
    email: String,
}

/// What became of adding an address.
#[derive(Debug, SimpleObject)]
pub(crate) struct AddEmailAddressPayload {
    /// The address, which is to be proved by the code that was sent to it; null if it was refused.
    email_address: Option<EmailAddress>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The address to prove, and the code.
#[derive(Debug, InputObject)]
pub(crate) struct VerifyEmailAddressInput {
    /// The address, one of the viewer's.
    email_address_id: ID,
    /// The six digits of the newest mail. Spaces and a hyphen do not matter.
    code: String,
}

/// What became of proving an address.
#[derive(Debug, SimpleObject)]
pub(crate) struct VerifyEmailAddressPayload {
    /// The address, proved; null if the input was refused.
    email_address: Option<EmailAddress>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The address to make primary.
#[derive(Debug, InputObject)]
pub(crate) struct SetPrimaryEmailAddressInput {
    /// The address, one of the viewer's, proved.
    email_address_id: ID,
}

/// What became of choosing the primary address.
#[derive(Debug, SimpleObject)]
pub(crate) struct SetPrimaryEmailAddressPayload {
    /// The address, now the primary one; null if the input was refused.
    email_address: Option<EmailAddress>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// The address to remove.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveEmailAddressInput {
    /// The address, one of the viewer's; never the primary one.
    email_address_id: ID,
}

/// What became of removing an address.
#[derive(Debug, SimpleObject)]
pub(crate) struct RemoveEmailAddressPayload {
    /// The id of the address that is gone; null if the input was refused.
    removed_email_address_id: Option<ID>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct EmailAddressMutation;

#[Object]
impl EmailAddressMutation {
    /// Adds an e-mail address to the viewer's account and sends a six-digit code to it, valid for ten minutes. For an
    /// address that was added and not proved yet, the code is sent again. At most one code in 30 seconds for an address
    /// (`RATE_LIMITED`). Whether another account has the address is told only to whoever proves it. Requires being
    /// signed in.
    async fn add_email_address(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address.")] input: AddEmailAddressInput,
    ) -> ApiResult<AddEmailAddressPayload> {
        let outcome = request(context)?.email_addresses().add(&input.email).await;
        let (added, user_errors) = split(outcome)?;
        Ok(AddEmailAddressPayload {
            email_address: added.map(Into::into),
            user_errors,
        })
    }

    /// Proves an address of the viewer's account by its code. Five wrong tries void a code. Requires being signed in.
    async fn verify_email_address(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address and the code.")] input: VerifyEmailAddressInput,
    ) -> ApiResult<VerifyEmailAddressPayload> {
        let addresses = request(context)?.email_addresses();
        let outcome = match parse_id("emailAddressId", &input.email_address_id) {
            Ok(id) => addresses.verify(id, &input.code).await,
            Err(error) => Err(error.into()),
        };
        let (verified, user_errors) = split(outcome)?;
        Ok(VerifyEmailAddressPayload {
            email_address: verified.map(Into::into),
            user_errors,
        })
    }

    /// Makes a proved address the one that mails go to and that members of the viewer's organizations see. Requires
    /// being signed in.
    async fn set_primary_email_address(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address.")] input: SetPrimaryEmailAddressInput,
    ) -> ApiResult<SetPrimaryEmailAddressPayload> {
        let addresses = request(context)?.email_addresses();
        let outcome = match parse_id("emailAddressId", &input.email_address_id) {
            Ok(id) => addresses.make_primary(id).await,
            Err(error) => Err(error.into()),
        };
        let (primary, user_errors) = split(outcome)?;
        Ok(SetPrimaryEmailAddressPayload {
            email_address: primary.map(Into::into),
            user_errors,
        })
    }

    /// Removes an address from the viewer's account; not the primary one. Requires being signed in.
    async fn remove_email_address(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address.")] input: RemoveEmailAddressInput,
    ) -> ApiResult<RemoveEmailAddressPayload> {
        let addresses = request(context)?.email_addresses();
        let outcome = match parse_id("emailAddressId", &input.email_address_id) {
            Ok(id) => addresses.remove(id).await,
            Err(error) => Err(error.into()),
        };
        let (removed, user_errors) = split(outcome)?;
        Ok(RemoveEmailAddressPayload {
            removed_email_address_id: removed.map(|()| input.email_address_id),
            user_errors,
        })
    }
}
