//! `voices`: organizations' own.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

use crate::tenant::TenantOwned;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "voices")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) name_key: String,
    pub(crate) description: String,
    pub(crate) search_text: String,
    pub(crate) category: String,
    pub(crate) language: String,
    pub(crate) engine: String,
    pub(crate) engine_voice: Json,
    pub(crate) fidelity: String,
    pub(crate) consent_by: Option<Uuid>,
    pub(crate) consent_at: DateTime<Utc>,
    pub(crate) consent_statement: String,
    pub(crate) sample_key: String,
    pub(crate) sample_content_type: String,
    pub(crate) sample_bytes: i64,
    pub(crate) sample_duration_ms: i64,
    pub(crate) sample_rate: i32,
    pub(crate) sample_channels: i32,
    pub(crate) sample_loudness_lufs: f64,
    pub(crate) normalised_key: Option<String>,
    pub(crate) preview_key: Option<String>,
    pub(crate) created_by: Option<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TenantOwned for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}
