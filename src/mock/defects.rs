//! Planted defects: how likely each is, the words that make it rarer, how bad it is, and what was planted.

use serde::{Deserialize, Serialize};

use crate::numeric::Rng;

/// A kind of defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// In the take: a subject slowly takes on another look.
    IdentityDrift,
    /// In the take: a subject is elsewhere from one frame to the next.
    Teleport,
    /// In the take: a subject leaves the ground.
    Float,
    /// In the take: a subject goes into the ground.
    Sink,
    /// In the take: a subject darts and stops as nothing real does.
    Acceleration,
    /// In the take: the picture is out of focus.
    Blur,
    /// In the take: the picture is noisy.
    Noise,
    /// In the take: the picture breaks into blocks.
    Blocks,
    /// In the take: the exposure jumps from frame to frame.
    Flicker,
    /// In the take: the times at which frames were taken are uneven.
    Judder,
    /// In the take: frames are shown twice.
    Duplicates,
    /// In the take: things in the background change their shape and texture.
    Morph,
    /// In the take: another camera from one frame to the next.
    Cut,
    /// In the world: a rectangular pit in the floor.
    Hole,
    /// In the world: a wall is open, and behind it is nothing.
    OpenBoundary,
    /// In the world: something hardly visible stands in the way.
    InvisibleWall,
    /// In the world: an object is gone for a while.
    Vanish,
    /// In the world: an object stands elsewhere in later views.
    Move,
}

/// How often a defect is planted, what in the prompt makes it rarer, and how large it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DefectRule {
    /// The defect.
    pub kind: Kind,
    /// Probability for a prompt without the remedy.
    pub base: f64,
    /// Probability for a prompt with it.
    pub remedied: f64,
    /// Its measure at severity 0 and at severity 1; between them it is linear.
    pub measure: [f64; 2],
    /// What is measured, and in what unit.
    pub unit: &'static str,
    /// Any one of these phrases is the remedy; letter case, punctuation and spacing do not matter.
    pub remedies: &'static [&'static str],
}

impl DefectRule {
    /// The measure at `severity`.
    pub fn at(&self, severity: f64) -> f64 {
        let [low, high] = self.measure;
        low + (high - low) * severity
    }

    /// Its line in the table of `docs/mock.md`.
    pub fn row(&self) -> String {
        let [low, high] = self.measure;
        format!(
            "| `{}` | {} | {} | {low} to {high} {} | {} |",
            self.kind.name(),
            self.base,
            self.remedied,
            self.unit,
            self.remedies.join("; ")
        )
    }
}

const LASTING: &[&str] = &[
    "objects remain in place throughout",
    "objects stay in place",
    "objects remain in place",
];
const NATURAL: &[&str] = &[
    "natural physics",
    "feet on the ground",
    "firmly on the ground",
];
const CLEAN: &[&str] = &[
    "high detail",
    "crisp detail",
    "clean image",
    "high quality image",
];
const STEADY_MOTION: &[&str] = &[
    "smooth continuous motion",
    "smooth motion",
    "continuous motion",
    "natural physics",
];

const fn rule(
    kind: Kind,
    [base, remedied]: [f64; 2],
    measure: [f64; 2],
    unit: &'static str,
    remedies: &'static [&'static str],
) -> DefectRule {
    DefectRule {
        kind,
        base,
        remedied,
        measure,
        unit,
        remedies,
    }
}

/// All defects of the mock world.
pub const DEFECTS: &[DefectRule] = &[
    rule(
        Kind::IdentityDrift,
        [0.12, 0.01],
        [0.25, 1.0],
        "of the way to another look",
        &[
            "keep their shape and colours",
            "consistent appearance",
            "consistent identity",
        ],
    ),
    rule(
        Kind::Teleport,
        [0.15, 0.015],
        [0.4, 2.5],
        "m along its way",
        STEADY_MOTION,
    ),
    rule(
        Kind::Float,
        [0.08, 0.01],
        [0.06, 0.6],
        "m above the ground",
        NATURAL,
    ),
    rule(
        Kind::Sink,
        [0.08, 0.01],
        [0.06, 0.6],
        "m below the ground",
        NATURAL,
    ),
    rule(
        Kind::Acceleration,
        [0.10, 0.01],
        [2.0, 9.0],
        "m/s within one frame",
        STEADY_MOTION,
    ),
    rule(
        Kind::Blur,
        [0.10, 0.01],
        [0.8, 5.0],
        "px of sigma at 360 lines",
        &["sharp focus", "in focus", "tack sharp"],
    ),
    rule(
        Kind::Noise,
        [0.10, 0.01],
        [5.0, 40.0],
        "levels of sigma",
        CLEAN,
    ),
    rule(
        Kind::Blocks,
        [0.08, 0.01],
        [0.35, 1.0],
        "of the detail, in blocks of 8 px (16 over 480 lines)",
        CLEAN,
    ),
    rule(
        Kind::Flicker,
        [0.20, 0.02],
        [0.05, 0.45],
        "of the exposure",
        &[
            "consistent lighting",
            "steady lighting",
            "constant lighting",
            "no flicker",
        ],
    ),
    rule(
        Kind::Judder,
        [0.10, 0.01],
        [0.3, 1.5],
        "frames early or late",
        &["smooth continuous motion", "smooth motion", "smooth camera"],
    ),
    rule(
        Kind::Duplicates,
        [0.10, 0.01],
        [0.15, 0.7],
        "of the frames",
        &["smooth continuous motion", "smooth motion", "smooth camera"],
    ),
    rule(
        Kind::Morph,
        [0.10, 0.01],
        [0.08, 0.6],
        "of their size",
        &[
            "keep their shape and colours",
            "static, rigid environment",
            "rigid environment",
        ],
    ),
    rule(
        Kind::Cut,
        [0.08, 0.01],
        [0.3, 2.0],
        "m to the other camera",
        &[
            "one continuous shot",
            "single continuous shot",
            "without cuts",
            "no cuts",
        ],
    ),
    rule(
        Kind::Hole,
        [0.35, 0.03],
        [0.6, 1.4],
        "m of side, 1.6 m deep",
        &[
            "continuous solid floor",
            "solid continuous floor",
            "without gaps or holes",
            "no holes",
        ],
    ),
    rule(
        Kind::OpenBoundary,
        [0.15, 0.015],
        [0.7, 3.0],
        "m of width",
        &[
            "fully enclosed space",
            "clear boundaries",
            "enclosed by walls",
        ],
    ),
    rule(
        Kind::InvisibleWall,
        [0.15, 0.015],
        [0.06, 0.5],
        "of opacity",
        &[
            "opaque objects",
            "solid, stationary surfaces",
            "solid opaque surfaces",
        ],
    ),
    rule(
        Kind::Vanish,
        [0.20, 0.02],
        [0.2, 1.0],
        "of the rest of the take",
        LASTING,
    ),
    rule(Kind::Move, [0.15, 0.015], [0.15, 1.2], "m", LASTING),
];

impl Kind {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::IdentityDrift => "identity_drift",
            Self::Teleport => "teleport",
            Self::Float => "float",
            Self::Sink => "sink",
            Self::Acceleration => "acceleration",
            Self::Blur => "blur",
            Self::Noise => "noise",
            Self::Blocks => "blocks",
            Self::Flicker => "flicker",
            Self::Judder => "judder",
            Self::Duplicates => "duplicates",
            Self::Morph => "morph",
            Self::Cut => "cut",
            Self::Hole => "hole",
            Self::OpenBoundary => "open_boundary",
            Self::InvisibleWall => "invisible_wall",
            Self::Vanish => "vanish",
            Self::Move => "move",
        }
    }

    /// Its rule.
    pub fn rule(self) -> &'static DefectRule {
        // The table has one line a kind, in the order of the kinds; a test sees to it.
        &DEFECTS[self as usize]
    }

    /// It lies in the world and not only in the picture of it: agents should find it.
    pub fn in_world(self) -> bool {
        self >= Self::Hole
    }
}

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
    /// How bad it is to be, 0 to 1.
    pub severity: f64,
}

/// A defect in a take: how bad, when and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planted {
    /// The defect.
    pub kind: Kind,
    /// 0 to 1.
    pub severity: f64,
    /// Its size, in `unit`.
    pub measure: f64,
    /// What is measured, and in what unit.
    pub unit: String,
    /// First frame that shows it, and one past the last.
    pub frames: [usize; 2],
    /// Seconds of its first frame, and of the end of its last.
    pub seconds: [f64; 2],
    /// Objects that it befalls.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub objects: Vec<u32>,
    /// Name of the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Least and greatest corner of where it is, world metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[[f64; 3]; 2]>,
    /// Where the object would be, and where it is instead, world metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_to: Option<[[f64; 3]; 2]>,
    /// One value a frame, where it has one: factors of the exposure for `flicker`, seconds of the scene for `judder`
    /// and `duplicates`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub per_frame: Vec<f64>,
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
            let mut rng = Rng::stream(seed, rule.kind.name());
            let u = rng.unit();
            Draw {
                kind: rule.kind,
                remedied,
                probability,
                drawn: u < probability,
                severity: rng.unit(),
            }
        })
        .collect()
}

/// Draws that plant exactly `kinds` at the given severities, 0 to 1, whatever the seed.
pub fn exactly(kinds: &[(Kind, f64)]) -> Vec<Draw> {
    DEFECTS
        .iter()
        .map(|rule| {
            let asked = kinds.iter().find(|(kind, _)| *kind == rule.kind);
            Draw {
                kind: rule.kind,
                remedied: false,
                probability: f64::from(u8::from(asked.is_some())),
                drawn: asked.is_some(),
                severity: asked.map_or(0.0, |(_, s)| s.clamp(0.0, 1.0)),
            }
        })
        .collect()
}
