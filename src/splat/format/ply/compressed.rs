//! SuperSplat's compressed PLY: packed words, with the bounds of each 256 splats in an element `chunk`.

use super::super::super::harmonics::{MOST, MOST_DEGREE};
use super::super::builder::{Builder, Splat};
use super::super::{SH0, SplatFile};
use super::header::{Encoding, Header, Holds, Scalar};
use super::layout::harmonics;
use super::rows::Body;

/// Splats of a chunk.
pub(super) const CHUNK: usize = 256;

pub(super) const PACKED: [&str; 4] = [
    "packed_position",
    "packed_rotation",
    "packed_scale",
    "packed_color",
];
pub(super) const BOUNDS: [&str; 12] = [
    "min_x",
    "min_y",
    "min_z",
    "max_x",
    "max_y",
    "max_z",
    "min_scale_x",
    "min_scale_y",
    "min_scale_z",
    "max_scale_x",
    "max_scale_y",
    "max_scale_z",
];
pub(super) const COLOUR_BOUNDS: [&str; 6] = ["min_r", "min_g", "min_b", "max_r", "max_g", "max_b"];

/// Whether the file is of this layout.
pub(super) fn is(header: &Header<'_>, vertex: usize) -> bool {
    let element = &header.elements[vertex];
    header.element("chunk").is_some() && PACKED.iter().all(|n| element.find(n).is_some())
}

/// The file's splats, and which properties of `vertex` are a part of them.
///
/// # Errors
/// In words: a property or a chunk that is missing, a file cut short.
pub(super) fn read(
    header: &Header<'_>,
    body: &Body<'_>,
    vertex: usize,
) -> Result<(SplatFile, Vec<bool>), String> {
    let find = |index: usize, names: &[&str]| -> Result<Vec<usize>, String> {
        let element = &header.elements[index];
        let one = |name: &&str| {
            element
                .find(name)
                .filter(|i| matches!(element.properties[*i].holds, Holds::One(_)))
                .ok_or_else(|| {
                    format!(
                        "the element '{}' of the compressed PLY has no number '{name}'",
                        element.name
                    )
                })
        };
        names.iter().map(one).collect()
    };
    let chunk = header
        .element("chunk")
        .ok_or("the compressed PLY has no element 'chunk'")?;
    let mut bounds = find(chunk, &BOUNDS)?;
    // Files of its first version have no bounds of colours: they span 0 to 1.
    let coloured = header.elements[chunk].find(COLOUR_BOUNDS[0]).is_some();
    if coloured {
        bounds.extend(find(chunk, &COLOUR_BOUNDS)?);
    }
    let packed = find(vertex, &PACKED)?;
    for index in &packed {
        let property = &header.elements[vertex].properties[*index];
        if !matches!(property.holds, Holds::One(Scalar::U32)) || header.encoding == Encoding::Ascii
        {
            return Err(format!(
                "'{}' of the compressed PLY is no binary uint",
                property.name
            ));
        }
    }
    let sh = header.element("sh");
    let (channel, sh_degree) = match sh {
        Some(index) => harmonics(&header.elements[index])?,
        None => (0, 0),
    };
    let names: Vec<String> = (0..3 * channel).map(|i| format!("f_rest_{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let harmonics = match sh {
        Some(index) => find(index, &names)?,
        None => Vec::new(),
    };
    for index in [Some(chunk), Some(vertex), sh].into_iter().flatten() {
        body.whole(index)?;
    }
    let count = header.elements[vertex].count;
    let chunks = header.elements[chunk].count;
    if chunks < count.div_ceil(CHUNK) {
        return Err(format!(
            "{chunks} chunks for {count} splats; the compressed PLY needs {} of {CHUNK} splats",
            count.div_ceil(CHUNK)
        ));
    }
    if let Some(found) = sh
        .map(|i| header.elements[i].count)
        .filter(|n| *n != count && channel > 0)
    {
        return Err(format!(
            "{found} rows of the element 'sh' for {count} splats"
        ));
    }
    let mut out = Builder::new(body.room(vertex), sh_degree.min(MOST_DEGREE));
    let mut chunk_rows = body.rows(chunk, &bounds);
    let mut splat_rows = body.rows(vertex, &packed);
    // An element of that name without harmonics says nothing.
    let read = sh.filter(|_| channel > 0);
    let mut sh_rows = read.map(|index| body.rows(index, &harmonics));
    let is_byte = |i: &usize| {
        let holds = sh.map(|s| header.elements[s].properties[*i].holds);
        matches!(holds, Some(Holds::One(Scalar::U8)))
    };
    let bytes: Vec<bool> = harmonics.iter().map(is_byte).collect();
    let (mut limits, mut words, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..count {
        if i % CHUNK == 0 {
            chunk_rows.next(&mut limits)?;
            if !coloured {
                limits.extend([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
            }
        }
        splat_rows.next(&mut words)?;
        let [position, rotation, scale, colour] = [0, 1, 2, 3].map(|k| words[k] as u32);
        let within = |at: usize, t: [f64; 3]| -> [f32; 3] {
            std::array::from_fn(|c| between(limits[at + c], limits[at + 3 + c], t[c]) as f32)
        };
        let [r, g, b, opacity] = colour.to_be_bytes().map(|v| f64::from(v) / 255.0);
        let base = within(12, [r, g, b]);
        let mut sh = [base.map(|v| ((f64::from(v) - 0.5) / f64::from(SH0)) as f32); MOST];
        let mut sound = true;
        if let Some(rows) = &mut sh_rows {
            rows.next(&mut rest)?;
            for (value, is_byte) in rest.iter_mut().zip(&bytes) {
                if *is_byte {
                    *value = eighth(*value);
                }
                sound &= value.is_finite();
            }
            for k in 0..channel.min(MOST - 1) {
                sh[1 + k] = [0, 1, 2].map(|c| rest[c * channel + k] as f32);
            }
        }
        if sound {
            out.push(&Splat {
                position: within(0, thirds(position)),
                log_scale: within(6, thirds(scale)),
                // Level 0 is clear and level 255 opaque: infinities, as they went in.
                opacity_logit: (opacity / (1.0 - opacity)).ln() as f32,
                rotation: quaternion(rotation),
                sh: &sh,
            });
        } else {
            out.skip();
        }
    }
    let mut used = vec![false; header.elements[vertex].properties.len()];
    packed.iter().for_each(|i| used[*i] = true);
    Ok((out.finish("SuperSplat's compressed PLY", sh_degree), used))
}

/// From `low` to `high`; both are met to the bit, also where one is infinite.
fn between(low: f64, high: f64, t: f64) -> f64 {
    if t <= 0.0 {
        low
    } else if t >= 1.0 {
        high
    } else {
        low * (1.0 - t) + high * t
    }
}

/// 11, 10 and 11 bits, from the highest, as parts of their range.
fn thirds(word: u32) -> [f64; 3] {
    let part = |shift: u32, most: u32| f64::from(word >> shift & most) / f64::from(most);
    [part(21, 2047), part(11, 1023), part(0, 2047)]
}

/// Two bits for the largest of w, x, y, z, then 10 bits for each of the others.
fn quaternion(word: u32) -> [f32; 4] {
    let part =
        |shift: u32| (f64::from(word >> shift & 1023) / 1023.0 - 0.5) * std::f64::consts::SQRT_2;
    let others = [part(20), part(10), part(0)];
    let largest = (1.0 - others.iter().map(|v| v * v).sum::<f64>())
        .max(0.0)
        .sqrt();
    let mut rest = others.into_iter();
    std::array::from_fn(|i| {
        if i as u32 == word >> 30 {
            largest as f32
        } else {
            rest.next().unwrap_or(0.0) as f32
        }
    })
}

/// A coefficient out of its byte, -4 to 4; the middle of its step, but for the ends.
fn eighth(byte: f64) -> f64 {
    let part = match byte {
        b if b <= 0.0 => 0.0,
        b if b >= 255.0 => 1.0,
        b => (b + 0.5) / 256.0,
    };
    (part - 0.5) * 8.0
}
