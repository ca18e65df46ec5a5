//! The cases: mock takes by seed, half of them clean, with exactly one or two planted faults in the others.

use serde::{Deserialize, Serialize};

use crate::eval::scores::clips::Half;
use crate::mock::defects::{self, Kind};
use crate::mock::prompt::Move;
use crate::mock::scene::{Clip, Scene};
use crate::mock::seeds::{HELD_OUT, TUNING};
use crate::mock::understand;
use crate::numeric::Rng;

/// Seeds of each range from here on are this evaluation's, so that it shares none with others.
const FIRST: u64 = 500_000;
/// Frames a second.
pub const FPS: f64 = 24.0;
/// How likely a second fault is planted beside the first.
const SECOND: f64 = 0.4;

/// A fault of a world: planted in the mock scene, or hung into the finished world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A rectangular pit in the floor.
    Hole,
    /// A wall is open, and behind it is nothing.
    OpenBoundary,
    /// Something hardly visible stands in the way.
    InvisibleWall,
    /// An object is gone for a while.
    Vanish,
    /// An object stands elsewhere in later views.
    Move,
    /// A ball in mid-air that is in the rebuilt world only: cameras see through it.
    Floater,
}

impl FaultKind {
    /// All, in the order of the tables.
    pub const ALL: [Self; 6] = [
        Self::Hole,
        Self::OpenBoundary,
        Self::InvisibleWall,
        Self::Vanish,
        Self::Move,
        Self::Floater,
    ];

    /// Its name in tables and files.
    pub fn name(self) -> &'static str {
        self.defect().map_or("floater", Kind::name)
    }

    /// The mock world's defect; a floater is none.
    pub fn defect(self) -> Option<Kind> {
        Some(match self {
            Self::Hole => Kind::Hole,
            Self::OpenBoundary => Kind::OpenBoundary,
            Self::InvisibleWall => Kind::InvisibleWall,
            Self::Vanish => Kind::Vanish,
            Self::Move => Kind::Move,
            Self::Floater => return None,
        })
    }

    /// The fault of a defect that lies in the world.
    pub fn of(kind: Kind) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.defect() == Some(kind))
    }
}

/// A take before it is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its name in results.
    pub name: String,
    /// The half that its seed lies in.
    pub half: Half,
    /// What is shown.
    pub prompt: String,
    /// Its seed.
    pub seed: u64,
    /// The camera move that was asked for.
    pub camera: Move,
    /// Faults to plant and how bad, 0 to 1; empty in a clean take.
    pub faults: Vec<(FaultKind, f64)>,
    /// Frames of the take.
    pub frames: usize,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Most frames that become views, evenly spaced.
    pub views: usize,
}

/// A place with nobody in it, and with somebody; two of each.
const SCENES: [[&str; 4]; 6] = [
    [
        "an empty room with wooden crates, brick walls, polished floor",
        "a robot walks through a room with wooden crates, brick walls, polished floor",
        "an empty room with shelves and plants, plaster walls, wooden floor",
        "a person walks in a room with tables and chairs, plaster walls, tiled floor",
    ],
    [
        "an empty corridor with shelves, tiled floor, warm light",
        "a person walks along a corridor with shelves, tiled floor, warm light",
        "an empty corridor with barrels and crates, brick walls, concrete floor",
        "a robot walks along a corridor with barrels, brick walls, cool light",
    ],
    [
        "an empty sunny courtyard with trees and benches",
        "two people walk in a sunny courtyard with trees and benches",
        "an empty courtyard with plants and barrels, stone floor",
        "a robot walks in a courtyard with benches, stone floor",
    ],
    [
        "an empty street with lamps and trees",
        "a red car drives along a street with lamps and trees",
        "an empty street with barrels and benches, overcast",
        "two people walk along a street with trees and lamps",
    ],
    [
        "the empty stairs of a hall with plants, white walls",
        "a robot climbs the stairs of a hall with plants, white walls",
        "the empty stairs of a hall with shelves, wooden floor",
        "a person climbs the stairs of a hall with shelves",
    ],
    [
        "a large empty warehouse with barrels and pallets",
        "a blue robot and a ball in a large warehouse with barrels and pallets",
        "an empty warehouse with wooden crates and shelves",
        "a person walks through a warehouse with wooden crates and pallets",
    ],
];

/// Camera moves by turns: four of five travel.
const TURNS: [(Move, &str); 10] = [
    (Move::Dolly, "dolly"),
    (Move::Orbit, "orbit"),
    (Move::Handheld, "handheld camera"),
    (Move::Follow, "the camera follows"),
    (Move::Orbit, "orbit"),
    (Move::Dolly, "dolly"),
    (Move::Follow, "the camera follows"),
    (Move::Handheld, "handheld camera"),
    (Move::Pan, "panning camera"),
    (Move::Static, "static camera"),
];

impl Case {
    /// The camera does not travel: no world can be had of it, and faults in it are counted apart.
    pub fn still(&self) -> bool {
        matches!(self.camera, Move::Static | Move::Pan)
    }

    /// The word of the place that is shown.
    pub fn place(&self) -> String {
        let place = crate::mock::understand(&self.prompt, self.seed).place;
        format!("{place:?}").to_lowercase()
    }

    /// The clip.
    pub fn clip(&self) -> Clip {
        Clip {
            frames: self.frames,
            fps: FPS,
            size: self.size,
        }
    }

    /// The scene with the planted faults that fit.
    pub fn scene(&self) -> Scene {
        let kinds: Vec<(Kind, f64)> = self
            .faults
            .iter()
            .filter_map(|(fault, severity)| Some((fault.defect()?, *severity)))
            .collect();
        let understood = understand(&self.prompt, self.seed);
        Scene::planting(understood, self.clip(), defects::exactly(&kinds))
    }

    /// How bad a floater is asked for, if one is.
    pub fn floater(&self) -> Option<f64> {
        let asked = self.faults.iter().find(|f| f.0 == FaultKind::Floater);
        asked.map(|f| f.1)
    }
}

/// The first `count` cases of a half.
pub fn cases(
    count: usize,
    half: Half,
    size: [u32; 2],
    seconds: [f64; 2],
    views: usize,
) -> Vec<Case> {
    let (range, word) = match half {
        Half::Tuning => (TUNING, "tuning"),
        Half::HeldOut => (HELD_OUT, "held-out"),
    };
    let mut planted = 0;
    (0..count)
        .map(|i| {
            let seed = range.start + FIRST + i as u64;
            let (place, round) = (i % SCENES.len(), i / SCENES.len());
            let (camera, words) = TURNS[(round + 3 * place) % TURNS.len()];
            let mut rng = Rng::stream(seed, "eval agent");
            let peopled = rng.coin() || camera == Move::Follow;
            let other = rng.coin();
            let scene = SCENES[place][usize::from(peopled) + 2 * usize::from(other)];
            let seconds = rng.range(seconds[0], seconds[1]);
            let mut faults = Vec::new();
            // The second term keeps clean takes from always meeting the same moves.
            if (place + round + round / 5) % 2 == 1 {
                // Each kind as often as the others.
                let first = FaultKind::ALL[planted % FaultKind::ALL.len()];
                planted += 1;
                faults.push((first, rng.range(0.1, 1.0)));
                let second = rng.pick(&FaultKind::ALL);
                let severity = rng.range(0.1, 1.0);
                if rng.unit() < SECOND && second != first {
                    faults.push((second, severity));
                }
            }
            Case {
                name: format!("{word}-{i:03}"),
                half,
                prompt: format!("{scene}, {words}"),
                seed,
                camera,
                faults,
                frames: ((seconds * FPS).round() as usize).max(4),
                size,
                views,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_balanced() {
        for half in [Half::Tuning, Half::HeldOut] {
            let all = cases(60, half, [480, 270], [2.0, 4.0], 32);
            let clean = all.iter().filter(|c| c.faults.is_empty()).count();
            assert!((28..=32).contains(&clean), "{clean}");
            assert_eq!(all.iter().filter(|c| c.still()).count(), 12);
            for (camera, _) in TURNS {
                let of = all.iter().filter(|c| c.camera == camera);
                let faulty = of.clone().filter(|c| !c.faults.is_empty()).count();
                assert!(faulty > 0 && faulty < of.count(), "{camera:?}");
            }
            for kind in FaultKind::ALL {
                let first = all
                    .iter()
                    .filter(|c| c.faults.first().is_some_and(|f| f.0 == kind));
                assert_eq!(first.count(), 5, "{kind:?}");
            }
            assert!(all.iter().all(|c| (48..=96).contains(&c.frames)));
        }
    }

    #[test]
    fn an_empty_place_has_nobody_in_it() {
        for scenes in SCENES {
            for (k, words) in scenes.iter().enumerate() {
                let understood = understand(words, 1);
                assert_eq!(understood.count() > 0, k % 2 == 1, "{words}");
                assert!(
                    !understood.from_seed.iter().any(|s| s == "place"),
                    "{words}"
                );
            }
        }
    }
}
