//! Voices, as those find them who have texts spoken.

use resonance_authz::{Grant, Implies, ReadVoices};
use resonance_domain::{InOrg, VoiceAddress, VoiceId};

use super::{Generations, SpeakingVoice};
use crate::{StorageError, page::folded, raw::Sql};

impl Generations<'_> {
    /// What a generation needs to know of a voice that the organization may use: one of the instance's, or its own.
    ///
    /// # Errors
    /// The database's.
    pub async fn speaking_voice(
        self,
        grant: &Grant<impl Implies<ReadVoices>>,
        voice: VoiceAddress,
    ) -> Result<Option<SpeakingVoice>, StorageError> {
        let sql = match voice {
            VoiceAddress::System(id) => Sql::new(
                "SELECT name, engine, engine_voice FROM system_voices WHERE id = $1",
                [id.as_uuid().into()],
            ),
            VoiceAddress::Custom(address) if address.organization == grant.organization() => Sql::new(
                "SELECT name, engine, engine_voice FROM voices WHERE organization_id = $1 AND id = $2",
                [grant.organization().as_uuid().into(), address.id.as_uuid().into()],
            ),
            VoiceAddress::Custom(_) => return Ok(None),
        };
        self.0
            .row(sql, |row| {
                Ok(SpeakingVoice {
                    name: row.try_get_by_index(0)?,
                    engine: row.try_get_by_index(1)?,
                    engine_voice: row.try_get_by_index(2)?,
                })
            })
            .await
    }

    /// The voice with this name, whatever its case, that the organization may use: of its own voices and then of the
    /// instance's the oldest; with `engine`, of that engine's. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn voice_named(
        self,
        grant: &Grant<impl Implies<ReadVoices>>,
        name: &str,
        engine: Option<&str>,
    ) -> Result<Option<VoiceAddress>, StorageError> {
        let organization = grant.organization();
        let name = folded(&name.trim().replace('\0', "\u{fffd}"));
        let mut sql = Sql::new(
            "SELECT scope, id FROM (SELECT 1 AS scope, id, engine FROM voices WHERE organization_id = $1 AND name_key = $2
             UNION ALL SELECT 2 AS scope, id, engine FROM system_voices WHERE name_key = $2) AS named",
            [organization.as_uuid().into(), name.into()],
        );
        if let Some(engine) = engine {
            sql.push(" WHERE engine = ").bind(engine);
        }
        sql.push(" ORDER BY scope, id LIMIT 1");
        self.0
            .row(sql, |row| {
                let id = VoiceId::from_uuid(row.try_get_by_index(1)?);
                Ok(match row.try_get_by_index::<i32>(0)? {
                    1 => VoiceAddress::Custom(InOrg::new(organization, id)),
                    _ => VoiceAddress::System(id),
                })
            })
            .await
    }
}
