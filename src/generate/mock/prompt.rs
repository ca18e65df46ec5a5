//! A forgiving grammar: what the mock world understands of a prompt, word by word.

use serde::{Deserialize, Serialize};

use super::defects;
use super::lexicon;
use super::rng::Rng;
pub use super::words::{
    Colour, Extent, Light, Material, Move, Pace, Place, Prop, Subject, Weather,
};
use super::words::{QUIET, emoji, number};

/// Most subjects that one scene shows.
pub const MOST_SUBJECTS: u32 = 4;
/// Most props of one kind that a prompt may ask for.
pub const MOST_PROPS: u32 = 12;
/// Words that could not be used are listed up to this many.
const LISTED: usize = 24;

/// Subjects of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cast {
    /// Who.
    pub subject: Subject,
    /// How many of them.
    pub count: u32,
    /// Their colour, where the prompt names one.
    pub colour: Option<Colour>,
    /// Their size.
    pub size: Extent,
}

/// Props of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub prop: Prop,
    /// How many, where the prompt says; else as many as furnish the place.
    pub count: Option<u32>,
    /// Their colour, where the prompt names one.
    pub colour: Option<Colour>,
    /// Their size.
    pub size: Extent,
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
    /// Who moves; nobody where empty.
    pub subjects: Vec<Cast>,
    /// What stands about.
    pub props: Vec<Wanted>,
    /// The floor or ground.
    pub floor: Material,
    /// The walls.
    pub walls: Material,
    /// Colour of the walls, where the prompt names one.
    pub wall_colour: Option<Colour>,
    /// The light.
    pub light: Light,
    /// The weather; clear indoors.
    pub weather: Weather,
    /// The camera's move.
    pub camera: Move,
    /// How fast subjects and camera go.
    pub pace: Pace,
    /// Share of a frame's time that the shutter is open; 0 for no motion blur.
    pub shutter: f64,
    /// Words that meant something.
    pub heard: Vec<String>,
    /// Words that meant nothing here, the first of them.
    pub unheard: Vec<String>,
    /// What the words left open, and the seed settled.
    pub from_seed: Vec<String>,
    /// Defects whose remedy the prompt carries.
    pub remedies: Vec<defects::Kind>,
    /// What was asked and could not be had.
    pub notes: Vec<String>,
}

impl Understood {
    /// All subjects together.
    pub fn count(&self) -> u32 {
        self.subjects.iter().map(|c| c.count).sum()
    }

    /// The place lies under the sky.
    pub fn outdoors(&self) -> bool {
        outdoors(self.place)
    }
}

fn outdoors(place: Place) -> bool {
    matches!(place, Place::Courtyard | Place::Street)
}

/// Lower-case words and numbers, in order; known emoji as their words.
pub(super) fn tokens(prompt: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    for c in prompt.chars().chain([' ']) {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        out.extend(emoji(c).map(str::to_owned));
    }
    out
}

/// The words as the grammar knows them: what is of another language in English, what is misspelt put right. The
/// second list tells the latter.
fn known_words(prompt: &str) -> (Vec<String>, Vec<String>) {
    let mut words = Vec::new();
    let mut read = Vec::new();
    for word in tokens(prompt) {
        if means(&word) || QUIET.contains(&word.as_str()) {
            words.push(word);
            continue;
        }
        let english = lexicon::translate(&word);
        if !english.is_empty() {
            words.extend(english.into_iter().map(str::to_owned));
            continue;
        }
        match spelt(&word) {
            Some(right) => {
                read.push(format!("'{word}' was read as '{right}'"));
                words.push(right.to_owned());
            }
            None => words.push(word),
        }
    }
    (words, read)
}

/// A word of any table.
fn means(word: &str) -> bool {
    Place::of(word).is_some()
        || Subject::of(word).is_some()
        || Prop::of(word).is_some()
        || Material::of(word).is_some()
        || Light::of(word).is_some()
        || Weather::of(word).is_some()
        || Move::of(word).is_some()
        || Pace::of(word).is_some()
        || Colour::of(word).is_some()
        || Extent::of(word).is_some()
        || number(word).is_some()
        || surface(word).is_some()
}

/// The one thing, place or subject that a misspelt word may be.
fn spelt(word: &str) -> Option<&'static str> {
    fn of<T>(table: &[(T, &'static [&'static str])], word: &str) -> Option<&'static str> {
        let all = table.iter().flat_map(|(_, words)| words.iter());
        all.copied().find(|known| lexicon::misspelt(word, known))
    }
    of(Place::WORDS, word)
        .or_else(|| of(Subject::WORDS, word))
        .or_else(|| of(Prop::WORDS, word))
        .or_else(|| of(Pace::WORDS, word))
}

/// The surface that a noun names.
fn surface(word: &str) -> Option<bool> {
    match word {
        "floor" | "floors" | "ground" | "flooring" | "pavement" => Some(true),
        "wall" | "walls" | "facade" | "facades" => Some(false),
        _ => None,
    }
}

/// First meaning that was named, and later ones that contradict it.
struct Slot<T> {
    value: Option<T>,
    others: Vec<String>,
}

impl<T: Copy + PartialEq> Slot<T> {
    fn new() -> Self {
        Self {
            value: None,
            others: Vec::new(),
        }
    }

    fn hear(&mut self, it: T, word: &str) {
        match self.value {
            None => self.value = Some(it),
            Some(first) if first != it => self.others.push(word.to_owned()),
            Some(_) => {}
        }
    }
}

/// What the words before a noun say of it.
#[derive(Default)]
struct Manner {
    count: Option<u32>,
    colour: Option<Colour>,
    size: Option<Extent>,
    material: Option<Material>,
    used: Vec<usize>,
}

/// A parse of the words.
struct Parse<'a> {
    words: &'a [String],
    used: Vec<bool>,
}

impl Parse<'_> {
    /// "no robot", "without any crates": the word at `i` does not count.
    fn denied(&self, i: usize) -> bool {
        let from = i.saturating_sub(3);
        let before = &self.words[from..i];
        let Some(at) = before
            .iter()
            .rposition(|w| matches!(w.as_str(), "no" | "without" | "not" | "never" | "zero"))
        else {
            return false;
        };
        // Another thing between takes the denial for itself: "no robot, a person".
        before[at + 1..].iter().all(|w| {
            !matches!(
                w.as_str(),
                "a" | "an" | "the" | "but" | "only" | "just" | "one"
            ) && Subject::of(w).is_none()
                && Prop::of(w).is_none()
                && Place::of(w).is_none()
        })
    }

    fn noun(&self, i: usize) -> bool {
        let word = &self.words[i];
        Place::of(word).is_some()
            || Prop::of(word).is_some()
            || surface(word).is_some()
            || Subject::of(word).is_some_and(|s| s != Subject::Nobody)
    }

    /// The count, colour, size and material right before the noun at `i`, back to the noun before it.
    fn manner(&self, i: usize) -> Manner {
        let mut manner = Manner::default();
        for k in (i.saturating_sub(4)..i).rev() {
            let word = self.words[k].as_str();
            // "a robot in a red car": what stands before a noun or preposition is not of this one.
            if self.noun(k)
                || matches!(
                    word,
                    "in" | "on" | "with" | "and" | "at" | "of" | "by" | "through"
                )
            {
                break;
            }
            let mut found = false;
            if let (None, Some(n)) = (manner.count, number(word)) {
                (manner.count, found) = (Some(n), true);
            }
            if let (None, Some(c)) = (manner.colour, Colour::of(word)) {
                (manner.colour, found) = (Some(c), true);
            }
            if let (None, Some(s)) = (manner.size, Extent::of(word)) {
                (manner.size, found) = (Some(s), true);
            }
            if let (None, Some(m)) = (manner.material, Material::of(word)) {
                (manner.material, found) = (Some(m), true);
            }
            if found {
                manner.used.push(k);
            }
        }
        manner
    }

    fn take(&mut self, i: usize, manner: &Manner) {
        self.used[i] = true;
        for &k in &manner.used {
            self.used[k] = true;
        }
    }

    /// Words about things that stand still, not about the camera: "stationary surfaces", "a static environment".
    fn of_things(&self, i: usize) -> bool {
        self.words[i + 1..].iter().take(3).any(|w| {
            matches!(
                w.as_str(),
                "surfaces"
                    | "surface"
                    | "objects"
                    | "object"
                    | "environment"
                    | "world"
                    | "background"
                    | "props"
            )
        })
    }

    /// "push the crates", "a track for running": words of a move that mean one only near the camera are left alone
    /// where a prop follows.
    fn of_camera(&self, i: usize, it: Move) -> bool {
        let next = self.words.get(i + 1).map_or("", String::as_str);
        match self.words[i].as_str() {
            "truck" => {
                // A lorry, unless the camera does it.
                let around = &self.words[i.saturating_sub(3)..(i + 3).min(self.words.len())];
                around.iter().any(|w| w == "camera" || w == "shot")
            }
            "circle" | "trail" | "arc" | "crane" | "drone" | "fixed" | "locked" | "forward"
            | "360" => {
                let around = &self.words[i.saturating_sub(4)..(i + 5).min(self.words.len())];
                around.iter().any(|w| {
                    matches!(
                        w.as_str(),
                        "camera"
                            | "shot"
                            | "view"
                            | "footage"
                            | "move"
                            | "tripod"
                            | "moves"
                            | "lens"
                    )
                })
            }
            _ if it == Move::Static => !self.of_things(i),
            _ => next != "behind",
        }
    }
}

/// Understands `prompt`; what it leaves open is settled by `seed`. Never fails: unknown words mean nothing.
pub fn understand(prompt: &str, seed: u64) -> Understood {
    let (words, mut notes) = known_words(prompt);
    let mut parse = Parse {
        used: vec![false; words.len()],
        words: &words,
    };
    let mut place = Slot::new();
    let mut extent = Slot::new();
    let mut light = Slot::new();
    let mut weather = Slot::new();
    let mut camera = Slot::new();
    let mut pace = Slot::new();
    let (mut floor, mut walls) = (Slot::new(), Slot::new());
    let mut wall_colour = Slot::new();
    let mut subjects: Vec<Cast> = Vec::new();
    let mut empty: Option<String> = None;
    let mut denied_subjects = false;
    let mut props: Vec<Wanted> = Vec::new();
    let mut shutter = 0.0;

    for i in 0..words.len() {
        let word = words[i].as_str();
        let denied = parse.denied(i);
        let manner = parse.manner(i);
        if word == "blur" && i > 0 && words[i - 1] == "motion"
            || word == "exposure" && i > 0 && words[i - 1] == "long"
        {
            if !parse.denied(i - 1) {
                shutter = 0.5;
            }
            parse.used[i] = true;
            parse.used[i - 1] = true;
            continue;
        }
        if let Some(it) = Place::of(word) {
            // "step by step" is no flight of stairs; nor is a plant a place where it stands in a pot.
            let idle = word.starts_with("step")
                && !words.iter().any(|w| w.starts_with("stair") || w == "steps")
                || word.starts_with("plant")
                    && words.get(i.wrapping_sub(1)).is_none_or(|w| {
                        !matches!(w.as_str(), "power" | "assembly" | "chemical" | "industrial")
                    })
                || denied;
            if !idle {
                place.hear(it, word);
                if let Some(size) = manner.size {
                    extent.hear(size, word);
                }
                if let Some(material) = manner.material {
                    floor.hear(material, word);
                }
                parse.take(i, &manner);
            }
        }
        if let Some(it) = Subject::of(word) {
            if it == Subject::Nobody {
                if !denied {
                    empty.get_or_insert_with(|| word.to_owned());
                    parse.used[i] = true;
                }
            } else if denied {
                denied_subjects = true;
                parse.used[i] = true;
            } else if !(word.starts_with("truck") && parse.of_camera(i, Move::Dolly))
                && !(word == "marble" && words.get(i + 1).is_some_and(|w| surface(w).is_some()))
            {
                let count = manner.count.unwrap_or(match word {
                    "people" | "men" | "women" | "children" | "couple" => 2,
                    "crowd" => MOST_SUBJECTS,
                    w if w.ends_with('s') && !w.ends_with("ss") && w != "bus" => 2,
                    _ => 1,
                });
                let size = manner.size.unwrap_or(match word {
                    "child" | "children" | "girl" | "boy" | "kid" | "kids" => Extent::Small,
                    _ => Extent::Medium,
                });
                match subjects.iter_mut().find(|c| c.subject == it) {
                    // Named again: the same ones, more of them only where more are counted.
                    Some(cast) => {
                        cast.count = cast.count.max(count.min(MOST_PROPS));
                        cast.colour = cast.colour.or(manner.colour);
                    }
                    None if count > 0 => subjects.push(Cast {
                        subject: it,
                        count,
                        colour: manner.colour,
                        size,
                    }),
                    None => denied_subjects = true,
                }
                parse.take(i, &manner);
            }
        }
        if let (Some(it), false) = (Prop::of(word), denied) {
            if props.iter().all(|p| p.prop != it) {
                props.push(Wanted {
                    prop: it,
                    count: manner.count.filter(|_| {
                        // "a crate" is one, "crates" as many as fit.
                        manner.count.is_some()
                    }),
                    colour: manner.colour,
                    size: manner.size.unwrap_or(Extent::Medium),
                });
            }
            parse.take(i, &manner);
        }
        if let Some(of_floor) = surface(word) {
            // "a floor of wood" as well as "a wooden floor".
            let after = words[i + 1..]
                .iter()
                .take(2)
                .skip_while(|w| *w == "of" || *w == "made")
                .find_map(|w| Material::of(w))
                .filter(|_| words.get(i + 1).is_some_and(|w| w == "of" || w == "made"));
            if let Some(material) = manner.material.or(after) {
                let slot = if of_floor { &mut floor } else { &mut walls };
                slot.hear(material, word);
            }
            if let (false, Some(colour)) = (of_floor, manner.colour) {
                wall_colour.hear(colour, word);
            }
            parse.take(i, &manner);
        }
        if let (Some(it), false) = (Light::of(word), denied) {
            // "well lit" and "lit by neon" are told apart by the other word.
            if word != "lit"
                || words
                    .get(i.wrapping_sub(1))
                    .is_some_and(|w| w == "well" || w == "brightly")
            {
                light.hear(it, word);
            }
            parse.used[i] = true;
        }
        if let (Some(it), false) = (Weather::of(word), denied) {
            let of_other = matches!(word, "grey" | "gray" | "clear")
                && !words[i + 1..]
                    .iter()
                    .take(2)
                    .any(|w| w == "sky" || w == "skies" || w == "day" || w == "weather");
            if !of_other {
                weather.hear(it, word);
                parse.used[i] = true;
            }
        }
        if let (Some(it), false) = (Move::of(word), denied) {
            if parse.of_camera(i, it) {
                camera.hear(it, word);
                parse.used[i] = true;
            }
        }
        if let (Some(it), false) = (Pace::of(word), denied) {
            pace.hear(it, word);
            parse.used[i] = true;
        }
        if let (Some(it), false) = (Material::of(word), denied) {
            // "a wooden crate" says nothing of the floor; "concrete" alone does.
            let next = words[i + 1..].iter().take(2);
            let of_other = next
                .clone()
                .any(|w| surface(w).is_some() || Prop::of(w).is_some() || Subject::of(w).is_some());
            let of_surface = i > 0 && (words[i - 1] == "of" || words[i - 1] == "made");
            if !of_other && !of_surface {
                floor.hear(it, word);
                parse.used[i] = true;
            }
        }
    }

    for (what, others, kept) in [
        ("places", &place.others, place.value.map(Place::name)),
        (
            "kinds of light",
            &light.others,
            light.value.map(Light::name),
        ),
        (
            "kinds of weather",
            &weather.others,
            weather.value.map(Weather::name),
        ),
        ("camera moves", &camera.others, camera.value.map(Move::name)),
        ("paces", &pace.others, pace.value.map(Pace::name)),
        ("floors", &floor.others, floor.value.map(Material::name)),
        ("walls", &walls.others, walls.value.map(Material::name)),
    ] {
        if let (false, Some(kept)) = (others.is_empty(), kept) {
            let others: Vec<&str> = others.iter().take(3).map(String::as_str).collect();
            notes.push(format!(
                "several {what} asked: '{kept}' came first and counts, '{}' does not",
                others.join("', '")
            ));
        }
    }
    if let (Some(word), false) = (&empty, subjects.is_empty()) {
        notes.push(format!(
            "'{word}' and somebody in it asked: the place is otherwise empty"
        ));
    }

    let mut rng = Rng::stream(seed, "understood");
    let mut from_seed = Vec::new();
    // Each default is drawn whether it is needed or not, so that a word changes only what it names.
    let mut settle = |name: &str, known: bool| {
        if !known {
            from_seed.push(name.to_owned());
        }
    };
    let default_place = rng.pick(&[
        Place::Room,
        Place::Corridor,
        Place::Courtyard,
        Place::Street,
        Place::Stairs,
        Place::Warehouse,
    ]);
    let default_subject = rng.pick(&[Subject::Robot, Subject::Person]);
    let inside_floor = rng.pick(&[
        Material::Concrete,
        Material::Wood,
        Material::Tile,
        Material::Carpet,
        Material::Marble,
    ]);
    let yard_floor = rng.pick(&[Material::Brick, Material::Concrete, Material::Tile]);
    let default_walls = rng.pick(&[Material::Plaster, Material::Brick, Material::Concrete]);
    let default_light = rng.pick(&[Light::Neutral, Light::Warm, Light::Bright]);
    let default_camera = rng.pick(&[Move::Dolly, Move::Orbit]);
    let default_weather = rng.pick(&[Weather::Clear, Weather::Clear, Weather::Overcast]);
    let small = rng.pick(&[Prop::Crate, Prop::Tank, Prop::Barrel]);
    let large = rng.pick(&[Prop::Shelf, Prop::Pillar, Prop::Table]);
    let seat = rng.pick(&[Prop::Bench, Prop::Chair, Prop::Plant]);
    settle("place", place.value.is_some());
    settle(
        "subject",
        !subjects.is_empty() || empty.is_some() || denied_subjects,
    );
    settle("floor", floor.value.is_some());
    settle("walls", walls.value.is_some());
    settle("light", light.value.is_some());
    settle("camera", camera.value.is_some());
    settle("props", !props.is_empty());
    let place = place.value.unwrap_or(default_place);
    if outdoors(place) {
        settle("weather", weather.value.is_some());
    }
    if subjects.is_empty() && empty.is_none() && !denied_subjects {
        subjects.push(Cast {
            subject: default_subject,
            count: 1,
            colour: None,
            size: Extent::Medium,
        });
    }
    let asked: u32 = subjects.iter().map(|c| c.count).sum();
    let mut camera_move = camera.value.unwrap_or(default_camera);
    let chosen = camera.value.is_some();
    let narrow = match place {
        Place::Corridor => Some("a corridor"),
        Place::Stairs => Some("a stairwell"),
        _ => None,
    };
    if let (Some(what), Move::Orbit) = (narrow, camera_move) {
        if chosen {
            notes.push(format!(
                "{what} is too narrow to orbit in: the camera dollies"
            ));
        }
        camera_move = Move::Dolly;
    }
    if camera_move == Move::Follow && asked == 0 {
        notes.push("there is nobody to follow: the camera dollies".to_owned());
        camera_move = Move::Dolly;
    }
    let most = match (place, camera_move) {
        (_, Move::Follow) => 2,
        _ => MOST_SUBJECTS,
    };
    if asked > most {
        notes.push(format!("{asked} subjects asked, {most} shown"));
        let mut left = most;
        for (k, cast) in subjects.iter_mut().enumerate() {
            // Each kind keeps at least one while there is room.
            let _ = k;
            cast.count = cast.count.min(left);
            left -= cast.count;
        }
        subjects.retain(|c| c.count > 0);
    }
    for wanted in &mut props {
        if let Some(n) = wanted.count.filter(|n| *n > MOST_PROPS) {
            notes.push(format!(
                "{n} times {} asked, at most {MOST_PROPS} shown",
                wanted.prop.name()
            ));
            wanted.count = Some(MOST_PROPS);
        }
    }
    if props.is_empty() {
        let kinds = match place {
            Place::Room | Place::Corridor => vec![small, large],
            Place::Warehouse => vec![Prop::Shelf, Prop::Crate, small],
            Place::Stairs => vec![Prop::Plant, seat],
            Place::Courtyard => vec![Prop::Tree, Prop::Bench, Prop::Plant],
            Place::Street => vec![Prop::Lamp, Prop::Tree, Prop::Barrel],
        };
        props.extend(kinds.into_iter().map(|prop| Wanted {
            prop,
            count: None,
            colour: None,
            size: Extent::Medium,
        }));
    }
    let weather = if outdoors(place) {
        weather.value.unwrap_or(default_weather)
    } else {
        if let Some(it) = weather.value.filter(|w| *w != Weather::Clear) {
            if it == Weather::Fog {
                // Fog and smoke may hang indoors as well.
            } else {
                notes.push(format!(
                    "{} is for places under the sky: it is not seen indoors",
                    it.name()
                ));
            }
        }
        weather
            .value
            .filter(|w| *w == Weather::Fog)
            .unwrap_or(Weather::Clear)
    };
    let default_floor = match place {
        Place::Street => Material::Asphalt,
        Place::Courtyard => yard_floor,
        Place::Warehouse => Material::Concrete,
        _ => inside_floor,
    };
    let unheard: Vec<String> = {
        let mut list: Vec<String> = Vec::new();
        for (word, used) in words.iter().zip(&parse.used) {
            if !used
                && !QUIET.contains(&word.as_str())
                && !list.contains(word)
                && list.len() < LISTED
            {
                list.push(word.clone());
            }
        }
        list
    };
    let mut heard: Vec<String> = Vec::new();
    for (word, used) in words.iter().zip(&parse.used) {
        if *used && !heard.contains(word) {
            heard.push(word.clone());
        }
    }
    if heard.is_empty() {
        notes.push(
            "no word of the prompt is known here (words for places, subjects, props, materials, light, weather and camera \
             moves are): the seed settled everything"
                .to_owned(),
        );
    }
    Understood {
        prompt: prompt.to_owned(),
        seed,
        place,
        extent: extent.value.unwrap_or(Extent::Medium),
        subjects,
        props,
        floor: floor.value.unwrap_or(default_floor),
        walls: walls.value.unwrap_or(default_walls),
        wall_colour: wall_colour.value,
        light: light.value.unwrap_or(default_light),
        weather,
        camera: camera_move,
        pace: pace.value.unwrap_or(Pace::Normal),
        shutter,
        heard,
        unheard,
        from_seed,
        remedies: defects::remedied(prompt),
        notes,
    }
}
