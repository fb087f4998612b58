//! Proving that nothing is lost, given away or charged twice.
//!
//! For every organization, ledger, generations, jobs, sums, what was spent and what goes to the billing provider are held
//! against each other. Operators do it by the command line; the instance does it once a day by itself, and tells of every
//! difference in its log.

use resonance_authz::{SystemGrant, system::Reconcile};
use resonance_domain::OrganizationId;
use resonance_persistence::{ClaimedJob, Repositories, UsageDifference};

use crate::{Outcome, ServiceError, Services, billing, core::Core};

/// How many organizations are named at a time.
const PAGE: u32 = 200;
/// How many differences of one kind are named for an organization.
const NAMED: u32 = 100;

/// How the usage of an organization adds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageReport {
    /// The organization.
    pub organization: OrganizationId,
    /// What does not agree: at most 100 of each kind.
    pub differences: Vec<UsageDifference>,
}

impl Services {
    /// Holds the usage of one organization, or of all that are not deleted, against everything that follows from it. Each
    /// organization's report goes to `tell` once it is there.
    ///
    /// # Errors
    /// The database's.
    pub async fn verify_usage(
        &self,
        organization: Option<OrganizationId>,
        tell: &mut (dyn FnMut(UsageReport) + Send),
    ) -> Outcome<()> {
        verify(self.core(), organization, tell).await
    }
}

impl Services {
    /// Makes the sums of an organization anew from its ledger, after something outside wrote to them. Until that is done,
    /// nothing is settled. One transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn mend_usage_sums(&self, organization: OrganizationId) -> Outcome<()> {
        let grant = SystemGrant::<Reconcile>::for_job();
        let database = &self.core().database;
        database
            .atomically(async |uow| uow.usage_verification().mend_sums(&grant, organization).await)
            .await?;
        Ok(())
    }
}

async fn verify(
    core: &Core,
    organization: Option<OrganizationId>,
    tell: &mut (dyn FnMut(UsageReport) + Send),
) -> Outcome<()> {
    let grant = SystemGrant::<Reconcile>::for_job();
    let verification = core.database.usage_verification();
    let mut page: Vec<OrganizationId> = organization.into_iter().collect();
    let mut last = None;
    loop {
        if organization.is_none() {
            page = verification.organizations(&grant, last, PAGE).await?;
        }
        for organization in &page {
            let exported = core.billing.is_some();
            let differences = verification
                .differences(&grant, *organization, exported, NAMED)
                .await?;
            tell(UsageReport {
                organization: *organization,
                differences,
            });
        }
        last = page.last().copied();
        if organization.is_some() || last.is_none() {
            return Ok(());
        }
    }
}

/// Puts on their way what nodes settled that knew of no provider, though there is one.
async fn catch_up(core: &Core) -> Outcome<()> {
    if core.billing.is_none() {
        return Ok(());
    }
    let grant = SystemGrant::<Reconcile>::for_job();
    let mut last = None;
    loop {
        let verification = core.database.usage_verification();
        let page = verification.organizations(&grant, last, PAGE).await?;
        for organization in &page {
            let caught = core
                .database
                .atomically(async |uow| uow.usage_exports().catch_up(&grant, *organization).await)
                .await?;
            if caught > 0 {
                tracing::warn!(organization = ?organization, lines = caught, "usage was not on its way to the provider");
            }
        }
        last = page.last().copied();
        if last.is_none() {
            return Ok(());
        }
    }
}

/// Does it for all, tells of every difference in the log, and makes the job for tomorrow.
pub(crate) async fn daily(core: &Core, job: &ClaimedJob) -> Outcome<()> {
    let (mut organizations, mut found) = (0_u64, 0_u64);
    catch_up(core).await?;
    verify(core, None, &mut |report| {
        organizations += 1;
        for difference in &report.differences {
            found += 1;
            tracing::error!(
                organization = ?report.organization,
                subject = %difference.subject,
                detail = difference.detail,
                expected = difference.expected,
                found = difference.found,
                "usage does not add up: {}",
                difference.what
            );
        }
    })
    .await?;
    tracing::info!(organizations, differences = found, "usage was verified");
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; nobody has so many differences"
    )]
    metrics::gauge!("resonance_usage_differences").set(found as f64);
    let next = billing::next_verification(core)?;
    core.database
        .atomically(async |uow| {
            if uow.jobs().complete(job).await? {
                uow.jobs().add(next).await?;
            }
            Ok::<_, ServiceError>(())
        })
        .await
}
