//! Alpha that lies beside the pictures or within them: it comes out, or its loss is told.

use std::path::Path;

use ffmpeg_next::format::Pixel;
use sora_director::monitor::Silent;
use sora_director::video::examine;

use super::clips::{Recipe, SIZE, edge, make, numbers, other};
use super::{native, open};
use crate::common::gpu;

fn recipe(encoder: &'static str, muxer: &'static str, pixel: Pixel) -> Recipe {
    Recipe {
        pixel,
        ..other(encoder, muxer, 0)
    }
}

/// Checks the alpha of each frame, and that the pictures are there.
fn has_alpha(path: &Path) {
    let frames = open(path, &native()).expect("decode");
    assert_eq!(frames.faults, [""; 0], "{}", path.display());
    assert_eq!(frames.len(), 12);
    for index in 0..12 {
        let pixels = frames.read(&gpu(), index).expect("read");
        for y in [0, SIZE[1] / 2, SIZE[1] - 1] {
            for x in (0..SIZE[0]).filter(|x| x.abs_diff(edge(index as u32)) > 8) {
                let alpha = pixels[(y * SIZE[0] + x) as usize] >> 24;
                let want = if x < edge(index as u32) { 255 } else { 0 };
                assert!(
                    alpha.abs_diff(want) < 20,
                    "frame {index} at {x}, {y}: {alpha}"
                );
            }
        }
        // What is clear has no colour of its own, so only the columns that are opaque can be read.
        let low = numbers(&frames.select(&[index]))[0] & 3;
        assert_eq!(low, index as u32 & 3, "frame {index}");
    }
    let probe = examine(path, &Silent).expect("probe");
    assert!(
        probe.info.pixel_format.starts_with("yuva"),
        "{}",
        probe.info.pixel_format
    );
    assert_eq!(probe.info.pixel_format, frames.info.pixel_format);
    assert_eq!(probe.faults, [""; 0]);
}

#[test]
fn alpha_comes_out_as_it_went_in() {
    let folder = tempfile::tempdir().expect("tempdir");
    const VP8: [(&str, &str); 3] = [
        ("auto-alt-ref", "0"),
        ("deadline", "realtime"),
        ("cpu-used", "8"),
    ];
    // With frames that are kept but not shown.
    const VP9: [(&str, &str); 3] = [
        ("auto-alt-ref", "1"),
        ("lag-in-frames", "8"),
        ("cpu-used", "8"),
    ];
    for (name, base, options) in [
        (
            "vp8.webm",
            recipe("libvpx", "webm", Pixel::YUVA420P),
            &VP8[..],
        ),
        (
            "vp9.webm",
            recipe("libvpx-vp9", "webm", Pixel::YUVA420P),
            &VP8[1..],
        ),
        (
            "vp9.mkv",
            recipe("libvpx-vp9", "matroska", Pixel::YUVA420P),
            &VP9[..],
        ),
        (
            "prores.mov",
            recipe("prores_ks", "mov", Pixel::YUVA444P10LE),
            &[("profile", "4444")][..],
        ),
        (
            "ffv1.mkv",
            recipe("ffv1", "matroska", Pixel::YUVA420P),
            &[][..],
        ),
    ] {
        let path = folder.path().join(name);
        if make(&path, &Recipe { options, ..base }, 0..12) {
            has_alpha(&path);
        }
    }
}

#[test]
fn alpha_that_is_lost_is_told() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.webm");
    let told = |path: &Path, words: &str| {
        let frames = open(path, &native()).expect("decode");
        assert!(
            frames.faults.len() == 1 && frames.faults[0].contains(words),
            "{:?}",
            frames.faults
        );
        assert_eq!(examine(path, &Silent).expect("probe").faults, frames.faults);
        frames
    };
    let options: &[(&str, &str)] = &[("deadline", "realtime"), ("cpu-used", "8")];
    let vp9 = Recipe {
        options,
        ..recipe("libvpx-vp9", "webm", Pixel::YUVA420P)
    };
    if make(&path, &vp9, 0..12) {
        // Some additions, then all of them, get another meaning: their identity is in a block group.
        let mut bytes = std::fs::read(&path).expect("read");
        let additions: Vec<usize> = (0..bytes.len() - 3)
            .filter(|&at| bytes[at..at + 3] == [0xEE, 0x81, 0x01])
            .collect();
        assert_eq!(additions.len(), 12);
        for (range, words) in [
            (3..5, "2 of 12 frames carry no alpha"),
            (0..12, "no frame carries any"),
        ] {
            for &at in &additions[range] {
                bytes[at + 2] = 9;
            }
            std::fs::write(&path, &bytes).expect("write");
            let frames = told(&path, words);
            for (index, opaque) in [(2, words.starts_with("no")), (4, true)] {
                let pixels = frames.read(&gpu(), index).expect("read");
                assert_eq!(
                    pixels.iter().all(|pixel| pixel >> 24 == 255),
                    opaque,
                    "{words}: {index}"
                );
            }
        }
    }
    // HEVC as Apple's devices write it: a message in front says that a layer holds alpha.
    let path = folder.path().join("a.hevc");
    let options: &[(&str, &str)] = &[("x265-params", "log-level=none")];
    let hevc = Recipe {
        options,
        ..recipe("libx265", "hevc", Pixel::YUV420P)
    };
    if make(&path, &hevc, 0..12) {
        let plain = std::fs::read(&path).expect("read");
        assert!(!open(&path, &native()).expect("decode").faults[0].contains("alpha"));
        let message = [0, 0, 0, 1, 0x4E, 1, 165, 4, 0, 0, 0x7F, 0x90, 0x80];
        // After the three headers of the stream, before the first picture.
        let units: Vec<usize> = (0..plain.len() - 4)
            .filter(|&at| plain[at..at + 3] == [0, 0, 1])
            .collect();
        let at = units[3] - usize::from(plain[units[3] - 1] == 0);
        std::fs::write(&path, [&plain[..at], &message, &plain[at..]].concat()).expect("write");
        let faults = open(&path, &native()).expect("decode").faults;
        let alpha: Vec<&String> = faults
            .iter()
            .filter(|fault| fault.contains("alpha"))
            .collect();
        assert!(
            alpha.len() == 1
                && alpha[0].contains("layer of HEVC")
                && alpha[0].contains("ProRes 4444"),
            "{faults:?}"
        );
    }
}
