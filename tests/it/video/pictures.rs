//! Folders of pictures as they really are: damaged, mixed, of several kinds, with names that lie.

use std::path::{Path, PathBuf};

use image::{DynamicImage, RgbImage, RgbaImage};
use sora_director::monitor::Silent;
use sora_director::video::{Frames, examine, probe};

use super::{native, open};
use crate::common::gpu;
use crate::common::pictures::{Coded, jpeg, png, with_exif};

/// A picture that no flat grey looks like.
fn photo(seed: u32) -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| {
        let v = (x * 7 + y * 13 + seed * 29) % 97 * 2;
        image::Rgb([v as u8, (200 - v) as u8, (x * 3) as u8])
    })
}

fn first(frames: &Frames, index: usize) -> [u8; 4] {
    frames.read(&gpu(), index).expect("read")[0].to_le_bytes()
}

/// A folder with three JPEGs, of which `f1.jpg` is made of `bytes`.
fn three(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("tempdir");
    for (name, bytes) in [
        ("f0.jpg", jpeg(&photo(0)).as_slice()),
        ("f1.jpg", bytes),
        ("f2.jpg", jpeg(&photo(2)).as_slice()),
    ] {
        std::fs::write(folder.path().join(name), bytes).expect("write");
    }
    let path = folder.path().to_owned();
    (folder, path)
}

#[test]
fn a_jpeg_that_is_cut_short_is_named() {
    let whole = jpeg(&photo(1));
    // Half, with a thumbnail that has its own end, and all but the last row of blocks.
    let thumbnail = with_exif(&whole, 1, &jpeg(&RgbImage::new(16, 16)));
    let cut = [
        &whole[..whole.len() / 2],
        &thumbnail[..thumbnail.len() * 2 / 3],
        &whole[..whole.len() - whole.len() / 12],
    ];
    for bytes in cut {
        let (_folder, path) = three(bytes);
        let error = open(&path, &native()).expect_err("cut").to_string();
        for words in ["f1.jpg", "cut short", "fetch it again"] {
            assert!(error.contains(words), "{error}");
        }
        let told = examine(&path, &Silent).expect("headers").faults;
        assert!(told.len() == 1 && told[0].starts_with("f1.jpg"), "{told:?}");
    }
    // Zeros in place of what did not arrive.
    let mut zeros = whole.clone();
    let half = zeros.len() / 2;
    zeros[half..].fill(0);
    let (_folder, path) = three(&zeros);
    let error = open(&path, &native()).expect_err("zeros").to_string();
    assert!(error.contains("f1.jpg"), "{error}");
    // Only the marker of the end is gone: the picture is whole, and it is told.
    let (_folder, path) = three(&whole[..whole.len() - 2]);
    let frames = open(&path, &native()).expect("whole");
    assert_eq!(frames.faults.len(), 1);
    assert!(
        frames.faults[0].contains("f1.jpg: the marker at its end is missing"),
        "{:?}",
        frames.faults
    );
    // Its end is there and its middle is not; or the end was put there by who cut it.
    let mut hole = whole.clone();
    let at = hole.len() * 2 / 3;
    hole.drain(at - 200..at);
    let (_folder, path) = three(&hole);
    let told = match open(&path, &native()) {
        Ok(frames) => frames.faults.join("; "),
        Err(error) => error.to_string(),
    };
    assert!(told.contains("f1.jpg"), "{told}");
    let (_folder, path) = three(&[&whole[..at], &[0xFF, 0xD9]].concat());
    let error = open(&path, &native()).expect_err("short").to_string();
    assert!(
        error.contains("f1.jpg") && error.contains("cut short"),
        "{error}"
    );
    // Damage that the decoder meets is told, and what decodes is kept.
    let mut rng = crate::common::Rng(11);
    let mut told = 0;
    for _ in 0..40 {
        let mut bytes = whole.clone();
        let at = bytes.len() / 2 + rng.u32() as usize % 300;
        bytes[at..at + 3].copy_from_slice(&[0xFF, 0xE7, 0x12]);
        let (_folder, path) = three(&bytes);
        match open(&path, &native()) {
            Ok(frames) => {
                told += usize::from(frames.faults.iter().any(|f| f.starts_with("f1.jpg")))
            }
            Err(error) => told += usize::from(error.to_string().contains("f1.jpg")),
        }
    }
    assert_eq!(told, 40);
}

#[test]
fn whole_jpegs_are_never_called_damaged() {
    let whole = jpeg(&photo(1));
    let other = jpeg(&photo(5));
    let thumbnail = with_exif(&whole, 1, &jpeg(&RgbImage::new(16, 16)));
    // Fill bytes before a marker are allowed anywhere.
    let filled = [&whole[..2], &[0xFF, 0xFF], &whole[2..]].concat();
    for (what, bytes) in [
        ("plain", whole.clone()),
        (
            "trailing bytes",
            [&whole[..], &[0; 700], b"SEFT trailer"].concat(),
        ),
        ("several pictures", [&whole[..], &other].concat()),
        (
            "the second is cut",
            [&whole[..], &other[..other.len() / 2]].concat(),
        ),
        ("thumbnail", thumbnail),
        ("fill bytes", filled),
        ("grey", {
            let mut bytes = std::io::Cursor::new(Vec::new());
            DynamicImage::from(photo(1))
                .to_luma8()
                .write_to(&mut bytes, image::ImageFormat::Jpeg)
                .expect("JPEG");
            bytes.into_inner()
        }),
        (
            "flat mid grey",
            jpeg(&RgbImage::from_pixel(64, 48, image::Rgb([128; 3]))),
        ),
    ] {
        let (_folder, path) = three(&bytes);
        let frames = open(&path, &native()).expect(what);
        assert_eq!(
            (frames.len(), frames.faults.len()),
            (3, 0),
            "{what}: {:?}",
            frames.faults
        );
        assert!(
            examine(&path, &Silent).expect(what).faults.is_empty(),
            "{what}"
        );
    }
}

#[test]
fn pictures_that_break_off_are_named_whatever_their_kind() {
    let folder = tempfile::tempdir().expect("tempdir");
    let photo = DynamicImage::from(photo(3));
    for extension in ["png", "bmp", "webp", "tiff"] {
        let path = folder.path().join(format!("a.{extension}"));
        photo.save(&path).expect("save");
        assert!(
            open(&path, &native()).expect("whole").faults.is_empty(),
            "{extension}"
        );
        let bytes = std::fs::read(&path).expect("read");
        for length in [0, 3, bytes.len() / 2, bytes.len() - bytes.len() / 8] {
            std::fs::write(&path, &bytes[..length]).expect("write");
            let error = open(&path, &native()).expect_err(extension).to_string();
            let mend = error.contains("leave it out") || error.contains("fetch");
            assert!(
                error.contains(&format!("a.{extension}")) && mend,
                "{length}: {error}"
            );
        }
    }
}

/// A grey TIFF of LZW by hand: codes of nine bits, the table never used.
fn lzw(values: &[u8; 24]) -> Vec<u8> {
    let mut bits: u64 = 0;
    let (mut held, mut data) = (0, Vec::new());
    for code in std::iter::once(256)
        .chain(values.iter().map(|&v| u64::from(v)))
        .chain([257])
    {
        bits = bits << 9 | code;
        held += 9;
        while held >= 8 {
            held -= 8;
            data.push((bits >> held) as u8);
        }
    }
    data.push((bits << (8 - held)) as u8);
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    let tags: [(u16, u32); 9] = [
        (256, 6),
        (257, 4),
        (258, 8),
        (259, 5),
        (262, 1),
        (273, 8 + 2 + 9 * 12 + 4),
        (277, 1),
        (278, 4),
        (279, data.len() as u32),
    ];
    bytes.extend((tags.len() as u16).to_le_bytes());
    for (tag, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(4u16.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(data);
    bytes
}

#[test]
fn tiff_is_read_and_its_other_pages_are_told() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = folder.path();
    std::fs::write(root.join("f0.jpg"), jpeg(&photo(0))).expect("write");
    DynamicImage::from(photo(1))
        .save(root.join("f1.tif"))
        .expect("save");
    DynamicImage::from(photo(2))
        .to_rgb16()
        .save(root.join("f2.TIFF"))
        .expect("save");
    let frames = open(root, &native()).expect("decode");
    assert_eq!(
        (frames.len(), frames.faults.len()),
        (3, 0),
        "{:?}",
        frames.faults
    );
    let [r, g, b] = photo(1).get_pixel(0, 0).0;
    assert_eq!(first(&frames, 1), [r, g, b, 255]);
    let [r, g, b] = photo(2).get_pixel(0, 0).0;
    assert_eq!(first(&frames, 2), [r, g, b, 255]);

    let path = root.join("lzw.tif");
    let values = std::array::from_fn(|i| (i * 10) as u8);
    let one = lzw(&values);
    std::fs::write(&path, &one).expect("write");
    let frames = open(&path, &native()).expect("LZW");
    let pixels = frames.read(&gpu(), 0).expect("read");
    assert_eq!(
        (pixels[0].to_le_bytes(), pixels[23].to_le_bytes()),
        ([0, 0, 0, 255], [230, 230, 230, 255])
    );
    // Two pages: the directory once more, further on in the file.
    let mut two = one.clone();
    let next = two.len() as u32;
    let directory = two[8..8 + 2 + 9 * 12 + 4].to_vec();
    two[8 + 2 + 9 * 12..][..4].copy_from_slice(&next.to_le_bytes());
    two.extend(directory);
    std::fs::write(&path, &two).expect("write");
    let frames = open(&path, &native()).expect("two pages");
    assert!(
        frames.faults[0].contains("lzw.tif: it has 2 pages"),
        "{:?}",
        frames.faults
    );
    // Floats have no range that could be shown.
    let path = root.join("float.tif");
    DynamicImage::from(photo(1))
        .to_rgb32f()
        .save(&path)
        .expect("save");
    let error = open(&path, &native()).expect_err("floats").to_string();
    assert!(
        error.contains("float.tif") && error.contains("floats"),
        "{error}"
    );
}

#[test]
fn pictures_of_other_kinds_are_named_and_counted() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = folder.path();
    let touch = |name: &str| std::fs::write(root.join(name), b"....").expect("write");
    for name in [
        "IMG_1.HEIC",
        "IMG_2.heic",
        "a.dng",
        "b.gif",
        "notes.txt",
        "x.tga",
    ] {
        touch(name);
    }
    let said = |words: &[&str]| {
        let error = open(root, &native()).expect_err("nothing").to_string();
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
    };
    said(&[
        "2 HEIC",
        "1 camera raw",
        "1 GIF",
        "1 Targa",
        "IMG_1.HEIC",
        "convert to PNG",
    ]);
    for name in ["f0.jpg", "f1.jpg"] {
        std::fs::write(root.join(name), jpeg(&photo(0))).expect("write");
    }
    let frames = open(root, &native()).expect("two");
    assert_eq!((frames.len(), frames.faults.len()), (2, 1));
    let fault = &frames.faults[0];
    assert!(
        fault.contains("left out: 2 HEIC") && fault.contains("a.dng") && !fault.contains("notes"),
        "{fault}"
    );
    assert_eq!(
        examine(root, &Silent).expect("examine").faults,
        frames.faults
    );
    // A folder without pictures says where some are.
    let void = root.join("void");
    std::fs::create_dir_all(void.join("images")).expect("folders");
    std::fs::write(
        void.join("images/f.png"),
        png(&RgbaImage::new(8, 8), Coded::Rgba8),
    )
    .expect("write");
    let error = probe(&void).expect_err("none").to_string();
    assert!(
        error.contains("no images") && error.contains("subfolder that does: images"),
        "{error}"
    );
}

#[test]
fn names_that_lie_are_seen_through() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = |name: &str| folder.path().join(name);
    let red = RgbaImage::from_pixel(8, 6, image::Rgba([200, 10, 20, 255]));
    for (name, coded) in [
        ("png.jpg", Coded::Rgba8),
        ("palette.png", Coded::Palette),
        ("deep.png", Coded::Rgba16),
        ("bare", Coded::Rgba8),
    ] {
        std::fs::write(path(name), png(&red, coded)).expect("write");
        let frames = open(&path(name), &native()).expect(name);
        assert_eq!(first(&frames, 0), [200, 10, 20, 255], "{name}");
    }
    let says = |path: &Path, words: &[&str]| {
        let error = open(path, &native()).expect_err("refused").to_string();
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
    };
    let heic = path("phone.jpg");
    std::fs::write(&heic, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").expect("write");
    says(&heic, &["phone.jpg", "HEIC", "convert to PNG"]);
    let raw = path("shot.dng");
    std::fs::write(&raw, b"II*\0\x08\0\0\0").expect("write");
    says(&raw, &["shot.dng", "camera raw", "convert to PNG"]);
    let empty = path("pics");
    std::fs::create_dir(&empty).expect("folder");
    std::fs::write(empty.join("f0.png"), png(&red, Coded::Rgba8)).expect("write");
    std::fs::write(empty.join("f1.png"), b"").expect("write");
    says(&empty, &["f1.png", "empty (0 bytes)", "leave it out"]);
}
