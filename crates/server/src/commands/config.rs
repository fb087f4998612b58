//! Reading and checking the configuration.

use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};

use crate::{commands::print, configuration::Configuration, instance, options::Options};

/// The keys in the configuration file: in the one that was named, or in `resonance.toml` if there is one.
pub(crate) fn file(named: Option<&Path>) -> anyhow::Result<Options> {
    let path = named.unwrap_or(Path::new("resonance.toml"));
    match std::fs::read_to_string(path) {
        Ok(text) => {
            toml::from_str(&text).map_err(|error| anyhow!("{}: {}", path.display(), mistake(&text, &error)))
        }
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Options::default())
        }
        Err(error) => {
            Err(error).with_context(|| format!("the configuration file {} cannot be read", path.display()))
        }
    }
}

/// What is wrong with the file: the line, the key and the problem, but not the line's text, as a value may be a secret.
fn mistake(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message.to_owned();
    };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default();
    let key = line.split('=').next().unwrap_or_default().trim();
    format!("line {}: {key}: {message}", number + 1)
}

/// Shows what is in force and tries what it names.
pub(crate) async fn check(configuration: &Configuration) -> anyhow::Result<()> {
    let Configuration {
        listen,
        data_dir,
        database,
        settings,
        blobs,
        ..
    } = configuration;
    print(&format!(
        "listen          {listen}\npublic_url      {}\ndata_dir        {}\ndatabase_url    {:?}\nblobs_url       {}\n\
         mail            {}\nplayground      {}\nintrospection   {}\n",
        settings.public_url,
        data_dir.display(),
        database.url,
        blobs.url,
        if configuration.smtp_url.is_some() {
            "by SMTP"
        } else {
            "in the folder mail of the data folder"
        },
        configuration.playground,
        configuration.introspection,
    ))?;
    let instance = instance::open(configuration).await?;
    let checks = instance.services.check().await;
    for check in &checks {
        print(&format!(
            "{:<16}{}\n",
            check.name,
            if check.healthy {
                "answers"
            } else {
                "does not answer"
            }
        ))?;
    }
    ensure!(
        checks.iter().all(|check| check.healthy),
        "not everything answers; see the log above"
    );
    Ok(())
}
