//! Proving that usage adds up.

use std::process::ExitCode;

use anyhow::Context as _;
use resonance_services::UsageReport;

use crate::{configuration::Configuration, instance};

pub(crate) async fn verify(configuration: &Configuration, name: Option<&str>) -> anyhow::Result<ExitCode> {
    let instance = instance::open(configuration).await?;
    let organization = match name {
        Some(name) => {
            let found = instance.services.audited_organization(name).await;
            Some(found.with_context(|| format!("there is no organization {name}"))?)
        }
        None => None,
    };
    let (mut organizations, mut differences) = (0_u64, 0_usize);
    let mut printed = Ok(());
    let mut tell = |report: UsageReport| {
        organizations += 1;
        differences += report.differences.len();
        if printed.is_ok() && !report.differences.is_empty() {
            printed = super::print(&lines(&report));
        }
    };
    instance.services.verify_usage(organization, &mut tell).await?;
    printed?;
    super::print(&format!(
        "{organizations} organizations, {differences} differences\n"
    ))?;
    instance.database.close().await;
    Ok(if differences == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(crate) async fn mend_sums(configuration: &Configuration, name: &str) -> anyhow::Result<()> {
    let instance = instance::open(configuration).await?;
    let organization = instance.services.audited_organization(name).await;
    let organization = organization.with_context(|| format!("there is no organization {name}"))?;
    instance.services.mend_usage_sums(organization).await?;
    instance.database.close().await;
    Ok(())
}

fn lines(report: &UsageReport) -> String {
    let organization = report.organization.type_id();
    let mut text = String::new();
    for difference in &report.differences {
        let number =
            |number: Option<i64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
        text.push_str(&format!(
            "{organization}: {}: {}",
            difference.what, difference.subject
        ));
        if !difference.detail.is_empty() {
            text.push_str(&format!(" ({})", difference.detail));
        }
        text.push_str(&format!(
            ", expected {}, found {}\n",
            number(difference.expected),
            number(difference.found)
        ));
    }
    text
}
