//! Many people and things at once.

use resonance_authz::{SystemGrant, system::Seed};
use resonance_domain::{IdsExt as _, OrganizationId, SESSION_IDLE_LIFETIME, Session};
use resonance_identity::SecretToken;
use resonance_persistence::{Population, PopulationSize};
use resonance_services::SESSION_TOKEN;

use crate::Instance;

impl Instance {
    /// Makes one organization with so many members, voices and generations; its id, and the token of a session of its
    /// first admin who works in it.
    ///
    /// # Panics
    /// If the database refuses.
    pub async fn crowd(&self, members: u64, voices: u64, generations: u64) -> (OrganizationId, String) {
        let size = PopulationSize {
            users: members,
            organizations: 1,
            members_per_organization: members,
            voices_per_organization: voices,
            generations_per_organization: generations,
        };
        let population = Population::new(size, 1).unwrap();
        let admin = population.members().next().unwrap();
        let token = SecretToken::random(SESSION_TOKEN, &mut rand::rng());
        let now = self.clock.now();
        let session = Session {
            id: self.ids.next(),
            user: admin.user,
            active_organization: Some(admin.organization),
            user_agent: None,
            ip_address: None,
            created_at: now,
            last_used_at: now,
            expires_at: now + SESSION_IDLE_LIFETIME,
        };
        let sessions = vec![(session, *token.hash().as_bytes())];
        let database = &self.test_database.database;
        database
            .populate(&SystemGrant::<Seed>::for_job(), &population, sessions, |_| ())
            .await
            .unwrap();
        (admin.organization, token.expose())
    }
}
