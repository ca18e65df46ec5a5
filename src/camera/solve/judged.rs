//! How good a solve is, by the places where frames see what it did not use.

use super::super::structure::Place;
use crate::numeric::median;

/// Pixels at a width of 640 by which the camera's travel moves what tells of it.
pub(super) const TELLING: f64 = 4.0;
/// Where one place in so many is moved that far, those alone judge.
pub(super) const FEW_TELL: usize = 10;
/// Of the places that the pictures move a travel explains this share at the least, or it is none.
pub(super) const LEAST_EXPLAINED: f64 = 0.3;
/// Fewer places of held-out tracks judge nothing.
pub(super) const MIN_PLACES: usize = 30;

/// How well points are where they should be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    /// Median distance in pixels at a width of 640.
    pub median: f64,
    /// Share of distances under 2 px, of those places that the camera's travel moves: far ones fit every travel.
    pub under_2px: f64,
}

impl Judged {
    /// Of distances that all count; `None` without any.
    pub fn all(errors: impl Iterator<Item = f64>) -> Option<Self> {
        let mut errors: Vec<f64> = errors.collect();
        let good = errors.iter().filter(|e| **e < 2.0).count() as f64;
        let under_2px = good / errors.len().max(1) as f64;
        let median = median(&mut errors)?;
        Some(Self { median, under_2px })
    }

    /// Of places, those far ones apart that fit every travel; `None` with too few. Where a travel hardly moves any place, or explains hardly any
    /// that the pictures move, those judge: it has taken all that moves for movers, as a road.
    pub fn of(places: &[Place], travels: bool) -> Option<Self> {
        if places.len() < MIN_PLACES {
            return None;
        }
        let moved = telling(places, |p| p.moves >= TELLING).filter(|_| travels);
        let travelled = telling(places, |p| p.travel >= TELLING);
        let unexplained = |moved: &Vec<&Place>| {
            let judged = Self::all(moved.iter().map(|p| p.error));
            judged.is_some_and(|judged| judged.under_2px < LEAST_EXPLAINED)
        };
        let judges = match (travelled, moved) {
            (_, Some(moved)) if unexplained(&moved) => moved,
            (Some(travelled), _) => travelled,
            (None, Some(moved)) => moved,
            (None, None) => places.iter().collect(),
        };
        let told = Self::all(judges.iter().map(|p| p.error))?;
        Some(Self {
            median: Self::all(places.iter().map(|p| p.error))?.median,
            ..told
        })
    }
}

/// The places that tell, where they are enough.
pub(super) fn telling(places: &[Place], tells: impl Fn(&Place) -> bool) -> Option<Vec<&Place>> {
    let some: Vec<&Place> = places.iter().filter(|p| tells(p)).collect();
    (some.len() * FEW_TELL >= places.len()).then_some(some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(each: &[(usize, Place)]) -> Vec<Place> {
        let many = |(n, place): &(usize, Place)| vec![*place; *n];
        each.iter().flat_map(many).collect()
    }

    #[test]
    fn a_travel_that_moves_nothing_is_judged_by_what_the_pictures_move() {
        let far = Place {
            error: 0.3,
            travel: 0.2,
            moves: 0.4,
        };
        // A road that the solve takes for a mover.
        let near = Place {
            error: 9.0,
            travel: 0.5,
            moves: 9.0,
        };
        let drive = places(&[(80, far), (20, near)]);
        assert_eq!(Judged::of(&drive, true).unwrap().under_2px, 0.0);
        // Of a camera that stands or turns what moves is a mover.
        assert_eq!(Judged::of(&drive, false).unwrap().under_2px, 0.8);
        // Too little moves to judge by it.
        let scene = places(&[(95, far), (5, near)]);
        assert_eq!(Judged::of(&scene, true).unwrap().under_2px, 0.95);
        // The travel moves the road, so the road judges.
        let road = Place {
            error: 0.5,
            travel: 9.0,
            moves: 9.0,
        };
        let solved = places(&[(60, far), (20, road), (20, near)]);
        assert_eq!(Judged::of(&solved, true).unwrap().under_2px, 1.0);
        // It moves far things as it should, and explains nothing else.
        let slow = Place { travel: 5.0, ..far };
        let road_is_a_mover = places(&[(80, slow), (20, near)]);
        assert_eq!(Judged::of(&road_is_a_mover, true).unwrap().under_2px, 0.0);
        assert!(Judged::of(&places(&[(29, far)]), true).is_none());
    }
}
