//! Writing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::super::super::Splats;
use super::super::{SH0, counted, sigmoid, unit};
use super::{COLOUR, HEADER_4, Header, MAGIC, ROTATION};

/// The newest version that most viewers read.
const VERSION: u32 = 3;

/// Fractional bits of a position: what everybody writes, and the bounds of what is written here.
const BITS: u32 = 12;
const FEWEST_BITS: u32 = 1;
const MOST_BITS: u32 = 20;
/// Greatest magnitude of a position's 24 bits.
const FARTHEST: f32 = 8_388_607.0;

/// Buckets of the harmonics' bytes, of degree 1 and above: those of Niantic's own writer, for the sake of packing.
const BUCKETS: [i32; 2] = [8, 16];

/// Splats that all readers can count.
const MOST_SPLATS: usize = i32::MAX as usize;

/// The file's bytes, and what had to be bent to fit them.
///
/// # Errors
/// In words: more splats than the format counts.
pub fn encode(splats: &Splats) -> Result<(Vec<u8>, Vec<String>), String> {
    encode_version(splats, VERSION)
}

/// As [`encode`], in version 2, 3 or 4 of the format.
///
/// # Errors
/// In words: another version, or more splats than the format counts.
pub fn encode_version(splats: &Splats, version: u32) -> Result<(Vec<u8>, Vec<String>), String> {
    if !(2..=4).contains(&version) {
        return Err(format!(
            "SPZ version {version} is not written; use 2, 3 or 4"
        ));
    }
    let count = u32::try_from(splats.len())
        .ok()
        .filter(|n| *n as usize <= MOST_SPLATS)
        .ok_or_else(|| {
            format!(
                "{} splats are more than the {MOST_SPLATS} of an SPZ file; use .ply",
                splats.len()
            )
        })?;
    let header = Header {
        version,
        count,
        degree: splats.sh_degree,
        bits: bits(&splats.positions),
        flags: 0,
    };
    let (arrays, bent) = packed(splats, header);
    let mut head = MAGIC.to_vec();
    head.extend(version.to_le_bytes());
    head.extend(count.to_le_bytes());
    head.extend([header.degree as u8, header.bits as u8, header.flags]);
    let bytes = match version {
        4 => with_streams(head, &arrays),
        _ => zip(head, &arrays).map_err(|e| format!("gzip failed ({e})"))?,
    };
    Ok((bytes, bent))
}

fn zip(mut head: Vec<u8>, arrays: &[Vec<u8>; 6]) -> std::io::Result<Vec<u8>> {
    head.push(0);
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(&head)?;
    for array in arrays {
        out.write_all(array)?;
    }
    out.finish()
}

fn with_streams(mut out: Vec<u8>, arrays: &[Vec<u8>; 6]) -> Vec<u8> {
    let filled = || arrays.iter().filter(|array| !array.is_empty());
    let streams: Vec<Vec<u8>> = filled()
        .map(|array| compress_to_vec(array.as_slice(), CompressionLevel::Fastest))
        .collect();
    out.push(streams.len() as u8);
    out.extend((HEADER_4 as u32).to_le_bytes());
    out.resize(HEADER_4, 0);
    for (stream, array) in streams.iter().zip(filled()) {
        out.extend((stream.len() as u64).to_le_bytes());
        out.extend((array.len() as u64).to_le_bytes());
    }
    for stream in &streams {
        out.extend_from_slice(stream);
    }
    out
}

/// Fractional bits that suit the positions: 12, unless the cloud is so small that it would have less than 4096 steps to
/// either side, or so large that it would not fit. A few far splats count for little: for them at most three bits are
/// given up, as the others need them more.
fn bits(positions: &[[f32; 3]]) -> u32 {
    let mut far: Vec<f32> = positions.iter().map(farthest).collect();
    let all = far.iter().copied().fold(0.0, f32::max);
    if all == 0.0 {
        return BITS;
    }
    let scaled = |far: f32, bits: u32| far * f32::powi(2.0, bits as i32);
    let fit = |far: f32| {
        (FEWEST_BITS..=BITS)
            .rev()
            .find(|bits| scaled(far, *bits) <= FARTHEST)
            .unwrap_or(FEWEST_BITS)
    };
    let at = far.len() - 1 - far.len() / 1000;
    let (_, most, _) = far.select_nth_unstable_by(at, f32::total_cmp);
    let fine = (BITS..=MOST_BITS)
        .find(|bits| scaled(*most, *bits) >= 4096.0)
        .unwrap_or(MOST_BITS);
    // What is fine for most need not do for all.
    match scaled(all, fine) <= FARTHEST {
        true => fine,
        false => fit(all).max(fit(*most).saturating_sub(3)).max(FEWEST_BITS),
    }
}

/// Greatest magnitude of a position's coordinates.
fn farthest(position: &[f32; 3]) -> f32 {
    position.iter().fold(0.0, |most, v| v.abs().max(most))
}

/// The properties as they are stored, and what had to be bent.
fn packed(splats: &Splats, header: Header) -> ([Vec<u8>; 6], Vec<String>) {
    let n = splats.len();
    let mut arrays = header.widths().map(|width| Vec::with_capacity(width * n));
    let [positions, opacities, colours, sizes, rotations, harmonics] = &mut arrays;
    let scale = f32::powi(2.0, header.bits as i32);
    let k = splats.coefficients();
    let [mut far, mut bright, mut sized, mut shiny] = [0; 4];
    for i in 0..n {
        far += usize::from(farthest(&splats.positions[i]) * scale >= FARTHEST + 0.5);
        for value in splats.positions[i] {
            let value = (value * scale).round().clamp(-FARTHEST, FARTHEST) as i32;
            positions.extend_from_slice(&value.to_le_bytes()[..3]);
        }
        opacities.push((sigmoid(splats.opacity_logits[i]) * 255.0).round() as u8);
        let (all, harmonic) = (&splats.sh[i * k], &splats.sh[i * k + 1..(i + 1) * k]);
        let colour = all.map(|c| c * COLOUR * 255.0 + 127.5);
        bright += usize::from(outside(&colour));
        colours.extend(colour.map(|c| c.round() as u8));
        let size = splats.log_scales[i].map(|s| (s + 10.0) * 16.0);
        sized += usize::from(outside(&size));
        sizes.extend(size.map(|s| s.round() as u8));
        let [w, x, y, z] = unit(splats.rotations[i]);
        match header.version {
            2 => rotations.extend(into_first_three([x, y, z, w])),
            _ => rotations.extend(into_smallest_three([x, y, z, w]).to_le_bytes()),
        }
        // Half a bucket beyond is rounding.
        let most = [1, 2].map(|at| 1.0 + BUCKETS[at - 1] as f32 / 256.0);
        let mut clamped = false;
        for (at, coefficient) in harmonic.iter().enumerate() {
            let above = usize::from(at >= 3);
            for value in coefficient {
                clamped |= value.abs() > most[above];
                harmonics.push(bucket(*value, BUCKETS[above]));
            }
        }
        shiny += usize::from(clamped);
    }
    let mut bent = Vec::new();
    let mut tell = |n: usize, what: String| {
        if n > 0 {
            bent.push(format!("{what} of {}, clamped", counted(n)));
        }
    };
    tell(
        far,
        format!("positions beyond {}", (FARTHEST / scale).round()),
    );
    let [dark, light] = [-1.0, 1.0].map(|side: f32| 0.5 + side * SH0 * 0.5 / COLOUR);
    tell(bright, format!("colours outside {dark:.2} to {light:.2}"));
    tell(sized, "sizes outside 0.000045 to 380".into());
    tell(shiny, "view-dependent colours beyond 1".into());
    // Less than what everybody writes.
    if header.bits < BITS {
        bent.push(format!(
            "positions finer than {}, as the cloud reaches too far",
            1.0 / scale
        ));
    }
    (arrays, bent)
}

/// Whether a value is more than rounding away from what a byte holds.
fn outside(values: &[f32]) -> bool {
    values.iter().any(|v| !(-0.5..=255.5).contains(v))
}

/// A coefficient's byte, at the middle of a bucket, of which 0 is one.
fn bucket(value: f32, size: i32) -> u8 {
    let byte = (value * 128.0).round().clamp(-256.0, 256.0) as i32 + 128;
    ((byte + size / 2).div_euclid(size) * size).clamp(0, 255) as u8
}

fn into_first_three(q: [f32; 4]) -> [u8; 3] {
    let half = if q[3] < 0.0 { -127.5 } else { 127.5 };
    [q[0], q[1], q[2]].map(|v| (v * half + 127.5).round() as u8)
}

fn into_smallest_three(q: [f32; 4]) -> u32 {
    let greatest = (1..4).fold(0, |most, at| match q[at].abs() > q[most].abs() {
        true => at,
        false => most,
    });
    let mut word = greatest as u32;
    for at in (0..4).filter(|at| *at != greatest) {
        let negative = (q[at] < 0.0) != (q[greatest] < 0.0);
        let magnitude = ROTATION * q[at].abs() / std::f32::consts::FRAC_1_SQRT_2;
        word = word << 10 | u32::from(negative) << 9 | (magnitude + 0.5).min(ROTATION) as u32;
    }
    word
}
