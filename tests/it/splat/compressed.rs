//! SuperSplat's compressed PLY, packed here as its writer packs it.

use sora_director::splat::Splats;
use sora_director::splat::format::{SplatFile, ply};

use super::files::unit_cloud;
use super::maker::{Element, Encoding, Maker};
use crate::common::assert_close;

const SH0: f64 = 0.282_094_791_773_878_14;

fn unorm(value: f64, bits: u32) -> u32 {
    let most = f64::from((1u32 << bits) - 1);
    (value * most + 0.5).floor().clamp(0.0, most) as u32
}

fn three(v: [f64; 3]) -> u32 {
    unorm(v[0], 11) << 21 | unorm(v[1], 10) << 11 | unorm(v[2], 11)
}

fn rotation(q: [f32; 4]) -> u32 {
    let largest = (0..4).fold(0, |a, b| if q[b].abs() > q[a].abs() { b } else { a });
    let sign = if q[largest] < 0.0 { -1.0 } else { 1.0 };
    let others = (0..4).filter(|i| *i != largest);
    others.fold(largest as u32, |word, i| {
        word << 10 | unorm(f64::from(q[i]) * sign * 0.5f64.sqrt() + 0.5, 10)
    })
}

/// Chunks of 256, the vertices, and the coefficients above the first where there are any, `channel` each.
pub fn packed(splats: &Splats, coloured: bool, channel: usize) -> Vec<Element> {
    let (n, k) = (splats.len(), splats.coefficients());
    let colour = |i: usize| splats.sh[i * k].map(|c| f64::from(c) * SH0 + 0.5);
    let mut values: Vec<[f64; 9]> = Vec::new();
    for i in 0..n {
        let c = colour(i);
        let (p, s) = (
            splats.positions[i],
            splats.log_scales[i].map(|s| s.clamp(-20.0, 20.0)),
        );
        values.push(
            [
                p[0],
                p[1],
                p[2],
                s[0],
                s[1],
                s[2],
                c[0] as f32,
                c[1] as f32,
                c[2] as f32,
            ]
            .map(f64::from),
        );
    }
    let bound = |chunk: usize, at: usize, f: fn(f64, f64) -> f64| {
        let rows = &values[256 * chunk..n.min(256 * (chunk + 1))];
        rows.iter().map(|v| v[at]).reduce(f).expect("splats")
    };
    let mut chunks = Element::new("chunk");
    chunks.rows = vec![Vec::new(); n.div_ceil(256)];
    for (start, axes) in [
        (0, ["x", "y", "z"]),
        (3, ["scale_x", "scale_y", "scale_z"]),
        (6, ["r", "g", "b"]),
    ] {
        for (name, f) in [("min", f64::min as fn(f64, f64) -> f64), ("max", f64::max)] {
            for (c, axis) in axes.iter().enumerate().filter(|_| coloured || start < 6) {
                chunks = chunks.with("float", &format!("{name}_{axis}"), |i| {
                    bound(i, start + c, f)
                });
            }
        }
    }
    let part = |i: usize, at: usize| {
        let (low, high) = (bound(i / 256, at, f64::min), bound(i / 256, at, f64::max));
        if high - low < 1e-5 {
            0.0
        } else {
            (values[i][at] - low) / (high - low)
        }
    };
    let mut vertex = Element::new("vertex");
    vertex.rows = vec![Vec::new(); n];
    let vertex = vertex
        .with("uint", "packed_position", |i| {
            f64::from(three([0, 1, 2].map(|c| part(i, c))))
        })
        .with("uint", "packed_rotation", |i| {
            f64::from(rotation(splats.rotations[i]))
        })
        .with("uint", "packed_scale", |i| {
            f64::from(three([3, 4, 5].map(|c| part(i, c))))
        })
        .with("uint", "packed_color", |i| {
            let rgb = [0, 1, 2].map(|c| {
                if coloured {
                    part(i, 6 + c)
                } else {
                    colour(i)[c]
                }
            });
            let opacity = 1.0 / (1.0 + (-f64::from(splats.opacity_logits[i])).exp());
            let [r, g, b, a] = [rgb[0], rgb[1], rgb[2], opacity].map(|v| unorm(v, 8));
            f64::from(r << 24 | g << 16 | b << 8 | a)
        });
    if channel == 0 {
        return vec![chunks, vertex];
    }
    let mut sh = Element::new("sh");
    sh.rows = vec![Vec::new(); n];
    for at in 0..3 * channel {
        sh = sh.with("uchar", &format!("f_rest_{at}"), |i| {
            let (c, j) = (at / channel, at % channel);
            let value = f64::from(splats.sh[i * k + 1 + j][c]);
            ((value / 8.0 + 0.5) * 256.0).trunc().clamp(0.0, 255.0)
        });
    }
    vec![chunks, vertex, sh]
}

fn parsed(elements: Vec<Element>) -> SplatFile {
    ply::parse(&Maker::new(Encoding::Little, elements).bytes())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// As close as the bits of each value allow.
fn assert_near(got: &Splats, want: &Splats, degree: u32) {
    let (n, k) = (want.len(), want.coefficients());
    assert_eq!((got.len(), got.sh_degree), (n, degree));
    for i in 0..n {
        assert_close("position", &got.positions[i], &want.positions[i], 4e-3, 0.0);
        assert_close("scale", &got.log_scales[i], &want.log_scales[i], 2e-3, 0.0);
        let same: f32 = got.rotations[i]
            .iter()
            .zip(&want.rotations[i])
            .map(|(a, b)| a * b)
            .sum();
        assert!(same.abs() > 1.0 - 1e-5, "{same}");
        let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
        let opacity = [
            sigmoid(got.opacity_logits[i]),
            sigmoid(want.opacity_logits[i]),
        ];
        assert!((opacity[0] - opacity[1]).abs() < 3e-3, "{opacity:?}");
        let at = i * got.coefficients();
        assert_close("colour", &got.sh[at], &want.sh[i * k], 2e-2, 0.0);
        for j in 1..got.coefficients() {
            assert_close("sh", &got.sh[at + j], &want.sh[i * k + j], 1.7e-2, 0.0);
        }
    }
}

/// Colours from 0 to 1, which files without bounds of them need.
fn tame(n: usize) -> Splats {
    let mut splats = unit_cloud(n, 3);
    splats
        .sh
        .iter_mut()
        .for_each(|c| *c = c.map(|v| v.clamp(-1.7, 1.7)));
    splats
}

#[test]
fn chunks_of_256_are_unpacked() {
    for n in [0, 1, 2, 256, 257, 600] {
        let splats = tame(n);
        for coloured in [false, true] {
            for (channel, degree) in [(0, 0), (3, 1), (8, 2), (15, 3)] {
                let file = parsed(packed(&splats, coloured, channel));
                assert_near(&file.splats, &splats, degree);
                assert_eq!((file.sh_degree, file.not_finite), (degree, 0));
                assert!(file.format.contains("compressed"), "{}", file.format);
                assert!(file.unused.is_empty(), "{:?}", file.unused);
            }
        }
    }
}

#[test]
fn elements_and_properties_come_in_any_order() {
    let splats = tame(300);
    let mut elements = packed(&splats, true, 3);
    elements.reverse();
    elements[2] = elements[2]
        .clone()
        .sorted(|name| std::cmp::Reverse(name.to_owned()));
    elements[1] = elements[1]
        .clone()
        .with("ushort", "state", |_| 0.0)
        .sorted(|name| name != "state");
    let mut other = Element::new("camera");
    other.rows = vec![Vec::new()];
    elements.insert(
        1,
        other.with_list("list uchar float", "pose", |_| vec![1.0; 12]),
    );
    for encoding in [Encoding::Little, Encoding::Big] {
        let bytes = Maker::new(encoding, elements.clone()).bytes();
        let file = ply::parse(&bytes).expect("splats");
        assert_near(&file.splats, &splats, 1);
        assert_eq!(
            file.unused,
            ["vertex properties state", "elements camera (1)"]
        );
    }
}

#[test]
fn ends_of_the_ranges_keep_their_meaning() {
    let mut splats = tame(3);
    splats.opacity_logits = vec![f32::INFINITY, f32::NEG_INFINITY, 0.0];
    let file = parsed(packed(&splats, true, 0));
    assert_eq!(
        file.splats.opacity_logits[..2],
        [f32::INFINITY, f32::NEG_INFINITY]
    );
    assert!((file.splats.opacity_logits[2] - 0.0078).abs() < 1e-3);
    // A chunk from minus infinity: no size, and no NaN where a splat has the other end.
    let mut elements = packed(&splats, true, 0);
    elements[0].set(0, "min_scale_x", f64::NEG_INFINITY);
    let file = parsed(elements.clone());
    assert_eq!((file.splats.len(), file.not_finite), (3, 0));
    // One with a bound that is no number.
    elements[0].set(0, "max_z", f64::NAN);
    let file = parsed(elements);
    assert!(
        file.not_finite > 0
            && file
                .splats
                .positions
                .iter()
                .flatten()
                .all(|v| v.is_finite())
    );
}

#[test]
fn faults_are_named() {
    let splats = tame(300);
    let fault = |elements: Vec<Element>| {
        let bytes = Maker::new(Encoding::Little, elements).bytes();
        ply::parse(&bytes).expect_err("a faulty file")
    };
    let mut elements = packed(&splats, true, 3);
    elements[0].rows.pop();
    assert!(fault(elements).contains("1 chunks for 300 splats"));
    let mut elements = packed(&splats, true, 3);
    elements[2].rows.pop();
    assert!(fault(elements).contains("299 rows of the element 'sh' for 300 splats"));
    for (element, name) in [(0, "min_scale_y"), (0, "max_b")] {
        let mut elements = packed(&splats, true, 0);
        elements[element] = elements[element].clone().without(name);
        assert!(fault(elements).contains(name));
    }
    let mut elements = packed(&splats, true, 0);
    elements[1] = elements[1].clone().without("packed_color");
    assert!(fault(elements).contains("compressed"));
    let mut elements = packed(&splats, true, 0);
    elements.remove(0);
    assert!(fault(elements).contains("chunk"));
    let mut elements = packed(&splats, true, 0);
    elements[1] = elements[1].clone().typed("packed_scale", "uchar");
    assert!(fault(elements).contains("packed_scale"));
    let bytes = Maker::new(Encoding::Little, packed(&splats, true, 3)).bytes();
    let error = ply::parse(&bytes[..bytes.len() - 5]).expect_err("cut");
    assert!(
        error.contains("'sh'") && error.contains("cut short"),
        "{error}"
    );
}

#[test]
fn an_element_of_harmonics_that_holds_none_is_passed_over() {
    let mut header = "ply\nformat binary_little_endian 1.0\nelement chunk 1\n".to_owned();
    for bound in ["", "scale_"] {
        for (end, axis) in ["min", "max"]
            .iter()
            .flat_map(|e| ["x", "y", "z"].map(|a| (e, a)))
        {
            header += &format!("property float {end}_{bound}{axis}\n");
        }
    }
    header += "element vertex 2\n";
    for name in ["position", "rotation", "scale", "color"] {
        header += &format!("property uint packed_{name}\n");
    }
    header += "element sh 0\nproperty uchar foo\nend_header\n";
    let mut bytes = header.into_bytes();
    for bound in [
        0f32, 0.0, 0.0, 1.0, 1.0, 1.0, -3.0, -3.0, -3.0, -2.0, -2.0, -2.0,
    ] {
        bytes.extend(bound.to_le_bytes());
    }
    bytes.extend([0x80; 32]);
    let file = sora_director::splat::format::ply::parse(&bytes).expect("two splats");
    assert_eq!((file.splats.len(), file.sh_degree), (2, 0));
}
