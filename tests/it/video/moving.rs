//! Pictures that move: animated WebP and APNG are clips under any name.

use std::path::Path;

use image::RgbaImage;
use sora_director::generate::TakeRequest;
use sora_director::generate::files::{Files, expand};
use sora_director::generate::local::LocalProvider;
use sora_director::monitor::Silent;
use sora_director::video::{DecodeOptions, Frames, Windows, examine, probe};

use super::{native, open};
use crate::common::gpu;
use crate::common::pictures::{Coded, Shot, apng, png, webp};

const RED: [u8; 4] = [200, 0, 0, 255];
const GREEN: [u8; 4] = [0, 200, 0, 255];
const BLUE: [u8; 4] = [0, 0, 200, 255];
const NONE: [u8; 4] = [0; 4];

fn pixel(frames: &Frames, index: usize, [x, y]: [u32; 2]) -> [u8; 4] {
    let pixels = frames.read(&gpu(), index).expect("read");
    pixels[(y * frames.width + x) as usize].to_le_bytes()
}

/// A canvas of 16 x 8: red all over, then a green square at (4, 2), a blue one at (8, 4), and so on by `change`.
fn shots(change: impl Fn(&mut [Shot])) -> Vec<Shot> {
    let mut shots = vec![
        Shot::plain([16, 8], [0, 0], RED),
        Shot::plain([4, 4], [4, 2], GREEN),
        Shot::plain([4, 4], [8, 4], BLUE),
        Shot::plain([2, 2], [0, 0], GREEN),
    ];
    change(&mut shots);
    shots
}

/// Any name will do, also none and a wrong one.
const NAMES: [&str; 5] = ["a.webp", "a.png", "a.apng", "a", "a.mp4"];

#[test]
fn moving_pictures_are_clips_by_their_content() {
    let folder = tempfile::tempdir().expect("tempdir");
    let delays = |shots: &mut [Shot]| {
        for (shot, delay) in shots.iter_mut().zip([125, 40, 0, 250]) {
            shot.delay = delay;
        }
    };
    let shots = shots(delays);
    for (kind, bytes) in [
        ("webp", webp([16, 8], &shots)),
        ("apng", apng([16, 8], &shots, None, Coded::Rgba8)),
    ] {
        for name in NAMES {
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes).expect("write");
            let frames = open(&path, &native()).expect("decode");
            assert_eq!((frames.width, frames.height), (16, 8));
            // A frame of no duration is shown for 100 ms, and that is told.
            let times = [0.0, 0.125, 0.165, 0.265];
            assert_eq!(frames.times.len(), 4, "{kind} as {name}");
            for (found, want) in frames.times.iter().zip(times) {
                assert!((found - want).abs() < 1e-9, "{:?}", frames.times);
            }
            assert_eq!(frames.faults.len(), 1);
            assert!(
                frames.faults[0].starts_with("1 of 4 frames say no duration"),
                "{:?}",
                frames.faults
            );
            assert!(frames.sources.is_empty());
            let info = probe(&path).expect("probe");
            assert_eq!(info, frames.info);
            assert_eq!((info.codec.as_str(), info.frames), (kind, 4));
            assert!((info.duration - 0.515).abs() < 1e-9, "{}", info.duration);
            let told = examine(&path, &Silent).expect("examine");
            assert_eq!((told.timing.shown, &told.faults), (4, &frames.faults));
            assert!(told.timing.variable);
            // Each frame over those before it.
            assert_eq!(pixel(&frames, 0, [5, 3]), RED);
            assert_eq!(pixel(&frames, 1, [5, 3]), GREEN);
            assert_eq!(pixel(&frames, 3, [5, 3]), GREEN);
            assert_eq!(pixel(&frames, 2, [9, 5]), BLUE);
            assert_eq!(pixel(&frames, 3, [1, 1]), GREEN);
            assert_eq!(pixel(&frames, 3, [15, 7]), RED);
        }
    }
}

#[test]
fn what_frames_leave_behind_is_disposed_of_as_they_say() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a");
    let clearing = |shots: &mut [Shot]| {
        shots[1].dispose = 1;
        // Half of it lies over what is there.
        shots[2].image.fill(0);
        for x in 0..4 {
            shots[2]
                .image
                .put_pixel(x, 0, image::Rgba([0, 0, 200, 128]));
        }
        shots[2].over = true;
    };
    for bytes in [
        webp([16, 8], &shots(clearing)),
        apng([16, 8], &shots(clearing), None, Coded::Rgba8),
        apng([16, 8], &shots(clearing), None, Coded::Rgba16),
        apng([16, 8], &shots(clearing), None, Coded::Palette),
    ] {
        std::fs::write(&path, bytes).expect("write");
        let frames = open(&path, &native()).expect("decode");
        assert_eq!(pixel(&frames, 1, [5, 3]), GREEN);
        // Cleared before the third, which no longer covers it.
        assert_eq!(pixel(&frames, 2, [5, 3]), NONE);
        assert_eq!(pixel(&frames, 2, [9, 4]), [100, 0, 100, 255]);
        assert_eq!(pixel(&frames, 2, [9, 5]), RED);
        assert_eq!(pixel(&frames, 3, [0, 1]), GREEN);
    }
    // Restored: what the frame before left, with its own disposal done; the first has nothing to go back to.
    let restoring = |shots: &mut [Shot]| {
        shots[0].dispose = 2;
        shots[1].dispose = 1;
        shots[2].at = [4, 2];
        shots[2].dispose = 2;
    };
    let hidden = RgbaImage::from_pixel(16, 8, image::Rgba([9, 9, 9, 255]));
    for hidden in [None, Some(&hidden)] {
        std::fs::write(
            &path,
            apng([16, 8], &shots(restoring), hidden, Coded::Rgba8),
        )
        .expect("write");
        let frames = open(&path, &native()).expect("decode");
        assert_eq!(frames.len(), 4);
        assert_eq!(pixel(&frames, 0, [5, 3]), RED);
        assert_eq!(pixel(&frames, 1, [0, 0]), NONE);
        assert_eq!(pixel(&frames, 2, [5, 3]), BLUE);
        assert_eq!(pixel(&frames, 3, [5, 3]), NONE);
    }
}

#[test]
fn frames_are_chosen_by_time_and_come_in_windows() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.webp");
    let long: Vec<Shot> = (0..9)
        .map(|i| Shot {
            delay: if i == 0 { 800 } else { 100 },
            ..Shot::plain([16, 8], [0, 0], [20 * i, 0, 0, 255])
        })
        .collect();
    std::fs::write(&path, webp([16, 8], &long)).expect("write");
    let few = DecodeOptions {
        max_frames: Some(3),
        ..native()
    };
    let frames = open(&path, &few).expect("decode");
    // 0, 0.75 and 1.5 s: the frame at 0.8 is nearest to the middle.
    let reds: Vec<u8> = (0..3).map(|i| pixel(&frames, i, [0, 0])[0]).collect();
    assert_eq!(
        (frames.times.as_slice(), reds),
        (&[0.0, 0.8, 1.5][..], vec![0, 20, 160])
    );
    let (gpu, options) = (gpu(), native());
    let mut windows = Windows::open(&gpu, &path, &options, &Silent).expect("open");
    let mut sizes = Vec::new();
    let mut red = 0;
    while let Some(window) = windows.next(4, &Silent).expect("window") {
        for i in 0..window.len() {
            assert_eq!(pixel(&window, i, [3, 3])[0], red);
            red += 20;
        }
        sizes.push(window.len());
    }
    assert_eq!(sizes, [4, 4, 1]);
}

#[test]
fn what_is_damaged_of_an_animation_is_told() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.png");
    let shots = shots(|_| ());
    let whole_png = apng([16, 8], &shots, None, Coded::Rgba8);
    let whole_webp = webp([16, 8], &shots);
    let last = |bytes: &[u8], name: &[u8]| {
        let at = bytes.windows(4).rposition(|w| w == name);
        at.expect("chunk")
    };
    // Cut within the last frame: the others come, and it is told.
    for (bytes, cut) in [
        (&whole_png, last(&whole_png, b"fdAT") + 8),
        (&whole_webp, last(&whole_webp, b"ANMF") + 30),
    ] {
        std::fs::write(&path, &bytes[..cut]).expect("write");
        let frames = open(&path, &native()).expect("decode");
        assert_eq!(frames.len(), 3);
        assert!(
            frames.faults[0].starts_with("the file ends early"),
            "{:?}",
            frames.faults
        );
        assert_eq!(
            examine(&path, &Silent).expect("examine").faults,
            frames.faults
        );
    }
    // Damaged within the third: those before it come.
    let mut bytes = whole_png.clone();
    let third = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, w)| w == b"fcTL")
        .nth(2);
    let at = third.expect("third").0 + 4 + 26 + 4 + 8 + 4 + 8;
    bytes[at] ^= 0x55;
    std::fs::write(&path, &bytes).expect("write");
    let frames = open(&path, &native()).expect("decode");
    assert_eq!(frames.len(), 2);
    assert!(
        frames.faults[0].contains("frame 3 of 4 did not decode"),
        "{:?}",
        frames.faults
    );
    // Nothing whole: one error.
    for (bytes, cut) in [(&whole_png, 100), (&whole_webp, 70)] {
        std::fs::write(&path, &bytes[..cut]).expect("write");
        let error = open(&path, &native()).expect_err("no frame").to_string();
        assert!(
            error.contains("a.png") && error.contains("cut short"),
            "{error}"
        );
    }
    // Anything at all, and never a panic.
    let mut rng = crate::common::Rng(5);
    for whole in [&whole_png, &whole_webp] {
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..1 + rng.u32() % 4 {
                let at = rng.u32() as usize % bytes.len();
                bytes[at] = rng.u32() as u8;
            }
            bytes.truncate(bytes.len() - rng.u32() as usize % 9);
            std::fs::write(&path, &bytes).expect("write");
            match probe(&path) {
                Ok(info) if info.width <= 64 && info.height <= 64 => {
                    if let Ok(frames) = open(&path, &native()) {
                        assert_eq!(frames.len(), frames.times.len());
                    }
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
}

#[test]
fn animations_are_takes_and_no_pictures_of_a_folder() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = folder.path();
    let clip = webp([16, 8], &shots(|_| ()));
    for name in ["t2.webp", "t10.webp"] {
        std::fs::write(root.join(name), &clip).expect("write");
    }
    let takes = ["t2.webp", "t10.webp"].map(|name| root.join(name));
    assert_eq!(expand(&root.join("*.webp")).expect("takes"), takes);
    let request = TakeRequest {
        prompt: "a robot".into(),
        seed: 1,
        seconds: 4.0,
        size: [640, 360],
        fps: 24.0,
        video: Some(takes[0].clone()),
        model: None,
        reference_image: None,
    };
    let delivered = Files.generate(&request, root, &Silent).expect("a take");
    assert!(
        delivered.notes[0].contains("webp 16x8"),
        "{:?}",
        delivered.notes
    );
    let says = |path: &Path, words: &[&str]| {
        for error in [
            open(path, &native()).expect_err("refused").to_string(),
            probe(path).expect_err("refused").to_string(),
        ] {
            for word in words {
                assert!(error.contains(word), "{word}: {error}");
            }
        }
    };
    says(root, &["t2.webp", "animated WebP", "give the file itself"]);
    let still = png(&RgbaImage::new(16, 8), Coded::Rgba8);
    std::fs::write(root.join("s.png"), &still).expect("write");
    says(&root.join("*.*"), &["s.png", "t2.webp", "together"]);
    let list = r#"{"frames": [{"file_path": "t2.webp"}]}"#;
    std::fs::write(root.join("transforms.json"), list).expect("write");
    says(root, &["t2.webp", "animated"]);
    // One frame does not move.
    for (name, bytes) in [
        ("one.webp", webp([16, 8], &shots(|_| ())[..1])),
        (
            "one.png",
            apng([16, 8], &shots(|_| ())[..1], None, Coded::Rgba8),
        ),
    ] {
        let path = root.join(name);
        std::fs::write(&path, bytes).expect("write");
        let frames = open(&path, &native()).expect("a picture");
        assert_eq!(
            (frames.len(), frames.info.container.as_str()),
            (1, "images")
        );
        assert_eq!(pixel(&frames, 0, [1, 1]), RED);
    }
}
