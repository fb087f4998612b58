//! Budgets, plans, subscriptions: what may be spent, and what it costs.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::{
    ApiKeyId, ErrorCode, FieldError, Month, OrganizationId, PlanId, SubscriptionId, UserId, text::text_type,
};

/// How many plans an instance may have: all of them fit into one answer.
pub const MAX_PLANS: usize = 100;
/// The percentages of a budget at which people are told.
pub const BUDGET_ALERTS: [u8; 3] = [50, 80, 100];
/// The most that a number of characters may be, in budgets and plans: a million million.
const MOST_CHARACTERS: u64 = 1_000_000_000_000;
/// The dearest thousand characters, in units of a currency.
const DEAREST: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

text_type! {
    /// What a plan is called: 1 to 100 characters on one line.
    PlanName, one_line, 1..=100
}

text_type! {
    /// What the billing provider calls the product that stands for a plan: 1 to 200 characters on one line.
    ProductReference, one_line, 1..=200
}

/// A stretch of time in which spending is counted: from `start` on, until before `end`.
///
/// What is held in it counts in it, however long the work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillingPeriod {
    /// The first moment.
    pub start: DateTime<Utc>,
    /// The first moment that is not in it any more.
    pub end: DateTime<Utc>,
}

impl BillingPeriod {
    /// The calendar month (UTC) of a moment: the period of whoever has no subscription.
    #[must_use]
    pub fn month_of(moment: DateTime<Utc>) -> Self {
        let month = Month::of(moment);
        Self {
            start: month.start(),
            end: month.next().start(),
        }
    }

    /// The name under which it is stored: its first moment in RFC 3339, UTC.
    ///
    /// ```
    /// # use chrono::DateTime;
    /// use resonance_domain::BillingPeriod;
    /// let new_year_in_auckland = DateTime::parse_from_rfc3339("2027-01-01T00:30:00+13:00").unwrap();
    /// let period = BillingPeriod::month_of(new_year_in_auckland.to_utc());
    /// assert_eq!(period.key(), "2026-12-01T00:00:00Z");
    /// ```
    #[must_use]
    pub fn key(&self) -> String {
        period_key(self.start)
    }
}

/// The name of the period that begins at a moment.
#[must_use]
pub fn period_key(start: DateTime<Utc>) -> String {
    start.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Whose budget stood in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BudgetHolder {
    /// The organization's.
    Organization,
    /// A member's.
    Member(UserId),
    /// An API key's.
    ApiKey(ApiKeyId),
}

/// What somebody may spend in a period, and what they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetState {
    /// Whose it is.
    pub holder: BudgetHolder,
    /// The most that may be spent in a period, in characters; `None`: any number.
    pub limit: Option<u64>,
    /// What is held and was used in the period.
    pub spent: u64,
}

/// The highest of [`BUDGET_ALERTS`] that `spent` reaches; 0 for none.
///
/// ```
/// use resonance_domain::alert_level;
/// assert_eq!(alert_level(499, 1_000), 0);
/// assert_eq!(alert_level(500, 1_000), 50);
/// assert_eq!(alert_level(999, 1_000), 80);
/// assert_eq!(alert_level(0, 0), 100);
/// ```
#[must_use]
pub fn alert_level(spent: u64, limit: u64) -> u8 {
    let reached = |percent: &&u8| u128::from(spent) * 100 >= u128::from(limit) * u128::from(**percent);
    BUDGET_ALERTS.iter().rfind(reached).copied().unwrap_or_default()
}

/// Checks a number of characters that somebody may spend in a period: from 0 (none) to a million million.
///
/// # Errors
/// `INVALID`, without a field.
pub fn characters_of_budget(characters: i64) -> Result<u64, FieldError> {
    match u64::try_from(characters) {
        Ok(characters @ 0..=MOST_CHARACTERS) => Ok(characters),
        _ => Err(FieldError::new(
            ErrorCode::Invalid,
            "must be from 0 to 1,000,000,000,000",
        )),
    }
}

/// Checks what 1,000 characters cost: 0 to 1,000,000 units of the currency, to the millionth.
///
/// # Errors
/// `INVALID`, without a field.
pub fn price(text: &str) -> Result<Decimal, FieldError> {
    let price = Decimal::from_str_exact(text.trim()).ok();
    let price = price.filter(|price| (Decimal::ZERO..=DEAREST).contains(price) && price.scale() <= 6);
    price.map(|price| price.normalize()).ok_or_else(|| {
        let message = "must be a number such as 0.30, from 0 to 1,000,000, with at most six decimals";
        FieldError::new(ErrorCode::Invalid, message)
    })
}

/// Checks the code of a currency: three letters, as ISO 4217 has them. They are stored small, as billing providers do.
///
/// # Errors
/// `INVALID`, without a field.
pub fn currency(text: &str) -> Result<String, FieldError> {
    let code = text.trim().to_ascii_lowercase();
    if code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_lowercase()) {
        Ok(code)
    } else {
        Err(FieldError::new(
            ErrorCode::Invalid,
            "must be three letters such as USD",
        ))
    }
}

/// Currencies without smaller units than the whole one, and those with a thousandth (ISO 4217, 2026).
const WHOLE: [&str; 16] = [
    "bif", "clp", "djf", "gnf", "isk", "jpy", "kmf", "krw", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof",
    "xpf",
];
const THOUSANDTHS: [&str; 7] = ["bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"];

/// An amount in a currency's smallest unit as one in the currency.
///
/// ```
/// use resonance_domain::money;
/// assert_eq!(money(1_050, "usd").to_string(), "10.5");
/// assert_eq!(money(1_050, "jpy").to_string(), "1050");
/// ```
#[must_use]
pub fn money(amount: i64, currency: &str) -> Decimal {
    let decimals = if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    };
    Decimal::new(amount, decimals).normalize()
}

/// What the operators of an instance offer to organizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its identity.
    pub id: PlanId,
    /// What it is called.
    pub name: String,
    /// How many characters a period includes; `None`: any number.
    pub included_characters: Option<u64>,
    /// What 1,000 characters beyond those cost, in units of the currency; `None`: there are none beyond those.
    pub price: Option<Decimal>,
    /// The currency, as three small letters.
    pub currency: String,
    /// How many custom voices an organization may have at a time; `None`: any number.
    pub custom_voices: Option<u64>,
    /// How many members an organization may have; 0: any number; `None`: the plan does not say.
    pub member_limit: Option<u32>,
    /// What the billing provider calls it; `None`: it is not sold.
    pub product: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Plan {
    /// The most that may be spent in a period; `None`: any number, as what is not included is paid for.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.included_characters.filter(|_| self.price.is_none())
    }

    /// What so many characters in a period cost: those beyond the included ones, each a thousandth of the price. Not
    /// rounded.
    #[must_use]
    pub fn cost(&self, characters: u64) -> Decimal {
        let beyond = self
            .included_characters
            .map_or(0, |included| characters.saturating_sub(included));
        let thousandths = Decimal::from(beyond) / Decimal::ONE_THOUSAND;
        (self.price.unwrap_or_default() * thousandths).normalize()
    }
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// How a subscription stands with its provider.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SubscriptionStatus { $($(#[$doc])* $name,)* }

        impl SubscriptionStatus {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stored form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Reads the stored form.
            #[must_use]
            pub fn from_stored(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

statuses! {
    /// The first payment is under way.
    Incomplete = "incomplete";
    /// The first payment never came.
    IncompleteExpired = "incomplete_expired";
    /// It is tried for nothing.
    Trialing = "trialing";
    /// It is paid.
    Active = "active";
    /// A payment failed and is tried again.
    PastDue = "past_due";
    /// It is over.
    Canceled = "canceled";
    /// A payment failed for good.
    Unpaid = "unpaid";
    /// It rests, by the customer's wish.
    Paused = "paused";
}

impl SubscriptionStatus {
    /// Whether it may become paid again without a new subscription.
    #[must_use]
    pub const fn is_alive(self) -> bool {
        matches!(
            self,
            Self::Trialing | Self::Active | Self::PastDue | Self::Unpaid | Self::Paused
        )
    }
}

/// What is known here of an organization's agreement with the billing provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its identity here.
    pub id: SubscriptionId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What the provider calls it.
    pub reference: String,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// What the provider calls that which was bought.
    pub product: String,
    /// What each period costs beside usage, in the smallest unit of the currency.
    pub amount: i64,
    /// The currency, as three small letters.
    pub currency: String,
    /// How long a period is: `day`, `week`, `month` or `year`.
    pub recurring: String,
    /// The period that the provider last told of.
    pub period: BillingPeriod,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// Since when a payment has been failing.
    pub past_due_since: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// When it began, by the provider's clock.
    pub created_at: DateTime<Utc>,
    /// When it last changed, by the provider's clock: what is told later of an earlier change says nothing new.
    pub changed_at: DateTime<Utc>,
}

impl Subscription {
    /// Whether it lets its organization speak at `now`: it is paid or tried, or a payment has been failing for less than
    /// `grace`.
    #[must_use]
    pub fn entitles(&self, now: DateTime<Utc>, grace: TimeDelta) -> bool {
        match self.status {
            SubscriptionStatus::Active | SubscriptionStatus::Trialing => {
                !self.cancel_at_period_end || now < self.period.end
            }
            SubscriptionStatus::PastDue => self.past_due_since.is_some_and(|since| now < since + grace),
            _ => false,
        }
    }

    /// The period of a moment. What comes after the end of the one that is known belongs to the next, which begins
    /// there; until the provider tells when that ends, it is taken to be as long.
    #[must_use]
    pub fn period_of(&self, now: DateTime<Utc>) -> BillingPeriod {
        let BillingPeriod { start, end } = self.period;
        if now < end {
            self.period
        } else {
            BillingPeriod {
                start: end,
                end: end + (end - start),
            }
        }
    }

    /// Of two subscriptions of an organization, the one with the greater is the one that counts: the one that lets it speak
    /// before one that may again, that before one that is over; a later one before an earlier one.
    #[must_use]
    pub fn precedence(&self) -> impl Ord + use<> {
        let standing = match self.status {
            SubscriptionStatus::Active | SubscriptionStatus::Trialing => 3,
            SubscriptionStatus::PastDue => 2,
            SubscriptionStatus::Unpaid | SubscriptionStatus::Paused => 1,
            SubscriptionStatus::Incomplete
            | SubscriptionStatus::IncompleteExpired
            | SubscriptionStatus::Canceled => 0,
        };
        (standing, self.created_at, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(included: Option<u64>, price: Option<&str>) -> Plan {
        let now = DateTime::UNIX_EPOCH;
        Plan {
            id: crate::Id::from_uuid(uuid::Uuid::nil()),
            name: "Studio".to_owned(),
            included_characters: included,
            price: price.map(|text| super::price(text).unwrap()),
            currency: "usd".to_owned(),
            custom_voices: None,
            member_limit: None,
            product: None,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn only_characters_beyond_the_included_ones_cost_anything() {
        let studio = plan(Some(10_000), Some("0.30"));
        assert_eq!(studio.cost(10_000).to_string(), "0");
        assert_eq!(studio.cost(10_001).to_string(), "0.0003");
        assert_eq!(studio.cost(12_500).to_string(), "0.75");
        assert_eq!(plan(Some(10), None).cost(1_000).to_string(), "0");
        assert_eq!(plan(None, Some("1")).cost(1_000).to_string(), "0");
    }

    #[test]
    fn a_plan_without_a_price_includes_all_that_may_be_spent() {
        assert_eq!(plan(Some(10), None).limit(), Some(10));
        assert_eq!(plan(Some(10), Some("0.1")).limit(), None);
        assert_eq!(plan(None, None).limit(), None);
    }

    #[test]
    fn prices_are_exact_and_never_negative() {
        assert_eq!(price(" 0.30 ").unwrap().to_string(), "0.3");
        assert_eq!(price("0.015").unwrap().to_string(), "0.015");
        for wrong in ["-1", "", "free", "1e3", "0.1234567", "1000001", "NaN"] {
            assert_eq!(price(wrong).unwrap_err().code, ErrorCode::Invalid, "{wrong}");
        }
    }

    #[test]
    fn a_currency_is_three_letters() {
        assert_eq!(currency(" USD").unwrap(), "usd");
        for wrong in ["", "us", "usdt", "u5d", "€€€"] {
            assert_eq!(currency(wrong).unwrap_err().code, ErrorCode::Invalid, "{wrong}");
        }
    }

    #[test]
    fn each_status_says_whether_one_may_speak() {
        let start: DateTime<Utc> = "2026-11-13T10:22:31.5Z".parse().unwrap();
        let (day, grace) = (TimeDelta::days(1), TimeDelta::days(3));
        let base = Subscription {
            id: crate::Id::from_uuid(uuid::Uuid::nil()),
            organization: crate::Id::from_uuid(uuid::Uuid::nil()),
            reference: "sub".to_owned(),
            status: SubscriptionStatus::Active,
            product: "product".to_owned(),
            amount: 900,
            currency: "usd".to_owned(),
            recurring: "month".to_owned(),
            period: BillingPeriod {
                start,
                end: start + day * 30,
            },
            cancel_at_period_end: false,
            past_due_since: Some(start),
            ended_at: None,
            created_at: start,
            changed_at: start,
        };
        let speaks = |status, now| {
            Subscription {
                status,
                ..base.clone()
            }
            .entitles(now, grace)
        };
        for status in SubscriptionStatus::ALL {
            let expected = match status {
                SubscriptionStatus::Active | SubscriptionStatus::Trialing | SubscriptionStatus::PastDue => {
                    true
                }
                SubscriptionStatus::Incomplete
                | SubscriptionStatus::IncompleteExpired
                | SubscriptionStatus::Canceled
                | SubscriptionStatus::Unpaid
                | SubscriptionStatus::Paused => false,
            };
            assert_eq!(speaks(*status, start + day), expected, "{status:?}");
            assert_eq!(SubscriptionStatus::from_stored(status.as_str()), Some(*status));
        }
        assert!(!speaks(SubscriptionStatus::PastDue, start + grace));
        assert!(speaks(SubscriptionStatus::Active, start + day * 31));
        let ending = Subscription {
            cancel_at_period_end: true,
            ..base.clone()
        };
        assert!(ending.entitles(start + day, grace));
        assert!(!ending.entitles(start + day * 30, grace));
        let later = Subscription {
            created_at: start + day,
            ..base.clone()
        };
        assert!(later.precedence() > base.precedence());
        let unpaid = Subscription {
            status: SubscriptionStatus::Unpaid,
            ..later
        };
        assert!(unpaid.precedence() < base.precedence());
        assert_eq!(base.period.key(), "2026-11-13T10:22:31.500Z");
        assert_eq!(base.period_of(start + day * 30).start, start + day * 30);
        assert_eq!(base.period_of(start + day * 29), base.period);
    }
}
