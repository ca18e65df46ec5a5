//! Elements, header lines, comments and the order of properties.

use super::super::maker::{Element, Encoding, Maker};
use super::{ALL, fault, others, parsed, unit_cloud};
use sora_director::splat::format::ply;

#[test]
fn elements_before_and_after_are_passed_over_by_their_own_sizes() {
    let splats = unit_cloud(23, 1);
    for encoding in ALL {
        for (before, after) in [
            (others(), Vec::new()),
            (Vec::new(), others()),
            (others(), others()),
        ] {
            let count = before.len().max(after.len());
            let elements = [before, vec![Element::vertex(&splats)], after].concat();
            let file = parsed(&Maker::new(encoding, elements));
            assert_eq!(file.splats, splats, "{encoding:?}");
            assert_eq!((file.sh_degree, file.not_finite, count), (1, 0, 4));
            assert!(file.unused[0].starts_with("elements extrinsic (16), face (5), odd (3)"));
            assert!(!file.unused[0].contains("camera"), "it has no rows");
            assert!(file.notes.is_empty(), "{:?}", file.notes);
        }
    }
}

#[test]
fn lines_of_a_header_end_in_any_way() {
    let splats = unit_cloud(7, 0);
    for encoding in ALL {
        for line_end in ["\n", "\r\n", "\r"] {
            let mut vertex = Element::vertex(&splats);
            // Its first byte could pass for the second half of a line's end.
            vertex.set(
                0,
                "x",
                f64::from(f32::from_le_bytes([b'\n', b'\r', b'\n', 64])),
            );
            let maker = Maker {
                line_end,
                ..Maker::new(encoding, vec![vertex])
            };
            let file = parsed(&maker);
            assert_eq!(file.splats.positions[1..], splats.positions[1..]);
            assert_eq!(file.splats.rotations, splats.rotations);
            let first = file.splats.positions[0][0].to_le_bytes();
            assert_eq!(
                first,
                [b'\n', b'\r', b'\n', 64],
                "{encoding:?} {line_end:?}"
            );
        }
        let marked = [
            b"\xEF\xBB\xBF".to_vec(),
            Maker::new(encoding, vec![Element::vertex(&splats)]).bytes(),
        ];
        let file = ply::parse(&marked.concat()).expect("a byte order mark");
        assert_eq!(file.splats, splats);
    }
}

#[test]
fn comments_may_be_bytes_of_any_encoding() {
    let splats = unit_cloud(5, 1);
    for encoding in ALL {
        let maker = Maker {
            comments: vec![
                b"comment ma\xDFstab 1:1 \xA9 2024".to_vec(),
                "comment 高斯 – ümlaut".as_bytes().to_vec(),
                b"obj_info num_cols \x00\x01\xFF\xFE".to_vec(),
                b"comment end_header".to_vec(),
                b"comment element vertex 9".to_vec(),
                b"comment".to_vec(),
                b"".to_vec(),
            ],
            ..Maker::new(encoding, vec![Element::vertex(&splats)])
        };
        let file = parsed(&maker);
        assert_eq!(file.splats, splats);
        assert_eq!(file.unused, ["6 lines of comment"]);
    }
}

#[test]
fn properties_come_in_any_order_and_beside_others() {
    let splats = unit_cloud(11, 1);
    for encoding in ALL {
        let vertex = Element::vertex(&splats)
            .with("uchar", "red", |_| 255.0)
            .with("float", "filter_3D", |i| i as f64)
            .with("ushort", "state", |_| 7.0)
            .with("float", "nx", |_| 0.0)
            .with("float", "ny", |_| 0.0)
            .with("float", "nz", |_| 0.0);
        let backwards = vertex.clone().sorted(|name| {
            let mut name: Vec<char> = name.chars().collect();
            name.reverse();
            name
        });
        for vertex in [vertex, backwards] {
            let file = parsed(&Maker::new(encoding, vec![vertex]));
            assert_eq!(file.splats, splats);
            let mut names: Vec<&str> = file.unused[0]["vertex properties ".len()..]
                .split(", ")
                .collect();
            names.sort_unstable();
            assert_eq!(names, ["filter_3D", "red", "state"]);
            assert_eq!(file.unused.len(), 1, "normals of 0 are no loss");
        }
        let lists = Element::vertex(&splats)
            .with_list("list uchar short", "views", |i| vec![1.0; i % 4])
            .sorted(|name| name != "views");
        let file = parsed(&Maker::new(encoding, vec![lists]));
        assert_eq!(file.splats, splats);
        assert_eq!(file.unused, ["vertex properties views"]);
        let turned = Element::vertex(&splats)
            .with("float", "nx", |_| 0.0)
            .with("float", "ny", |i| f64::from(u8::from(i == 10)))
            .with("float", "nz", |_| 0.0);
        let file = parsed(&Maker::new(encoding, vec![turned]));
        assert_eq!(file.unused, ["normals"]);
    }
}

#[test]
fn text_is_read_as_c_libraries_write_it() {
    let splats = unit_cloud(5, 0);
    let text =
        String::from_utf8(Maker::new(Encoding::Ascii, vec![Element::vertex(&splats)]).bytes())
            .expect("text");
    let (head, body) = text.split_once("end_header\n").expect("header");
    let rows: Vec<&str> = body.lines().collect();
    let odd = ["-nan", "1.#QNAN", "-1.#IND", "nan(ind)", "inf"];
    let rows: Vec<String> = rows
        .iter()
        .zip(odd)
        .map(|(row, odd)| {
            let mut words: Vec<&str> = row.split(' ').collect();
            words[0] = odd;
            format!("  {}\t\r\n\r\n", words.join("\t "))
        })
        .collect();
    let file = ply::parse(format!("{head}end_header\n{}", rows.concat()).as_bytes()).expect("text");
    assert_eq!(file.not_finite, 5);
    let opaque = text.replacen(&format!(" {} ", splats.opacity_logits[2]), " -1.#INF ", 1);
    let file = ply::parse(opaque.as_bytes()).expect("text");
    assert_eq!(
        (file.not_finite, file.splats.opacity_logits[2]),
        (0, f32::NEG_INFINITY)
    );
    for (from, to, says) in [
        (".", ",", "decimal points"),
        (".", "x", "is no number"),
        (" ", " 1 ", "15 values"),
        ("\n", " 1\n", "15 values"),
    ] {
        let bad = body.replacen(from, to, 1);
        let error = fault(format!("{head}end_header\n{bad}").as_bytes());
        assert!(
            error.contains(says) && error.contains("line 19"),
            "{from:?}: {error}"
        );
    }
}
