//! The words that names are made of: `depth_anything_v2_metric_vits`, `ZoeDepth`, `predictedDepth`.

/// Words that are also found where they are written together, as in `da3metric`. The longer of two that begin alike
/// stands first.
const JOINED: &[&str] = &[
    "absolute",
    "adabins",
    "anything",
    "base",
    "certainty",
    "confidence",
    "conf",
    "da2",
    "da3",
    "dav2",
    "depth",
    "disparity",
    "disp",
    "fastdepth",
    "hypersim",
    "indoor",
    "inverse",
    "inv",
    "kitti",
    "large",
    "map",
    "mask",
    "meters",
    "metres",
    "metric",
    "midas",
    "mono",
    "net",
    "non",
    "normal",
    "nyu",
    "output",
    "outdoor",
    "points",
    "predicted",
    "prediction",
    "pred",
    "pro",
    "relative",
    "scannet",
    "small",
    "uncertainty",
    "uni",
    "vits",
    "vitb",
    "vitl",
    "vkitti",
    "zoe",
];

/// Longest part of a name that is looked at for words written together.
const LONGEST: usize = 64;

/// The words of a name in lower case: parted at anything that is no letter or digit and before capitals, without
/// the numbers and versions at their ends, and known ones that are written together parted too.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let starts = c.is_uppercase() && (before.is_lowercase() || before.is_numeric());
        if starts || !c.is_alphanumeric() {
            parts.push(String::new());
        }
        if let (true, Some(part)) = (c.is_alphanumeric(), parts.last_mut()) {
            part.extend(c.to_lowercase());
        }
        before = c;
    }
    parts
        .iter()
        .filter(|part| !part.is_empty())
        .flat_map(|part| apart(part))
        .collect()
}

fn apart(part: &str) -> Vec<String> {
    let plain = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let plain = match plain.strip_suffix('v') {
        Some(rest) if plain.len() < part.len() => rest,
        _ => plain,
    };
    for whole in [part, plain].into_iter().filter(|w| w.len() <= LONGEST) {
        if let Some(known) = split(whole) {
            return known.into_iter().map(str::to_owned).collect();
        }
    }
    vec![plain.to_owned()]
}

/// A text as known words one after another, if it is nothing else.
fn split(text: &str) -> Option<Vec<&str>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    JOINED.iter().find_map(|word| {
        let rest = text.strip_prefix(word)?;
        let mut words = split(rest)?;
        words.insert(0, &text[..word.len()]);
        Some(words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        for (name, want) in [
            (
                "depth_anything_v2_metric_vits",
                "depth anything metric vits",
            ),
            ("predictedDepth", "predicted depth"),
            ("ZoeDepth-NYUv2", "zoe depth nyu"),
            ("da3metric-large", "da3 metric large"),
            ("nonmetric", "non metric"),
            ("vkitti2", "vkitti"),
            ("metric3d_vit_small", "metric3d vit small"),
            ("isometric", "isometric"),
            ("/depth_head/Squeeze_output_0", "depth head squeeze output"),
            ("disp0", "disp"),
        ] {
            assert_eq!(words(name).join(" "), want, "{name}");
        }
    }
}
