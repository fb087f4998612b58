//! Chance and time of a population: everything follows from its seed and an index.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// When the history of every population begins: 2024-01-01T00:00:00Z, in milliseconds since 1970.
const BEGINNING: u64 = 1_704_067_200_000;
const DAY: u64 = 86_400_000;

/// What is drawn, so that no two things are drawn alike.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    User = 1,
    UserEmail,
    Organization,
    Membership,
    Voice,
    Generation,
    UsageEntry,
}

/// A sequence of numbers without end, by SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014), which is fast, good enough for made-up people, and the same for ever.
#[derive(Debug, Clone)]
pub(super) struct Draw(u64);

impl Draw {
    /// The sequence of one thing of a population.
    pub(super) fn of(seed: u64, stream: Stream, index: u64) -> Self {
        let mut mixed = Self(seed);
        let mut draw = Self(mixed.number() ^ ((stream as u64) << 56) ^ index);
        Self(draw.number())
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `0` up to, and without, `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        // The bias is less than `end` in 2^64.
        self.number() % end.max(1)
    }

    pub(super) fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let at = self.below(choices.len() as u64);
        usize::try_from(at)
            .ok()
            .and_then(|at| choices.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// A UUIDv7 of this moment.
    pub(super) fn uuid(&mut self, moment: DateTime<Utc>) -> Uuid {
        let millis = moment.timestamp_millis().unsigned_abs();
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.number().to_be_bytes());
        random[8..].copy_from_slice(&self.number().to_be_bytes()[..2]);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// A part of a population's history, in days since its beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    pub(super) from: u64,
    pub(super) until: u64,
}

impl Days {
    /// When the thing with this `index` of `count` happened, if they happened one after the other at equal distances.
    pub(super) fn moment(self, index: u64, count: u64) -> DateTime<Utc> {
        let span = u128::from((self.until - self.from) * DAY);
        let offset = u128::from(index) * span / u128::from(count.max(1));
        let millis = u128::from(BEGINNING + self.from * DAY) + offset;
        let since_1970 = i64::try_from(millis).map_or(TimeDelta::MAX, TimeDelta::milliseconds);
        DateTime::UNIX_EPOCH + since_1970
    }
}

/// How far apart two members of an organization that joined one after the other are among the users: a number that has
/// no factor in common with that of the users, so that steps of this size come to every user before they come to one
/// again. About as many as there are organizations, so that nobody is left out as long as memberships suffice; with more
/// organizations than users, near the golden ratio, which spreads most evenly.
pub(super) fn stride(users: u64, organizations: u64) -> u64 {
    let near = if organizations < users {
        organizations
    } else {
        users * 618 / 1000
    };
    (near.max(1)..)
        .find(|candidate| common_factor(*candidate, users) == 1)
        .unwrap_or(1)
}

fn common_factor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        // The first outputs for the seed 1234567, as published with the algorithm's Java and C versions.
        let mut draw = Draw(1_234_567);
        let numbers: Vec<u64> = (0..3).map(|_| draw.number()).collect();
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn ids_sort_by_the_moment_that_they_hold() {
        let days = Days { from: 10, until: 20 };
        let ids: Vec<Uuid> = (0..1000)
            .map(|index| Draw::of(3, Stream::Voice, index).uuid(days.moment(index, 1000)))
            .collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert_ne!(ids[0], Draw::of(4, Stream::Voice, 0).uuid(days.moment(0, 1000)));
        assert_ne!(ids[0], Draw::of(3, Stream::User, 0).uuid(days.moment(0, 1000)));
    }
}
