//! A forgiving grammar: what the mock world understands of a prompt, word by word.

use serde::{Deserialize, Serialize};

use super::defects;
pub(super) use super::parse::tokens;
use super::parse::{Heard, listen};
use super::words::QUIET;
pub use super::words::{
    Colour, Extent, Light, Material, Move, Pace, Place, Prop, Subject, Weather,
};
use crate::numeric::Rng;

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
    /// Colour of the floor, where the prompt names one.
    pub floor_colour: Option<Colour>,
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

/// Understands `prompt`; what it leaves open is settled by `seed`. Never fails: unknown words mean nothing.
pub fn understand(prompt: &str, seed: u64) -> Understood {
    let heard = listen(prompt);
    let mut notes = heard.notes.clone();
    contradictions(&heard, &mut notes);
    let mut rng = Rng::stream(seed, "understood");
    let mut from_seed = Vec::new();
    let nobody = heard.empty.is_some() || heard.denied_subjects;
    let (mut subjects, mut props) = (heard.subjects.clone(), heard.props.clone());
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
    settle("place", heard.place.value.is_some());
    settle("subject", !heard.subjects.is_empty() || nobody);
    settle("floor", heard.floor.value.is_some());
    settle("walls", heard.walls.value.is_some());
    settle("light", heard.light.value.is_some());
    settle("camera", heard.camera.value.is_some());
    settle("props", !props.is_empty() || heard.bare);
    let place = heard.place.value.unwrap_or(default_place);
    if outdoors(place) {
        settle("weather", heard.weather.value.is_some());
    }
    if subjects.is_empty() && !nobody {
        subjects.push(Cast {
            subject: default_subject,
            count: 1,
            colour: None,
            size: Extent::Medium,
        });
    }
    let asked: u32 = subjects.iter().map(|c| c.count).sum();
    let mut camera_move = heard.camera.value.unwrap_or(default_camera);
    let chosen = heard.camera.value.is_some();
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
        for cast in &mut subjects {
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
    if props.is_empty() && !heard.bare {
        let kinds = match place {
            Place::Room | Place::Corridor => vec![small, large],
            Place::Warehouse => vec![Prop::Shelf, Prop::Crate, small],
            Place::Stairs => vec![Prop::Plant, seat],
            Place::Courtyard => vec![Prop::Tree, Prop::Bench, Prop::Plant],
            Place::Street => vec![Prop::Lamp, Prop::Tree, Prop::Barrel],
        };
        let kinds = kinds
            .into_iter()
            .filter(|p| !heard.denied_props.contains(p));
        props.extend(kinds.map(|prop| Wanted {
            prop,
            count: None,
            colour: None,
            size: Extent::Medium,
        }));
    }
    // Fog and smoke may hang indoors as well.
    let weather = match heard.weather.value {
        asked if outdoors(place) => asked.unwrap_or(default_weather),
        Some(Weather::Fog) => Weather::Fog,
        None | Some(Weather::Clear) => Weather::Clear,
        Some(it) => {
            notes.push(format!(
                "{} is for places under the sky: it is not seen indoors",
                it.name()
            ));
            Weather::Clear
        }
    };
    let default_floor = match place {
        Place::Street => Material::Asphalt,
        Place::Courtyard => yard_floor,
        Place::Warehouse => Material::Concrete,
        _ => inside_floor,
    };
    let with = |used: bool| {
        let mut list: Vec<String> = Vec::new();
        let words = heard.words.iter().zip(&heard.used);
        for (word, _) in words.filter(|(_, u)| **u == used) {
            if word != "," && !list.contains(word) && (used || !QUIET.contains(&word.as_str())) {
                list.push(word.clone());
            }
        }
        list
    };
    let known = with(true);
    let mut unheard = with(false);
    unheard.truncate(LISTED);
    if known.is_empty() {
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
        extent: heard.extent.value.unwrap_or(Extent::Medium),
        subjects,
        props,
        floor: heard.floor.value.unwrap_or(default_floor),
        walls: heard.walls.value.unwrap_or(default_walls),
        floor_colour: heard.floor_colour.value,
        wall_colour: heard.wall_colour.value,
        light: heard.light.value.unwrap_or(default_light),
        weather,
        camera: camera_move,
        pace: heard.pace.value.unwrap_or(Pace::Normal),
        shutter: if heard.motion_blur { 0.5 } else { 0.0 },
        heard: known,
        unheard,
        from_seed,
        remedies: defects::remedied(prompt),
        notes,
    }
}

/// Tells what was asked twice and differently.
fn contradictions(heard: &Heard, notes: &mut Vec<String>) {
    let clashes = [
        heard.place.clash("places", Place::name),
        heard.light.clash("kinds of light", Light::name),
        heard.weather.clash("kinds of weather", Weather::name),
        heard.camera.clash("camera moves", Move::name),
        heard.pace.clash("paces", Pace::name),
        heard.floor.clash("floors", Material::name),
        heard.walls.clash("walls", Material::name),
    ];
    notes.extend(clashes.into_iter().flatten());
    if let (Some(word), false) = (&heard.empty, heard.subjects.is_empty()) {
        notes.push(format!(
            "'{word}' and somebody in it asked: the place is otherwise empty"
        ));
    }
}
