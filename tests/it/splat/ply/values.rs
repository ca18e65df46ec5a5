//! What the numbers are taken for.

use super::super::maker::{Element, Encoding, Maker};
use super::{ALL, assert_close, parsed, unit_cloud};

#[test]
fn numbers_of_all_types_are_converted() {
    // Whole numbers, which every type holds.
    let mut splats = unit_cloud(9, 1);
    for (i, p) in splats.positions.iter_mut().enumerate() {
        *p = [i as f32, 100.0 - i as f32, 3.0];
    }
    splats
        .log_scales
        .iter_mut()
        .for_each(|s| *s = [1.0, 2.0, 4.0]);
    splats
        .rotations
        .iter_mut()
        .for_each(|q| *q = [1.0, 0.0, 0.0, 0.0]);
    splats.opacity_logits.iter_mut().for_each(|o| *o = 5.0);
    for (i, c) in splats.sh.iter_mut().enumerate() {
        *c = [i as f32, 0.0, 1.0];
    }
    let kinds = [
        "char", "int8", "uchar", "uint8", "short", "int16", "ushort", "uint16", "int", "int32",
        "uint", "uint32", "half", "float16", "float", "float32", "double", "float64",
    ];
    for encoding in ALL {
        for kind in kinds {
            let vertex = Element::vertex(&splats).typed("", kind);
            let file = parsed(&Maker::new(encoding, vec![vertex]));
            assert_eq!(file.splats, splats, "{kind} {encoding:?}");
            assert!(file.unused.is_empty(), "{kind}: {:?}", file.unused);
        }
        // Negative ones, a type a property.
        let mut mixed = Element::vertex(&splats);
        for (i, property) in mixed.properties.iter_mut().enumerate() {
            property.0 = ["short", "double", "char", "float", "int", "half"][i % 6].into();
        }
        mixed.set(0, "x", -5.0);
        mixed.set(0, "scale_2", -6.0);
        let file = parsed(&Maker::new(encoding, vec![mixed]));
        assert_eq!(file.splats.positions[0], [-5.0, 100.0, 3.0]);
        assert_eq!(file.splats.log_scales[0], [1.0, 2.0, -6.0]);
    }
    let fine = unit_cloud(3, 0);
    let mut vertex = Element::vertex(&fine).typed("", "double");
    let file = parsed(&Maker::new(Encoding::Little, vec![vertex.clone()]));
    assert_eq!((&file.splats, file.unused.len()), (&fine, 0));
    vertex.set(1, "x", 400_000.123);
    let file = parsed(&Maker::new(Encoding::Big, vec![vertex.clone()]));
    assert_eq!(file.splats.positions[1][0], 400_000.13);
    assert_eq!(file.unused, ["digits beyond those of 32-bit floats"]);
    vertex.set(1, "x", 1e300);
    assert_eq!(
        parsed(&Maker::new(Encoding::Big, vec![vertex])).not_finite,
        1
    );
}

#[test]
fn display_colours_stand_in_for_f_dc() {
    let splats = unit_cloud(4, 0);
    let shown = [
        [200.0, 100.0, 50.0],
        [0.0, 255.0, 128.0],
        [1.0, 2.0, 3.0],
        [9.0, 8.0, 7.0],
    ];
    let names = [
        ["red", "green", "blue"],
        ["r", "g", "b"],
        ["diffuse_red", "diffuse_green", "diffuse_blue"],
    ];
    for encoding in ALL {
        for names in names {
            for (kind, whole, note) in [
                ("uchar", 255.0, "in place of f_dc"),
                ("uint8", 255.0, "in place of f_dc"),
                ("int", 255.0, "in place of f_dc"),
                ("ushort", 65_535.0, "in place of f_dc"),
                ("float", 1.0, "taken as 0 to 1"),
                ("double", 255.0, "taken as 0 to 255"),
            ] {
                let mut vertex = Element::vertex(&splats).without("f_dc_");
                for c in 0..3 {
                    vertex = vertex.with(kind, names[c], |i| shown[i][c] / 255.0 * whole);
                }
                let file = parsed(&Maker::new(encoding, vec![vertex]));
                for (i, shown) in shown.iter().enumerate() {
                    let want = shown.map(|v| ((v / 255.0 - 0.5) / 0.282_094_8) as f32);
                    assert_close(kind, &file.splats.sh[i], &want, 2e-5, 0.0);
                }
                assert_eq!(file.splats.opacity_logits, splats.opacity_logits);
                assert!(file.notes[0].contains(note), "{kind}: {:?}", file.notes);
                assert!(file.unused.is_empty(), "{:?}", file.unused);
            }
        }
        // Both: f_dc holds more.
        let mut both = Element::vertex(&splats);
        for name in names[0] {
            both = both.with("uchar", name, |_| 9.0);
        }
        let file = parsed(&Maker::new(encoding, vec![both]));
        assert_eq!(file.splats, splats);
        assert_eq!(file.unused, ["vertex properties red, green, blue"]);
    }
}

#[test]
fn scales_that_are_left_out_are_told() {
    let splats = unit_cloud(6, 1);
    for encoding in ALL {
        let flat = Element::vertex(&splats).without("scale_2");
        let file = parsed(&Maker::new(encoding, vec![flat]));
        for (got, want) in file.splats.log_scales.iter().zip(&splats.log_scales) {
            assert_eq!(got[..2], want[..2]);
            assert!((got[2] - 1e-6f32.ln()).abs() < 1e-6);
        }
        assert_eq!(file.splats.rotations, splats.rotations);
        assert!(file.notes[0].contains("1e-6"), "{:?}", file.notes);
        let round = Element::vertex(&splats)
            .without("scale_1")
            .without("scale_2");
        let file = parsed(&Maker::new(encoding, vec![round]));
        for (got, want) in file.splats.log_scales.iter().zip(&splats.log_scales) {
            assert_eq!(*got, [want[0]; 3]);
        }
        assert!(file.notes[0].contains("all three axes"), "{:?}", file.notes);
    }
}

#[test]
fn harmonics_of_all_degrees_keep_the_first_three() {
    for encoding in ALL {
        for (degree, channel) in [(0, 0), (1, 3), (2, 8), (3, 15), (4, 24)] {
            let splats = unit_cloud(5, degree.min(3));
            let k = splats.coefficients();
            let mut vertex = Element::vertex(&splats).without("f_rest_");
            for at in 0..3 * channel {
                let (c, j) = (at / channel, at % channel);
                vertex = vertex.with("float", &format!("f_rest_{at}"), |i| match j {
                    _ if 1 + j < k => f64::from(splats.sh[k * i + 1 + j][c]),
                    _ => 1e6,
                });
            }
            let file = parsed(&Maker::new(encoding, vec![vertex.clone()]));
            assert_eq!((&file.splats, file.sh_degree), (&splats, degree));
            if channel == 0 {
                continue;
            }
            // One that is dropped anyway is a damaged splat all the same.
            vertex.set(2, &format!("f_rest_{}", 3 * channel - 1), f64::NAN);
            let file = parsed(&Maker::new(encoding, vec![vertex]));
            assert_eq!((file.splats.len(), file.not_finite), (4, 1));
        }
    }
}

#[test]
fn values_that_are_no_numbers_are_counted_and_left_out() {
    let splats = unit_cloud(40, 1);
    let names: Vec<String> = Element::vertex(&splats)
        .properties
        .into_iter()
        .map(|p| p.1)
        .collect();
    for encoding in ALL {
        // In rows of words, and in rows whose words lie askew.
        for askew in [false, true] {
            let mut vertex = Element::vertex(&splats);
            if askew {
                vertex = vertex
                    .with("ushort", "a", |_| 0.0)
                    .with("double", "b", |_| 0.0)
                    .with("ushort", "c", |_| 0.0)
                    .sorted(|name| name != "a");
            }
            for (i, name) in names.iter().enumerate() {
                vertex.set(i, name, f64::NAN);
            }
            let bad = names.len();
            vertex.set(bad, "x", f64::INFINITY);
            vertex.set(bad + 1, "rot_2", f64::NEG_INFINITY);
            vertex.set(bad + 2, "f_dc_0", f64::INFINITY);
            vertex.set(bad + 3, "scale_1", f64::INFINITY);
            // These have a meaning.
            vertex.set(bad + 4, "opacity", f64::INFINITY);
            vertex.set(bad + 5, "opacity", f64::NEG_INFINITY);
            vertex.set(bad + 6, "scale_0", f64::NEG_INFINITY);
            let file = parsed(&Maker::new(encoding, vec![vertex]));
            assert_eq!(file.not_finite, bad + 4, "{encoding:?} {askew}");
            assert_eq!(file.splats.positions, splats.positions[bad + 4..]);
            assert_eq!(file.splats.opacity_logits[0], f32::INFINITY);
            assert_eq!(file.splats.opacity_logits[1], f32::NEG_INFINITY);
            assert_eq!(file.splats.log_scales[2][0], f32::NEG_INFINITY);
            file.splats.check().expect("arrays that fit");
        }
    }
}

#[test]
fn rotations_of_any_length_are_made_unit() {
    let splats = unit_cloud(4, 0);
    let mut vertex = Element::vertex(&splats);
    for (row, factor) in [(0, 0.0), (1, 1e-30), (2, 1e30), (3, 7.0)] {
        for c in 0..4 {
            vertex.set(
                row,
                &format!("rot_{c}"),
                f64::from(splats.rotations[row][c]) * factor,
            );
        }
    }
    let file = parsed(&Maker::new(Encoding::Little, vec![vertex]));
    assert_eq!(file.splats.rotations[0], [1.0, 0.0, 0.0, 0.0]);
    for i in 1..4 {
        assert_close(
            "rotation",
            &file.splats.rotations[i],
            &splats.rotations[i],
            1e-6,
            0.0,
        );
    }
    assert!(file.notes[0].contains("1 splat"), "{:?}", file.notes);
}
