//! What the formats of MPEG have in common.

/// The sample rates of Layer III (MPEG-1, -2 and -2.5), ascending; AAC has all of them, and others that speech needs not.
pub(super) const RATES: [u32; 9] = [
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
];

/// The rate of the file for a sound of another: the next higher that the formats know.
pub(super) fn rate(sound: u32) -> u32 {
    RATES.into_iter().find(|rate| *rate >= sound).unwrap_or(48_000)
}
