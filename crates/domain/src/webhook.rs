//! Webhooks: where an organization wants its events sent, and how sending goes on when it fails.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    ErrorCode, EventId, EventKind, FieldError, OrganizationId, UserId, WebhookDeliveryId, WebhookEndpointId,
};

/// How many endpoints an organization may have.
pub const MAX_WEBHOOK_ENDPOINTS: u64 = 20;
/// How long a replaced secret goes on signing when nothing is said.
pub const WEBHOOK_SECRET_OVERLAP: TimeDelta = TimeDelta::hours(24);
/// An endpoint that has only failed for so long gets nothing any more.
pub const WEBHOOK_FAILING_LIMIT: TimeDelta = TimeDelta::days(5);
/// How long the log keeps deliveries that are over.
pub const WEBHOOK_LOG_RETENTION: TimeDelta = TimeDelta::days(30);
/// The longest wait that a receiver can ask for by `Retry-After`.
pub const WEBHOOK_LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);

/// The most hours for which a replaced secret may go on signing.
const MAX_OVERLAP_HOURS: i64 = 7 * 24;
/// The most entries of an event filter.
const MAX_FILTERS: usize = 100;

/// Waits between tries, in seconds: three days in all. Close at first, for a receiver that restarts; then far apart,
/// for one that somebody must repair.
const WAITS: [i64; 10] = [
    5,
    60,
    5 * 60,
    30 * 60,
    2 * 3600,
    5 * 3600,
    10 * 3600,
    14 * 3600,
    20 * 3600,
    20 * 3600,
];

/// How long to wait after the `attempt`-th try (from 1) has failed; `None` when that was the last.
///
/// `jitter` (0 to 1) spreads the wait by a fifth to both sides, so that what failed together does not come back
/// together. A receiver's `Retry-After` prolongs the wait, up to [`WEBHOOK_LONGEST_WAIT`].
#[must_use]
pub fn webhook_wait(attempt: u32, jitter: f64, retry_after: Option<TimeDelta>) -> Option<TimeDelta> {
    let seconds = *WAITS.get(attempt.checked_sub(1)? as usize)?;
    let spread = seconds * 400 * i64::from(permille(jitter)) / 1000;
    let wait = TimeDelta::milliseconds(seconds * 800 + spread);
    Some(retry_after.map_or(wait, |asked| wait.max(asked.min(WEBHOOK_LONGEST_WAIT))))
}

fn permille(fraction: f64) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped before"
    )]
    let permille = (fraction.clamp(0.0, 1.0) * 1000.0) as u16;
    permille
}

/// How long a replaced secret goes on signing: 0 to 168 hours, 24 when nothing is said.
///
/// # Errors
/// `INVALID`.
pub fn webhook_secret_overlap(hours: Option<i64>) -> Result<TimeDelta, FieldError> {
    match hours {
        None => Ok(WEBHOOK_SECRET_OVERLAP),
        Some(hours @ 0..=MAX_OVERLAP_HOURS) => Ok(TimeDelta::hours(hours)),
        Some(_) => Err(FieldError::new(
            ErrorCode::Invalid,
            format_args!("must be from 0 to {MAX_OVERLAP_HOURS} hours"),
        )),
    }
}

crate::text::text_type! {
    /// What an endpoint is for, in its owner's words: up to 200 characters on one line, or nothing.
    WebhookDescription, one_line, 0..=200
}

/// Which events an endpoint gets: exact kinds (`membership.created`) and whole nouns (`membership.*`); all, when it
/// names none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter(Vec<String>);

impl EventFilter {
    /// Checks every entry against the kinds for which `known` holds. Repeated entries count once.
    ///
    /// # Errors
    /// `INVALID` for an entry that matches no kind; `TOO_LONG` for more than 100 entries.
    pub fn parse(entries: Vec<String>, known: impl Fn(EventKind) -> bool) -> Result<Self, FieldError> {
        if entries.len() > MAX_FILTERS {
            let message = format_args!("must have at most {MAX_FILTERS} entries");
            return Err(FieldError::new(ErrorCode::TooLong, message));
        }
        let mut kept: Vec<String> = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut kinds = EventKind::ALL.iter().filter(|kind| known(**kind));
            if !kinds.any(|kind| matches(&entry, kind.as_str())) {
                let message = "must be kinds of events such as membership.created or membership.*";
                return Err(FieldError::new(ErrorCode::Invalid, message));
            }
            if !kept.contains(&entry) {
                kept.push(entry);
            }
        }
        Ok(Self(kept))
    }

    /// Reads the stored form.
    #[must_use]
    pub const fn from_stored(entries: Vec<String>) -> Self {
        Self(entries)
    }

    /// The entries, as they were given.
    #[must_use]
    pub fn entries(&self) -> &[String] {
        &self.0
    }

    /// Whether an event of this kind passes.
    #[must_use]
    pub fn admits(&self, kind: EventKind) -> bool {
        self.0.is_empty() || self.0.iter().any(|entry| matches(entry, kind.as_str()))
    }
}

fn matches(entry: &str, kind: &str) -> bool {
    match entry.strip_suffix(".*") {
        Some(noun) => kind.split('.').next() == Some(noun),
        None => entry == kind,
    }
}

/// Declares an enum with a stored form.
macro_rules! stored {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The stored form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Reads the stored form.
            #[must_use]
            pub fn from_stored(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

stored! {
    /// Why the system switched an endpoint off.
    WebhookDisabled {
        /// The receiver answered 410: it wants no more.
        Gone = "gone",
        /// It had only failed for five days.
        Failing = "failing",
    }
}

stored! {
    /// Where a delivery stands.
    DeliveryState {
        /// Waiting for its first or next try, or being tried.
        Pending = "pending",
        /// The receiver answered with a status from 200 to 299.
        Succeeded = "succeeded",
        /// Given up.
        Failed = "failed",
    }
}

stored! {
    /// Why a try failed.
    DeliveryError {
        /// The URL leads to an address to which this instance sends nothing.
        AddressRefused = "address_refused",
        /// The name has no address.
        NameNotResolved = "name_not_resolved",
        /// No connection came about; a certificate that does not hold, for example.
        NotConnected = "not_connected",
        /// No answer in time.
        TimedOut = "timed_out",
        /// The connection broke, or what came was no HTTP.
        Broken = "broken",
        /// The receiver wanted to send us elsewhere.
        Redirected = "redirected",
        /// The receiver answered with a status that is no success.
        Status = "status",
        /// The receiver answered 410.
        Gone = "gone",
        /// The endpoint was switched off or deleted before the delivery's turn came.
        EndpointDisabled = "endpoint_disabled",
    }
}

/// An address that an organization wants its events sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Its identity.
    pub id: WebhookEndpointId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Where to send.
    pub url: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Which events it gets.
    pub events: EventFilter,
    /// Whether it gets any.
    pub enabled: bool,
    /// Why it gets none, if the system decided that.
    pub disabled: Option<WebhookDisabled>,
    /// Which secret signs, from 1. The secret derives from this and the id, and is stored nowhere.
    pub secret_generation: u32,
    /// Until when the secret before that one signs as well.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// Since when every try has failed; `None` after a success.
    pub failing_since: Option<DateTime<Utc>>,
    /// Who made it; `None` once that account is gone.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its owner last changed it.
    pub updated_at: DateTime<Utc>,
}

impl WebhookEndpoint {
    /// The generations of the secrets that sign at `now`, the current one first.
    pub fn signing_generations(&self, now: DateTime<Utc>) -> impl Iterator<Item = u32> {
        let previous = self
            .previous_secret_until
            .filter(|until| *until > now)
            .map(|_| self.secret_generation.saturating_sub(1));
        std::iter::once(self.secret_generation).chain(previous)
    }
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Its identity.
    pub id: WebhookDeliveryId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Where it goes.
    pub endpoint: WebhookEndpointId,
    /// The event. Receivers see it as `webhook-id`, the same at every try.
    pub event: EventId,
    /// The event's kind, or `webhook_endpoint.test`.
    pub kind: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries that were begun since it was made or last replayed.
    pub attempts: u32,
    /// When the next try is due; `None` when there is none.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When the last try ended.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The status that the last try got, if it got any.
    pub last_status: Option<u16>,
    /// Why the last try failed; `None` if none did.
    pub last_error: Option<DeliveryError>,
    /// How long the last try took, in milliseconds.
    pub last_duration_ms: Option<u32>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it succeeded or was given up.
    pub finished_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_span_three_days_and_end() {
        for jitter in [0.0, 0.5, 1.0] {
            let waits: Vec<_> = (1..=10).map(|n| webhook_wait(n, jitter, None).unwrap()).collect();
            assert!(waits.is_sorted());
            let all = waits.iter().fold(TimeDelta::zero(), |sum, wait| sum + *wait);
            let middle = (all - TimeDelta::days(3)).num_minutes().abs();
            assert!(jitter != 0.5 || middle < 60, "{all}");
            assert!(all > TimeDelta::days(2) && all < TimeDelta::days(4));
        }
        assert_eq!(webhook_wait(11, 0.5, Some(TimeDelta::hours(1))), None);
        assert_eq!(webhook_wait(0, 0.5, None), None);
        assert_ne!(webhook_wait(3, 0.1, None), webhook_wait(3, 0.2, None));
    }

    #[test]
    fn a_receiver_can_prolong_the_wait_up_to_a_day_and_never_shorten_it() {
        let asked = |seconds| webhook_wait(1, 0.5, Some(TimeDelta::seconds(seconds))).unwrap();
        assert_eq!(asked(0), TimeDelta::seconds(5));
        assert_eq!(asked(-60), TimeDelta::seconds(5));
        assert_eq!(asked(90), TimeDelta::seconds(90));
        assert_eq!(asked(i64::from(u32::MAX)), WEBHOOK_LONGEST_WAIT);
    }

    #[test]
    fn a_filter_names_kinds_and_nouns_and_nothing_means_all() {
        let filter = |entries: &[&str]| {
            let entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
            EventFilter::parse(entries, |kind| kind != EventKind::SessionCreated)
        };
        let some = filter(&["membership.*", "voice.created", "voice.created"]).unwrap();
        assert_eq!(some.entries().len(), 2);
        assert!(some.admits(EventKind::MembershipDeleted) && some.admits(EventKind::VoiceCreated));
        assert!(!some.admits(EventKind::VoiceDeleted));
        // The noun as a whole, not its beginning.
        assert!(!some.admits(EventKind::MembershipRequestCreated));
        let all = filter(&[]).unwrap();
        assert!(EventKind::ALL.iter().all(|kind| all.admits(*kind)));
        for unknown in [
            "",
            "*",
            "membership",
            "member.*",
            "session.created",
            "membership.created ",
        ] {
            assert_eq!(
                filter(&[unknown]).unwrap_err().code,
                ErrorCode::Invalid,
                "{unknown}"
            );
        }
    }
}
