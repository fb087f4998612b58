//! The instance as a whole: its settings, and what its operators see of it.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, TimeZone, Utc};

use crate::{EnrolmentMode, RoleKey, text::text_type};

text_type! {
    /// Why an operator did something: 1 to 500 characters. It stands in the record of the act.
    Reason, bounded_text, 1..=500
}

/// What holds in the instance unless something narrower says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSettings {
    /// The member limit that an organization gets when it is created; 0 means none.
    pub member_limit: u32,
    /// Whether an organization that is created may be deleted by its admins.
    pub organizations_deletable: bool,
    /// Whether users may create organizations at all, unless an operator allowed it to one.
    pub organization_creation: bool,
    /// How many organizations a user may create, unless an operator decided otherwise for one.
    pub organizations_per_user: u32,
    /// Whether organizations can have mail domains, through which people join.
    pub domains_enabled: bool,
    /// How people with an address at a proved domain may be let in. That a domain does nothing by itself is allowed
    /// everywhere.
    pub enrolment_modes: Vec<EnrolmentMode>,
    /// The role that they get where the organization says nothing.
    pub domain_default_role: RoleKey,
}

impl InstanceSettings {
    /// Whether people may be let in this way.
    #[must_use]
    pub fn enrols(&self, mode: EnrolmentMode) -> bool {
        mode == EnrolmentMode::ManualInvitation
            || self.domains_enabled && self.enrolment_modes.contains(&mode)
    }

    /// How many organizations a user may create, for whom an operator may have decided `own`.
    #[must_use]
    pub fn organizations_of_user(&self, own: Option<u32>) -> u32 {
        own.unwrap_or(if self.organization_creation {
            self.organizations_per_user
        } else {
            0
        })
    }
}

/// A calendar month (UTC), written `2026-11`. Months sort as their texts do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month of a moment.
    #[must_use]
    pub fn of(moment: DateTime<Utc>) -> Self {
        Self {
            year: moment.year(),
            month: moment.month(),
        }
    }

    /// The first moment of the month.
    #[must_use]
    pub fn start(self) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(self.year, self.month, 1, 0, 0, 0)
            .single()
            .unwrap_or_default()
    }

    /// The month that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 {
            Self {
                year: self.year + 1,
                month: 1,
            }
        } else {
            Self {
                year: self.year,
                month: self.month + 1,
            }
        }
    }

    /// The month before.
    #[must_use]
    pub const fn previous(self) -> Self {
        if self.month == 1 {
            Self {
                year: self.year - 1,
                month: 12,
            }
        } else {
            Self {
                year: self.year,
                month: self.month - 1,
            }
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A text that is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a month, as YYYY-MM")]
pub struct ParseMonthError;

impl FromStr for Month {
    type Err = ParseMonthError;

    fn from_str(text: &str) -> Result<Self, ParseMonthError> {
        let digits = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
        let (year, month) = text.split_once('-').ok_or(ParseMonthError)?;
        if !digits(year, 4) || !digits(month, 2) {
            return Err(ParseMonthError);
        }
        let month: u32 = month.parse().map_err(|_| ParseMonthError)?;
        let year = year.parse().map_err(|_| ParseMonthError)?;
        if (1..=12).contains(&month) {
            Ok(Self { year, month })
        } else {
            Err(ParseMonthError)
        }
    }
}

/// What happened in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthlyActivity {
    /// The month.
    pub month: Month,
    /// Organizations of which at least two members were signed in during the month, and at least one of whose members
    /// did something there. Those that were deleted since count as well.
    pub active_organizations: u64,
    /// Generations that succeeded.
    pub generations: u64,
    /// The characters of those.
    pub characters: u64,
}

/// How much there is in the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceTotals {
    /// Accounts.
    pub users: u64,
    /// Organizations.
    pub organizations: u64,
    /// Generations that ever succeeded, those included that were deleted since.
    pub generations: u64,
    /// The characters of those.
    pub characters: u64,
}

/// By what the instance's users and organizations are ordered; ties by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DirectoryOrder {
    /// By the time of creation.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_as_they_are_written_and_follow_one_another() {
        let november: Month = "2026-11".parse().unwrap();
        assert_eq!(november.to_string(), "2026-11");
        assert_eq!(november.next().next().to_string(), "2027-01");
        assert_eq!(november.next().next().previous(), november.next());
        assert_eq!(Month::of(november.start()), november);
        assert_eq!(november.start().to_rfc3339(), "2026-11-01T00:00:00+00:00");
        for wrong in ["2026-13", "2026-00", "2026-1", "26-11", "2026/11", "+026-11", ""] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_an_operator_decided_for_a_user_goes_before_what_holds_for_all() {
        let settings = |organization_creation| InstanceSettings {
            member_limit: 5,
            organizations_deletable: true,
            organization_creation,
            organizations_per_user: 100,
            domains_enabled: true,
            enrolment_modes: Vec::new(),
            domain_default_role: RoleKey::MEMBER,
        };
        assert_eq!(settings(true).organizations_of_user(None), 100);
        assert_eq!(settings(true).organizations_of_user(Some(0)), 0);
        assert_eq!(settings(false).organizations_of_user(None), 0);
        assert_eq!(settings(false).organizations_of_user(Some(3)), 3);
    }
}
