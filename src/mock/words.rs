//! The words that the mock world knows, as tables: each meaning and what names it.

use serde::{Deserialize, Serialize};

/// Declares an enum of things that words name, with the words in a table.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident: [$($word:literal),* $(,)?]),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vmeta])* $variant),* }
        impl $name {
            /// Each meaning and the words for it.
            pub const WORDS: &'static [(Self, &'static [&'static str])] =
                &[$((Self::$variant, &[$($word),*])),*];
            /// The meaning of a lower-case word; a plural counts as its singular.
            pub fn of(word: &str) -> Option<Self> {
                let known = |word: &str| Self::WORDS.iter().find(|(_, words)| words.contains(&word));
                known(word)
                    .or_else(|| word.strip_suffix('s').and_then(known))
                    .or_else(|| word.strip_suffix("es").and_then(known))
                    .map(|(it, _)| *it)
            }
            /// Its name in `understood.json` and in notes.
            pub fn name(self) -> String {
                serde_json::to_value(self)
                    .ok()
                    .and_then(|v| v.as_str().map(|s| s.replace('_', " ")))
                    .unwrap_or_default()
            }
        }
    };
}

words! {
    /// Where it plays.
    Place {
        /// A closed room.
        Room: ["room", "office", "lab", "laboratory", "kitchen", "studio", "gallery", "garage", "workshop", "basement", "museum", "lobby", "bedroom", "classroom", "library", "bathroom", "apartment", "house", "home", "shop", "store", "cafe", "restaurant", "bar", "attic", "cellar", "gym", "church", "chamber", "interior", "indoors", "hospital", "clinic", "showroom", "bakery", "ballroom", "loft"],
        /// A long corridor.
        Corridor: ["corridor", "hallway", "passage", "passageway", "tunnel", "aisle", "subway", "metro", "spaceship", "submarine"],
        /// A yard under the sky, walled by houses.
        Courtyard: ["courtyard", "yard", "patio", "plaza", "square", "piazza", "garden", "park", "backyard", "playground", "terrace", "cloister", "outdoors"],
        /// A street between houses.
        Street: ["street", "road", "alley", "alleyway", "avenue", "lane", "boulevard", "sidewalk", "city", "town", "downtown", "village", "neighborhood", "neighbourhood", "intersection", "crosswalk", "pavement", "highway", "underpass"],
        /// A hall with a flight of steps.
        Stairs: ["stair", "staircase", "stairway", "stairwell", "step", "escalator"],
        /// A large hall with racks.
        Warehouse: ["warehouse", "factory", "hangar", "depot", "storehouse", "hall", "plant", "supermarket", "barn", "shipyard", "temple"],
    }
}
words! {
    /// How large a thing is.
    Extent {
        /// Small.
        Small: ["small", "tiny", "cramped", "narrow", "cosy", "cozy", "little", "mini", "miniature", "compact", "short"],
        /// Middling.
        Medium: ["medium", "average"],
        /// Large.
        Large: ["large", "big", "huge", "spacious", "wide", "giant", "vast", "enormous", "massive", "tall", "grand"],
    }
}
words! {
    /// Who moves.
    Subject {
        /// A robot on two legs.
        Robot: ["robot", "android", "droid", "humanoid", "machine", "cyborg", "bot", "mech"],
        /// A person.
        Person: ["person", "people", "man", "men", "woman", "women", "human", "worker", "child", "children", "girl", "boy", "someone", "somebody", "kid", "guy", "lady", "ladies", "pedestrian", "figure", "dancer", "runner", "student", "teacher", "chef", "doctor", "nurse", "astronaut", "soldier", "businessman", "businesswoman", "couple", "crowd", "tourist", "guard", "detective", "monk", "grandmother", "grandfather", "mother", "father", "player", "engineer", "scientist", "waiter", "shopper", "courier", "firefighter", "athlete", "jogger", "barista", "librarian", "skateboarder", "explorer", "crew", "passenger"],
        /// A rolling ball.
        Ball: ["ball", "sphere", "football", "basketball", "soccerball"],
        /// A vehicle on four wheels.
        Vehicle: ["vehicle", "car", "truck", "van", "forklift", "bus", "buses", "taxi", "automobile", "lorry", "lorries", "jeep", "suv", "tractor", "cart", "buggy", "sedan", "ambulance", "rover", "pickup", "trolley", "motorcycle", "motorbike"],
        /// Nobody.
        Nobody: ["nobody", "empty", "deserted", "abandoned", "unoccupied", "unpopulated", "uninhabited", "vacant"],
    }
}
words! {
    /// What stands about.
    Prop {
        /// A wooden crate.
        Crate: ["crate", "box", "package", "parcel", "cargo", "carton", "pallet", "suitcase", "luggage", "chest"],
        /// A round pillar from floor to ceiling.
        Pillar: ["pillar", "column"],
        /// A shelf against a wall.
        Shelf: ["shelf", "shelves", "shelving", "rack", "bookcase", "bookshelf", "bookshelves", "cabinet", "cupboard", "locker", "wardrobe"],
        /// A table.
        Table: ["table", "desk", "workbench", "counter", "workstation"],
        /// A tank, a capsule on end.
        Tank: ["tank", "boiler", "cylinder", "vat"],
        /// A barrel.
        Barrel: ["barrel", "drum", "bin", "bucket", "keg"],
        /// A bench to sit on.
        Bench: ["bench", "sofa", "couch", "bed", "pew"],
        /// A chair.
        Chair: ["chair", "stool", "seat", "armchair"],
        /// A tree.
        Tree: ["tree", "palm", "oak", "birch"],
        /// A plant in a pot.
        Plant: ["plant", "bush", "shrub", "flower", "flowerpot", "fern", "hedge"],
        /// A lamp on a post.
        Lamp: ["lamp", "lantern", "lamppost", "streetlight", "streetlamp"],
        /// A traffic cone or bollard.
        Cone: ["cone", "bollard", "hydrant"],
    }
}
words! {
    /// What surfaces are made of.
    Material {
        /// Concrete.
        Concrete: ["concrete", "cement", "stone", "rock", "granite"],
        /// Planks.
        Wood: ["wood", "wooden", "parquet", "timber", "plank", "hardwood", "oaken"],
        /// Square tiles.
        Tile: ["tile", "tiled", "ceramic", "checkered", "chequered", "terrazzo"],
        /// Polished slabs that mirror.
        Marble: ["marble",
            "marbled", "polished", "glossy", "shiny", "mirror", "mirrored", "reflective"],
        /// Bricks.
        Brick: ["brick", "cobblestone", "cobbled", "cobble"],
        /// Painted plaster.
        Plaster: ["plaster", "painted", "paint", "wallpaper", "plastered", "stucco"],
        /// Metal panels.
        Metal: ["metal", "metallic", "steel", "iron", "aluminium", "aluminum", "chrome", "rusty"],
        /// Carpet.
        Carpet: ["carpet", "carpeted", "rug"],
        /// Asphalt.
        Asphalt: ["asphalt", "tarmac", "paved"],
        /// Grass.
        Grass: ["grass", "grassy", "lawn", "meadow"],
    }
}
words! {
    /// The light.
    Light {
        /// Neutral.
        Neutral: ["neutral", "fluorescent"],
        /// Bright.
        Bright: ["bright", "sunlit", "daylight", "noon", "midday", "daytime", "lit", "brightly"],
        /// Warm.
        Warm: ["warm", "golden", "sunset", "candlelight", "candlelit", "dusk", "sunrise", "dawn", "evening", "cosy", "cozy", "firelight"],
        /// Cool.
        Cool: ["cool", "cold", "moonlight", "moonlit", "neon", "sterile"],
        /// Dim.
        Dim: ["dim", "dark", "gloomy", "shadowy", "moody", "candle", "dimly"],
        /// Night.
        Night: ["night", "midnight", "nighttime", "nocturnal"],
    }
}
words! {
    /// The weather, where there is a sky.
    Weather {
        /// Sun.
        Clear: ["sunny", "clear", "sun", "sunshine", "cloudless"],
        /// Clouds all over.
        Overcast: ["overcast", "cloudy", "grey", "gray", "clouds", "cloud"],
        /// Rain: clouds and a wet ground that mirrors.
        Rain: ["rain", "rainy", "raining", "wet", "drizzle", "storm", "stormy", "puddle", "thunderstorm"],
        /// Fog.
        Fog: ["fog", "foggy", "mist", "misty", "haze", "hazy", "smoke", "smoky"],
        /// Snow on the ground.
        Snow: ["snow", "snowy", "snowing", "winter", "icy", "frost", "frosty", "blizzard"],
    }
}
words! {
    /// Colours of things.
    Colour {
        /// Red.
        Red: ["red", "crimson", "scarlet"],
        /// Orange.
        Orange: ["orange"],
        /// Yellow.
        Yellow: ["yellow", "gold"],
        /// Green.
        Green: ["green", "olive"],
        /// Turquoise.
        Turquoise: ["turquoise", "teal", "cyan"],
        /// Blue.
        Blue: ["blue", "navy", "azure"],
        /// Purple.
        Purple: ["purple", "violet", "pink", "magenta"],
        /// Brown.
        Brown: ["brown", "tan", "beige"],
        /// White.
        White: ["white", "ivory", "silver"],
        /// Grey.
        Grey: ["grey", "gray"],
        /// Black.
        Black: ["black"],
    }
}
words! {
    /// How the camera moves.
    Move {
        /// Along a slanted line, turning a little.
        Dolly: ["dolly", "dollies", "dollying", "forward", "push", "pushes", "glide", "gliding", "truck", "sideways", "drone", "crane", "flythrough", "slider", "sliding", "advance"],
        /// On an arc about the middle.
        Orbit: ["orbit", "orbiting", "circling", "circle", "arc", "revolve", "revolving", "360"],
        /// Not at all.
        Static: ["static", "fixed", "tripod", "stationary", "locked", "immobile", "motionless", "still"],
        /// Turning on the spot.
        Pan: ["pan", "panning", "panoramic"],
        /// Carried by hand.
        Handheld: ["handheld", "shaky", "bodycam", "documentary"],
        /// Behind a subject.
        Follow: ["follow", "following", "tracking", "chase", "chasing", "trail", "trailing"],
    }
}
words! {
    /// How fast things go.
    Pace {
        /// Slowly.
        Slow: ["slow", "slowly", "gentle", "gently", "calm", "leisurely", "stroll", "strolling"],
        /// As people walk.
        Normal: ["normal"],
        /// Fast.
        Fast: ["fast", "quick", "quickly", "rapid", "rapidly", "run", "running", "race", "racing", "sprint", "sprinting", "speeding", "rush", "rushing", "hurry"],
    }
}

impl Colour {
    /// Linear colour, and the darker one that its noise mixes in.
    pub fn linear(self) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::Red => ([0.62, 0.06, 0.05], [0.24, 0.02, 0.02]),
            Self::Orange => ([0.85, 0.33, 0.04], [0.36, 0.10, 0.015]),
            Self::Yellow => ([0.82, 0.62, 0.06], [0.38, 0.24, 0.02]),
            Self::Green => ([0.10, 0.42, 0.14], [0.03, 0.16, 0.05]),
            Self::Turquoise => ([0.05, 0.45, 0.50], [0.015, 0.16, 0.20]),
            Self::Blue => ([0.06, 0.17, 0.60], [0.02, 0.05, 0.22]),
            Self::Purple => ([0.42, 0.12, 0.50], [0.16, 0.04, 0.20]),
            Self::Brown => ([0.40, 0.23, 0.11], [0.15, 0.08, 0.03]),
            Self::White => ([0.84, 0.83, 0.80], [0.44, 0.45, 0.47]),
            Self::Grey => ([0.38, 0.38, 0.39], [0.15, 0.15, 0.16]),
            Self::Black => ([0.07, 0.07, 0.08], [0.02, 0.02, 0.025]),
        }
    }
}

/// A count as a word or digits, up to 999,999.
pub(super) fn number(word: &str) -> Option<u32> {
    const NAMES: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    match word {
        "a" | "an" | "single" | "lone" | "another" => Some(1),
        "pair" | "couple" | "both" => Some(2),
        "several" | "some" | "few" => Some(3),
        "many" | "lots" | "multiple" | "numerous" | "dozen" | "dozens" | "group" | "crowd" => {
            Some(12)
        }
        "hundred" | "hundreds" => Some(100),
        "thousand" | "thousands" => Some(1000),
        _ => match NAMES.iter().position(|n| *n == word) {
            Some(n) => Some(n as u32),
            None => word.parse::<u64>().ok().map(|n| n.min(999_999) as u32),
        },
    }
}

/// Emoji as the words that they stand for.
pub(super) fn emoji(c: char) -> Option<&'static str> {
    Some(match c {
        '🤖' => "robot",
        '🧍' | '🚶' | '🏃' | '👩' | '👨' | '🧑' | '👤' | '👧' | '👦' | '💃' => {
            "person"
        }
        '⚽' | '🏀' | '🎾' | '🏐' | '🔮' => "ball",
        '🚗' | '🚙' | '🚕' | '🚚' | '🚌' | '🚓' | '🚛' | '🏎' => "car",
        '📦' => "box",
        '🌳' | '🌲' | '🌴' => "tree",
        '🪑' => "chair",
        '🛋' | '🛏' => "sofa",
        '🌧' | '☔' | '⛈' => "rain",
        '🌫' => "fog",
        '❄' | '☃' | '⛄' => "snow",
        '☀' | '🌞' => "sunny",
        '🌙' | '🌃' => "night",
        '🌅' | '🌇' => "sunset",
        '🏠' | '🏡' => "house",
        '🏙' | '🌆' => "city",
        '🏭' => "factory",
        '🪜' => "stairs",
        _ => return None,
    })
}

/// Words that carry no picture, so that leaving them out is no loss.
pub(super) const QUIET: &[&str] = &[
    "the", "a", "an", "and", "or", "of", "in", "on", "at", "to", "with", "by", "from", "into",
    "through", "along", "over", "under", "is", "are", "was", "it", "its", "as", "for", "no", "not",
    "without", "that", "this", "there", "while", "then", "past", "around", "across", "up", "down",
    "shot", "camera", "scene", "video", "view", "between", "behind", "near", "next", "very", "all",
    "his", "her", "their", "our", "your", "my", "walk", "walks", "walking", "move", "moves",
    "moving", "stand", "stands", "standing", "rolls", "rolling", "drives", "driving", "floor",
    "wall", "walls", "ground", "ceiling", "light", "lighting", "day", "be", "out", "off", "which",
    "who",
];
