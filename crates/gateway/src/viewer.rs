//! The viewer: the root of what is one's own.

use async_graphql::{Context, MergedObject, Object};
use resonance_gateway_accounts::ViewerAccount;
use resonance_gateway_kit::{ApiResult, request};
use resonance_gateway_organizations::{ViewerEnrolments, ViewerOrganizations};

/// The signed-in user, as they see themselves.
#[derive(Debug, Clone, MergedObject)]
pub struct Viewer(ViewerAccount, ViewerOrganizations, ViewerEnrolments);

/// The root of what is one's own.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// The signed-in user; null if nobody is signed in.
    async fn viewer(&self, context: &Context<'_>) -> ApiResult<Option<Viewer>> {
        let account = ViewerAccount::of(request(context)?);
        Ok(account.map(|account| Viewer(account, ViewerOrganizations, ViewerEnrolments)))
    }
}
