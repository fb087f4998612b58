//! Who may vouch for standings, and who acts as the system.

use crate::{Breach, File, Workspace};

/// The one place that says who is what in an organization.
const STANDING_SOURCE: &str = "crates/persistence/src/standing.rs";

/// Where grants of system jobs are minted: the file, and the job that it does.
const JOBS: &[(&str, &[&str])] = &[
    ("crates/server/src/commands/seed.rs", &["Seed"]),
    ("crates/services/src/activity.rs", &["Relay"]),
    ("crates/services/src/api_keys.rs", &["Authenticate"]),
    ("crates/services/src/audit_log.rs", &["Audit"]),
    ("crates/services/src/authentication.rs", &["Authenticate"]),
    ("crates/services/src/billing/export.rs", &["Bill"]),
    ("crates/services/src/billing/mirror.rs", &["Bill"]),
    ("crates/services/src/blob_verification.rs", &["Purge"]),
    ("crates/services/src/catalogue.rs", &["Catalogue"]),
    ("crates/services/src/codes.rs", &["Admit"]),
    ("crates/services/src/generations/audio.rs", &["Deliver"]),
    ("crates/services/src/generations/idempotency.rs", &["Purge"]),
    ("crates/services/src/generations/listen.rs", &["Deliver"]),
    ("crates/services/src/instance.rs", &["Authenticate"]),
    ("crates/services/src/letters/membership_requests.rs", &["Relay"]),
    ("crates/services/src/letters/organizations.rs", &["Relay"]),
    ("crates/services/src/letters/webhooks.rs", &["SendWebhooks"]),
    ("crates/services/src/logo.rs", &["ShowLogo"]),
    ("crates/services/src/operators/staff.rs", &["Appoint"]),
    ("crates/services/src/previews.rs", &["Deliver"]),
    ("crates/services/src/purge.rs", &["Purge"]),
    ("crates/services/src/relay.rs", &["Relay"]),
    ("crates/services/src/speaking.rs", &["Speak"]),
    ("crates/services/src/speaking/endings.rs", &["Speak"]),
    ("crates/services/src/sweep.rs", &["Purge"]),
    ("crates/services/src/usage_verification.rs", &["Reconcile"]),
    ("crates/services/src/voices/hear.rs", &["Deliver"]),
    ("crates/services/src/webhooks/relaying.rs", &["SendWebhooks"]),
    ("crates/services/src/webhooks/sending.rs", &["SendWebhooks"]),
];

/// The code of a file that is not tests: neither a file of tests, nor what follows the file's own tests, nor comments.
fn code(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let test_file = ["/tests/", "/benches/", "/examples/"]
        .iter()
        .any(|folder| file.path.contains(folder))
        || [
            "tests/",
            "crates/testkit/",
            "crates/authz-oracle/",
            "crates/tidy/",
        ]
        .iter()
        .any(|folder| file.path.starts_with(folder));
    file.lines()
        .take_while(move |(_, line)| !test_file && line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a line mints the grant of a job, by its name.
fn mints(line: &str, job: &str) -> bool {
    let line = line.replace("system::", "");
    line.contains(&format!("SystemGrant::<{job}>::for_job()"))
        || line.contains(&format!("SystemGrant<{job}> = SystemGrant::for_job()"))
}

pub(crate) fn check(workspace: &Workspace) -> Vec<Breach> {
    let mut breaches = vec![];
    for file in workspace.files.iter().filter(|file| file.is_rust()) {
        for (number, line) in code(file) {
            if line.contains("impl") && line.contains("StandingSource for") && file.path != STANDING_SOURCE {
                let message = format!("only {STANDING_SOURCE} may vouch for standings");
                breaches.push(Breach::new(format!("{}:{number}", file.path), message));
            }
            if line.contains("for_job()") && !line.contains("fn for_job()") {
                let jobs = JOBS
                    .iter()
                    .find(|(path, _)| *path == file.path)
                    .map_or(&[][..], |(_, jobs)| jobs);
                if !jobs.iter().any(|job| mints(line, job)) {
                    let message = "the system acts here: name the job, as in `SystemGrant::<Job>::for_job()`, and list \
                                   the file with it in crates/tidy/src/authority.rs";
                    breaches.push(Breach::new(format!("{}:{number}", file.path), message));
                }
            }
        }
    }
    breaches.extend(unused(workspace));
    breaches
}

/// Entries of the list that nothing needs any more.
fn unused(workspace: &Workspace) -> Vec<Breach> {
    let minted = |path: &str, job: &str| {
        workspace
            .files
            .iter()
            .filter(|file| file.path == path)
            .any(|file| code(file).any(|(_, line)| mints(line, job)))
    };
    JOBS.iter()
        .flat_map(|(path, jobs)| jobs.iter().map(move |job| (*path, *job)))
        .filter(|(path, job)| !minted(path, job))
        .map(|(path, job)| {
            Breach::new(
                "crates/tidy/src/authority.rs",
                format!("{path} does not act as {job}: remove the entry"),
            )
        })
        .collect()
}
