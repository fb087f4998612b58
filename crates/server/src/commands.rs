//! What the command line does beside serving.

pub(crate) mod audit;
pub(crate) mod blobs;
pub(crate) mod config;
pub(crate) mod seed;
pub(crate) mod usage;

use std::io::Write as _;

use anyhow::Context as _;

use crate::{configuration::Configuration, instance};

/// Writes to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}

pub(crate) async fn migrate(configuration: &Configuration) -> anyhow::Result<()> {
    instance::database(configuration).await?.close().await;
    print("the database is up to date\n")
}

pub(crate) async fn operator_add(configuration: &Configuration, email: &str) -> anyhow::Result<()> {
    let instance = instance::open(configuration).await?;
    instance.services.add_operator(email).await.with_context(|| {
        format!("{email} cannot be made an operator; the address must belong to an account and be verified")
    })?;
    print(&format!("{email} is an operator\n"))
}

pub(crate) async fn operator_remove(configuration: &Configuration, email: &str) -> anyhow::Result<()> {
    let instance = instance::open(configuration).await?;
    instance
        .services
        .remove_operator(email)
        .await
        .with_context(|| format!("{email} cannot be unmade an operator; it must be one, and not the last"))?;
    print(&format!("{email} is no operator any more\n"))
}

pub(crate) async fn operator_list(configuration: &Configuration) -> anyhow::Result<()> {
    let instance = instance::open(configuration).await?;
    for operator in instance.services.list_operators().await? {
        let state = if operator.suspended { "  suspended" } else { "" };
        print(&format!(
            "{}  {}{state}\n",
            operator.email,
            operator.user.type_id()
        ))?;
    }
    Ok(())
}
