//! Listening: the words of a prompt one by one, and what they say.

use super::lexicon;
use super::prompt::{
    Cast, Colour, Extent, Light, MOST_SUBJECTS, Material, Move, Pace, Place, Prop, Subject, Wanted,
    Weather,
};
use super::words::{QUIET, emoji, number};

/// Lower-case words and numbers, in order; known emoji as their words.
pub(super) fn tokens(prompt: &str) -> Vec<String> {
    let mut all = phrases(prompt);
    all.retain(|word| word != BREAK);
    all
}

/// Stands between phrases.
const BREAK: &str = ",";

/// As [`tokens`], with [`BREAK`] where punctuation parts phrases.
fn phrases(prompt: &str) -> Vec<String> {
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
        if matches!(
            c,
            ',' | '.' | ';' | ':' | '!' | '?' | '\n' | '，' | '。' | '、' | '،' | '।'
        ) {
            out.push(BREAK.to_owned());
        }
    }
    out
}

/// The words as the grammar knows them: what is of another language in English, what is misspelt put right. The
/// second list tells the latter.
fn known_words(prompt: &str) -> (Vec<String>, Vec<String>) {
    let mut words = Vec::new();
    let mut read = Vec::new();
    for word in phrases(prompt) {
        if word == BREAK || means(&word) || QUIET.contains(&word.as_str()) {
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
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub value: Option<T>,
    /// The words of the others.
    pub others: Vec<String>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            value: None,
            others: Vec::new(),
        }
    }
}

impl<T: Copy + PartialEq> Slot<T> {
    fn hear(&mut self, it: T, word: &str) {
        match self.value {
            None => self.value = Some(it),
            Some(first) if first != it => self.others.push(word.to_owned()),
            Some(_) => {}
        }
    }

    /// Tells that several were named, and which one counts.
    pub fn clash(&self, what: &str, name: fn(T) -> String) -> Option<String> {
        let kept = self.value.filter(|_| !self.others.is_empty())?;
        let others: Vec<&str> = self.others.iter().take(3).map(String::as_str).collect();
        Some(format!(
            "several {what} asked: '{}' came first and counts, '{}' does not",
            name(kept),
            others.join("', '")
        ))
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

/// What was heard in a prompt.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub words: Vec<String>,
    /// Which of the words meant something.
    pub used: Vec<bool>,
    pub place: Slot<Place>,
    pub extent: Slot<Extent>,
    pub light: Slot<Light>,
    pub weather: Slot<Weather>,
    pub camera: Slot<Move>,
    pub pace: Slot<Pace>,
    pub floor: Slot<Material>,
    pub walls: Slot<Material>,
    pub wall_colour: Slot<Colour>,
    pub floor_colour: Slot<Colour>,
    /// A place that only says what kind of thing something is: "a garden chair".
    pub aside: Option<Place>,
    pub subjects: Vec<Cast>,
    /// The words for them.
    pub called: Vec<String>,
    /// The word that wants nobody there.
    pub empty: Option<String>,
    /// Subjects were denied.
    pub denied_subjects: bool,
    pub props: Vec<Wanted>,
    /// Props that must not be there.
    pub denied_props: Vec<Prop>,
    /// No props at all.
    pub bare: bool,
    pub motion_blur: bool,
    /// Words that were read as others.
    pub notes: Vec<String>,
}

/// Listens to a whole prompt.
pub(super) fn listen(prompt: &str) -> Heard {
    let (words, notes) = known_words(prompt);
    let mut heard = Heard {
        used: vec![false; words.len()],
        words,
        notes,
        ..Heard::default()
    };
    for i in 0..heard.words.len() {
        heard.word(i);
    }
    if let (None, Some(place)) = (heard.place.value, heard.aside) {
        heard.place.value = Some(place);
    }
    heard
}

impl Heard {
    /// "no robot", "without any crates", "no people or cars": the word at `i` does not count. A denial ends with its
    /// phrase.
    fn denied(&self, i: usize) -> bool {
        let deny = |k: usize| {
            let next = self.words.get(k + 1).map_or("", String::as_str);
            match self.words[k].as_str() {
                "no" | "without" | "not" | "never" | "nor" | "neither" => true,
                "don" | "doesn" | "isn" | "aren" | "won" => next == "t",
                _ => false,
            }
        };
        let mut k = i;
        while k > 0 && i - k < 5 {
            k -= 1;
            if deny(k) {
                return true;
            }
            let word = self.words[k].as_str();
            if matches!(
                word,
                BREAK | "but" | "only" | "just" | "and" | "with" | "in" | "on" | "at"
            ) {
                return false;
            }
            // Another thing between takes the denial for itself, unless "or" carries it on.
            let carried = matches!(self.words[k + 1].as_str(), "or" | "nor");
            if self.noun(k) && !carried {
                return false;
            }
        }
        false
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
            // "A pair of crates" has its count before the preposition.
            let counted = word == "of" && k > 0 && number(&self.words[k - 1]).is_some();
            if self.noun(k)
                || !counted
                    && matches!(
                        word,
                        BREAK
                            | "in"
                            | "on"
                            | "with"
                            | "and"
                            | "at"
                            | "of"
                            | "by"
                            | "through"
                            | "or"
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

    /// The word of a move is about the camera: some are so only near it, and some not right after somebody who does
    /// it ("a man follows a woman", "a robot pushes a crate").
    fn of_camera(&self, i: usize, it: Move) -> bool {
        let around = &self.words[i.saturating_sub(4)..(i + 5).min(self.words.len())];
        let near = around.iter().any(|w| {
            matches!(
                w.as_str(),
                "camera" | "shot" | "view" | "footage" | "lens" | "cam" | "tripod"
            )
        });
        let word = self.words[i].as_str();
        match word.strip_suffix('s').unwrap_or(word) {
            "truck" | "circle" | "trail" | "arc" | "crane" | "drone" | "fixed" | "locked"
            | "forward" | "360" | "motionles" | "motionless" | "immobile" | "still" => near,
            "follow" | "following" | "chase" | "chasing" | "push" | "pushe" | "advance"
            | "glide" => near || Subject::of(self.before(i)).is_none(),
            _ if it == Move::Static => !self.of_things(i),
            _ => true,
        }
    }

    /// The words after the one at `i`, at most `n`.
    fn after(&self, i: usize, n: usize) -> impl Iterator<Item = &str> {
        self.words[i + 1..].iter().take(n).map(String::as_str)
    }

    fn before(&self, i: usize) -> &str {
        match i {
            0 => "",
            _ => &self.words[i - 1],
        }
    }

    fn word(&mut self, i: usize) {
        let word = self.words[i].clone();
        let word = word.as_str();
        let denied = self.denied(i);
        if matches!(
            (self.before(i), word),
            ("motion", "blur") | ("long", "exposure")
        ) {
            self.motion_blur |= !self.denied(i - 1);
            self.used[i] = true;
            self.used[i - 1] = true;
            return;
        }
        let manner = self.manner(i);
        if let (Some(it), false) = (Place::of(word), denied) {
            self.hear_place(i, word, it, &manner);
        }
        if let Some(it) = Subject::of(word) {
            self.hear_subject(i, word, it, &manner, denied);
        }
        if word == "furniture" || word == "props" {
            self.bare |= denied;
            self.used[i] |= denied;
        }
        if let (Some(it), true) = (Prop::of(word), denied) {
            self.denied_props.push(it);
            self.used[i] = true;
        }
        if let (Some(it), false) = (Prop::of(word), denied) {
            if self.props.iter().all(|p| p.prop != it) {
                self.props.push(Wanted {
                    prop: it,
                    // "crate" is one, "crates" and "cargo" as many as fit.
                    count: manner.count.or_else(|| {
                        let many = word.ends_with('s')
                            || matches!(word, "cargo" | "luggage" | "shelving" | "shelves");
                        (!many).then_some(1)
                    }),
                    colour: manner.colour,
                    size: manner.size.unwrap_or(Extent::Medium),
                });
            }
            self.take(i, &manner);
        }
        if let Some(of_floor) = surface(word) {
            self.hear_surface(i, word, of_floor, &manner);
        }
        if let (Some(it), false) = (Light::of(word), denied) {
            // "well lit" says something of the light, "lit by a lamp" does not.
            // "Dark blue" is a blue.
            let of_colour = self.after(i, 1).any(|w| Colour::of(w).is_some());
            if (word != "lit" || matches!(self.before(i), "well" | "brightly")) && !of_colour {
                self.light.hear(it, word);
            }
            self.used[i] = true;
        }
        if let (Some(it), false) = (Weather::of(word), denied) {
            let of_sky =
                (self.after(i, 2)).any(|w| matches!(w, "sky" | "skies" | "day" | "weather"));
            if of_sky || !matches!(word, "grey" | "gray" | "clear") {
                self.weather.hear(it, word);
                self.used[i] = true;
            }
        }
        if let Some(it) = Move::of(word).filter(|it| !denied && self.of_camera(i, *it)) {
            self.camera.hear(it, word);
            self.used[i] = true;
        }
        // "The camera does not move", "no camera movement".
        let moves = matches!(word, "move" | "moves" | "moving" | "movement");
        let from = i.saturating_sub(5);
        if moves && denied && self.words[from..i].iter().any(|w| w == "camera") {
            self.camera.hear(Move::Static, word);
            self.used[i] = true;
        }
        if let (Some(it), false) = (Pace::of(word), denied) {
            self.pace.hear(it, word);
            self.used[i] = true;
        }
        if let (Some(it), false) = (Material::of(word), denied) {
            // "A wooden crate" and "a steel door" say nothing of the floor; "concrete" alone does.
            let alone = self
                .after(i, 1)
                .all(|w| w == BREAK || Material::of(w).is_some());
            let of_other = matches!(self.before(i), "of" | "made" | "are" | "is" | "in");
            if alone && !of_other {
                self.floor.hear(it, word);
                self.used[i] = true;
            }
        }
    }

    fn hear_place(&mut self, i: usize, word: &str, it: Place, manner: &Manner) {
        // "Step by step" is no flight of stairs, a plant in a pot no factory.
        let of_stairs = |w: &String| w.starts_with("stair") || w == "steps";
        let idle = word.starts_with("step") && !self.words.iter().any(of_stairs)
            || word.starts_with("plant")
                && !matches!(
                    self.before(i),
                    "power" | "assembly" | "chemical" | "industrial"
                );
        if idle {
            return;
        }
        // "A square room", "a garden chair": the place is another one, if one is named.
        let kind_of = |w: &str| Prop::of(w).is_some() || Place::of(w).is_some_and(|p| p != it);
        if self.after(i, 1).any(kind_of) {
            self.aside.get_or_insert(it);
            self.used[i] = true;
            return;
        }
        self.place.hear(it, word);
        if let Some(size) = manner.size {
            self.extent.hear(size, word);
        }
        if let Some(colour) = manner.colour {
            self.wall_colour.hear(colour, word);
        }
        match manner.material {
            Some(it @ (Material::Brick | Material::Plaster)) => self.walls.hear(it, word),
            Some(it) => self.floor.hear(it, word),
            None => {}
        }
        self.take(i, manner);
    }

    fn hear_subject(&mut self, i: usize, word: &str, it: Subject, manner: &Manner, denied: bool) {
        if it == Subject::Nobody {
            // Empty crates are no empty place.
            if !denied && !self.after(i, 2).any(|w| Prop::of(w).is_some()) {
                self.empty.get_or_insert_with(|| word.to_owned());
                self.used[i] = true;
            }
            return;
        }
        if denied || manner.count == Some(0) {
            self.denied_subjects = true;
            self.used[i] = true;
            return;
        }
        if word.starts_with("truck") && self.of_camera(i, Move::Dolly) {
            return;
        }
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
        let known = (0..self.subjects.len()).find(|&k| {
            let cast = &self.subjects[k];
            // "A man and a woman", "a red car and a blue one" are two; "a robot ... the robot" is one.
            let other =
                self.called[k] != word || manner.colour.is_some_and(|c| cast.colour != Some(c));
            cast.subject == it && !(other && manner.count.is_some())
        });
        match known {
            // Named again: the same ones, more of them only where more are counted.
            Some(k) => {
                let cast = &mut self.subjects[k];
                cast.count = cast.count.max(count);
                cast.colour = cast.colour.or(manner.colour);
            }
            None => {
                self.called.push(word.to_owned());
                self.subjects.push(Cast {
                    subject: it,
                    count,
                    colour: manner.colour,
                    size,
                });
            }
        }
        self.take(i, manner);
    }

    fn hear_surface(&mut self, i: usize, word: &str, of_floor: bool, manner: &Manner) {
        // "a floor of wood" as well as "a wooden floor".
        let made_of = {
            let mut next = self.after(i, 3);
            let of = (next.next()).is_some_and(|w| matches!(w, "of" | "made" | "is" | "are"));
            next.find_map(Material::of).filter(|_| of)
        };
        if let Some(material) = manner.material.or(made_of) {
            let slot = if of_floor {
                &mut self.floor
            } else {
                &mut self.walls
            };
            slot.hear(material, word);
        }
        if let Some(colour) = manner.colour {
            let slot = if of_floor {
                &mut self.floor_colour
            } else {
                &mut self.wall_colour
            };
            slot.hear(colour, word);
        }
        self.take(i, manner);
    }
}
