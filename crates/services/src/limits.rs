//! How much of something is allowed in which time.

use chrono::TimeDelta;
use resonance_domain::{CODE_RESEND_AFTER, MAX_INVITATIONS_PER_HOUR};
use resonance_persistence::Throttle;

use crate::Settings;

/// Invitations of one organization.
pub(crate) const INVITATIONS: Throttle = Throttle {
    limit: MAX_INVITATIONS_PER_HOUR,
    per: TimeDelta::hours(1),
};
/// Webhooks that an organization sends by hand: tests and replays.
pub(crate) const WEBHOOKS_BY_HAND: Throttle = Throttle {
    limit: 60,
    per: TimeDelta::hours(1),
};
/// Wrong passwords for one address.
pub(crate) const SIGN_IN_BY_ADDRESS: Throttle = Throttle {
    limit: 10,
    per: TimeDelta::minutes(15),
};
/// Wrong passwords from one client.
pub(crate) const SIGN_IN_BY_CLIENT: Throttle = Throttle {
    limit: 50,
    per: TimeDelta::minutes(15),
};
/// Codes to one address.
pub(crate) const CODES_BY_ADDRESS: Throttle = Throttle {
    limit: 1,
    per: CODE_RESEND_AFTER,
};
/// Codes to addresses at domains that one organization wants to prove.
pub(crate) const DOMAIN_CODES: Throttle = Throttle {
    limit: 30,
    per: TimeDelta::hours(1),
};
/// Wrong codes for one domain name, over all addresses and organizations: an address costs nothing to invent. Whoever
/// uses it up for somebody else leaves them the DNS record.
pub(crate) const WRONG_CODES_BY_DOMAIN: Throttle = Throttle {
    limit: 50,
    per: TimeDelta::days(1),
};
/// Questions to the name servers for one organization.
pub(crate) const DOMAIN_LOOKUPS: Throttle = Throttle {
    limit: 60,
    per: TimeDelta::hours(1),
};
/// Requests of one user to join one organization; each is a mail to its admins.
pub(crate) const MEMBERSHIP_REQUESTS: Throttle = Throttle {
    limit: 5,
    per: TimeDelta::days(1),
};
/// Sign-ups and codes from one client.
pub(crate) fn sign_ups_by_client(settings: &Settings) -> Throttle {
    Throttle {
        limit: settings.sign_ups_per_client,
        per: TimeDelta::hours(1),
    }
}
/// Wrong codes for one address, over all codes that it asks for: 5 tries for each code and a code every 30 seconds would
/// else let somebody guess a code out of a million within weeks. NIST SP 800-63B (revision 4, 3.2.2) allows 100 in a
/// row.
pub(crate) const WRONG_CODES_BY_ADDRESS: Throttle = Throttle {
    limit: 50,
    per: TimeDelta::days(1),
};
/// Verifications of one organization's audit log: each reads all of it.
pub(crate) const AUDIT_VERIFICATIONS: Throttle = Throttle {
    limit: 60,
    per: TimeDelta::hours(1),
};
