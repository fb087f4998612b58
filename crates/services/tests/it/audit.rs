//! The audit log: what is found out about it, and what is in it.

mod chains;
mod reading;
mod refused;
mod tampering;

use resonance_domain::{OrganizationId, RoleKey};
use resonance_services::{AuditDifferenceKind, AuditVerification};
use resonance_testkit::{Backend, Instance, Person};

/// Two organizations, one of them with a few events in its log.
struct World {
    instance: Instance,
    ada: Person,
    bob: Person,
    acme: OrganizationId,
    other: OrganizationId,
}

impl World {
    async fn new(backend: Backend) -> Self {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let other = instance.found(&ada, "Other").await;
        for organization in [acme, other] {
            instance.bring_in(&ada, organization, &bob, RoleKey::MEMBER).await;
        }
        instance.services.settle().await.unwrap();
        Self {
            instance,
            ada,
            bob,
            acme,
            other,
        }
    }

    async fn verified(&self) -> AuditVerification {
        self.instance
            .services
            .verify_audit_log(Some(self.acme), None)
            .await
            .unwrap()
    }

    /// Runs a statement on the event at a place of Acme's chain.
    async fn tamper(&self, statement: &str, position: u64) {
        let instance = &self.instance;
        let organization = instance.sql_id(self.acme.as_uuid());
        let statement =
            format!("{statement} WHERE organization_id = {organization} AND chain_position = {position}");
        assert_eq!(instance.sql(&statement).await, 1, "{statement}");
    }

    /// Renames Acme, so that one more event is in its log.
    async fn rename(&self, name: &str) {
        let request = self.instance.request_in(&self.ada, self.acme).await;
        let update = resonance_services::UpdateOrganization {
            organization: Some(self.acme),
            name: Some(name.to_owned()),
            ..Default::default()
        };
        request.organizations().update(update).await.unwrap();
    }
}

/// Differences as kind, first place and last place.
fn told(verification: &AuditVerification) -> Vec<(AuditDifferenceKind, Option<u64>, Option<u64>)> {
    let differences = verification.differences.iter();
    differences
        .map(|difference| (difference.kind, difference.position, difference.until))
        .collect()
}
