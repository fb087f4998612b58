//! Made-up populations of any size: the ground for load tests and demonstrations.
//!
//! A population is a pure function of its numbers and its seed: the same ones give the same rows, with identifiers
//! that sort by time as real ones do. Rows are those that the product itself would have stored, with three
//! exceptions. Nobody has a password; sessions are opened with tokens that the caller draws. No event tells of any of
//! it, so no mail is sent. And no audio exists: the object keys of samples and generations name nothing.

mod accounts;
mod bulk;
mod draw;
mod organizations;
mod speech;
mod words;

use std::time::Duration;

use resonance_authz::{SystemGrant, system::Seed};
use resonance_domain::{OrganizationId, RoleKey, Session, UserId};

use crate::{Database, StorageError};
use bulk::Bulk;

/// No table of a population has more rows.
const MOST_ROWS: u64 = 1_000_000_000;

/// How large a population is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PopulationSize {
    /// People with accounts.
    pub users: u64,
    /// Organizations.
    pub organizations: u64,
    /// Members of each organization, the first of them an admin.
    pub members_per_organization: u64,
    /// Custom voices of each organization.
    pub voices_per_organization: u64,
    /// Generations in the history of each organization.
    pub generations_per_organization: u64,
}

/// A size that no population can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PopulationError {
    /// Somebody has to be there.
    #[error("a population needs at least one user")]
    NoUsers,
    /// An organization without members could never be opened.
    #[error("an organization needs at least one member")]
    NoMembers,
    /// A user is a member once.
    #[error("an organization cannot have more members than there are users")]
    MoreMembersThanUsers,
    /// More rows than anybody waits for.
    #[error("no table may get more than {MOST_ROWS} rows")]
    TooLarge,
}

/// A population: a size and what it is drawn from.
///
/// ```
/// use resonance_persistence::{Population, PopulationSize};
/// let size = PopulationSize {
///     users: 20,
///     organizations: 4,
///     members_per_organization: 10,
///     voices_per_organization: 2,
///     generations_per_organization: 5,
/// };
/// let population = Population::new(size, 1)?;
/// // People, their addresses, organizations, memberships, voices, generations, and their usage.
/// assert_eq!(population.rows(), 20 + 20 + 4 + 40 + 8 + 20 + 8 + 40);
/// let first = population.members().next().map(|member| member.role);
/// assert_eq!(first, Some(resonance_domain::RoleKey::ADMIN));
/// # Ok::<(), resonance_persistence::PopulationError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Population {
    size: PopulationSize,
    seed: u64,
    /// See [`draw::stride`].
    stride: u64,
}

/// A user of a population who is a member somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeededMember {
    /// The user.
    pub user: UserId,
    /// The organization in which the user ranks highest, or one of those.
    pub organization: OrganizationId,
    /// The role there.
    pub role: RoleKey,
}

/// How far seeding has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PopulationProgress {
    /// The table that is being filled.
    pub table: &'static str,
    /// Rows that it got so far.
    pub done: u64,
    /// Rows that it will get.
    pub of: u64,
    /// Since the table was begun.
    pub elapsed: Duration,
}

impl Population {
    /// Plans a population.
    ///
    /// # Errors
    /// [`PopulationError`].
    pub fn new(size: PopulationSize, seed: u64) -> Result<Self, PopulationError> {
        if size.users == 0 {
            return Err(PopulationError::NoUsers);
        }
        if size.organizations > 0 && size.members_per_organization == 0 {
            return Err(PopulationError::NoMembers);
        }
        if size.members_per_organization > size.users {
            return Err(PopulationError::MoreMembersThanUsers);
        }
        let per_organization = [
            1,
            size.members_per_organization,
            size.voices_per_organization,
            size.generations_per_organization,
        ];
        let fits = |rows: u64| rows <= MOST_ROWS;
        let all_fit = per_organization
            .iter()
            .all(|rows| size.organizations.checked_mul(*rows).is_some_and(fits));
        if !fits(size.users) || !all_fit {
            return Err(PopulationError::TooLarge);
        }
        Ok(Self {
            size,
            seed,
            stride: draw::stride(size.users, size.organizations),
        })
    }

    /// How many rows it has; sessions, and what search keeps of texts, are not counted.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.size.users * 2
            + self.size.organizations
            + self.memberships()
            + self.voices() * 2
            + self.generations() * 3
    }

    /// The users who are members somewhere, each once: first the admins of an organization each, then the others.
    pub fn members(&self) -> impl Iterator<Item = SeededMember> {
        (0..self.size.users).filter_map(|user| {
            let (organization, place) = self.home(user)?;
            Some(SeededMember {
                user: self.user_id(user),
                organization: self.organization_id(organization),
                role: Self::role(place),
            })
        })
    }

    const fn memberships(&self) -> u64 {
        self.size.organizations * self.size.members_per_organization
    }

    const fn voices(&self) -> u64 {
        self.size.organizations * self.size.voices_per_organization
    }

    const fn generations(&self) -> u64 {
        self.size.organizations * self.size.generations_per_organization
    }

    /// The user at a place in an organization. The stride has no factor in common with the number of users, so that
    /// no user has two places in one organization.
    const fn member(&self, organization: u64, place: u64) -> u64 {
        // No factor exceeds MOST_ROWS, so nothing overflows.
        (organization + place * self.stride) % self.size.users
    }

    /// The first organization in which a user has the best place, and that place.
    fn home(&self, user: u64) -> Option<(u64, u64)> {
        let users = self.size.users;
        (0..self.size.members_per_organization).find_map(|place| {
            let organization = (user + users - place * self.stride % users) % users;
            (organization < self.size.organizations).then_some((organization, place))
        })
    }

    const fn role(place: u64) -> RoleKey {
        if place == 0 {
            RoleKey::ADMIN
        } else {
            RoleKey::MEMBER
        }
    }
}

impl Database {
    /// Stores a population, and the sessions of its users with the hashes of their tokens, in one transaction.
    /// Meanwhile nobody else writes to SQLite.
    ///
    /// # Errors
    /// `Unique` if a population of the same seed is there already, or the database's.
    pub async fn populate(
        &self,
        _grant: &SystemGrant<Seed>,
        population: &Population,
        sessions: Vec<(Session, [u8; 32])>,
        progress: impl Fn(PopulationProgress) + Send + Sync,
    ) -> Result<(), StorageError> {
        let population = *population;
        self.atomically(async |uow| {
            let bulk = Bulk::new(uow, &progress);
            population.people(&bulk).await?;
            population.organizations(&bulk).await?;
            population.memberships_of(&bulk).await?;
            accounts::sessions(&bulk, sessions).await?;
            population.speech(&bulk).await
        })
        .await?;
        self.take_stock().await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn population(users: u64, organizations: u64, members: u64) -> Result<Population, PopulationError> {
        let size = PopulationSize {
            users,
            organizations,
            members_per_organization: members,
            voices_per_organization: 1,
            generations_per_organization: 1,
        };
        Population::new(size, 7)
    }

    #[test]
    fn nobody_is_twice_in_an_organization() {
        for (users, organizations, members) in [
            (1, 3, 1),
            (2, 5, 2),
            (12, 4, 12),
            (2000, 500, 20),
            (997, 3000, 50),
        ] {
            let population = population(users, organizations, members).unwrap();
            for organization in 0..organizations {
                let distinct: HashSet<u64> = (0..members)
                    .map(|place| population.member(organization, place))
                    .collect();
                assert_eq!(distinct.len() as u64, members, "{users} {organizations}");
                assert!(distinct.iter().all(|user| *user < users));
            }
        }
    }

    #[test]
    fn a_users_home_is_an_organization_in_which_the_user_has_that_place() {
        let population = population(2000, 500, 20).unwrap();
        let homes: Vec<_> = (0..2000)
            .filter_map(|user| Some((user, population.home(user)?)))
            .collect();
        // A few fall between two steps.
        assert!(homes.len() >= 1990, "{}", homes.len());
        for (user, (organization, place)) in homes {
            assert_eq!(population.member(organization, place), user);
        }
        // Every organization has an admin of its own to write tokens for.
        let admins = population
            .members()
            .filter(|member| member.role == RoleKey::ADMIN);
        let organizations: HashSet<_> = admins.map(|member| member.organization.as_uuid()).collect();
        assert_eq!(organizations.len(), 500);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert_eq!(population(0, 0, 0), Err(PopulationError::NoUsers));
        assert_eq!(population(5, 1, 0), Err(PopulationError::NoMembers));
        assert_eq!(population(5, 1, 6), Err(PopulationError::MoreMembersThanUsers));
        assert_eq!(population(5, u64::MAX, 5), Err(PopulationError::TooLarge));
        assert_eq!(population(u64::MAX, 0, 5), Err(PopulationError::TooLarge));
        assert!(population(5, 0, 0).is_ok());
    }
}
