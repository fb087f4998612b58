//! Every row that names an object of the object store, for those who compare the two.

use resonance_authz::{SystemGrant, system::Purge};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{StorageError, executor::Executor, organization::at, raw::Sql};

/// A column in which keys of objects stand.
#[derive(Debug)]
struct Place {
    table: &'static str,
    key: &'static str,
    /// The column with the object's size, or NULL.
    size: &'static str,
    /// The columns with the ids that stand in the key: the organization's, or that of the instance's own thing, and the
    /// thing's.
    ids: [&'static str; 2],
    /// Which rows count.
    condition: &'static str,
}

/// INVARIANT: every column that keeps an object alive is here, or its objects pass for orphans.
const PLACES: [Place; 6] = [
    Place {
        table: "organizations",
        key: "logo_key",
        size: "NULL",
        ids: ["id", "id"],
        condition: "deleted_at IS NULL",
    },
    Place {
        table: "voices",
        key: "sample_key",
        size: "sample_bytes",
        ids: ["organization_id", "id"],
        condition: "TRUE",
    },
    Place {
        table: "voices",
        key: "normalised_key",
        size: "NULL",
        ids: ["organization_id", "id"],
        condition: "TRUE",
    },
    Place {
        table: "voices",
        key: "preview_key",
        size: "NULL",
        ids: ["organization_id", "id"],
        condition: "TRUE",
    },
    Place {
        table: "generations",
        key: "audio_key",
        size: "audio_bytes",
        ids: ["organization_id", "id"],
        condition: "TRUE",
    },
    Place {
        table: "system_voices",
        key: "preview_key",
        size: "NULL",
        ids: ["id", "id"],
        condition: "TRUE",
    },
];

/// An object that a row names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedObject {
    /// Its key.
    pub key: String,
    /// Its size in bytes, where the row keeps it.
    pub size: Option<u64>,
    /// The ids that stand in the key: the organization's and that of the thing which has the object. For what has only
    /// one, twice that.
    pub ids: [Uuid; 2],
}

/// How far a walk over all rows is.
#[derive(Debug, Clone, Default)]
pub struct NamedObjectCursor {
    place: usize,
    after: Option<NamedObject>,
}

/// A job that will remove objects, or have a row name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectGuard {
    /// What lies under a prefix may be removed, or was pledged before an upload.
    Sweep {
        /// The prefix.
        prefix: String,
    },
    /// All that an organization had is removed.
    Purge {
        /// The organization.
        organization: Uuid,
    },
    /// A generation is being spoken.
    Speak {
        /// The generation.
        generation: Uuid,
    },
}

/// Which rows name objects, and which jobs are about them.
#[derive(Debug, Clone, Copy)]
pub struct ObjectNames<'a>(pub(crate) Executor<'a>);

impl ObjectNames<'_> {
    /// Up to `limit` objects that rows name, and moves the cursor behind them. The walk is over when there are none.
    ///
    /// # Errors
    /// The database's.
    pub async fn next(
        self,
        _grant: &SystemGrant<Purge>,
        cursor: &mut NamedObjectCursor,
        limit: u32,
    ) -> Result<Vec<NamedObject>, StorageError> {
        while let Some(place) = PLACES.get(cursor.place) {
            let order = format!("{}, {}, {}", place.ids[0], place.ids[1], place.key);
            let mut sql = select(place);
            if let Some(after) = &cursor.after {
                sql.push(&format!(" AND ({order}) > ("));
                sql.bind(after.ids[0]).push(", ").bind(after.ids[1]).push(", ");
                sql.bind(after.key.as_str()).push(")");
            }
            sql.push(&format!(" ORDER BY {order} LIMIT "))
                .bind(i64::from(limit));
            let found = self.0.rows(sql, named).await?;
            if let Some(last) = found.last() {
                cursor.after = Some(last.clone());
                return Ok(found);
            }
            cursor.place += 1;
            cursor.after = None;
        }
        Ok(Vec::new())
    }

    /// The objects that are named by the rows with these ids.
    ///
    /// # Errors
    /// The database's.
    pub async fn of(
        self,
        _grant: &SystemGrant<Purge>,
        ids: &[[Uuid; 2]],
    ) -> Result<Vec<NamedObject>, StorageError> {
        let mut found = Vec::new();
        if ids.is_empty() {
            return Ok(found);
        }
        for place in &PLACES {
            let mut sql = select(place);
            sql.push(&format!(" AND ({}, {}) IN (VALUES ", place.ids[0], place.ids[1]));
            for (row, [scope, id]) in ids.iter().enumerate() {
                sql.push(if row == 0 { "(" } else { ", (" });
                sql.bind(*scope).push(", ").bind(*id).push(")");
            }
            sql.push(")");
            found.extend(self.0.rows(sql, named).await?);
        }
        Ok(found)
    }

    /// The jobs that are about objects with one of these ids (an organization's, a generation's) in their key, or lie
    /// under one of these prefixes. Those that were given up guard nothing.
    ///
    /// # Errors
    /// The database's.
    pub async fn guards(
        self,
        _grant: &SystemGrant<Purge>,
        organizations: &[Uuid],
        generations: &[Uuid],
        prefixes: &[&str],
    ) -> Result<Vec<ObjectGuard>, StorageError> {
        let mut sql = Sql::new(
            "SELECT queue, organization_id, subject_id, payload ->> 'prefix' FROM jobs WHERE organization_id IN ",
            [],
        );
        sql.list(organizations.iter().copied());
        sql.push(" AND state <> 'dead' AND (queue = 'purge' OR (queue = 'speak' AND subject_id IN ");
        sql.list(generations.iter().copied());
        sql.push(") OR (queue = 'sweep' AND (payload ->> 'prefix') IN ");
        sql.list(prefixes.iter().copied()).push("))");
        let guards = self.0.rows(sql, |row| {
            let queue: String = at(row, 0)?;
            Ok(match queue.as_str() {
                "purge" => {
                    at::<Option<Uuid>>(row, 1)?.map(|organization| ObjectGuard::Purge { organization })
                }
                "speak" => at::<Option<Uuid>>(row, 2)?.map(|generation| ObjectGuard::Speak { generation }),
                _ => at::<Option<String>>(row, 3)?.map(|prefix| ObjectGuard::Sweep { prefix }),
            })
        });
        Ok(guards.await?.into_iter().flatten().collect())
    }
}

fn select(place: &Place) -> Sql {
    let Place {
        table,
        key,
        size,
        ids: [scope, id],
        condition,
    } = place;
    let sql = format!(
        "SELECT {key}, CAST({size} AS bigint), {scope}, {id} FROM {table} WHERE {key} IS NOT NULL AND {condition}"
    );
    Sql::new(sql, [])
}

fn named(row: &QueryResult) -> Result<NamedObject, StorageError> {
    Ok(NamedObject {
        key: at(row, 0)?,
        size: at::<Option<i64>>(row, 1)?.map(i64::unsigned_abs),
        ids: [at(row, 2)?, at(row, 3)?],
    })
}
