//! Pages by key.

use resonance_domain::{Direction, PageRequest};
use sea_orm::{ColumnTrait, Condition, Order, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

/// The place of an item in a list that is ordered by id, which is by time of making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdCursor(pub Uuid);

/// The place of an item in a list that is ordered by a text, ties by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCursor {
    /// The text.
    pub key: String,
    /// The item's id.
    pub id: Uuid,
}

/// Restricts a query to a page of a list in the order of `id`; `order` is the list's own, ascending or descending.
/// Fetches one row more than the page holds; see [`resonance_domain::Page::from_rows`].
pub(crate) fn by_id<Q, C>(query: Q, id: C, order: &Order, page: &PageRequest<IdCursor>) -> Q
where
    Q: QueryFilter + QueryOrder + QuerySelect,
    C: ColumnTrait,
{
    let order = towards(order, page.direction);
    let query = match page.cursor {
        Some(IdCursor(cursor)) if order == Order::Asc => query.filter(id.gt(cursor)),
        Some(IdCursor(cursor)) => query.filter(id.lt(cursor)),
        None => query,
    };
    query.order_by(id, order).limit(u64::from(page.limit) + 1)
}

/// The same for a list in the order of the text `key`, ties by `id`.
pub(crate) fn by_text<Q, K, C>(query: Q, key: K, id: C, order: &Order, page: &PageRequest<TextCursor>) -> Q
where
    Q: QueryFilter + QueryOrder + QuerySelect,
    K: ColumnTrait,
    C: ColumnTrait,
{
    let order = towards(order, page.direction);
    let cursor = page
        .cursor
        .as_ref()
        .map(|TextCursor { key, id }| (without_nul(key), *id));
    let query = match cursor {
        // `key >= k AND (key > k OR id > i)`: the first part lets the index find the place.
        Some((k, i)) if order == Order::Asc => query
            .filter(key.gte(k.as_str()))
            .filter(Condition::any().add(key.gt(k)).add(id.gt(i))),
        Some((k, i)) => query
            .filter(key.lte(k.as_str()))
            .filter(Condition::any().add(key.lt(k)).add(id.lt(i))),
        None => query,
    };
    query
        .order_by(key, order.clone())
        .order_by(id, order)
        .limit(u64::from(page.limit) + 1)
}

fn towards(order: &Order, direction: Direction) -> Order {
    match (direction, order) {
        (Direction::Forward, Order::Desc) | (Direction::Backward, Order::Asc) => Order::Desc,
        _ => Order::Asc,
    }
}

/// A pattern for `LIKE … ESCAPE '\'` that finds `needle` anywhere in a text that was folded by [`folded`].
pub(crate) fn contains_pattern(needle: &str) -> String {
    let mut pattern = String::with_capacity(needle.len() + 2);
    pattern.push('%');
    for c in folded(without_nul(needle).trim()).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// No stored text holds a NUL, and PostgreSQL fails on a value that does: texts of clients that no rule checks lose
/// theirs.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

/// A text in the case in which texts are compared. Folded here and not in SQL, as the databases fold differently.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}
