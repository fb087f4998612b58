//! Relay connections.

use std::sync::Arc;

use async_graphql::SimpleObject;
use futures_util::future::BoxFuture;
use resonance_domain::{ErrorCode, FieldError, PageRequest};
use resonance_services::Outcome;
use serde::{Serialize, de::DeserializeOwned};

use crate::{ApiError, ApiResult};

/// Where a page lies in its list.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PageInfo {
    /// Whether items follow this page. When paging backward: whether there was a `before` to come from.
    pub has_next_page: bool,
    /// Whether items precede this page. When paging forward: whether there was an `after` to come from.
    pub has_previous_page: bool,
    /// The cursor of the first item; null on an empty page.
    pub start_cursor: Option<String>,
    /// The cursor of the last item; null on an empty page.
    pub end_cursor: Option<String>,
}

/// Counts a whole list, when somebody asks.
#[derive(Clone)]
pub struct Total(Arc<dyn Fn() -> BoxFuture<'static, Outcome<u64>> + Send + Sync>);

impl Total {
    /// A count that is made by `count` when it is asked for.
    pub fn lazily<F>(count: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Outcome<u64>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(count())))
    }

    /// Counts. Numbers beyond GraphQL's `Int` are shown as its greatest.
    ///
    /// # Errors
    /// The count's.
    pub async fn count(&self) -> ApiResult<i32> {
        Ok(i32::try_from((self.0)().await?).unwrap_or(i32::MAX))
    }
}

impl std::fmt::Debug for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Total")
    }
}

/// Writes a cursor: opaque to clients, only ever read back by [`page_request`].
pub fn cursor(place: &impl Serialize) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// Reads Relay's four arguments. `place` makes the list's cursor of what [`cursor`] wrote.
///
/// # Errors
/// `INVALID`.
pub fn page_request<P: DeserializeOwned, C>(
    first: Option<i32>,
    after: Option<&str>,
    last: Option<i32>,
    before: Option<&str>,
    place: impl Fn(P) -> C,
) -> ApiResult<PageRequest<C>> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let read = |field: &str, text: Option<&str>| {
        text.map(|text| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok();
            bytes
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .map(&place)
                .ok_or_else(|| FieldError::new(ErrorCode::Invalid, "must be a cursor of this list").at(field))
        })
        .transpose()
    };
    let after = read("after", after).map_err(ApiError::invalid)?;
    let before = read("before", before).map_err(ApiError::invalid)?;
    PageRequest::parse(first, after, last, before).map_err(ApiError::invalid)
}

/// Declares a connection and its edge.
///
/// ```text
/// connection! {
///     /// Members, page by page.
///     OrganizationMemberConnection;
///     /// A member's place in the list.
///     OrganizationMemberEdge of User {
///         /// The member's role.
///         role: RoleKeyText,
///     }
/// }
/// OrganizationMemberConnection::new(page.map(|m| OrganizationMemberEdge { cursor, node, role }), total)
/// ```
#[macro_export]
macro_rules! connection {
    (
        $(#[$connection_doc:meta])* $Connection:ident;
        $(#[$edge_doc:meta])* $Edge:ident of $Node:ty $({
            $($(#[$field_doc:meta])* $field:ident: $Field:ty),* $(,)?
        })?
    ) => {
        $(#[$edge_doc])*
        #[derive(Debug, Clone, $crate::async_graphql::SimpleObject)]
        pub struct $Edge {
            /// Where the item stands in the list, for `after` and `before`.
            pub cursor: String,
            /// The item.
            pub node: $Node,
            $($($(#[$field_doc])* pub $field: $Field,)*)?
        }

        $(#[$connection_doc])*
        #[derive(Debug, Clone, $crate::async_graphql::SimpleObject)]
        #[graphql(complex)]
        pub struct $Connection {
            /// The items with their places and what belongs to the relationship.
            pub edges: Vec<$Edge>,
            /// Where this page lies in the list.
            pub page_info: $crate::PageInfo,
            #[graphql(skip)]
            total: $crate::Total,
        }

        impl $Connection {
            /// A page as a connection.
            #[must_use]
            pub fn new(page: resonance_domain::Page<$Edge>, total: $crate::Total) -> Self {
                let page_info = $crate::PageInfo {
                    has_next_page: page.has_next,
                    has_previous_page: page.has_previous,
                    start_cursor: page.items.first().map(|edge| edge.cursor.clone()),
                    end_cursor: page.items.last().map(|edge| edge.cursor.clone()),
                };
                Self { edges: page.items, page_info, total }
            }
        }

        #[$crate::async_graphql::ComplexObject]
        impl $Connection {
            /// The items alone, for whoever needs no cursors.
            async fn nodes(&self) -> Vec<$Node> {
                self.edges.iter().map(|edge| edge.node.clone()).collect()
            }

            /// How many items the whole list has under the same filter. Counted only when asked for.
            async fn total_count(&self) -> $crate::ApiResult<i32> {
                self.total.count().await
            }
        }
    };
}
