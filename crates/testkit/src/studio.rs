//! Voices, for those who have texts spoken.

use resonance_domain::{IdsExt, InOrg, OrganizationId, VoiceAddress, VoiceId};

use crate::Instance;

impl Instance {
    /// A voice of the instance's that the engine `engine` speaks.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn system_voice(
        &self,
        name: &str,
        engine: &str,
        engine_voice: &serde_json::Value,
    ) -> VoiceAddress {
        let id: VoiceId = self.ids.next();
        let literal = self.sql_id(id.as_uuid());
        self.sql(&format!(
            "INSERT INTO system_voices (id, key, name, name_key, description, search_text, category, language,
                engine, engine_voice, created_at, updated_at)
            VALUES ({literal}, '{id:?}', '{name}', '{name}', '', '', 'general', 'en-US', '{engine}', '{engine_voice}',
                '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')"
        ))
        .await;
        VoiceAddress::System(id)
    }

    /// A voice of an organization's own that the engine `test` speaks.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn custom_voice(&self, organization: OrganizationId, name: &str) -> VoiceAddress {
        let id: VoiceId = self.ids.next();
        let [literal, owner] = [id.as_uuid(), organization.as_uuid()].map(|id| self.sql_id(id));
        self.sql(&format!(
            "INSERT INTO voices (organization_id, id, name, name_key, description, search_text, category, language,
                engine, engine_voice, fidelity, consent_at, consent_statement, sample_key, sample_content_type,
                sample_bytes, sample_duration_ms, sample_rate, sample_channels, sample_loudness_lufs,
                created_at, updated_at)
            VALUES ({owner}, {literal}, '{name}', '{name}', '', '', 'general', 'en-US', 'test', '{{}}', 'approximated',
                '2026-01-01T00:00:00+00:00', '', '', 'audio/wav', 1, 1, 1, 1, -20.0,
                '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')"
        ))
        .await;
        VoiceAddress::Custom(InOrg::new(organization, id))
    }
}
