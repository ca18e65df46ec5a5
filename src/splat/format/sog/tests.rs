//! Round trips within a step, bad input, and the bytes of known values.

use std::io::{Cursor, Read as _, Write as _};

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::super::super::Splats;
use super::super::{SplatFile, sigmoid, unit};
use super::codebook::Codebook;
use super::palette::Palette;
use super::{encode, parse};

/// Numbers in [0, 1) that look drawn by lot.
fn lot(mut state: u64) -> impl FnMut() -> f32 {
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    }
}

fn cloud(n: usize, sh_degree: u32) -> Splats {
    let mut lot = lot(7);
    let mut out = Splats {
        sh_degree,
        ..Splats::default()
    };
    for _ in 0..n {
        let mut some = |scale: f32, shift: f32| scale * (lot() + lot() + lot() - 1.5) + shift;
        out.positions
            .push([some(8.0, 1.0), some(2.0, -1.0), some(20.0, 0.0)]);
        out.log_scales
            .push([some(3.0, -5.0), some(3.0, -5.0), some(3.0, -6.0)]);
        out.rotations.push(unit([
            some(1.0, 0.0),
            some(1.0, 0.0),
            some(1.0, 0.0),
            some(1.0, 0.1),
        ]));
        out.opacity_logits.push(some(6.0, 0.0));
        let k = out.coefficients();
        for c in 0..k {
            let scale = if c == 0 { 1.5 } else { 0.3 };
            out.sh
                .push([some(scale, 0.1), some(scale, 0.0), some(scale, -0.1)]);
        }
    }
    out
}

fn there_and_back(splats: &Splats) -> SplatFile {
    parse(&encode(splats).expect("written").0).expect("read")
}

/// The splat of `file` that is nearest to each of `splats`.
fn partners(splats: &Splats, file: &SplatFile) -> Vec<usize> {
    assert_eq!(splats.len(), file.splats.len());
    let far =
        |a: &[f32; 3], b: &[f32; 3]| -> f32 { a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum() };
    let mut out: Vec<usize> = Vec::new();
    for p in &splats.positions {
        let all = file.splats.positions.iter().enumerate();
        let best = all
            .min_by(|a, b| far(a.1, p).total_cmp(&far(b.1, p)))
            .expect("any");
        out.push(best.0);
    }
    let mut each = out.clone();
    each.sort_unstable();
    each.dedup();
    assert_eq!(each.len(), splats.len());
    out
}

#[test]
fn all_degrees_come_back_within_a_step() {
    for degree in 0..=3 {
        let splats = cloud(700, degree);
        let file = there_and_back(&splats);
        assert_eq!((file.sh_degree, file.splats.sh_degree), (degree, degree));
        assert_eq!(file.format, "SOG (version 2)");
        assert!(file.notes.is_empty() && file.unused.is_empty() && file.not_finite == 0);
        let k = splats.coefficients();
        for (i, j) in partners(&splats, &file).into_iter().enumerate() {
            let back = &file.splats;
            for (a, b) in splats.positions[i].iter().zip(back.positions[j]) {
                // Half of 1/65535 of the range of ln(1 + |x|), 7 at most here.
                assert!(
                    (a - b).abs() <= (1.0 + a.abs()) * 0.5 * 7.0 / 65_535.0,
                    "{a} {b}"
                );
            }
            for (a, b) in splats.log_scales[i].iter().zip(back.log_scales[j]) {
                assert!((a - b).abs() < 0.04, "{a} {b}");
            }
            let (a, b) = (splats.rotations[i], back.rotations[j]);
            let along: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            // Three parts off by half of sqrt(2) / 255 at most, and the fourth with them.
            assert!(along.abs() > 1.0 - 5e-5, "{a:?} {b:?}");
            let alpha = sigmoid(splats.opacity_logits[i]) - sigmoid(back.opacity_logits[j]);
            assert!(alpha.abs() <= 0.51 / 255.0, "{alpha}");
            for c in 0..k {
                for (a, b) in splats.sh[i * k + c].iter().zip(back.sh[j * k + c]) {
                    // So few splats have a palette's entry each, and the codebook alone rounds.
                    assert!(
                        (a - b).abs() < if c == 0 { 0.02 } else { 0.005 },
                        "{degree} {c} {a} {b}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_was_read_is_written_alike() {
    for degree in [0, 3] {
        let once = there_and_back(&cloud(300, degree)).splats;
        let (bytes, bent) = encode(&once).expect("written");
        assert!(bent.is_empty(), "{bent:?}");
        assert_eq!(bytes, encode(&once).expect("written").0);
        let twice = parse(&bytes).expect("read").splats;
        assert_eq!(once.log_scales, twice.log_scales);
        assert_eq!(once.sh, twice.sh);
        for (a, b) in once.opacity_logits.iter().zip(&twice.opacity_logits) {
            assert_eq!(a, b);
        }
    }
}

#[test]
fn a_palette_of_few_colours_holds_them_as_they_are() {
    let mut splats = cloud(5000, 2);
    let k = splats.coefficients();
    for i in 0..splats.len() {
        for c in 1..k {
            splats.sh[i * k + c] = [(i % 3) as f32, (c % 4) as f32 - 1.0, 0.5];
        }
    }
    let (bytes, _) = encode(&splats).expect("written");
    let meta = document(&bytes);
    assert_eq!(meta["shN"]["count"], 3);
    assert_eq!(meta["shN"]["bands"], 2);
    let file = parse(&bytes).expect("read");
    for sh in file.splats.sh.chunks_exact(k) {
        for (c, value) in sh.iter().enumerate().skip(1) {
            assert_eq!(value[1..], [(c % 4) as f32 - 1.0, 0.5]);
            assert_eq!(value[0], sh[1][0]);
        }
    }
}

#[test]
fn palettes_and_codebooks_bear_what_is_far_out() {
    let mut lot = lot(3);
    let mut vectors: Vec<[f32; 9]> = (0..3000).map(|_| [(); 9].map(|()| lot())).collect();
    vectors[17] = [1e30; 9];
    vectors[18] = [-3e38; 9];
    let palette = Palette::of(3000, 9, 2000, &|i| vectors[i as usize].as_slice());
    let mut error = 0.0;
    for (i, label) in palette
        .labels
        .iter()
        .enumerate()
        .filter(|(i, _)| !(17..19).contains(i))
    {
        let entry = &palette.entries[*label as usize * 9..][..9];
        error += vectors[i]
            .iter()
            .zip(entry)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f32>();
    }
    // Of 9 parts of variance 1/12 each.
    assert!(error / 3000.0 < 0.2 * 0.75, "{error}");

    let values: Vec<f32> = (0..30_000).map(|_| lot()).collect();
    for far in [vec![], vec![-50.0, 30.0], vec![-2e38, 1e30]] {
        let codebook = Codebook::of([values.as_slice(), far.as_slice()].concat());
        let back = |value: f32| codebook.0[usize::from(codebook.nearest(value))];
        assert!(
            values.iter().all(|v| (v - back(*v)).abs() < 0.01),
            "{far:?}"
        );
        if far.first() == Some(&-50.0) {
            assert!((back(-50.0) + 50.0).abs() < 1e-4 && (back(30.0) - 30.0).abs() < 1e-4);
        }
    }
    assert_eq!(Codebook::of(vec![2.0, 1.0, 2.0]).0[..3], [1.0, 2.0, 2.0]);
    assert_eq!(Codebook::of(Vec::new()).0, [0.0; 256]);
}

#[test]
fn edges_of_the_range() {
    let none = there_and_back(&Splats::default());
    assert!(none.splats.is_empty() && none.notes.is_empty());
    let one = there_and_back(&cloud(1, 3));
    assert_eq!(one.splats.len(), 1);
    for (a, b) in cloud(1, 3).positions[0].iter().zip(one.splats.positions[0]) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
    let mut splats = cloud(6, 1);
    splats.positions[0] = [f32::MAX, f32::MIN, 0.0];
    splats.log_scales[1] = [f32::NEG_INFINITY, -3.0, f32::MAX];
    splats.opacity_logits[2] = f32::INFINITY;
    splats.opacity_logits[3] = f32::NEG_INFINITY;
    splats.rotations[3] = [0.0; 4];
    splats.sh[16] = [f32::MAX, f32::MIN, 0.0];
    splats.positions[5] = [f32::NAN; 3];
    let (bytes, bent) = encode(&splats).expect("written");
    assert_eq!(bent, ["sizes of 0 of 1 splat, made very small"]);
    let back = parse(&bytes).expect("read").splats;
    assert_eq!(back.len(), 5);
    assert!(
        back.positions
            .iter()
            .any(|p| p[0] > 3.4e38 && p[1] < -3.4e38)
    );
    assert!(
        back.log_scales
            .iter()
            .any(|s| s[0] <= -16.0 && s[1] == -3.0)
    );
    let logits = back.opacity_logits;
    assert!(
        logits.iter().any(|l| (6.5..7.5).contains(l))
            && logits.iter().any(|l| (-7.5..-6.5).contains(l))
    );
}

/// Files of an archive that `encode` made.
fn files(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("zip");
    (0..archive.len())
        .map(|i| {
            let mut file = archive.by_index(i).expect("entry");
            let mut out = Vec::new();
            file.read_to_end(&mut out).expect("bytes");
            (file.name().expect("name").into_owned(), out)
        })
        .collect()
}

fn packed(files: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(name.as_str(), options).expect("entry");
        zip.write_all(bytes).expect("bytes");
    }
    zip.finish().expect("zip").into_inner()
}

fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(&files(bytes)[0].1).expect("document")
}

/// The archive with another document.
fn with(bytes: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut files = files(bytes);
    let mut meta = document(bytes);
    change(&mut meta);
    files[0].1 = meta.to_string().into_bytes();
    packed(&files, CompressionMethod::Stored)
}

fn image(
    width: u32,
    height: u32,
    pixel: impl Fn(usize) -> [u8; 4],
    format: image::ImageFormat,
) -> Vec<u8> {
    let bytes: Vec<u8> = (0..(width * height) as usize).flat_map(pixel).collect();
    let image = image::RgbaImage::from_raw(width, height, bytes).expect("size");
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).expect("image");
    out.into_inner()
}

#[test]
fn known_values_have_known_bytes() {
    let splats = Splats {
        positions: vec![[0.0, 0.0, 0.0], [1.0, -1.0, 3.0]],
        log_scales: vec![[-1.0, -2.0, -3.0], [-1.0, -1.0, -2.0]],
        rotations: vec![[1.0, 0.0, 0.0, 0.0], [0.5, -0.5, 0.5, -0.5]],
        opacity_logits: vec![0.0, f32::INFINITY],
        sh_degree: 1,
        sh: [
            [[0.25; 3], [0.0; 3], [0.0; 3], [0.0; 3]],
            [[0.5; 3], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
        ]
        .concat(),
    };
    let (bytes, bent) = encode(&splats).expect("written");
    assert!(bent.is_empty());
    let files = files(&bytes);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "meta.json",
            "means_l.webp",
            "means_u.webp",
            "quats.webp",
            "scales.webp",
            "sh0.webp",
            "shN_centroids.webp",
            "shN_labels.webp"
        ]
    );
    let meta = document(&bytes);
    assert_eq!((&meta["version"], &meta["count"]), (&json!(2), &json!(2)));
    let (ln2, ln4) = (2f64.ln(), 4f64.ln());
    assert_eq!(meta["means"]["mins"], json!([0.0, -ln2, 0.0]));
    assert_eq!(meta["means"]["maxs"], json!([ln2, 0.0, ln4]));
    for part in ["scales", "sh0", "shN"] {
        assert_eq!(
            meta[part]["codebook"].as_array().expect("codebook").len(),
            256
        );
    }
    let pixels = |i: usize| {
        image::load_from_memory(&files[i].1)
            .expect("image")
            .into_rgba8()
    };
    assert_eq!(pixels(1).dimensions(), (4, 4));
    assert_eq!(pixels(6).dimensions(), (192, 1));
    // Bits of y lie above those of x, so that the second, whose y is the least, is the second still for its z.
    let first = |i: usize| pixels(i).pixels().take(2).map(|p| p.0).collect::<Vec<_>>();
    assert_eq!(first(1), [[0, 255, 0, 255], [255, 0, 255, 255]]);
    assert_eq!(first(2), [[0, 255, 0, 255], [255, 0, 255, 255]]);
    // w is left out of both, and of equal parts the first is the largest.
    assert_eq!(first(3), [[128, 128, 128, 252], [37, 218, 37, 252]]);
    assert_eq!(first(4), [[2, 1, 0, 255], [2, 2, 1, 255]]);
    assert_eq!(first(5), [[0, 0, 0, 128], [1, 1, 1, 255]]);
    let labels = first(7);
    let entry = usize::from(labels[1][0]);
    let centroids = pixels(6);
    let code = |c: u32| centroids.get_pixel(3 * entry as u32 + c, 0).0;
    assert_eq!(
        [code(0), code(1), code(2)],
        [[1, 2, 3, 255], [4, 5, 6, 255], [7, 8, 9, 255]]
    );
}

#[test]
fn version_1_has_ranges() {
    let webp = image::ImageFormat::WebP;
    let meta = json!({
        "means": {"shape": [4, 3], "dtype": "float32", "mins": [0.0, -1.0, 0.0], "maxs": [1.0, 1.0, 0.0], "files": ["l.webp", "u.webp"]},
        "scales": {"shape": [4, 3], "mins": [-4.0, -4.0, -6.0], "maxs": [-2.0, -3.0, -1.0], "files": ["scales.webp"]},
        "quats": {"shape": [4, 4], "dtype": "uint8", "encoding": "quaternion_packed", "files": ["quats.webp"]},
        "sh0": {"shape": [4, 1, 4], "mins": [0.0, 0.0, -1.0, -5.0], "maxs": [1.0, 2.0, 1.0, 5.0], "files": ["sh0.png"]},
        "shN": {"shape": [4, 9], "mins": -1.0, "maxs": 1.0, "quantization": 8, "files": ["c.webp", "labels.webp"]},
    });
    let grey = |at: usize| [64 * at as u8; 3];
    let all = vec![
        ("x/meta.json".to_owned(), meta.to_string().into_bytes()),
        (
            "x/l.webp".to_owned(),
            image(
                2,
                2,
                |i| {
                    let [a, b, c] = grey(i);
                    [a, b, c, 255]
                },
                webp,
            ),
        ),
        (
            "x/u.webp".to_owned(),
            image(2, 2, |_| [128, 128, 128, 255], webp),
        ),
        (
            "x/scales.webp".to_owned(),
            image(2, 2, |_| [0, 255, 51, 255], webp),
        ),
        (
            "x/quats.webp".to_owned(),
            image(2, 2, |i| [255, 0, 128, 251 + i as u8], webp),
        ),
        (
            "x/sh0.png".to_owned(),
            image(2, 2, |_| [255, 51, 0, 204], image::ImageFormat::Png),
        ),
        (
            "x/c.webp".to_owned(),
            image(192, 2, |i| [(i % 256) as u8, 0, 255, 255], webp),
        ),
        (
            "x/labels.webp".to_owned(),
            image(2, 2, |i| [if i == 3 { 200 } else { 65 }, 0, 0, 255], webp),
        ),
    ];
    let file = parse(&packed(&all, CompressionMethod::Deflated)).expect("read");
    assert_eq!(file.format, "SOG (version 1)");
    assert_eq!((file.splats.len(), file.sh_degree), (4, 1));
    let near = |a: &[f32], b: &[f32]| {
        assert!(
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5),
            "{a:?} {b:?}"
        );
    };
    let q = f32::from(128u16 * 256 + 64) / 65_535.0;
    near(
        &file.splats.positions[1],
        &[q.exp() - 1.0, (2.0 * q - 1.0).exp() - 1.0, 0.0],
    );
    near(&file.splats.log_scales[0], &[-4.0, -3.0, -5.0]);
    near(&file.splats.opacity_logits, &[3.0; 4]);
    // A mode of 251 is none; then w and x are left out.
    near(&file.splats.rotations[0], &[1.0, 0.0, 0.0, 0.0]);
    let half = 0.5f32.sqrt();
    let small = half / 255.0;
    near(&file.splats.rotations[1], &unit([0.0, half, -half, small]));
    near(&file.splats.rotations[2], &unit([half, 0.0, -half, small]));
    // Label 65 is the second of the second row: pixels 195 to 197.
    near(&file.splats.sh[1], &[195.0 / 127.5 - 1.0, -1.0, 1.0]);
    near(&file.splats.sh[0], &[1.0, 0.4, -1.0]);
    near(&file.splats.sh[13], &[0.0; 3]);
    assert_eq!(file.notes.len(), 2, "{:?}", file.notes);
    assert!(
        file.notes[0].contains("1 splat") && file.notes[0].contains("unturned"),
        "{:?}",
        file.notes
    );
    assert!(file.notes[1].contains("palette"), "{:?}", file.notes);
}

#[test]
fn other_archives_and_other_documents_are_read() {
    let (bytes, _) = encode(&cloud(50, 1)).expect("written");
    let plain = parse(&bytes).expect("read").splats;
    let mut inner = files(&bytes);
    assert_eq!(
        parse(&packed(&inner, CompressionMethod::Deflated))
            .expect("deflated")
            .splats,
        plain
    );
    inner.reverse();
    for (name, _) in &mut inner {
        *name = format!("some/scene/{name}");
    }
    assert_eq!(
        parse(&packed(&inner, CompressionMethod::Stored))
            .expect("folder")
            .splats,
        plain
    );
    for (key, value, says) in [
        ("model", json!("2dgs"), "2DGS"),
        ("model", json!("antialiased"), "anti-aliasing"),
        ("antialias", json!(true), "anti-aliasing"),
        ("future", json!([1]), ""),
    ] {
        let file = parse(&with(&bytes, |meta| meta[key] = value)).expect("read");
        assert_eq!(file.splats, plain);
        assert_eq!(file.unused.len(), usize::from(!says.is_empty()));
        assert!(
            file.unused.iter().all(|u| u.contains(says)),
            "{:?}",
            file.unused
        );
    }
    // A first entry that is missing is made from the others; of another the splats are lost.
    let file = parse(&with(&bytes, |meta| {
        meta["sh0"]["codebook"][0] = Value::Null
    }))
    .expect("read");
    assert_eq!(file.splats.len(), 50);
    let all = |meta: &mut Value| meta["scales"]["codebook"] = json!([null, null]);
    let file = parse(&with(&bytes, all)).expect("read");
    assert_eq!((file.splats.len(), file.not_finite), (0, 50));
    let none = |meta: &mut Value| meta["shN"]["bands"] = json!(0);
    assert_eq!(parse(&with(&bytes, none)).expect("read").sh_degree, 0);
}

#[test]
fn bad_input_is_refused_in_words() {
    let (bytes, _) = encode(&cloud(50, 1)).expect("written");
    let fault = |bytes: &[u8]| parse(bytes).expect_err("refused");
    let of = |change: &dyn Fn(&mut Value)| fault(&with(&bytes, change));
    let says = |error: String, words: &[&str]| {
        assert!(words.iter().all(|w| error.contains(w)), "{error}");
        assert!(
            error
                .chars()
                .next()
                .is_some_and(|c| !c.is_ascii_uppercase())
                && !error.contains('\n'),
            "{error}"
        );
    };
    says(fault(b""), &["no zip archive"]);
    says(fault(b"ply\n"), &["no zip archive"]);
    says(fault(&bytes[..bytes.len() - 30]), &["cut short"]);
    says(
        fault(&packed(
            &[("a.txt".into(), Vec::new())],
            CompressionMethod::Stored,
        )),
        &["without meta.json"],
    );
    says(
        fault(&packed(
            &[("lod-meta.json".into(), Vec::new())],
            CompressionMethod::Stored,
        )),
        &["streamed", "splat-transform lod-meta.json"],
    );
    says(
        fault(&packed(
            &[("meta.json".into(), b"{".to_vec())],
            CompressionMethod::Stored,
        )),
        &["meta.json is not the document"],
    );
    says(
        of(&|m| m["version"] = json!(3)),
        &["version 3", "splat-transform"],
    );
    says(
        of(&|m| m["count"] = json!(1u64 << 60)),
        &["splats", "damaged"],
    );
    says(
        of(&|m| m["count"] = json!(300_000)),
        &["300000 splats", "damaged"],
    );
    says(of(&|m| m["count"] = json!(-1)), &["meta.json"]);
    says(
        of(&|m| m["count"] = json!(65)),
        &["means_l.webp", "8 x 8 pixels", "65"],
    );
    says(of(&|m| m["count"] = Value::Null), &["'count'"]);
    says(
        of(&|m| m["means"]["files"] = json!(["means_l.webp"])),
        &["1 files for 'means'"],
    );
    says(
        of(&|m| m["quats"]["files"] = json!(["q.webp"])),
        &["q.webp is not in"],
    );
    says(
        of(&|m| m["quats"]["files"] = json!(["meta.json"])),
        &["neither a WebP nor a PNG"],
    );
    says(
        of(&|m| m["means"]["mins"] = json!([1.0])),
        &["no range", "'means'"],
    );
    says(
        of(&|m| m["scales"]["codebook"] = Value::Null),
        &["no codebook for 'scales'"],
    );
    says(
        of(&|m| m["shN"]["bands"] = json!(2)),
        &["192 pixels wide and of 2 bands"],
    );
    says(of(&|m| m["shN"]["bands"] = json!(4)), &["4 bands"]);
    says(of(&|m| m["shN"]["bands"] = Value::Null), &["'bands'"]);
    says(of(&|m| m["quats"]["encoding"] = json!("f32")), &["'f32'"]);

    // A small archive that unpacks to much, and small images of many pixels.
    let mut bomb = files(&bytes);
    bomb[1].1 = vec![0; 40 << 20];
    says(
        fault(&packed(&bomb, CompressionMethod::Deflated)),
        &["means_l.webp unpacks to more than"],
    );
    bomb[1].1 = image(6000, 6000, |_| [0; 4], image::ImageFormat::Png);
    says(
        fault(&packed(&bomb, CompressionMethod::Stored)),
        &["6000 x 6000 pixels"],
    );
    bomb[0].1 = vec![b' '; 2 << 20];
    says(
        fault(&packed(&bomb, CompressionMethod::Deflated)),
        &["meta.json unpacks to more than"],
    );
}

#[test]
fn no_bytes_bring_the_reader_down() {
    let (bytes, _) = encode(&cloud(40, 1)).expect("written");
    for end in 0..bytes.len() {
        assert!(parse(&bytes[..end]).is_err());
    }
    let mut lot = lot(11);
    let whole = files(&bytes);
    for round in 0..1500 {
        // The archive's sums are right again: the damage reaches the document and the images.
        let mut damaged = whole.clone();
        let file = &mut damaged[round % whole.len()].1;
        for _ in 0..1 + round % 3 {
            let at = (lot() * file.len() as f32) as usize;
            file[at] = (lot() * 256.0) as u8;
        }
        let _ = parse(&packed(&damaged, CompressionMethod::Stored));
        let mut damaged = bytes.clone();
        let at = (lot() * bytes.len() as f32) as usize;
        damaged[at] ^= 1 << (round % 8);
        let _ = parse(&damaged);
    }
}
