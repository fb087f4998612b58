//! Which generations, as conditions on their rows.

use chrono::{DateTime, TimeDelta, Utc};
use resonance_domain::{Author, GenerationFilter, OrganizationId, SearchQuery};
use uuid::Uuid;

use super::search;
use crate::{page::without_nul, raw::Sql};

/// How far the time in a generation's id may be from the time at which it was made, which another statement of the
/// same use case tells.
const ID_SLACK: TimeDelta = TimeDelta::minutes(1);

/// Appends what a filter wants of the generations of the organization `$1`.
pub(super) fn narrow(
    sql: &mut Sql,
    organization: OrganizationId,
    filter: &GenerationFilter,
    is_postgres: bool,
) {
    let GenerationFilter {
        search,
        voice,
        author,
        states,
        engine,
        format,
        from,
        until,
    } = filter;
    if let Some(query) = search.as_deref().and_then(SearchQuery::read) {
        search::narrow(sql, organization, &query, is_postgres);
    }
    if let Some(voice) = voice {
        sql.push(" AND voice_id = ").bind(voice.as_uuid());
    }
    if let Some(author) = author {
        sql.push(" AND created_by = ").bind(author.as_uuid());
    }
    if !states.is_empty() {
        sql.push(" AND state IN ")
            .list(states.iter().map(|state| state.as_str()));
    }
    if let Some(engine) = engine {
        sql.push(" AND engine = ").bind(without_nul(engine));
    }
    if let Some(format) = format {
        sql.push(" AND format = ").bind(format.extension());
    }
    // Ids sort by time: their range finds the place in the primary key, and the time itself decides.
    if let Some(from) = from {
        sql.push(" AND created_at >= ")
            .bind(*from)
            .push(" AND id >= ")
            .bind(first_uuid_of(*from - ID_SLACK));
    }
    if let Some(until) = until {
        sql.push(" AND created_at < ")
            .bind(*until)
            .push(" AND id < ")
            .bind(first_uuid_of(*until + ID_SLACK));
    }
}

/// Appends that only what somebody made is reached.
pub(super) fn within_reach(sql: &mut Sql, only_of: Option<Author>) {
    match only_of {
        None => {}
        Some(Author::User(user)) => {
            sql.push(" AND created_by = ").bind(user.as_uuid());
        }
        Some(Author::ApiKey(key)) => {
            sql.push(" AND created_by_key = ").bind(key.as_uuid());
        }
    }
}

/// The least UUIDv7 (RFC 9562, 5.7) of a millisecond.
fn first_uuid_of(time: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(time.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128((millis << 80) | (7 << 76) | (0b10 << 62))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_id_of_a_time_sorts_before_all_ids_of_it_and_after_all_earlier_ones() {
        let time = DateTime::from_timestamp_millis(1_795_000_000_123).unwrap();
        let id = |time: DateTime<Utc>| {
            let (seconds, nanos) = (time.timestamp().unsigned_abs(), time.timestamp_subsec_nanos());
            Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
        };
        for _ in 0..100 {
            assert!(first_uuid_of(time) <= id(time));
            assert!(first_uuid_of(time) > id(time - TimeDelta::milliseconds(1)));
        }
    }
}
