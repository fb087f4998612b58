//! Lists that two tables fill.
//!
//! Each table gives one row more than the page holds, all under the same filter and from the same place on; merged
//! by the sort key and the id, in byte order as the databases sort, the first rows of both are the page.

use resonance_domain::{Direction, Page, PageRequest, Voice, VoiceFilter, VoiceOrder, VoiceSort};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, Select, sea_query::LikeExpr};
use uuid::Uuid;

use crate::{
    entity::{system_voice, voice},
    page::{IdCursor, TextCursor, by_id, by_text, contains_pattern, folded},
};

/// A table of voices.
pub(crate) trait VoiceTable: EntityTrait {
    const ID: Self::Column;
    const NAME_KEY: Self::Column;
    const SEARCH_TEXT: Self::Column;
    const CATEGORY: Self::Column;
    const LANGUAGE: Self::Column;
}

macro_rules! voice_table {
    ($($table:ident),*) => {$(
        impl VoiceTable for $table::Entity {
            const ID: Self::Column = $table::Column::Id;
            const NAME_KEY: Self::Column = $table::Column::NameKey;
            const SEARCH_TEXT: Self::Column = $table::Column::SearchText;
            const CATEGORY: Self::Column = $table::Column::Category;
            const LANGUAGE: Self::Column = $table::Column::Language;
        }
    )*};
}

voice_table!(system_voice, voice);

/// A voice and its place in the list.
#[derive(Debug)]
pub(crate) struct Listed {
    key: String,
    id: Uuid,
    voice: Voice,
}

impl Listed {
    pub(crate) const fn new(name_key: String, id: Uuid, voice: Voice) -> Self {
        Self {
            key: name_key,
            id,
            voice,
        }
    }
}

/// By what names are sorted.
pub(crate) fn name_key(name: &str) -> String {
    folded(name)
}

/// What searching looks in.
pub(crate) fn search_text(name: &str, description: &str) -> String {
    folded(&format!("{name}\n{description}"))
}

/// Narrows a query; the scope is the choice of the table.
pub(crate) fn filtered<E: VoiceTable>(query: Select<E>, filter: &VoiceFilter) -> Select<E> {
    let mut condition = Condition::all();
    if let Some(search) = &filter.search {
        let pattern = LikeExpr::new(contains_pattern(search)).escape('\\');
        condition = condition.add(E::SEARCH_TEXT.like(pattern));
    }
    if let Some(category) = filter.category {
        condition = condition.add(E::CATEGORY.eq(category.as_str()));
    }
    if let Some(range) = &filter.language {
        // RFC 4647's basic filtering: a range matches itself and whatever adds subtags to it.
        condition = condition.add(
            Condition::any()
                .add(E::LANGUAGE.eq(range.as_str()))
                .add(E::LANGUAGE.starts_with(format!("{range}-"))),
        );
    }
    query.filter(condition)
}

/// Restricts a query to its part of the page.
pub(crate) fn page<E: VoiceTable>(
    query: Select<E>,
    filter: &VoiceFilter,
    sort: VoiceSort,
    page: &PageRequest<TextCursor>,
) -> Select<E> {
    let query = filtered(query, filter);
    let order = if sort.descending { Order::Desc } else { Order::Asc };
    match sort.by {
        VoiceOrder::Name => {
            let page = with_cursor(page, |cursor| TextCursor {
                key: name_key(&cursor.key),
                id: cursor.id,
            });
            by_text(query, E::NAME_KEY, E::ID, &order, &page)
        }
        VoiceOrder::CreatedAt => {
            let page = with_cursor(page, |cursor| IdCursor(cursor.id));
            by_id(query, E::ID, &order, &page)
        }
    }
}

fn with_cursor<C>(page: &PageRequest<TextCursor>, cursor: impl Fn(&TextCursor) -> C) -> PageRequest<C> {
    PageRequest {
        direction: page.direction,
        limit: page.limit,
        cursor: page.cursor.as_ref().map(cursor),
    }
}

/// The page, of the rows of all tables.
pub(crate) fn merge(mut rows: Vec<Listed>, sort: VoiceSort, page: &PageRequest<TextCursor>) -> Page<Voice> {
    rows.sort_unstable_by(|a, b| match sort.by {
        VoiceOrder::Name => (&a.key, a.id).cmp(&(&b.key, b.id)),
        VoiceOrder::CreatedAt => a.id.cmp(&b.id),
    });
    if sort.descending != (page.direction == Direction::Backward) {
        rows.reverse();
    }
    Page::from_rows(page, rows).map(|listed| listed.voice)
}
