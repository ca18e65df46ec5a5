//! Every key of the configuration: the pipeline's own, and those that the stages declare.

use crate::key::{Key, Kind};
use crate::providers::NAMES;
use crate::video::Decode;
use crate::{agent, camera, depth, motion, revise, score, splat, world};

const FORMAT: i64 = crate::store::FORMAT as i64;

/// What a run does.
#[rustfmt::skip]
static RUN: &[Key] = &[
    Key::new("format", Kind::Whole(FORMAT, FORMAT), "Format version of run.toml"),
    Key::new("preset", Kind::OneOf(&["draft", "standard", "high"]), "Working sizes and effort; what is not set otherwise comes from it"),
    Key::new("adapter", Kind::Text, "GPU adapter: a part of its name, its index in `director doctor`, or auto"),
    Key::new("decode", Kind::OneOf(&Decode::NAMES), "Who decodes videos: the card where it can (cuda; auto: and the clip is long enough), or software; of sound clips the results are the same"),
    Key::new("provider", Kind::OneOf(&NAMES), "Where takes come from"),
    Key::new("providers.*.at_once", Kind::Whole(1, 1000), "Most jobs of this provider at once"),
    Key::new("providers.*.deadline", Kind::Number(1.0, 1e6), "Seconds after which a job that has not ended is given up"),
    Key::new("rows_at_once", Kind::Whole(1, 10_000), "Most rows that are under way at once"),
    Key::new("lanes", Kind::Whole(1, 16), "Pieces of work at once on each adapter: one has the GPU while another decodes, solves or writes; each takes memory"),
    Key::new("takes_ahead", Kind::Whole(1, 10_000), "Nothing new is asked of a provider while so many takes wait for a GPU"),
    Key::new("takes", Kind::Whole(1, 100), "Takes a prompt, where the row does not say; the files provider gives one a video"),
    Key::new("max_iterations", Kind::Whole(1, 50), "Most rounds of generate, rebuild, test and revise a prompt"),
    Key::new("seed", Kind::Whole(0, i64::MAX), "Seed of the first take, where the row does not say"),
    Key::new("seconds", Kind::Number(0.1, 600.0), "Seconds of video, where the row does not say"),
    Key::new("size", Kind::Size, "Size of the video, where the row does not say"),
    Key::new("fps", Kind::Number(1.0, 240.0), "Frames a second, where the row does not say"),
];

/// What is looked at of a clip.
#[rustfmt::skip]
static CLIP: &[Key] = &[
    Key::new("max_side", Kind::Whole(64, 4096), "Longer side of the working size in pixels"),
    Key::new("max_frames", Kind::Whole(2, 2000), "Most frames of a clip that are used, evenly spaced"),
    Key::new("ignore_known_cameras", Kind::Flag, "Solve cameras even where an input folder tells them"),
    Key::new("ignore_known_depth", Kind::Flag, "Estimate depth even where an input folder tells it"),
];

/// Keys of one owner.
struct Group {
    /// Its table; empty for the top.
    table: &'static str,
    keys: &'static [Key],
    /// What `*` stands for.
    names: fn() -> Vec<&'static str>,
}

const fn group(table: &'static str, keys: &'static [Key]) -> Group {
    let names = Vec::new;
    Group { table, keys, names }
}

/// All owners, in the order in which their keys are shown.
static GROUPS: [Group; 10] = [
    Group {
        names: || NAMES.to_vec(),
        ..group("", RUN)
    },
    group("depth", depth::KEYS),
    group("", CLIP),
    group("motion", motion::KEYS),
    Group {
        names: || score::names().collect(),
        ..group("score", score::KEYS)
    },
    group("solve", camera::KEYS),
    group("fit", splat::KEYS),
    group("world", world::KEYS),
    group("agent", agent::KEYS),
    group("accept", revise::KEYS),
];

/// All keys with the names of providers and metrics filled in, in the order in which they are shown.
pub fn all() -> impl Iterator<Item = (String, &'static Key)> {
    GROUPS.iter().flat_map(|group| {
        let Group { table, keys, names } = group;
        let names = names();
        let mut found = Vec::new();
        // Neighbours with a `*` are one name's settings: they stay together.
        for keys in keys.chunk_by(|a, b| a.name.contains('*') && b.name.contains('*')) {
            let all = match keys[0].name.contains('*') {
                true => &names[..],
                false => &[""],
            };
            for name in all {
                found.extend(keys.iter().map(|key| {
                    let name = key.name.replace('*', name);
                    let dot = if table.is_empty() { "" } else { "." };
                    (format!("{table}{dot}{name}"), key)
                }));
            }
        }
        found
    })
}

/// The key of this dotted name.
pub fn find(name: &str) -> Option<&'static Key> {
    all().find(|(n, _)| n == name).map(|(_, key)| key)
}
