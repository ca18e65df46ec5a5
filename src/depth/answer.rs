//! Which of a network's outputs is its depth: by their names, and by their shapes once it ran.

use super::words::words;

/// Words of what goes with depth and is none.
const OTHER: &[&str] = &[
    "conf",
    "confidence",
    "confidences",
    "certainty",
    "uncertainty",
    "sigma",
    "variance",
    "var",
    "logvar",
    "std",
    "prob",
    "probs",
    "probability",
    "score",
    "scores",
    "valid",
    "validity",
    "visibility",
    "mask",
    "masks",
    "sky",
    "seg",
    "segmentation",
    "semantic",
    "semantics",
    "normal",
    "normals",
    "point",
    "points",
    "pointmap",
    "pts",
    "pts3d",
    "points3d",
    "xyz",
    "intrinsic",
    "intrinsics",
    "extrinsic",
    "extrinsics",
    "pose",
    "poses",
    "ray",
    "rays",
    "focal",
    "focallength",
    "fov",
    "fx",
    "fy",
    "feature",
    "features",
    "feat",
    "feats",
    "embedding",
    "embeddings",
    "token",
    "tokens",
    "attention",
    "attn",
    "hidden",
    "logits",
    "bins",
    "scale",
    "shift",
    "edge",
    "edges",
    "boundary",
    "boundaries",
    "rgb",
    "color",
    "colour",
    "albedo",
    "flow",
    "gaussians",
];

/// How well a name says that its output is the depth; smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// `depth` itself.
    Depth,
    /// Depth of some kind: `predicted_depth`, `metric_depth`, `inverse_depth`.
    SomeDepth,
    /// `disparity`, `disp`.
    Disparity,
    /// `pred`, `prediction`.
    Prediction,
    /// Nothing in particular: `output`, `1234`.
    Nothing,
    /// Something else.
    Other,
}

fn name_of(output: &str) -> Name {
    let words = words(output);
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    if has(OTHER) {
        Name::Other
    } else if words == ["depth"] {
        Name::Depth
    } else if has(&["depth", "depths", "depthmap", "idepth", "invdepth"]) {
        Name::SomeDepth
    } else if has(&["disparity", "disparities", "disp", "inverse"]) {
        Name::Disparity
    } else if has(&["pred", "preds", "prediction", "predictions", "predicted"]) {
        Name::Prediction
    } else {
        Name::Nothing
    }
}

/// How an output's shape fits the picture that was fed; smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// One value a pixel, or for every so many pixels.
    Whole,
    /// One value a place, of a picture of another aspect.
    Skewed,
}

/// Rows and columns of an output that has one value a place.
pub(super) fn plane(dims: &[usize]) -> Option<[usize; 2]> {
    let sides: Vec<usize> = dims.iter().copied().filter(|&d| d != 1).collect();
    match sides.as_slice() {
        &[rows, columns] => Some([rows, columns]),
        _ => None,
    }
}

fn fit(dims: &[usize], [width, height]: [usize; 2]) -> Option<(Fit, usize)> {
    let [rows, columns] = plane(dims)?;
    // The rows that the columns' scale asks for; rounding may be off by one.
    let wanted = columns as f64 * height as f64 / width.max(1) as f64;
    let whole = (rows as f64 - wanted).abs() <= 1.0;
    Some((if whole { Fit::Whole } else { Fit::Skewed }, rows * columns))
}

/// The output that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub index: usize,
    /// It does not cover the picture that was fed.
    pub skewed: bool,
    pub note: Option<String>,
}

/// Chooses among outputs by name and shape, for a picture of `size` (width, height); `given` by name goes first.
///
/// # Errors
/// In words, where none is one value a pixel or all are something else by their names.
pub(super) fn choose(
    network: &str,
    outputs: &[(&str, &[usize])],
    size: [usize; 2],
    given: Option<&str>,
) -> Result<Choice, String> {
    let list = || {
        let words = outputs
            .iter()
            .map(|(name, dims)| format!("'{name}' {dims:?}"));
        words.collect::<Vec<_>>().join(", ")
    };
    if let Some(given) = given {
        let found = outputs.iter().position(|(name, _)| *name == given);
        let Some(index) = found else {
            return Err(format!(
                "it has no output '{given}'; its outputs are {}",
                list()
            ));
        };
        return match fit(outputs[index].1, size) {
            Some((fit, _)) => Ok(Choice {
                index,
                skewed: fit == Fit::Skewed,
                note: None,
            }),
            None => Err(format!(
                "its output '{given}' has shape {:?}, not one value a pixel; its outputs are {}",
                outputs[index].1,
                list()
            )),
        };
    }
    let mut fitting: Vec<_> = outputs
        .iter()
        .enumerate()
        .filter_map(|(i, (name, dims))| {
            let (fit, area) = fit(dims, size)?;
            Some(((name_of(name), fit, usize::MAX - area), i))
        })
        .collect();
    fitting.sort_unstable();
    let Some(&((name, fit, area), index)) = fitting.first() else {
        return Err(match outputs {
            [(_, dims)] => format!(
                "its output has shape {dims:?}, not one value a pixel; this is no depth network"
            ),
            _ => format!(
                "none of its outputs is one value a pixel ({}); this is no depth network",
                list()
            ),
        });
    };
    let title = outputs[index].0;
    if name == Name::Other {
        return Err(format!(
            "'{title}' is by its name no depth (its outputs are {}); --network-output {title} takes it all the same \
             (in a run: depth.output)",
            list()
        ));
    }
    let alike = |other: (Name, Fit, usize)| other.0 == name && other.1 == fit;
    let rivals: Vec<&str> = fitting[1..]
        .iter()
        .filter(|(rank, _)| alike(*rank))
        .map(|&(_, i)| outputs[i].0)
        .collect();
    let larger = fitting.get(1).is_some_and(|(rank, _)| rank.2 > area);
    let note = (!rivals.is_empty()).then(|| {
        format!(
            "'{network}': output '{title}' is taken for the depth, as the {} of '{}'; --network-output says which (in a \
             run: depth.output)",
            if larger { "largest" } else { "first" },
            [&[title], rivals.as_slice()].concat().join("', '"),
        )
    });
    Ok(Choice {
        index,
        skewed: fit == Fit::Skewed,
        note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &[usize] = &[1, 48, 64];

    fn index(outputs: &[(&str, &[usize])]) -> Result<(usize, bool), String> {
        choose("net", outputs, [64, 48], None).map(|c| (c.index, c.note.is_some()))
    }

    #[test]
    fn the_output_called_depth_goes_before_all_others() {
        let small: &[usize] = &[1, 1, 24, 32];
        for (outputs, want) in [
            (&[("depth_conf", FULL), ("depth", FULL)][..], (1, false)),
            (
                &[("confidence", FULL), ("predicted_depth", FULL)],
                (1, false),
            ),
            (&[("predicted_depth", FULL), ("depth", FULL)], (1, false)),
            (&[("sky_mask", FULL), ("disparity", FULL)], (1, false)),
            (&[("depth", &[1, 3, 48, 64]), ("pred", FULL)], (1, false)),
            (
                &[("normals", &[1, 3, 48, 64]), ("output", FULL)],
                (1, false),
            ),
            (&[("mask", FULL), ("1234", FULL)], (1, false)),
            (&[("disp_1", small), ("disp_0", FULL)], (1, true)),
            (&[("a", FULL), ("b", FULL)], (0, true)),
            (
                &[("depthUncertainty", FULL), ("depthMap", FULL)],
                (1, false),
            ),
            (&[("normalized_depth", FULL)], (0, false)),
            (
                &[("focallength_px", &[1]), ("predicted_depth", FULL)],
                (1, false),
            ),
        ] {
            assert_eq!(index(outputs), Ok(want), "{outputs:?}");
        }
    }

    #[test]
    fn what_is_no_depth_is_refused_with_the_list() {
        let only = index(&[("confidence", FULL), ("normal", &[1, 3, 48, 64])]).expect_err("none");
        assert!(
            only.contains("'confidence'") && only.contains("--network-output"),
            "{only}"
        );
        let none = index(&[("feat", &[1, 64, 6, 8]), ("pose", &[1, 6])]).expect_err("none");
        assert!(none.contains("'feat' [1, 64, 6, 8]"), "{none}");
        let skewed = choose("net", &[("depth", &[1, 288, 512])], [518, 294], None).expect("one");
        assert!(skewed.skewed);
        let strided = choose("net", &[("depth", &[1, 147, 259])], [518, 294], None).expect("one");
        assert!(!strided.skewed);
        let given = choose(
            "net",
            &[("a", FULL), ("conf", FULL)],
            [64, 48],
            Some("conf"),
        );
        assert_eq!(given.expect("given").index, 1);
        let absent = choose("net", &[("a", FULL)], [64, 48], Some("b")).expect_err("absent");
        assert!(
            absent.contains("no output 'b'") && absent.contains("'a'"),
            "{absent}"
        );
    }
}
