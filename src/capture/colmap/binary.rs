//! `cameras.bin` and `images.bin`: little-endian records behind a count.

use std::collections::BTreeMap;

use super::{Image, MODELS, lens, sound};
use crate::capture::Lens;

/// Bytes of the shortest camera, image and point: without name and points, without images that see it.
pub(super) const LEAST: [usize; 3] = [24, 73, 51];

/// The file from where it was read to.
struct Bytes<'a> {
    rest: &'a [u8],
    whole: usize,
    /// Such as `image 3 of 24`.
    place: String,
}

impl<'a> Bytes<'a> {
    /// Past the count of records, of `least` bytes each, which `what` names.
    fn counted(raw: &'a [u8], what: &str, least: usize) -> Result<(Self, u64), String> {
        let mut bytes = Self {
            rest: raw,
            whole: raw.len(),
            place: "its head".to_owned(),
        };
        let count = u64::from_le_bytes(bytes.take()?);
        let room = (bytes.rest.len() / least) as u64;
        match count <= room {
            true => Ok((bytes, count)),
            false => Err(format!(
                "it says that it holds {count} {what}, and its {} bytes have room for {room}: it is cut short or no file of COLMAP's; copy it again",
                raw.len()
            )),
        }
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| {
            format!(
                "it ends within {}, after {} bytes; copy it again",
                self.place, self.whole
            )
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.slice(N)?);
        Ok(bytes)
    }

    fn doubles<const N: usize>(&mut self) -> Result<[f64; N], String> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = f64::from_le_bytes(self.take()?);
        }
        Ok(values)
    }

    /// A text that ends in a zero.
    fn text(&mut self) -> Result<String, String> {
        let end = self.rest.iter().position(|byte| *byte == 0);
        let text = self.slice(end.unwrap_or(self.rest.len()))?;
        self.slice(1)?;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn end(&self, what: &str) -> Result<(), String> {
        match self.rest.len() {
            0 => Ok(()),
            n => Err(format!(
                "{n} bytes follow the last of its {what}: its count is wrong, or it is no file of COLMAP's; copy it again"
            )),
        }
    }
}

/// Lenses by the cameras' numbers.
pub(super) fn cameras(raw: &[u8]) -> Result<BTreeMap<u32, Lens>, String> {
    let (mut bytes, count) = Bytes::counted(raw, "cameras", LEAST[0])?;
    let mut cameras = BTreeMap::new();
    for at in 1..=count {
        bytes.place = format!("camera {at} of {count}");
        let id = u32::from_le_bytes(bytes.take()?);
        let model = i32::from_le_bytes(bytes.take()?);
        let sides = [bytes.take()?, bytes.take()?].map(|side| u64::from_le_bytes(side) as f64);
        let known = usize::try_from(model).ok().and_then(|m| MODELS.get(m));
        let Some((name, names)) = known else {
            return Err(format!(
                "{}: it is of camera model {model}, which this program does not know; undistort the pictures with `colmap image_undistorter`, \
                 whose cameras are PINHOLE",
                bytes.place
            ));
        };
        let mut parameters = Vec::with_capacity(names.len());
        for _ in 0..names.len() {
            parameters.push(f64::from_le_bytes(bytes.take()?));
        }
        if cameras.insert(id, lens(name, sides, &parameters)).is_some() {
            return Err(format!(
                "{}: another camera before it has the number {id} as well; make the model again",
                bytes.place
            ));
        }
    }
    bytes.end("cameras").map(|()| cameras)
}

/// Images in the order of the file; `known` tells whether a camera is there.
pub(super) fn images(raw: &[u8], known: &dyn Fn(u32) -> bool) -> Result<Vec<Image>, String> {
    let (mut bytes, count) = Bytes::counted(raw, "images", LEAST[1])?;
    let mut images = Vec::new();
    for at in 1..=count {
        bytes.place = format!("image {at} of {count}");
        bytes.slice(4)?;
        let (rotation, translation) = (bytes.doubles()?, bytes.doubles()?);
        let camera = u32::from_le_bytes(bytes.take()?);
        let name = bytes.text()?;
        let points = u64::from_le_bytes(bytes.take()?);
        // Two coordinates and the point's number.
        let length = usize::try_from(points).ok().and_then(|n| n.checked_mul(24));
        bytes.slice(length.unwrap_or(usize::MAX))?;
        let image = Image {
            name,
            rotation,
            translation,
            camera,
        };
        images.push(sound(image, &bytes.place, known)?);
    }
    bytes.end("images").map(|()| images)
}

/// Where the points of `points3D.bin` lie.
pub(super) fn points(raw: &[u8]) -> Result<Vec<[f64; 3]>, String> {
    let (mut bytes, count) = Bytes::counted(raw, "points", LEAST[2])?;
    let mut points = Vec::new();
    for at in 1..=count {
        bytes.place = format!("point {at} of {count}");
        bytes.slice(8)?;
        points.push(bytes.doubles()?);
        // Colour and error, then who sees it: an image and one of its points each.
        bytes.slice(11)?;
        let seen = u64::from_le_bytes(bytes.take()?);
        let length = usize::try_from(seen).ok().and_then(|n| n.checked_mul(8));
        bytes.slice(length.unwrap_or(usize::MAX))?;
    }
    bytes.end("points").map(|()| points)
}
