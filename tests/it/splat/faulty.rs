//! Faulty splat files: each is refused in words that help, and no bytes whatever bring a reader down.

use sora_director::splat::format::{SplatFile, ply, read, splat, write};

use super::files::unit_cloud;
use super::maker::{Element, Encoding, Maker};
use super::ply::{ALL, fault, others};
use crate::common::Rng;

#[test]
fn what_is_missing_is_named_with_what_the_file_looks_like() {
    let splats = unit_cloud(3, 0);
    let vertex = || Element::vertex(&splats);
    let plain = |vertex: Element| Maker::new(Encoding::Little, vec![vertex]);
    for name in ["x", "z", "f_dc_1", "opacity", "scale_1", "rot_3"] {
        let error = fault(&plain(vertex().without(name)).bytes());
        assert!(
            error.contains(&format!("'{name}'")) && error.contains("a part of a splat"),
            "{error}"
        );
    }
    let points = || {
        let rest = ["f_dc", "opacity", "scale", "rot"];
        rest.iter().fold(vertex(), |v, prefix| v.without(prefix))
    };
    let coloured = points()
        .with("uchar", "red", |_| 1.0)
        .with("uchar", "green", |_| 1.0)
        .with("uchar", "blue", |_| 1.0);
    let mut faces = Element::new("face");
    faces.rows = vec![Vec::new(); 2];
    let faces = faces.with_list("list uchar int", "vertex_indices", |_| vec![0.0, 1.0, 2.0]);
    let anchors = vertex()
        .without("f_dc")
        .with("float", "f_anchor_feat_0", |_| 0.0);
    for (maker, says) in [
        (plain(points()), "a point cloud, no"),
        (plain(coloured.clone()), "a point cloud with colours"),
        (Maker::new(Encoding::Big, vec![coloured, faces]), "a mesh"),
        (plain(anchors), "Scaffold-GS"),
    ] {
        let error = fault(&maker.bytes());
        assert!(
            error.contains(says) && error.contains("opacity") | error.contains("f_dc_0"),
            "{error}"
        );
    }
    let mut other = vertex();
    other.name = "vertex_0".into();
    let error = fault(&plain(other.clone()).bytes());
    assert!(
        error.contains("no element 'vertex'") && error.contains("vertex_0"),
        "{error}"
    );
    let mut codebook = Element::new("codebook_centers");
    codebook.rows = vec![Vec::new(); 2];
    let codebook = codebook.with("ushort", "features_dc", |_| 0.0);
    let error = fault(&Maker::new(Encoding::Little, vec![other, codebook]).bytes());
    assert!(error.contains("Reduced 3DGS"), "{error}");
    let rest = vertex().with("float", "f_rest_0", |_| 0.0);
    assert!(fault(&plain(rest).bytes()).contains("1 properties f_rest"));
    let twice = vertex().with("float", "opacity", |_| 0.0);
    assert!(fault(&plain(twice).bytes()).contains("'opacity' is there more than once"));
    let list = vertex()
        .without("opacity")
        .with_list("list uchar float", "opacity", |_| vec![1.0]);
    assert!(fault(&plain(list).bytes()).contains("'opacity' is a list"));
}

#[test]
fn faults_of_a_header_name_the_line() {
    let vertex = "element vertex 1\nproperty float x\n";
    for (header, says) in [
        ("ply\nformat ascii 2.0\nend_header\n", "line 2"),
        (
            "ply\nformat binary_middle_endian 1.0\nend_header\n",
            "binary_middle_endian",
        ),
        (&format!("ply\n{vertex}end_header\n"), "names no format"),
        (
            "ply\nformat ascii 1.0\nelement vertex -1\nend_header\n",
            "line 3",
        ),
        (
            "ply\nformat ascii 1.0\nelement vertex 99999999999999999999999\nend_header\n",
            "no whole number",
        ),
        (
            "ply\nformat ascii 1.0\nproperty float x\nend_header\n",
            "no element comes before",
        ),
        (
            "ply\nformat ascii 1.0\nelement vertex 1\nproperty quad x\nend_header\n",
            "property quad x",
        ),
        (
            "ply\nformat ascii 1.0\nelement vertex 1\nproperty x\nend_header\n",
            "a type and a name",
        ),
        ("ply\nformat ascii 1.0\nvertices 1\nend_header\n", "line 3"),
        ("ply\nformat ascii 1.0\nelement vertex 1\n", "cut short"),
        ("ply\nformat ascii 1.0\nend_header\n", "no element 'vertex'"),
        ("plx\n", "not a PLY"),
        ("", "not a PLY"),
    ] {
        let error = fault(header.as_bytes());
        assert!(error.contains(says), "{header:?}: {error}");
    }
}

#[test]
fn a_file_cut_short_says_how_much_is_there() {
    let splats = unit_cloud(10, 0);
    for encoding in ALL {
        let maker = Maker::new(encoding, vec![Element::vertex(&splats)]);
        let bytes = maker.bytes();
        let body = bytes.len()
            - bytes
                .windows(11)
                .position(|w| w == b"end_header\n")
                .expect("end")
            - 11;
        let error = fault(&bytes[..bytes.len() - body * 35 / 100]);
        // Of text the line that is cut counts.
        let there = if encoding == Encoding::Ascii {
            " 7 "
        } else {
            " 6 "
        };
        for says in ["vertex", "10 ", "rows", there, "cut short"] {
            assert!(error.contains(says), "{encoding:?}: {error}");
        }
        if encoding == Encoding::Ascii {
            let error = fault(&bytes[..bytes.len() - 40]);
            assert!(
                error.contains("line 28") && error.contains("cut short"),
                "{error}"
            );
        }
        // In another element: the splats are whole, and the damage is told.
        let mut elements = vec![Element::vertex(&splats)];
        elements.extend(others());
        let bytes = Maker::new(encoding, elements.clone()).bytes();
        let file = ply::parse(&bytes[..bytes.len() - 20]).expect("splats");
        assert_eq!(file.splats, splats);
        assert!(
            file.notes[0].contains("'face'") | file.notes[0].contains("'odd'"),
            "{:?}",
            file.notes
        );
        elements.rotate_left(1);
        let error = fault(&Maker::new(encoding, elements).bytes()[..700]);
        assert!(error.contains("cut short"), "{error}");
        let longer = [maker.bytes(), b"12345".to_vec()].concat();
        let file = ply::parse(&longer).expect("splats");
        assert!(file.notes[0].contains("5 bytes behind"), "{:?}", file.notes);
    }
}

#[test]
fn absurd_counts_are_refused_before_memory_is_taken() {
    let splats = unit_cloud(2, 0);
    for encoding in ALL {
        for count in [
            "18446744073709551615",
            "4611686018427387904",
            "1000000000000",
        ] {
            let bytes = Maker::new(encoding, vec![Element::vertex(&splats)]).bytes();
            let at = bytes
                .windows(10)
                .position(|w| w == b" vertex 2\n")
                .expect("count");
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let absurd = [
                format!("{head} vertex {count}\n").into_bytes(),
                bytes[at + 10..].to_vec(),
            ]
            .concat();
            let error = fault(&absurd);
            assert!(
                error.contains(count) && error.contains("cut short"),
                "{error}"
            );
        }
        // A list of more items than there are bytes, negative or broken counts.
        for count in [4e9, -1.0, 0.5, f64::NAN] {
            let mut list = Element::new("face");
            list.properties
                .push(("list float int".into(), "many".into()));
            let maker = Maker::new(encoding, vec![list, Element::vertex(&splats)]);
            let bytes = maker.bytes();
            let at = bytes
                .windows(7)
                .position(|w| w == b" face 0")
                .expect("count");
            let body = bytes
                .windows(11)
                .position(|w| w == b"end_header\n")
                .expect("end")
                + 11;
            let number = match encoding {
                Encoding::Ascii => format!("{count}\n").into_bytes(),
                Encoding::Little => (count as f32).to_le_bytes().to_vec(),
                Encoding::Big => (count as f32).to_be_bytes().to_vec(),
            };
            let made = [
                &bytes[..at],
                b" face 1",
                &bytes[at + 7..body],
                &number,
                &bytes[body..],
            ]
            .concat();
            match encoding {
                // Lines are passed over without a look at them.
                Encoding::Ascii => drop(ply::parse(&made)),
                _ => assert!(fault(&made).contains("'face'"), "{count}"),
            }
        }
    }
}

#[test]
fn damaged_splats_among_many_are_left_out() {
    // More than one block of rows, the last one not full.
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.ply");
    for degree in [0, 1, 3] {
        let splats = unit_cloud(40_000, degree);
        write(&path, &splats).expect("write");
        assert_eq!(read(&path).expect("read"), splats);
        let mut bytes = std::fs::read(&path).expect("bytes");
        let stride = 4 * (14 + 3 * splats.coefficients());
        let start = bytes.len() - 40_000 * stride;
        let bad = [0, 16_383, 16_384, 39_999];
        for row in bad {
            bytes[start + row * stride + 24..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        }
        std::fs::write(&path, bytes).expect("write");
        let back = read(&path).expect("read");
        back.check().expect("arrays that fit");
        let kept: Vec<[f32; 3]> = (0..40_000)
            .filter(|i| !bad.contains(i))
            .map(|i| splats.positions[i])
            .collect();
        assert_eq!(back.positions, kept);
    }
}

/// What is read can be used.
fn assert_usable(file: &SplatFile) {
    file.splats.check().expect("arrays that fit");
    assert!((0..file.splats.len()).all(|i| file.splats.is_usable(i)));
}

#[test]
fn no_bytes_bring_a_reader_down() {
    let splats = unit_cloud(6, 1);
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for encoding in ALL {
        let mut elements = others();
        elements.push(
            Element::vertex(&splats).with_list("list uchar short", "views", |i| vec![1.0; i % 3]),
        );
        seeds.push(Maker::new(encoding, elements).bytes());
        seeds.push(Maker::new(encoding, vec![Element::vertex(&splats)]).bytes());
    }
    seeds.push(
        Maker::new(
            Encoding::Little,
            super::compressed::packed(&splats, true, 3),
        )
        .bytes(),
    );
    let (flat, _) = splat::encode(&splats);
    let words: [&[u8]; 12] = [
        b"list uchar int",
        b"element",
        b"property",
        b"18446744073709551615",
        b"-1",
        b"double",
        b"uchar",
        b"vertex",
        b"chunk",
        b"end_header\n",
        b"\r\n",
        b"\xFF\xFF\xFF\xFF",
    ];
    let mut rng = Rng(77);
    for round in 0..6000 {
        let seed = &seeds[round % seeds.len()];
        let mut bytes = if round % 10 == 9 {
            flat.clone()
        } else {
            seed.clone()
        };
        for _ in 0..1 + rng.u32() % 4 {
            let at = rng.u32() as usize % bytes.len().max(1);
            match rng.u32() % 5 {
                0 => bytes.truncate(at),
                1 => bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|b| *b ^= 1 << (round % 8)),
                2 => drop(bytes.splice(
                    at..at,
                    words[rng.u32() as usize % words.len()].iter().copied(),
                )),
                3 => drop(bytes.drain(at..(at + rng.u32() as usize % 40).min(bytes.len()))),
                _ => {
                    let copy = bytes[at..(at + 30).min(bytes.len())].to_vec();
                    drop(bytes.splice(at..at, copy));
                }
            }
        }
        for parse in [ply::parse, splat::parse] {
            if let Ok(file) = parse(&bytes) {
                assert_usable(&file);
            }
        }
    }
}
