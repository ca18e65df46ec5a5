//! Frames that are shown again or out of turn.

use super::{Corruption, Kind};
use crate::numeric::Rng;

/// Which of `count` frames is shown at each place.
pub(super) fn order(count: usize, corruption: &Corruption) -> Vec<usize> {
    let share = corruption.strength();
    let mut rng = corruption.rng();
    match corruption.kind {
        Kind::Freeze => {
            // The first frame has none before it.
            let places = shuffled(1, count, &mut rng);
            let frozen = ((share * count as f64).round() as usize).max(1);
            let mut shown: Vec<usize> = (0..count).collect();
            let mut held = vec![false; count];
            for &place in places.iter().take(frozen) {
                held[place] = true;
            }
            for t in 1..count {
                if held[t] {
                    shown[t] = shown[t - 1];
                }
            }
            shown
        }
        _ => {
            let places = shuffled(0, count.saturating_sub(1), &mut rng);
            let wanted = ((0.5 * share * count as f64).round() as usize).max(1);
            let mut shown: Vec<usize> = (0..count).collect();
            let mut swapped = 0;
            for &t in &places {
                if swapped < wanted && shown[t] == t && shown[t + 1] == t + 1 {
                    shown.swap(t, t + 1);
                    swapped += 1;
                }
            }
            shown
        }
    }
}

/// The numbers from `from` to `to`, without it, in a random order.
fn shuffled(from: usize, to: usize, rng: &mut Rng) -> Vec<usize> {
    let mut list: Vec<usize> = (from..to).collect();
    for i in (1..list.len()).rev() {
        list.swap(i, rng.below(i + 1));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, level: u32, count: usize) -> Vec<usize> {
        let seed = 3;
        order(count, &Corruption { kind, level, seed })
    }

    #[test]
    fn freezes_hold_the_frame_before_and_grow_with_the_level() {
        let mut before = 0;
        for (level, held) in [(1, 3), (2, 6), (3, 12), (4, 18)] {
            let shown = of(Kind::Freeze, level, 24);
            assert_eq!(shown[0], 0);
            let repeats: Vec<usize> = (1..24).filter(|&t| shown[t] == shown[t - 1]).collect();
            assert_eq!(repeats.len(), held, "level {level}");
            assert!((1..24).all(|t| shown[t] == t || shown[t] == shown[t - 1]));
            assert!(repeats.len() > before);
            before = repeats.len();
        }
    }

    #[test]
    fn swaps_exchange_neighbours_once() {
        for (level, pairs) in [(1, 1), (2, 2), (3, 4), (4, 6)] {
            let shown = of(Kind::Swap, level, 24);
            let moved: Vec<usize> = (0..24).filter(|&t| shown[t] != t).collect();
            assert_eq!(moved.len(), 2 * pairs, "level {level}");
            assert!(
                moved
                    .iter()
                    .all(|&t| shown[shown[t]] == t && shown[t].abs_diff(t) == 1)
            );
        }
    }

    #[test]
    fn clips_of_no_and_few_frames_are_taken() {
        for kind in [Kind::Freeze, Kind::Swap] {
            assert!(of(kind, 4, 0).is_empty());
            assert_eq!(of(kind, 4, 1), [0]);
            assert_eq!(of(kind, 4, 2).len(), 2);
        }
        assert_eq!(of(Kind::Swap, 1, 2), [1, 0]);
        assert_eq!(of(Kind::Freeze, 1, 2), [0, 0]);
    }
}
