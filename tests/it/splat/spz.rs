//! SPZ: what goes in comes out within the format's own steps, and nothing that is thrown at the reader breaks it.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use glam::DVec3;
use sora_director::splat::Splats;
use sora_director::splat::format::SplatFile;
use sora_director::splat::format::spz::{encode, encode_version, parse};
use sora_director::splat::harmonics::basis;

/// Steps of the format: positions 1/4096, sizes 1/16, opacities 1/255, rotations 1/723 (1/128 in version 2), colour
/// coefficients 1/38, harmonics 1/16 of degree 1 and 1/8 above.
const POSITION: f32 = 1.0 / 4096.0;

struct Dice(u64);

impl Dice {
    fn bits(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.bits() as f32 / (1u32 << 31) as f32)
    }
}

fn cloud(n: usize, sh_degree: u32) -> Splats {
    let mut dice = Dice(7);
    let mut out = Splats {
        sh_degree,
        ..Splats::default()
    };
    for _ in 0..n {
        out.positions.push([0; 3].map(|_| dice.within(-40.0, 40.0)));
        out.log_scales.push([0; 3].map(|_| dice.within(-9.0, 5.0)));
        let q = [0; 4].map(|_| dice.within(-1.0, 1.0));
        let norm = q.iter().map(|v| v * v).sum::<f32>().sqrt();
        out.rotations.push(q.map(|v| v / norm));
        out.opacity_logits.push(dice.within(-5.0, 5.0));
        out.sh.push([0; 3].map(|_| dice.within(-3.0, 3.0)));
        for _ in 1..(sh_degree + 1).pow(2) {
            out.sh.push([0; 3].map(|_| dice.within(-0.95, 0.95)));
        }
    }
    out
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).expect("packed");
    out.finish().expect("packed")
}

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    GzDecoder::new(bytes)
        .read_to_end(&mut out)
        .expect("unpacked");
    out
}

fn version(splats: &Splats, version: u32) -> Vec<u8> {
    let (bytes, bent) = encode_version(splats, version).expect("written");
    assert!(bent.is_empty(), "{bent:?}");
    bytes
}

fn header(version: u32, count: u32, degree: u8, bits: u8, flags: u8) -> Vec<u8> {
    let mut out = b"NGSP".to_vec();
    out.extend(version.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend([degree, bits, flags, 0]);
    out
}

fn refused(bytes: &[u8]) -> String {
    parse(bytes).expect_err("refused")
}

fn sigmoid(v: f32) -> f32 {
    1.0 / (1.0 + (-v).exp())
}

fn near(found: &[f32], wanted: &[f32], step: f32) {
    assert_eq!(found.len(), wanted.len());
    for (a, b) in found.iter().zip(wanted) {
        assert!((a - b).abs() <= step, "{a} in place of {b}, step {step}");
    }
}

fn same_turn(a: [f32; 4], b: [f32; 4], step: f32) {
    let dot: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    near(&a, &b.map(|v| v * dot.signum()), step);
}

#[test]
fn goes_round_in_every_version_and_degree() {
    for degree in 0..4 {
        let splats = cloud(257, degree);
        for v in 2..=4 {
            let file = parse(&version(&splats, v)).expect("sound");
            assert_eq!(file.format, format!("SPZ, version {v}"));
            assert_eq!((file.sh_degree, file.not_finite), (degree, 0));
            assert!(file.notes.is_empty() && file.unused.is_empty());
            let found = file.splats;
            assert_eq!((found.len(), found.sh_degree), (257, degree));
            let half = 0.5 * POSITION + 1e-5;
            near(
                found.positions.as_flattened(),
                splats.positions.as_flattened(),
                half,
            );
            near(
                found.log_scales.as_flattened(),
                splats.log_scales.as_flattened(),
                0.5 / 16.0 + 1e-5,
            );
            for (a, b) in found.rotations.iter().zip(&splats.rotations) {
                // In version 2 w comes of the others, which tells little of a small one.
                same_turn(*a, *b, if v == 2 { 0.12 } else { 0.0016 });
                assert!((a.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-4);
            }
            for (a, b) in found.opacity_logits.iter().zip(&splats.opacity_logits) {
                near(&[sigmoid(*a)], &[sigmoid(*b)], 0.5 / 255.0 + 1e-5);
            }
            let k = splats.coefficients();
            for (a, b) in found.sh.chunks(k).zip(splats.sh.chunks(k)) {
                near(&a[0], &b[0], 0.5 / 38.25 + 1e-5);
                for c in 1..k {
                    // Rounded to 1/128 first, as by others.
                    let step = if c < 4 { 1.0 / 16.0 } else { 1.0 / 8.0 };
                    near(&a[c], &b[c], 0.5 * step + 0.5 / 128.0 + 1e-5);
                }
            }
        }
    }
}

#[test]
fn what_was_read_is_written_as_it_was() {
    for v in [3, 4] {
        let first = parse(&version(&cloud(64, 3), v)).expect("sound").splats;
        let again = parse(&version(&first, v)).expect("sound").splats;
        assert_eq!(first.positions, again.positions);
        assert_eq!(first.log_scales, again.log_scales);
        assert_eq!(first.opacity_logits, again.opacity_logits);
        assert_eq!(first.sh, again.sh);
    }
}

#[test]
fn bytes_are_those_of_the_specification() {
    let splats = Splats {
        positions: vec![[1.0, -2.0, 0.5]],
        log_scales: vec![[-4.0, 0.0, 5.9375]],
        rotations: vec![[0.5, 0.5, -0.5, 0.5]],
        opacity_logits: vec![0.0],
        sh_degree: 1,
        sh: vec![
            [0.0, 1.0, -1.0],
            [0.0; 3],
            [0.5, -0.5, 0.25],
            [-1.0, 1.0, -0.25],
        ],
    };
    let (bytes, bent) = encode(&splats).expect("sound");
    assert!(bent.is_empty());
    let mut wanted = header(3, 1, 1, 12, 0);
    wanted.extend([0x00, 0x10, 0x00, 0x00, 0xE0, 0xFF, 0x00, 0x08, 0x00]);
    wanted.push(128);
    wanted.extend([128, 166, 89]);
    wanted.extend([96, 160, 255]);
    // Of equal ones the first counts as the greatest: x, then y, z and w at 361 steps, y negative.
    wanted.extend((0x200u32 << 20 | 361 << 20 | 361 << 10 | 361).to_le_bytes());
    wanted.extend([128, 128, 128, 192, 64, 160, 0, 255, 96]);
    assert_eq!(unzip(&bytes), wanted);
    let second = unzip(&encode_version(&splats, 2).expect("sound").0);
    assert_eq!(second[..16], header(2, 1, 1, 12, 0));
    assert_eq!(second[32..35], [191, 64, 191]);
    // Unpacked files are left by some tools.
    assert_eq!(
        parse(&wanted).expect("sound").splats,
        parse(&bytes).expect("sound").splats
    );
}

#[test]
fn the_newest_version_has_a_table_of_streams() {
    for (degree, streams) in [(0, 5), (1, 6)] {
        let bytes = version(&cloud(3, degree), 4);
        assert_eq!(bytes[..16], {
            let mut head = header(4, 3, degree as u8, 12, 0);
            head[15] = streams;
            head
        });
        assert_eq!(
            bytes[16..32],
            [32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("sound"));
        let rows = (0..usize::from(streams)).map(|i| 32 + 16 * i);
        let unpacked: Vec<u64> = rows.clone().map(|at| word(at + 8)).collect();
        assert_eq!(unpacked, [27, 3, 9, 9, 12, 27][..usize::from(streams)]);
        let packed: u64 = rows.map(word).sum();
        assert_eq!(bytes.len() as u64, 32 + 16 * u64::from(streams) + packed);
    }
}

#[test]
fn no_splats_and_one() {
    for v in 2..=4 {
        for degree in [0, 3] {
            let none = parse(&version(&cloud(0, degree), v)).expect("sound");
            assert!(none.splats.is_empty() && none.sh_degree == degree);
            assert_eq!(
                parse(&version(&cloud(1, degree), v))
                    .expect("sound")
                    .splats
                    .len(),
                1
            );
        }
    }
}

#[test]
fn opacities_of_0_and_1_stay_finite_and_what_they_are() {
    let mut splats = cloud(2, 0);
    splats.opacity_logits = vec![f32::INFINITY, f32::NEG_INFINITY];
    let found = parse(&version(&splats, 3)).expect("sound").splats;
    assert!(found.opacity_logits.iter().all(|v| v.is_finite()));
    near(
        &found
            .opacity_logits
            .iter()
            .map(|v| sigmoid(*v))
            .collect::<Vec<_>>(),
        &[1.0, 0.0],
        0.001,
    );
    let bytes = unzip(&version(&found, 3));
    assert_eq!(bytes[16 + 18..16 + 20], [255, 0]);
}

#[test]
fn positions_have_the_bits_that_suit_the_cloud() {
    let bits = |splats: &Splats| unzip(&encode(splats).expect("sound").0)[13];
    let reaching = |far: f32, n: usize| {
        let mut splats = cloud(n, 0);
        for p in splats.positions.as_flattened_mut() {
            *p *= far / 40.0;
        }
        splats.positions[n - 1] = [far, 0.0, 0.0];
        splats
    };
    for (far, wanted) in [
        (0.0, 12),
        (1e-20, 20),
        (0.01, 19),
        (0.3, 14),
        (1.0, 12),
        (2047.0, 12),
        (2049.0, 11),
        (30_000.0, 8),
        (1e9, 1),
    ] {
        assert_eq!(bits(&reaching(far, 100)), wanted, "{far}");
    }
    for far in [0.01, 0.3, 2049.0, 30_000.0] {
        let splats = reaching(far, 100);
        let found = parse(&encode(&splats).expect("sound").0)
            .expect("sound")
            .splats;
        near(
            found.positions.as_flattened(),
            splats.positions.as_flattened(),
            far / 4096.0,
        );
    }
    // One far splat of many costs three bits at most, and is clamped where that does not do.
    let mut splats = reaching(40.0, 2000);
    splats.positions[7] = [5000.0, 0.0, 0.0];
    assert_eq!(bits(&splats), 10);
    let bent = encode(&splats).expect("sound").1;
    assert_eq!(bent.len(), 1);
    assert!(bent[0].contains("positions finer than 0.00097"), "{bent:?}");
    splats.positions[7] = [1e30, 0.0, -1e6];
    let (bytes, bent) = encode(&splats).expect("sound");
    assert_eq!(bent[0], "positions beyond 16384 of 1 splat, clamped");
    let found = parse(&bytes).expect("sound").splats;
    near(&found.positions[7], &[16384.0, 0.0, -16384.0], 0.01);
    near(
        &found.positions[8],
        &splats.positions[8],
        0.5 / 512.0 + 1e-5,
    );
    splats = reaching(1e6, 100);
    assert_eq!(
        encode(&splats).expect("sound").1,
        ["positions finer than 0.125, as the cloud reaches too far"]
    );
}

#[test]
fn what_does_not_fit_is_clamped_and_told() {
    let mut splats = cloud(4, 2);
    splats.sh[0] = [3.4, 0.0, 0.0];
    splats.sh[9 + 1] = [0.0, 1.04, -1.0];
    splats.sh[9 + 5] = [1.05, 0.0, 0.0];
    splats.log_scales[2] = [f32::NEG_INFINITY, 0.0, 0.0];
    splats.log_scales[3] = [0.0, 6.0, 80.0];
    let (bytes, bent) = encode(&splats).expect("sound");
    assert_eq!(
        bent,
        [
            "colours outside -0.44 to 1.44 of 1 splat, clamped",
            "sizes outside 0.000045 to 380 of 2 splats, clamped",
            "view-dependent colours beyond 1 of 1 splat, clamped",
        ]
    );
    let found = parse(&bytes).expect("sound").splats;
    near(&found.sh[0], &[1.0 / 0.3, 0.0, 0.0], 0.014);
    near(&found.sh[9 + 1], &[0.0, 1.0, -1.0], 0.01);
    assert_eq!(found.log_scales[2][0], -10.0);
    assert_eq!(found.log_scales[3][1..], [5.9375; 2]);
}

#[test]
fn numbers_that_are_none_do_no_harm() {
    let mut splats = cloud(3, 1);
    splats.positions[0] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    splats.rotations[1] = [f32::NAN; 4];
    splats.sh[8] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for v in 2..=4 {
        let (bytes, _) = encode_version(&splats, v).expect("sound");
        assert_eq!(parse(&bytes).expect("sound").splats.len(), 3);
    }
}

/// A file of one splat in version 1, whose positions are half floats.
fn first(position: [u16; 3]) -> Vec<u8> {
    let mut bytes = header(1, 1, 0, 0, 0);
    bytes.extend(position.iter().flat_map(|p| p.to_le_bytes()));
    bytes.extend([255, 0, 0, 0, 160, 160, 160, 128, 128, 255]);
    zip(&bytes)
}

#[test]
fn the_first_version_has_half_floats() {
    let file = parse(&first([0x3C00, 0xC000, 0x3800])).expect("sound");
    assert_eq!(file.splats.positions, [[1.0, -2.0, 0.5]]);
    same_turn(file.splats.rotations[0], [0.0, 0.0, 0.0, 1.0], 0.005);
    let file = parse(&first([0x7E00, 0, 0])).expect("sound");
    assert_eq!((file.splats.len(), file.not_finite), (0, 1));
}

#[test]
fn of_degree_4_the_first_three_are_kept() {
    let mut bytes = header(3, 1, 4, 12, 1);
    bytes.extend([0; 9 + 1 + 3 + 3 + 4]);
    bytes.extend(1..=72u8);
    let file = parse(&zip(&bytes)).expect("sound");
    assert_eq!((file.sh_degree, file.splats.sh_degree), (4, 3));
    let wanted: Vec<f32> = (1..=45).map(|b| (b as f32 - 128.0) / 128.0).collect();
    assert_eq!(file.splats.sh[1..].as_flattened(), wanted);
    assert_eq!(
        file.unused,
        ["the mark that it was made for antialiased drawing (Mip-Splatting)"]
    );
}

#[test]
fn of_levels_of_detail_the_finest_is_kept() {
    let mut bytes = unzip(&version(&cloud(3, 1), 3));
    bytes[14] = 0x80;
    bytes[16 + 27..16 + 30].copy_from_slice(&[255, 64, 127]);
    bytes.extend([2, 0, 0, 0, 0, 0]);
    let cut = zip(&bytes);
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let file = parse(&zip(&bytes)).expect("sound");
    assert_eq!(file.unused, ["1 splat of coarser levels of detail"]);
    assert_eq!(
        file.splats.positions,
        parse(&version(&cloud(3, 1), 3))
            .expect("sound")
            .splats
            .positions[1..]
    );
    let opacities: Vec<f32> = file
        .splats
        .opacity_logits
        .iter()
        .map(|v| sigmoid(*v))
        .collect();
    near(&opacities, &[128.0 / 255.0, 254.0 / 255.0], 1e-5);
    assert!(refused(&cut).contains("cut short"));
}

/// The extension that names the axes, of a file of either kind.
fn with_axes(splats: &Splats, v: u32, number: u32, others: bool) -> SplatFile {
    let mut record = Vec::new();
    if others {
        record.extend([2, 0, 0xBE, 0xAD, 3, 0, 0, 0, 1, 2, 3]);
    }
    record.extend([3, 0, 0xBE, 0xAD, 4, 0, 0, 0]);
    record.extend(number.to_le_bytes());
    let mut bytes = version(splats, v);
    if v == 4 {
        bytes[14] |= 2;
        bytes[16..20].copy_from_slice(&(32 + record.len() as u32).to_le_bytes());
        bytes.splice(32..32, record);
        return parse(&bytes).expect("axes");
    }
    let mut bytes = unzip(&bytes);
    bytes[14] |= 2;
    bytes.extend(record);
    parse(&zip(&bytes)).expect("axes")
}

#[test]
fn other_axes_are_turned_to_ours_with_the_colours() {
    let splats = cloud(9, 3);
    let plain = parse(&version(&splats, 3)).expect("sound").splats;
    let colour = |splats: &Splats, i: usize, towards: [f32; 3]| {
        let basis = basis(DVec3::from(towards.map(f64::from)), 3);
        let sh = &splats.sh[16 * i..16 * (i + 1)];
        sh.iter()
            .zip(basis)
            .map(|(c, b)| f64::from(c[1]) * b)
            .sum::<f64>() as f32
    };
    let turned = |q: [f32; 4], [x, y, z]: [f32; 3]| {
        let [w, a, b, c] = q;
        // v + 2 w (u x v) + 2 u x (u x v)
        let cross = |u: [f32; 3], v: [f32; 3]| {
            [
                u[1] * v[2] - u[2] * v[1],
                u[2] * v[0] - u[0] * v[2],
                u[0] * v[1] - u[1] * v[0],
            ]
        };
        let t = cross([a, b, c], [x, y, z]);
        let s = cross([a, b, c], t);
        [0, 1, 2].map(|i| [x, y, z][i] + 2.0 * (w * t[i] + s[i]))
    };
    type Move = fn([f32; 3]) -> [f32; 3];
    let axes: [(u32, Move); 4] = [
        // Right, down, front.
        (6, |[x, y, z]| [x, -y, -z]),
        // Left, up, front.
        (7, |[x, y, z]| [-x, y, -z]),
        // Right, up, front: mirrored.
        (8, |[x, y, z]| [x, y, -z]),
        // Right, front, up.
        (12, |[x, y, z]| [x, z, -y]),
    ];
    for (number, moved) in axes {
        for v in [3, 4] {
            let file = with_axes(&splats, v, number, false);
            assert_eq!(
                file.notes,
                ["it names axes other than SPZ's own and is turned to those"]
            );
            for i in 0..9 {
                near(&file.splats.positions[i], &moved(plain.positions[i]), 1e-4);
                let along = [0.48, -0.6, 0.64];
                let [a, b] = [
                    colour(&plain, i, along),
                    colour(&file.splats, i, moved(along)),
                ];
                near(&[b], &[a], 1e-4);
                // A splat's own axes go along, but for their sign.
                for axis in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] {
                    let wanted = moved(turned(plain.rotations[i], axis));
                    let found = turned(file.splats.rotations[i], axis);
                    let dot: f32 = wanted.iter().zip(&found).map(|(a, b)| a * b).sum();
                    near(&[dot.abs()], &[1.0], 1e-4);
                }
            }
        }
    }
    for (number, notes) in [(4, 0), (0, 0), (17, 1)] {
        let file = with_axes(&splats, 3, number, true);
        assert_eq!((file.splats, file.notes.len()), (plain.clone(), notes));
        assert_eq!(file.unused, ["extensions of SPZ: 1"]);
    }
}

#[test]
fn damaged_extensions_cost_no_splats() {
    let mut bytes = unzip(&version(&cloud(2, 0), 3));
    bytes.extend([1, 2, 3]);
    assert_eq!(
        parse(&zip(&bytes)).expect("sound").unused,
        ["data besides the splats"]
    );
    bytes[14] |= 2;
    bytes.extend([3, 0, 0xBE, 0xAD, 255, 255, 255, 255]);
    let file = parse(&zip(&bytes)).expect("sound");
    assert_eq!(file.notes, ["its extensions are damaged and are not read"]);
    assert_eq!(file.splats.len(), 2);
}

#[test]
fn other_files_are_refused_in_words() {
    for (bytes, words) in [
        (vec![], "not an SPZ file: the file is empty"),
        (
            b"ply\n".to_vec(),
            "not an SPZ file: it begins neither with 'NGSP' nor as gzip does",
        ),
        (b"NGSP".to_vec(), "the file is cut short within its header"),
        (
            b"\x1F\x8B".to_vec(),
            "the file is cut short: its gzip stream ends too early",
        ),
        (
            zip(b"NGSP"),
            "the file is cut short: its gzip stream ends too early",
        ),
        (
            zip(&[7; 99]),
            "does not begin with 'NGSP'; unpack it first (`gunzip`)",
        ),
        (zip(&header(0, 0, 0, 12, 0)), "SPZ version 0 is not read"),
        (
            header(5, 0, 0, 12, 0),
            "SPZ version 5 is not read, versions 1 to 4 are",
        ),
        (
            zip(&version(&cloud(1, 0), 4)),
            "gzip is around it; unpack it first (`gunzip`)",
        ),
        (header(3, 0, 5, 12, 0), "spherical harmonics of degree 5"),
        (header(3, 0, 0, 31, 0), "31 fractional bits"),
        (
            header(4, 0, 0, 12, 0),
            "the file is cut short within its header",
        ),
        (
            zip(&header(3, 2, 0, 12, 0)),
            "the file is cut short: it ends within its 2 splats",
        ),
    ] {
        let found = refused(&bytes);
        assert!(found.contains(words), "{found}");
    }
    for v in [0, 1, 5] {
        let found = encode_version(&cloud(1, 0), v).expect_err("refused");
        assert_eq!(
            found,
            format!("SPZ version {v} is not written; use 2, 3 or 4")
        );
    }
}

#[test]
fn counts_and_packing_beyond_reason_are_refused() {
    for v in 1..=3 {
        let found = refused(&zip(&header(v, u32::MAX, 4, 12, 0)));
        assert!(
            found.contains("4294967295 splats, too many for its"),
            "{found}"
        );
        assert!(refused(&header(v, u32::MAX, 4, 12, 0x80)).contains("cut short"));
    }
    let mut fourth = header(4, u32::MAX, 4, 12, 0);
    fourth.resize(64, 0);
    assert!(refused(&fourth).contains("too many for its 64 bytes"));
    // Much behind a splat is not unpacked.
    let mut bytes = unzip(&version(&cloud(1, 0), 3));
    bytes.resize(8 << 20, 0);
    assert_eq!(parse(&zip(&bytes)).expect("sound").splats.len(), 1);
}

#[test]
fn damaged_streams_are_refused() {
    let sound = version(&cloud(3, 0), 4);
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sound.clone();
        change(&mut bytes);
        refused(&bytes)
    };
    // The first stream begins behind the table of five.
    let at = 32 + 16 * 5;
    for (found, words) in [
        (
            damaged(&|b| b[15] = 4),
            "it has 4 streams where its splats need 5",
        ),
        (
            damaged(&|b| b[16] = 31),
            "the table of its streams lies outside of the file",
        ),
        (
            damaged(&|b| b[18] = 1),
            "the table of its streams lies outside of the file",
        ),
        (
            damaged(&|b| b[16] = (b.len() - 9) as u8),
            "cut short within the table",
        ),
        (
            damaged(&|b| b[8] = 4),
            "its positions unpack to 27 bytes where 4 splats need 36",
        ),
        (damaged(&|b| b[39] = 255), "cut short within its positions"),
        // A window of terabytes.
        (
            damaged(&|b| b[at + 5] = 255),
            "its positions cannot be unpacked",
        ),
        (damaged(&|b| b[at] = 0), "its positions cannot be unpacked"),
        (
            damaged(&|b| b[at + 12] ^= 1),
            "its positions cannot be unpacked",
        ),
        (
            damaged(&|b| b.truncate(b.len() - 1)),
            "cut short within its rotations",
        ),
    ] {
        assert!(found.contains(words), "{found}");
    }
    // Streams of other lengths than the table tells: those of 3 splats and of 4.
    let other = version(&cloud(4, 0), 4);
    for (a, b) in [(&sound, &other), (&other, &sound)] {
        let length =
            |bytes: &[u8]| u64::from_le_bytes(bytes[32..40].try_into().expect("sound")) as usize;
        let mut bytes = a.clone();
        bytes[32..40].copy_from_slice(&b[32..40]);
        bytes.splice(at..at + length(a), b[at..at + length(b)].iter().copied());
        assert!(refused(&bytes).contains("than its table tells"));
    }
}

#[test]
fn streams_may_have_several_frames_and_empty_ones() {
    let sound = version(&cloud(3, 0), 4);
    let wanted = parse(&sound).expect("sound").splats;
    // A frame to be skipped before the positions.
    let mut bytes = sound.clone();
    bytes[32] += 11;
    let at = 32 + 16 * 5;
    bytes.splice(at..at, [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 9, 9, 9]);
    assert_eq!(parse(&bytes).expect("sound").splats, wanted);
    // A stream for the harmonics, though there are none.
    let mut bytes = sound;
    bytes[15] = 6;
    bytes.splice(at..at, [0; 16]);
    assert_eq!(parse(&bytes).expect("sound").splats, wanted);
}

#[test]
fn no_damage_makes_it_panic() {
    let mut dice = Dice(3);
    for v in 2..=4 {
        let sound = version(&cloud(5, 1), v);
        for length in 0..sound.len() {
            assert!(
                parse(&sound[..length]).is_err(),
                "version {v}, {length} bytes"
            );
        }
        let raw = if v == 4 { sound } else { unzip(&sound) };
        for _ in 0..1500 {
            let mut bytes = raw.clone();
            for _ in 0..1 + dice.bits() % 3 {
                let at = dice.bits() as usize % bytes.len();
                bytes[at] = dice.bits() as u8;
            }
            let _ = parse(&bytes);
            bytes[4] = 1 + (dice.bits() % 4) as u8;
            let _ = parse(&zip(&bytes));
        }
    }
}
