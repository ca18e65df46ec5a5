//! Whether a network answers metres or relative inverse depth, where nobody gave it and no list has it: by the words
//! of its names. What they leave open is a guess, and told.

use super::words::words;
use super::{DepthKind, KindFrom};

/// Words for depth in inverse or relative form.
const INVERSE: &[&str] = &["disparity", "disp", "inverse", "inv", "idepth", "invdepth"];
const RELATIVE: &[&str] = &["relative"];
/// Words for metres.
const METRIC: &[&str] = &[
    "metric",
    "metric3d",
    "meters",
    "metres",
    "meter",
    "metre",
    "absolute",
    "millimeters",
    "millimetres",
    "centimeters",
    "centimetres",
];
/// Data sets and families whose networks are mostly metric, or mostly relative.
const MOSTLY_METRIC: &[&str] = &[
    "indoor",
    "outdoor",
    "kitti",
    "vkitti",
    "hypersim",
    "nyu",
    "scannet",
    "ddad",
    "sunrgbd",
    "zoe",
    "unidepth",
    "unik3d",
    "depthpro",
    "adabins",
    "newcrfs",
    "binsformer",
    "fastdepth",
];
const MOSTLY_RELATIVE: &[&str] = &["midas", "monodepth", "litemono", "rel"];
/// Families of two words.
const PAIRS: &[([&str; 2], &str)] = &[
    (["depth", "pro"], "depthpro"),
    (["uni", "depth"], "unidepth"),
    (["ada", "bins"], "adabins"),
    (["fast", "depth"], "fastdepth"),
    (["lite", "mono"], "litemono"),
    (["mono", "depth"], "monodepth"),
];

/// One text that may tell the kind, and what it is.
pub(super) struct Source<'a> {
    /// Such as `its file's name`.
    pub place: &'static str,
    pub text: &'a str,
    /// The text is an output's name, whose last word may be a unit.
    pub is_output: bool,
}

/// What one text tells.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    kind: DepthKind,
    word: String,
    /// The word does not say it, but most networks of that word are of this kind.
    weak: bool,
}

/// The kind, where it comes from, and what a person should know about that.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub kind: DepthKind,
    pub from: KindFrom,
    pub notes: Vec<String>,
}

/// Reads the kind from the texts, those first that are nearest to the answer.
pub(super) fn read(network: &str, sources: &[Source<'_>]) -> Reading {
    let told: Vec<(&'static str, Told)> = sources
        .iter()
        .flat_map(|s| tell(s).into_iter().map(|told| (s.place, told)))
        .collect();
    // What is said goes before what is likely, the nearer source before the farther.
    let mut order: Vec<&(&'static str, Told)> = told.iter().collect();
    order.sort_by_key(|(_, t)| t.weak);
    let mend = "--kind says which (in a run: depth.kind)";
    let Some((place, first)) = order.first() else {
        return Reading {
            kind: DepthKind::RelativeInverse,
            from: KindFrom::Guessed,
            notes: vec![format!(
                "'{network}' does not say what its answers mean: guessed to be relative inverse depth, larger is nearer; {mend}"
            )],
        };
    };
    let against = order.iter().find(|(_, t)| t.kind != first.kind);
    let mut notes = Vec::new();
    if let Some((other, against)) = against {
        // Two words of one text, of one strength: neither is nearer.
        let even = other == place && first.weak == against.weak && !is_inverse(&first.word);
        notes.push(format!(
            "'{network}': '{}' in {place} speaks for {}, '{}' in {other} for {}: taken for {}{}; {mend}",
            first.word,
            first.kind.words(),
            against.word,
            against.kind.words(),
            first.kind.words(),
            if even { ", a guess" } else { "" }
        ));
        if even {
            return Reading {
                kind: first.kind,
                from: KindFrom::Guessed,
                notes,
            };
        }
    } else if first.weak {
        notes.push(format!(
            "'{network}' is taken to answer {}, as most networks with '{}' in {place} do; {mend}",
            first.kind.words(),
            first.word
        ));
    }
    Reading {
        kind: first.kind,
        from: KindFrom::Name,
        notes,
    }
}

fn is_inverse(word: &str) -> bool {
    INVERSE.contains(&word)
}

/// What a text's words tell: at most one word for each kind, those in inverse form first.
fn tell(source: &Source<'_>) -> Vec<Told> {
    let words = joined(words(source.text));
    let find = |list: &[&str]| words.iter().position(|w| list.contains(&w.as_str()));
    let told = |at: usize, kind, weak| Told {
        kind,
        word: words[at].clone(),
        weak,
    };
    let mut all = Vec::new();
    if let Some(at) = find(INVERSE).or_else(|| find(RELATIVE)) {
        all.push(told(at, DepthKind::RelativeInverse, false));
    }
    if let Some(at) = find(METRIC) {
        let denied = at > 0 && ["non", "not", "no"].contains(&words[at - 1].as_str());
        if denied {
            all.push(Told {
                kind: DepthKind::RelativeInverse,
                word: format!("{} {}", words[at - 1], words[at]),
                weak: false,
            });
        } else {
            all.push(told(at, DepthKind::Metric, false));
        }
    }
    if all.is_empty() && source.is_output && unit(source.text).is_some() {
        all.push(told(words.len() - 1, DepthKind::Metric, false));
    }
    if all.is_empty() {
        // A family says more than the data that one of its networks saw.
        all.extend(find(MOSTLY_RELATIVE).map(|at| told(at, DepthKind::RelativeInverse, true)));
        if all.is_empty() {
            all.extend(find(MOSTLY_METRIC).map(|at| told(at, DepthKind::Metric, true)));
        }
    }
    all
}

/// Families of two words become one.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        let pair = out.last().and_then(|before| {
            PAIRS
                .iter()
                .find(|(pair, _)| pair[0] == before && pair[1] == word)
        });
        match pair {
            Some((_, family)) => {
                out.pop();
                out.push((*family).to_owned());
            }
            None => out.push(word),
        }
    }
    out
}

/// Metres of one unit of an answer, by the words of its name: `depth_mm`, `depth_m`. `None` where none names a unit.
pub(super) fn unit(output: &str) -> Option<f32> {
    let words = words(output);
    let last = words.last()?.as_str();
    let of_depth = words.iter().any(|w| w == "depth");
    match last {
        "m" | "meters" | "metres" if of_depth => Some(1.0),
        "mm" | "millimeters" | "millimetres" if of_depth => Some(1e-3),
        "cm" | "centimeters" | "centimetres" if of_depth => Some(1e-2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(texts: &[(&'static str, &str)]) -> (DepthKind, KindFrom, usize) {
        let sources: Vec<Source> = texts
            .iter()
            .map(|&(place, text)| Source {
                place,
                text,
                is_output: place == "its output's name",
            })
            .collect();
        let reading = read("net", &sources);
        (reading.kind, reading.from, reading.notes.len())
    }

    #[test]
    fn names_tell_the_kind_and_guesses_are_told() {
        use DepthKind::{Metric, RelativeInverse};
        use KindFrom::{Guessed, Name};
        for (name, want) in [
            ("depth_anything_v2_metric_hypersim_vits", (Metric, Name, 0)),
            ("depth_anything_v2_vits_indoor_dynamic", (Metric, Name, 1)),
            ("depth_anything_v2_vitb_outdoor_dynamic", (Metric, Name, 1)),
            ("dpt_swin2_kitti", (Metric, Name, 1)),
            ("ZoeD_M12_N", (Metric, Name, 1)),
            ("DepthPro", (Metric, Name, 1)),
            ("unidepthv2_vits14", (Metric, Name, 1)),
            ("metric3d-vit-small", (Metric, Name, 0)),
            ("DA3METRIC-LARGE", (Metric, Name, 0)),
            ("midas_v21_small", (RelativeInverse, Name, 1)),
            ("monodepth2_kitti_mono", (RelativeInverse, Name, 1)),
            ("disp_net", (RelativeInverse, Name, 0)),
            ("non-metric-depth", (RelativeInverse, Name, 0)),
            ("depth_anything_v2_vits", (RelativeInverse, Guessed, 1)),
            ("geometric_depth", (RelativeInverse, Guessed, 1)),
            ("asymmetric", (RelativeInverse, Guessed, 1)),
            ("relative_metric", (RelativeInverse, Guessed, 1)),
        ] {
            assert_eq!(kind(&[("its file's name", name)]), want, "{name}");
        }
        // The output's name is nearest to the answer; a word against it is told.
        let both = [
            ("its output's name", "disparity"),
            ("its file's name", "metric_net"),
        ];
        assert_eq!(kind(&both), (RelativeInverse, Name, 1));
        let alike = [
            ("its output's name", "metric_depth"),
            ("its file's name", "net_indoor"),
        ];
        assert_eq!(kind(&alike), (Metric, Name, 0));
        // What is said far away goes before what is likely nearby.
        let unit = [("its output's name", "depth_mm")];
        assert_eq!(kind(&unit), (Metric, Name, 0));
        let far = [
            ("its output's name", "indoor"),
            ("its file's name", "relative"),
        ];
        assert_eq!(kind(&far), (RelativeInverse, Name, 1));
    }

    #[test]
    fn units_stand_at_the_end_of_an_outputs_name() {
        assert_eq!(unit("depth_mm"), Some(1e-3));
        assert_eq!(unit("depth_m"), Some(1.0));
        assert_eq!(unit("depth_meters"), Some(1.0));
        assert_eq!(unit("m"), None);
        assert_eq!(unit("depth"), None);
    }
}
