//! Arguments that several fields share.

use async_graphql::{Enum, InputObject};
use chrono::{DateTime, Utc};
use resonance_domain::DirectoryOrder as Order;
use resonance_domain::PageRequest;
use resonance_gateway_kit::{ApiResult, page_request};
use resonance_services::{DirectoryQuery, TextCursor};
use uuid::Uuid;

/// By what users and organizations are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum DirectoryOrderField {
    /// By the time of creation.
    CreatedAt,
    /// By name, ignoring case.
    Name,
}

/// How users and organizations are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, InputObject)]
pub(crate) struct DirectoryOrder {
    /// By what.
    pub(crate) field: DirectoryOrderField,
    /// Whether from the last to the first.
    #[graphql(default)]
    pub(crate) descending: bool,
}

/// Which organizations are wanted.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct OrganizationFilter {
    /// The beginning of a name or slug, ignoring case; or an organization's id. Null means any.
    pub(crate) search: Option<String>,
    /// Only those created at this moment or later. Null means from the first on.
    pub(crate) created_from: Option<DateTime<Utc>>,
    /// Only those created before this moment. Null means up to now.
    pub(crate) created_until: Option<DateTime<Utc>>,
}

/// Which users are wanted.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct UserFilter {
    /// The beginning of a name or of a verified e-mail address, ignoring case; or a user's id. Null means any.
    pub(crate) search: Option<String>,
    /// True for suspended users only, false for the others only. Null means both.
    pub(crate) suspended: Option<bool>,
    /// Only those whose accounts were made at this moment or later. Null means from the first on.
    pub(crate) created_from: Option<DateTime<Utc>>,
    /// Only those whose accounts were made before this moment. Null means up to now.
    pub(crate) created_until: Option<DateTime<Utc>>,
}

pub(crate) fn organizations(
    filter: Option<OrganizationFilter>,
    order: Option<DirectoryOrder>,
) -> DirectoryQuery {
    let filter = filter.unwrap_or_default();
    ordered(
        DirectoryQuery {
            search: filter.search,
            created_from: filter.created_from,
            created_until: filter.created_until,
            ..DirectoryQuery::default()
        },
        order,
    )
}

pub(crate) fn users(filter: Option<UserFilter>, order: Option<DirectoryOrder>) -> DirectoryQuery {
    let filter = filter.unwrap_or_default();
    ordered(
        DirectoryQuery {
            search: filter.search,
            suspended: filter.suspended,
            created_from: filter.created_from,
            created_until: filter.created_until,
            ..DirectoryQuery::default()
        },
        order,
    )
}

fn ordered(query: DirectoryQuery, order: Option<DirectoryOrder>) -> DirectoryQuery {
    DirectoryQuery {
        order: match order.map(|order| order.field) {
            Some(DirectoryOrderField::Name) => Order::Name,
            Some(DirectoryOrderField::CreatedAt) | None => Order::CreatedAt,
        },
        descending: order.is_some_and(|order| order.descending),
        ..query
    }
}

pub(crate) fn text_page(
    first: Option<i32>,
    after: Option<&str>,
    last: Option<i32>,
    before: Option<&str>,
) -> ApiResult<PageRequest<TextCursor>> {
    let place = |(key, id): (String, Uuid)| TextCursor { key, id };
    page_request(first, after, last, before, place)
}
