//! Planted defects: how likely each is, the words that make it rarer, and what was planted.

use serde::{Deserialize, Serialize};

use super::rng::Rng;

/// A kind of defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// In the take: the exposure jumps from frame to frame.
    Flicker,
    /// In the take: a subject is elsewhere from one frame to the next.
    Teleport,
    /// In the world: a rectangular pit in the floor.
    Hole,
    /// In the world: an object is gone partway.
    Vanish,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Flicker => "flicker",
            Self::Teleport => "teleport",
            Self::Hole => "hole",
            Self::Vanish => "vanish",
        }
    }
}

/// How often a defect is planted, and what in the prompt makes it rarer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DefectRule {
    /// The defect.
    pub kind: Kind,
    /// Probability for a prompt without the remedy.
    pub base: f64,
    /// Probability for a prompt with it.
    pub remedied: f64,
    /// Any one of these phrases is the remedy; letter case, punctuation and spacing do not matter.
    pub remedies: &'static [&'static str],
}

/// All defects of the mock world.
pub const DEFECTS: &[DefectRule] = &[
    DefectRule {
        kind: Kind::Flicker,
        base: 0.35,
        remedied: 0.03,
        remedies: &[
            "consistent lighting",
            "steady lighting",
            "constant lighting",
            "no flicker",
        ],
    },
    DefectRule {
        kind: Kind::Teleport,
        base: 0.35,
        remedied: 0.03,
        remedies: &[
            "smooth continuous motion",
            "natural physics",
            "continuous motion",
        ],
    },
    DefectRule {
        kind: Kind::Hole,
        base: 0.5,
        remedied: 0.04,
        remedies: &[
            "continuous solid floor",
            "solid continuous floor",
            "without gaps or holes",
            "no holes",
        ],
    },
    DefectRule {
        kind: Kind::Vanish,
        base: 0.35,
        remedied: 0.03,
        remedies: &[
            "objects remain in place throughout",
            "objects stay in place",
            "objects remain in place",
        ],
    },
];

/// One draw, planted or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// The defect.
    pub kind: Kind,
    /// The prompt carries its remedy.
    pub remedied: bool,
    /// Probability that it was drawn with.
    pub probability: f64,
    /// It is to be planted.
    pub drawn: bool,
}

/// A defect in a take, with where and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Planted {
    /// The exposure jumps.
    Flicker {
        /// Factor on linear light, one a frame.
        gains: Vec<f32>,
    },
    /// A subject jumps.
    Teleport {
        /// First frame at the new place.
        frame: usize,
        /// The subject's object number.
        object: u32,
        /// Where it would have been at that frame, in metres.
        from: [f64; 3],
        /// Where it is.
        to: [f64; 3],
    },
    /// A pit in the floor.
    Hole {
        /// Least x and z in metres.
        min: [f64; 2],
        /// Greatest x and z in metres.
        max: [f64; 2],
        /// Metres from the floor to its bottom.
        depth: f64,
    },
    /// An object is gone.
    Vanish {
        /// Its number.
        object: u32,
        /// Its name.
        name: String,
        /// First frame without it.
        frame: usize,
        /// Its middle in metres.
        at: [f64; 3],
    },
}

/// Words of a text with single spaces at both ends and between, so that phrases match at word borders.
fn plain(text: &str) -> String {
    format!(" {} ", super::prompt::tokens(text).join(" "))
}

/// The defects whose remedy `prompt` carries.
pub fn remedied(prompt: &str) -> Vec<Kind> {
    let text = plain(prompt);
    DEFECTS
        .iter()
        .filter(|rule| rule.remedies.iter().any(|r| text.contains(&plain(r))))
        .map(|rule| rule.kind)
        .collect()
}

/// Draws every defect for a take. The same seed gives the same draw for each defect, so a remedy can only take
/// defects away from a take, never add one.
pub fn draw(prompt: &str, seed: u64) -> Vec<Draw> {
    let carried = remedied(prompt);
    DEFECTS
        .iter()
        .map(|rule| {
            let remedied = carried.contains(&rule.kind);
            let probability = if remedied { rule.remedied } else { rule.base };
            let u = Rng::stream(seed, rule.kind.name()).unit();
            Draw {
                kind: rule.kind,
                remedied,
                probability,
                drawn: u < probability,
            }
        })
        .collect()
}
