//! A forgiving grammar: what the mock world understands of a prompt, word by word.

use serde::{Deserialize, Serialize};

use super::defects;
use super::rng::Rng;

/// Declares an enum of things that words name, with the words in a table.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident: [$($word:literal),* $(,)?]),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vmeta])* $variant),* }
        impl $name {
            /// Each meaning and the words for it.
            pub const WORDS: &'static [(Self, &'static [&'static str])] =
                &[$((Self::$variant, &[$($word),*])),*];
            fn of(word: &str) -> Option<Self> {
                Self::WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(it, _)| *it)
            }
        }
    };
}

words! {
    /// Where it plays.
    Place {
        /// A closed room.
        Room: ["room", "office", "warehouse", "lab", "laboratory", "kitchen", "studio", "gallery", "garage", "workshop", "hall", "factory", "hangar", "basement", "museum", "lobby"],
        /// A long corridor.
        Corridor: ["corridor", "hallway", "hallways", "corridors", "passage", "passageway", "tunnel", "aisle"],
    }
}
words! {
    /// How large the place is.
    Extent {
        /// Small.
        Small: ["small", "tiny", "cramped", "narrow", "cosy", "cozy"],
        /// Middling.
        Medium: ["medium"],
        /// Large.
        Large: ["large", "big", "huge", "spacious", "wide", "warehouse", "hangar", "factory", "hall"],
    }
}
words! {
    /// Who moves.
    Subject {
        /// A robot on two legs.
        Robot: ["robot", "robots", "android", "droid", "humanoid", "machine"],
        /// A person.
        Person: ["person", "persons", "people", "man", "men", "woman", "women", "human", "worker", "workers", "child", "girl", "boy", "someone"],
        /// A rolling ball.
        Ball: ["ball", "balls", "sphere", "spheres"],
        /// Nobody.
        Nobody: ["nobody", "empty", "deserted", "abandoned", "unoccupied"],
    }
}
words! {
    /// What stands about.
    Prop {
        /// A wooden crate.
        Crate: ["crate", "crates", "box", "boxes", "package", "packages", "parcel", "parcels", "cargo"],
        /// A round pillar from floor to ceiling.
        Pillar: ["pillar", "pillars", "column", "columns"],
        /// A shelf against a wall.
        Shelf: ["shelf", "shelves", "shelving", "rack", "racks", "bookcase"],
        /// A table.
        Table: ["table", "tables", "desk", "desks", "bench", "workbench"],
        /// A tank, a capsule on end.
        Tank: ["tank", "tanks", "barrel", "barrels", "drum", "drums", "bin", "bins"],
    }
}
words! {
    /// What surfaces are made of.
    Material {
        /// Concrete.
        Concrete: ["concrete", "cement", "stone"],
        /// Planks.
        Wood: ["wood", "wooden", "parquet", "timber", "plank", "planks"],
        /// Square tiles.
        Tile: ["tile", "tiles", "tiled", "marble", "ceramic"],
        /// Bricks.
        Brick: ["brick", "bricks"],
        /// Painted plaster.
        Plaster: ["plaster", "painted", "paint", "wallpaper"],
        /// Metal panels.
        Metal: ["metal", "metallic", "steel", "iron"],
        /// Carpet.
        Carpet: ["carpet", "carpeted", "rug"],
    }
}
words! {
    /// The light.
    Light {
        /// Neutral.
        Neutral: ["neutral", "white", "fluorescent"],
        /// Bright.
        Bright: ["bright", "sunny", "sunlit", "daylight"],
        /// Warm.
        Warm: ["warm", "golden", "sunset", "candlelight"],
        /// Cool.
        Cool: ["cool", "cold", "blue", "moonlight"],
        /// Dim.
        Dim: ["dim", "dark", "gloomy", "night"],
    }
}
words! {
    /// How the camera moves.
    Move {
        /// Along a slanted line, turning a little.
        Dolly: ["dolly", "dollies", "tracking", "forward", "push", "glides", "gliding", "follows", "following", "truck"],
        /// On an arc about the middle.
        Orbit: ["orbit", "orbits", "orbiting", "circling", "circles", "arc", "arcs", "revolves"],
        /// Not at all.
        Static: ["static", "fixed", "tripod", "stationary", "locked"],
        /// Turning on the spot.
        Pan: ["pan", "pans", "panning"],
    }
}

/// What was understood of a prompt; written beside the take as `understood.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Understood {
    /// The prompt.
    pub prompt: String,
    /// The seed that settled what the words left open.
    pub seed: u64,
    /// Where it plays.
    pub place: Place,
    /// How large the place is.
    pub extent: Extent,
    /// Who moves.
    pub subject: Subject,
    /// How many of them, at most 2.
    pub count: u32,
    /// What stands about.
    pub props: Vec<Prop>,
    /// The floor.
    pub floor: Material,
    /// The walls.
    pub walls: Material,
    /// The light.
    pub light: Light,
    /// The camera's move.
    pub camera: Move,
    /// Words that meant something.
    pub heard: Vec<String>,
    /// What the words left open, and the seed settled.
    pub from_seed: Vec<String>,
    /// Defects whose remedy the prompt carries.
    pub remedies: Vec<defects::Kind>,
    /// What was asked and could not be had.
    pub notes: Vec<String>,
}

/// Lower-case words and numbers, in order.
pub(super) fn tokens(prompt: &str) -> Vec<String> {
    prompt
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Understands `prompt`; what it leaves open is settled by `seed`. Never fails: unknown words mean nothing.
pub fn understand(prompt: &str, seed: u64) -> Understood {
    let words = tokens(prompt);
    let mut heard = Vec::new();
    let mut notes = Vec::new();
    // "no robot", "without crates": the word does not count.
    let denied = |i: usize| i > 0 && matches!(words[i - 1].as_str(), "no" | "without" | "not");
    let (mut place, mut extent, mut subject, mut light, mut camera) =
        (None, None, None, None, None);
    let (mut floor, mut walls) = (None, None);
    let mut props: Vec<Prop> = Vec::new();
    let mut count = None;
    for (i, word) in words.iter().enumerate() {
        if denied(i) {
            continue;
        }
        let mut used = false;
        if let Some(it) = Place::of(word) {
            place.get_or_insert(it);
            used = true;
        }
        if let Some(it) = Extent::of(word) {
            extent.get_or_insert(it);
            used = true;
        }
        if let Some(it) = Subject::of(word) {
            // "an empty warehouse with a robot" has a robot.
            if subject.is_none() || subject == Some(Subject::Nobody) {
                subject = Some(it);
                count = words[i.saturating_sub(2)..i]
                    .iter()
                    .rev()
                    .find_map(|w| number(w));
            }
            used = true;
        }
        if let Some(it) = Prop::of(word) {
            if !props.contains(&it) {
                props.push(it);
            }
            used = true;
        }
        if let Some(it) = Light::of(word) {
            light.get_or_insert(it);
            used = true;
        }
        if let Some(it) = Move::of(word) {
            camera.get_or_insert(it);
            used = true;
        }
        if let Some(it) = Material::of(word) {
            let noun = words[i + 1..]
                .iter()
                .take(2)
                .find_map(|w| match w.as_str() {
                    "floor" | "floors" | "ground" => Some(true),
                    "wall" | "walls" => Some(false),
                    _ => None,
                });
            // "a wooden crate" says nothing of the floor.
            let of_prop = words.get(i + 1).is_some_and(|w| Prop::of(w).is_some());
            if !of_prop {
                match noun {
                    Some(false) => walls.get_or_insert(it),
                    _ => floor.get_or_insert(it),
                };
                used = true;
            }
        }
        if used && !heard.contains(word) {
            heard.push(word.clone());
        }
    }

    let mut rng = Rng::stream(seed, "understood");
    let mut from_seed = Vec::new();
    // Each default is drawn whether it is needed or not, so that a word changes only what it names.
    let mut settle = |name: &str, known: bool| {
        if !known {
            from_seed.push(name.to_owned());
        }
    };
    let default_place = rng.pick(&[Place::Room, Place::Corridor]);
    let default_subject = rng.pick(&[Subject::Robot, Subject::Person]);
    let default_floor = rng.pick(&[
        Material::Concrete,
        Material::Wood,
        Material::Tile,
        Material::Carpet,
    ]);
    let default_walls = rng.pick(&[Material::Plaster, Material::Brick, Material::Concrete]);
    let default_light = rng.pick(&[Light::Neutral, Light::Warm, Light::Bright]);
    let default_camera = rng.pick(&[Move::Dolly, Move::Orbit]);
    let default_props = [
        rng.pick(&[Prop::Crate, Prop::Tank]),
        rng.pick(&[Prop::Shelf, Prop::Pillar, Prop::Table]),
    ];
    settle("place", place.is_some());
    settle("subject", subject.is_some());
    settle("floor", floor.is_some());
    settle("walls", walls.is_some());
    settle("light", light.is_some());
    settle("camera", camera.is_some());
    settle("props", !props.is_empty());
    let place = place.unwrap_or(default_place);
    let subject = subject.unwrap_or(default_subject);
    let mut camera = camera.unwrap_or(default_camera);
    if place == Place::Corridor && camera == Move::Orbit {
        if from_seed.iter().all(|f| f != "camera") {
            notes.push("a corridor is too narrow to orbit in: the camera dollies".to_owned());
        }
        camera = Move::Dolly;
    }
    if props.is_empty() {
        props.extend(default_props);
    }
    let asked = count.unwrap_or(1);
    let count = match subject {
        Subject::Nobody => 0,
        _ => asked.clamp(1, 2),
    };
    if subject != Subject::Nobody && asked > 2 {
        notes.push(format!("{asked} subjects asked, 2 shown"));
    }
    Understood {
        prompt: prompt.to_owned(),
        seed,
        place,
        extent: extent.unwrap_or(Extent::Medium),
        subject,
        count,
        props,
        floor: floor.unwrap_or(default_floor),
        walls: walls.unwrap_or(default_walls),
        light: light.unwrap_or(default_light),
        camera,
        heard,
        from_seed,
        remedies: defects::remedied(prompt),
        notes,
    }
}

fn number(word: &str) -> Option<u32> {
    match word {
        "a" | "an" | "one" => Some(1),
        "two" | "pair" | "couple" => Some(2),
        "three" | "several" | "many" => Some(3),
        "four" => Some(4),
        "five" => Some(5),
        _ => word.parse().ok().filter(|n| (1..1000).contains(n)),
    }
}
