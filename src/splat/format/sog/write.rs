//! Writing: version 2, in one archive.

use std::io::{Cursor, Write as _};

use image::ExtendedColorType;
use image::codecs::webp::WebPEncoder;
use rayon::prelude::*;
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::super::super::Splats;
use super::super::morton::{apart, interleaved};
use super::super::{counted, sigmoid, unit};
use super::codebook::Codebook;
use super::palette::{self, Palette};
use super::{DOCUMENT, HALF_ROOT, PALETTE_ROW, others, rest};
use crate::glb::GENERATOR;

/// Longest side of a WebP, as a multiple of 4.
const SIDE: usize = 16_380;

/// No size at all as a logarithm, at most: it is kept near the sizes there are, as viewers cut their range into equal steps.
const NO_SIZE: f32 = -16.0;

/// Bytes of an image, not yet packed.
struct Plane {
    name: &'static str,
    width: usize,
    height: usize,
    channels: usize,
    bytes: Vec<u8>,
}

/// The file's bytes, and what had to be bent to fit them. Splats are sorted along a curve through space, as viewers ask for.
///
/// # Errors
/// In words: more splats than the images hold.
pub fn encode(splats: &Splats) -> Result<(Vec<u8>, Vec<String>), String> {
    let means = Means::of(splats);
    let order = means.order.as_slice();
    let n = order.len();
    let width = ((n as f64).sqrt() / 4.0).ceil().max(1.0) as usize * 4;
    let height = n.div_ceil(4 * width).max(1) * 4;
    if width.max(height) > SIDE {
        return Err(format!(
            "{n} splats are more than the {} that the images of a .sog hold; use .ply",
            SIDE * SIDE
        ));
    }
    let plane = |name, channels| Plane {
        name,
        width,
        height,
        channels,
        bytes: Vec::with_capacity(width * height * channels),
    };
    let mut bent = Vec::new();

    let mut low = plane("means_l.webp", 3);
    let mut high = plane("means_u.webp", 3);
    for q in &means.quantised {
        low.bytes.extend(q.map(|q| q as u8));
        high.bytes.extend(q.map(|q| (q >> 8) as u8));
    }

    let mut quats = plane("quats.webp", 4);
    for &i in order {
        quats.bytes.extend(packed(splats.rotations[i as usize]));
    }

    let mut scales = plane("scales.webp", 3);
    let (logs, flat) = log_scales(splats, order);
    if flat > 0 {
        bent.push(format!("sizes of 0 of {}, made very small", counted(flat)));
    }
    let scale_codes = Codebook::of(logs.clone());
    scales
        .bytes
        .extend(logs.iter().map(|v| scale_codes.nearest(*v)));

    let k = splats.coefficients();
    let colour = |i: &u32| splats.sh[*i as usize * k];
    let mut sh0 = plane("sh0.webp", 4);
    let colour_codes = Codebook::of(order.iter().flat_map(colour).collect());
    for i in order {
        let [r, g, b] = colour(i).map(|c| colour_codes.nearest(c));
        let alpha = 255.0 * sigmoid(splats.opacity_logits[*i as usize]);
        sh0.bytes.extend([r, g, b, alpha.round() as u8]);
    }

    let mut document = json!({
        "version": 2,
        "asset": {"generator": GENERATOR},
        "count": n,
        "antialias": false,
        "means": {"mins": means.least, "maxs": means.most, "files": [low.name, high.name]},
        "scales": {"codebook": scale_codes.0.as_slice(), "files": [scales.name]},
        "quats": {"files": [quats.name]},
        "sh0": {"codebook": colour_codes.0.as_slice(), "files": [sh0.name]},
    });
    let mut planes = vec![low, high, quats, scales, sh0];
    if rest(splats.sh_degree) > 0 && n > 0 {
        let mut labels = plane("shN_labels.webp", 3);
        let harmonics = Harmonics::of(splats, order);
        for label in &harmonics.labels {
            labels.bytes.extend([*label as u8, (label >> 8) as u8, 0]);
        }
        let coefficients = rest(splats.sh_degree);
        let count = harmonics.codes.len() / (3 * coefficients);
        if n > palette::MOST {
            bent.push(format!(
                "view-dependent colours of {}, which share {count}",
                counted(n)
            ));
        }
        let centroids = Plane {
            name: "shN_centroids.webp",
            width: PALETTE_ROW * coefficients,
            height: count.div_ceil(PALETTE_ROW),
            channels: 3,
            bytes: harmonics.codes,
        };
        document["shN"] = json!({
            "count": count,
            "bands": splats.sh_degree,
            "codebook": harmonics.codebook.0.as_slice(),
            "files": [centroids.name, labels.name],
        });
        planes.extend([centroids, labels]);
    }
    let mut files = vec![(DOCUMENT, document.to_string().into_bytes())];
    let packed: Result<Vec<_>, String> = planes.into_par_iter().map(Plane::packed).collect();
    files.extend(packed?);
    let archive = archive(&files).map_err(|e| format!("the archive cannot be made: {e}"))?;
    Ok((archive, bent))
}

impl Plane {
    /// As a lossless WebP; pixels beyond the splats are 0.
    fn packed(mut self) -> Result<(&'static str, Vec<u8>), String> {
        self.bytes
            .resize(self.width * self.height * self.channels, 0);
        let colour = match self.channels {
            3 => ExtendedColorType::Rgb8,
            _ => ExtendedColorType::Rgba8,
        };
        let mut out = Vec::new();
        WebPEncoder::new_lossless(&mut out)
            .encode(&self.bytes, self.width as u32, self.height as u32, colour)
            .map_err(|e| format!("{} cannot be packed: {e}", self.name))?;
        Ok((self.name, out))
    }
}

/// A zip of files that are packed already.
fn archive(files: &[(&str, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // Of one date, that equal splats give equal bytes.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    for (name, bytes) in files {
        zip.start_file(*name, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Centres in 16 bits an axis, and the order of the splats.
struct Means {
    order: Vec<u32>,
    quantised: Vec<[u16; 3]>,
    /// The range of each axis, as [`squeezed`].
    least: [f64; 3],
    most: [f64; 3],
}

/// What makes steps of position grow with the distance from the origin.
fn squeezed(v: f32) -> f64 {
    let v = f64::from(v);
    v.abs().ln_1p().copysign(v)
}

impl Means {
    fn of(splats: &Splats) -> Self {
        let usable: Vec<u32> = (0..splats.len())
            .filter(|i| splats.is_usable(*i))
            .map(|i| i as u32)
            .collect();
        let (mut least, mut most) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for i in &usable {
            for (axis, v) in splats.positions[*i as usize].iter().enumerate() {
                least[axis] = least[axis].min(squeezed(*v));
                most[axis] = most[axis].max(squeezed(*v));
            }
        }
        if usable.is_empty() {
            (least, most) = ([0.0; 3], [0.0; 3]);
        }
        let mut sorted: Vec<(u64, u32)> = usable
            .into_par_iter()
            .map(|i| {
                let p = splats.positions[i as usize].map(squeezed);
                let q: [u16; 3] = std::array::from_fn(|axis| {
                    // Of a range of 0 nothing is left: 0.
                    let part = (p[axis] - least[axis]) / (most[axis] - least[axis]);
                    (65_535.0 * part).round() as u16
                });
                (interleaved(q.map(u32::from)), i)
            })
            .collect();
        sorted.par_sort_unstable();
        let (codes, order): (Vec<u64>, Vec<u32>) = sorted.into_iter().unzip();
        Self {
            order,
            quantised: codes
                .into_iter()
                .map(|code| apart(code).map(|v| v as u16))
                .collect(),
            least,
            most,
        }
    }
}

/// A rotation as three bytes and which part was left out, the largest.
fn packed(rotation: [f32; 4]) -> [u8; 4] {
    let q = unit(rotation);
    let mut largest = 0;
    for i in 1..4 {
        if q[i].abs() > q[largest].abs() {
            largest = i;
        }
    }
    let sign = 1.0f32.copysign(q[largest]);
    let [a, b, c] = others(largest).map(|i| {
        let part = 0.5 * (sign * q[i] / HALF_ROOT) + 0.5;
        (255.0 * part).round() as u8
    });
    [a, b, c, 252 + largest as u8]
}

/// The logarithms of sizes in order, and of how many splats a size was 0.
fn log_scales(splats: &Splats, order: &[u32]) -> (Vec<f32>, usize) {
    let logs = || order.iter().map(|i| splats.log_scales[*i as usize]);
    let smallest = logs()
        .flatten()
        .filter(|s| s.is_finite())
        .fold(f32::INFINITY, f32::min);
    let nothing = NO_SIZE.min(smallest - 3.0).max(f32::MIN);
    let flat = logs().filter(|s| s.contains(&f32::NEG_INFINITY)).count();
    let logs = logs().flatten().map(|s| s.max(nothing)).collect();
    (logs, flat)
}

/// View-dependent colours: a palette, and each splat's entry.
struct Harmonics {
    codebook: Codebook,
    /// Of the palette's numbers, entry by entry.
    codes: Vec<u8>,
    labels: Vec<u32>,
}

impl Harmonics {
    fn of(splats: &Splats, order: &[u32]) -> Self {
        let k = splats.coefficients();
        let width = 3 * rest(splats.sh_degree);
        let get = |i: u32| splats.sh[order[i as usize] as usize * k..][1..k].as_flattened();
        // One each, up to what labels can tell apart.
        let most = order.len().min(palette::MOST);
        let palette = Palette::of(order.len(), width, most, &get);
        let codebook = Codebook::of(palette.entries.clone());
        let codes = palette
            .entries
            .iter()
            .map(|v| codebook.nearest(*v))
            .collect();
        Self {
            codebook,
            codes,
            labels: palette.labels,
        }
    }
}
