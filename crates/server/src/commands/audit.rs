//! Verifying audit logs.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use resonance_domain::OrganizationId;
use resonance_services::{AuditDifference, AuditVerification, KnownLink, Services};

use crate::{configuration::Configuration, instance};

/// Which logs to verify.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub(crate) struct Verify {
    /// The log of the organization with this id or slug
    #[arg(long, required_unless_present_any = ["instance", "all"], conflicts_with_all = ["instance", "all"])]
    pub(crate) organization: Option<String>,
    /// The instance's own log: accounts, settings, what operators did
    #[arg(long, conflicts_with = "all")]
    pub(crate) instance: bool,
    /// Every organization's log, and the instance's own
    #[arg(long)]
    pub(crate) all: bool,
    /// A link that the log must hold, as POSITION:HASH from an earlier verification or an export
    #[arg(long, conflicts_with = "all", value_parser = known_link)]
    pub(crate) known: Option<KnownLink>,
}

pub(crate) async fn verify(configuration: &Configuration, verify: Verify) -> anyhow::Result<ExitCode> {
    let instance = instance::open(configuration).await?;
    let services = &instance.services;
    let mut intact = true;
    if let Some(name) = &verify.organization {
        let organization = services
            .audited_organization(name)
            .await
            .with_context(|| format!("there is no organization {name}"))?;
        intact &= one(services, Some(organization), verify.known.as_ref()).await?;
    }
    if verify.all {
        let mut after = None;
        loop {
            let organizations = services.audited_organizations(after).await?;
            let Some(last) = organizations.last() else { break };
            after = Some(*last);
            for organization in organizations {
                intact &= one(services, Some(organization), None).await?;
            }
        }
    }
    if verify.all || verify.instance {
        intact &= one(services, None, verify.known.as_ref()).await?;
    }
    instance.database.close().await;
    Ok(if intact {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn one(
    services: &Services,
    log: Option<OrganizationId>,
    known: Option<&KnownLink>,
) -> anyhow::Result<bool> {
    let found = services.verify_audit_log(log, known).await?;
    super::print(&report(&found))?;
    Ok(found.is_intact())
}

fn report(found: &AuditVerification) -> String {
    let log = found
        .organization
        .map_or_else(|| "instance".to_owned(), |organization| organization.type_id());
    let verdict = if found.is_intact() {
        "intact".to_owned()
    } else {
        format!("TAMPERED WITH, {} differences", found.difference_count)
    };
    let hash: String = found.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut text = format!("{log}: {verdict}; {}:{hash}", found.length);
    if found.pending > 0 {
        text.push_str(&format!("; {} not sealed yet", found.pending));
    }
    text.push('\n');
    for difference in &found.differences {
        text.push_str(&format!("  {}\n", line(difference)));
    }
    text
}

fn line(difference: &AuditDifference) -> String {
    let place = match (difference.position, difference.until) {
        (Some(from), Some(to)) if from != to => format!("at {from} to {to}: "),
        (Some(at), _) => format!("at {at}: "),
        _ => String::new(),
    };
    let event = difference.event.map(|event| format!(" ({})", event.type_id()));
    format!(
        "{place}{}{}",
        difference.kind.explanation(),
        event.unwrap_or_default()
    )
}

fn known_link(text: &str) -> Result<KnownLink, String> {
    let malformed = || "must be a position, a colon and 64 hexadecimal digits".to_owned();
    let (position, digits) = text.split_once(':').ok_or_else(malformed)?;
    let position = position.parse().map_err(|_| malformed())?;
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    let hash = (0..32).map(|nth| u8::from_str_radix(&digits[nth * 2..nth * 2 + 2], 16));
    let hash = hash.collect::<Result<_, _>>().map_err(|_| malformed())?;
    Ok(KnownLink { position, hash })
}
