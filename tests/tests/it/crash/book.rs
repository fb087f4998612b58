//! What the server said yes to.

use std::sync::Mutex;

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) email: String,
    pub(super) token: String,
}

/// An organization and the token of its founder.
#[derive(Debug, Clone)]
pub(super) struct Founded {
    pub(super) id: String,
    pub(super) founder: String,
}

/// Something of an organization's.
#[derive(Debug, Clone)]
pub(super) struct Of {
    pub(super) organization: String,
    pub(super) what: String,
}

/// Everything that the server said yes to.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Addresses to which a code was promised.
    pub(super) codes: Mutex<Vec<String>>,
    pub(super) accounts: Mutex<Vec<Account>>,
    pub(super) organizations: Mutex<Vec<Founded>>,
    /// Organizations whose deletion was asked for: they may be gone, whatever the answer was.
    pub(super) doomed: Mutex<Vec<String>>,
    pub(super) deleted: Mutex<Vec<String>>,
    /// Addresses to which a link was promised.
    pub(super) invitations: Mutex<Vec<Of>>,
    /// Addresses of those who joined.
    pub(super) joined: Mutex<Vec<Of>>,
    pub(super) voices: Mutex<Vec<Of>>,
    pub(super) generations: Mutex<Vec<Of>>,
    pub(super) cancelled: Mutex<Vec<String>>,
    pub(super) logos: Mutex<Vec<String>>,
}

/// Everything in a list now.
pub(super) fn all<T: Clone>(list: &Mutex<Vec<T>>) -> Vec<T> {
    list.lock().unwrap().clone()
}

/// Writes something down.
pub(super) fn note<T>(list: &Mutex<Vec<T>>, item: T) {
    list.lock().unwrap().push(item);
}

impl Book {
    /// How much was promised.
    pub(super) fn summary(&self) -> String {
        format!(
            "promised: {} codes, {} accounts, {} organizations, {} deletions, {} invitations, {} memberships, {} voices, \
             {} generations, {} cancellations, {} logos",
            all(&self.codes).len(),
            all(&self.accounts).len(),
            all(&self.organizations).len(),
            all(&self.deleted).len(),
            all(&self.invitations).len(),
            all(&self.joined).len(),
            all(&self.voices).len(),
            all(&self.generations).len(),
            all(&self.cancelled).len(),
            all(&self.logos).len(),
        )
    }
}
