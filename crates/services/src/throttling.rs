//! Holding back whoever tries too much.

use std::net::IpAddr;

use resonance_domain::Origin;
use resonance_persistence::{Repositories, Throttle};

use crate::{Outcome, ServiceError, core::Core};

/// Something that is throttled: a key, and how much is allowed.
pub(crate) type Throttled = (String, Throttle);

impl Core {
    /// Takes one from each allowance, in a transaction of its own, so that it counts whatever becomes of the request;
    /// from none, if one of them is used up.
    pub(crate) async fn throttle(&self, wanted: &[Throttled]) -> Outcome<()> {
        let now = self.clock.now();
        self.database
            .atomically(async |uow| {
                for (key, throttle) in wanted {
                    if let Err(wait) = uow.throttles().take(key, *throttle, 1, now).await? {
                        return Err(ServiceError::RateLimited { wait });
                    }
                }
                Ok(())
            })
            .await
    }
}

/// What is throttled by the client's address, if that is known. Whoever has one IPv6 address has 2⁶⁴ of them, so
/// these count by network.
pub(crate) fn by_client(what: &str, origin: &Origin, throttle: Throttle) -> Option<Throttled> {
    let address = origin.ip_address.as_deref()?;
    let client = match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    };
    Some((format!("{what}:client:{client}"), throttle))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn neighbours_in_one_network_of_version_6_are_one_client() {
        let throttle = Throttle {
            limit: 1,
            per: TimeDelta::seconds(1),
        };
        let key = |address: &str| {
            let origin = Origin {
                ip_address: Some(address.into()),
                ..Origin::default()
            };
            by_client("x", &origin, throttle).unwrap().0
        };
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:3::1"), key("2001:db8:1:2::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert!(by_client("x", &Origin::default(), throttle).is_none());
    }
}
