//! How the sound of a generation is finished, when its words are heard, and recordings for cloning.

crate::migration! {
    /// Instructions, sample rates, loudness and time marks.
    up: [
        "ALTER TABLE generations ADD COLUMN instructions text",
        "ALTER TABLE generations ADD COLUMN output_rate integer",
        "ALTER TABLE generations ADD COLUMN output_loudness {float}",
        // Start and end of each sentence in milliseconds and in characters, in order.
        "ALTER TABLE generations ADD COLUMN time_marks {json}",
        // The recording as engines want it that clone voices.
        "ALTER TABLE voices ADD COLUMN normalised_key text",
    ],
    down: [
        "ALTER TABLE voices DROP COLUMN normalised_key",
        "ALTER TABLE generations DROP COLUMN time_marks",
        "ALTER TABLE generations DROP COLUMN output_loudness",
        "ALTER TABLE generations DROP COLUMN output_rate",
        "ALTER TABLE generations DROP COLUMN instructions",
    ],
}
