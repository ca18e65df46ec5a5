//! Ranges of seeds by name: what is tuned or trained on one range is judged on another.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Which range a seed lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedRange {
    /// Anyone's; neither of the others.
    Free,
    /// For tuning constants and training networks.
    Tuning,
    /// For judging them; nothing may be fitted to it.
    HeldOut,
}

/// Seeds for tuning and training.
pub const TUNING: Range<u64> = 1_000_000_000..2_000_000_000;
/// Seeds for judging.
pub const HELD_OUT: Range<u64> = 2_000_000_000..3_000_000_000;

/// The range of a seed.
pub fn range_of(seed: u64) -> SeedRange {
    match seed {
        s if TUNING.contains(&s) => SeedRange::Tuning,
        s if HELD_OUT.contains(&s) => SeedRange::HeldOut,
        _ => SeedRange::Free,
    }
}

/// A seed as people write it: a number, `tuning:K` or `held-out:K` for the K-th seed of a range.
///
/// # Errors
/// What may be written.
pub fn parse(text: &str) -> Result<u64, String> {
    let (range, number) = match text.split_once(':') {
        None => (0..u64::MAX, text),
        Some(("tuning", k)) => (TUNING, k),
        Some(("held-out", k)) => (HELD_OUT, k),
        Some((name, _)) => {
            return Err(format!(
                "'{name}' is no range of seeds; use a number, tuning:K or held-out:K"
            ));
        }
    };
    let k: u64 = number
        .parse()
        .map_err(|_| format!("'{number}' is no number from 0 to {}", u64::MAX))?;
    if k >= range.end - range.start {
        return Err(format!("the range has {} seeds", range.end - range.start));
    }
    Ok(range.start + k)
}
