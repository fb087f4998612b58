//! The request behind a resolver.

use async_graphql::Context;
use resonance_services::Request;

use crate::{ApiError, ApiResult, Code};

/// The request that the front end put into the context.
///
/// # Errors
/// `INTERNAL` if there is none, which is a mistake in the wiring.
pub fn request<'a>(context: &Context<'a>) -> ApiResult<&'a Request> {
    context
        .data::<Request>()
        .map_err(|_| ApiError::new(Code::Internal, "something went wrong on our side"))
}
