//! Comparing the object store with the database.

use std::process::ExitCode;

use resonance_services::BlobDifference;

use crate::{configuration::Configuration, instance};

pub(crate) async fn verify(configuration: &Configuration, delete_orphans: bool) -> anyhow::Result<ExitCode> {
    let instance = instance::open(configuration).await?;
    let mut printed = Ok(());
    let tell = |difference| {
        if printed.is_ok() {
            printed = super::print(&line(&difference));
        }
    };
    let found = instance.services.verify_blobs(delete_orphans, tell).await?;
    printed?;
    super::print(&format!(
        "{} objects, {} named by the database, {} of others; {} orphans, {} of them removed; {} missing; {} of a wrong size\n",
        found.objects,
        found.named,
        found.foreign,
        found.orphans,
        found.removed,
        found.missing,
        found.wrong_size,
    ))?;
    instance.database.close().await;
    Ok(if found.agrees() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn line(difference: &BlobDifference) -> String {
    match difference {
        BlobDifference::Orphan { key, size, removed } => {
            let done = if *removed { ", removed" } else { "" };
            format!("orphan: {key}, {size} bytes{done}\n")
        }
        BlobDifference::Missing { key } => format!("missing: {key}\n"),
        BlobDifference::WrongSize { key, expected, found } => {
            format!("wrong size: {key}, {found} bytes instead of {expected}\n")
        }
    }
}
