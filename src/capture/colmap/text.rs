//! `cameras.txt` and `images.txt`: a line a camera, two lines an image.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Image, MODELS, lens, sound};
use crate::capture::Lens;

/// Lines with their numbers from 1, without a byte order mark.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.trim_start_matches('\u{feff}');
    (1..).zip(text.lines().map(str::trim))
}

fn utf8(raw: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(raw)
}

/// Empty, or a comment.
fn says_nothing(line: &str) -> bool {
    line.is_empty() || line.starts_with('#')
}

/// The next word of a line as a number, which is called `what`.
fn number<T: std::str::FromStr>(rest: &mut &str, what: &str, at: usize) -> Result<T, String> {
    let text = rest.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    *rest = after;
    word.parse().map_err(|_| match word {
        "" => format!("line {at}: it ends before {what}; copy the file again"),
        word => format!("line {at}: {what} is '{word}', which is no such number; mend it"),
    })
}

/// Lenses by the cameras' numbers. The parameters of a model that is not known are not looked at.
pub(super) fn cameras(raw: &[u8]) -> Result<BTreeMap<u32, Lens>, String> {
    let text = utf8(raw);
    let mut cameras = BTreeMap::new();
    for (at, line) in lines(&text).filter(|(_, line)| !says_nothing(line)) {
        let mut rest = line;
        let id: u32 = number(&mut rest, "CAMERA_ID", at)?;
        let model: String = number(&mut rest, "MODEL", at)?;
        let mut sides = [0.0; 2];
        for (side, what) in sides.iter_mut().zip(["WIDTH", "HEIGHT"]) {
            *side = number::<u64>(&mut rest, what, at)? as f64;
        }
        let mut parameters = Vec::new();
        if let Some((_, names)) = MODELS.iter().find(|(name, _)| *name == model) {
            let count = rest.split_whitespace().count();
            if count != names.len() {
                return Err(format!(
                    "line {at}: {model} has {} parameters, and here are {count}; copy the file again",
                    names.len()
                ));
            }
            for k in 0..count {
                parameters.push(number(&mut rest, &format!("PARAMS[{k}]"), at)?);
            }
        }
        if cameras
            .insert(id, lens(&model, sides, &parameters))
            .is_some()
        {
            return Err(format!(
                "line {at}: another line before it has the camera {id} as well; keep one"
            ));
        }
    }
    Ok(cameras)
}

/// About how many images there are: two lines each.
pub(super) fn count(raw: &[u8]) -> u64 {
    let text = utf8(raw);
    let (mut count, mut lines) = (0, lines(&text));
    while let Some((_, line)) = lines.next() {
        if !says_nothing(line) {
            count += 1;
            lines.next();
        }
    }
    count
}

/// Images in the order of the file; `known` tells whether a camera is there. A name is all that stands behind the camera's
/// number, spaces too.
pub(super) fn images(raw: &[u8], known: &dyn Fn(u32) -> bool) -> Result<Vec<Image>, String> {
    let text = utf8(raw);
    let mut lines = lines(&text);
    let mut images = Vec::new();
    while let Some((at, line)) = lines.next() {
        if says_nothing(line) {
            continue;
        }
        let mut rest = line;
        number::<u32>(&mut rest, "IMAGE_ID", at)?;
        let mut pose = [0.0; 7];
        for (value, what) in pose
            .iter_mut()
            .zip(["QW", "QX", "QY", "QZ", "TX", "TY", "TZ"])
        {
            *value = number(&mut rest, what, at)?;
        }
        let camera = number(&mut rest, "CAMERA_ID", at)?;
        let name = rest.trim().to_owned();
        if name.is_empty() {
            return Err(format!(
                "line {at}: it ends before NAME; copy the file again"
            ));
        }
        let [w, x, y, z, translation @ ..] = pose;
        let image = Image {
            name,
            rotation: [w, x, y, z],
            translation,
            camera,
        };
        images.push(sound(image, &format!("line {at}"), known)?);
        // Points in threes, or an empty line: without it the next image would be taken for points.
        if let Some((at, points)) = lines.next() {
            let count = points.split_whitespace().count();
            let last = points.split_whitespace().next_back();
            if count % 3 != 0 || last.is_some_and(|word| word.parse::<i64>().is_err()) {
                return Err(format!(
                    "line {at}: it should hold the points of the image before it (X, Y, POINT3D_ID each), and may be empty; write an empty line \
                     behind each image that has none"
                ));
            }
        }
    }
    Ok(images)
}

/// Where the points of `points3D.txt` lie.
pub(super) fn points(raw: &[u8]) -> Result<Vec<[f64; 3]>, String> {
    let text = utf8(raw);
    let mut points = Vec::new();
    for (at, line) in lines(&text).filter(|(_, line)| !says_nothing(line)) {
        let mut rest = line;
        number::<u64>(&mut rest, "POINT3D_ID", at)?;
        let mut point = [0.0; 3];
        for (value, what) in point.iter_mut().zip(["X", "Y", "Z"]) {
            *value = number(&mut rest, what, at)?;
        }
        points.push(point);
    }
    Ok(points)
}
