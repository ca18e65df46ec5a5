//! Tests of the video stage.

use std::path::Path;

use sora_director::monitor::Silent;
use sora_director::video::{
    DecodeOptions, EncodeOptions, Encoder, Frames, VideoError, Windows, decode, probe,
};

use crate::common::gpu;

mod alpha;
mod clips;
mod cuda;
mod fields;
mod inputs;
mod kernel;
mod luma;
mod moving;
mod mutants;
mod pictures;
mod planes;
mod split;
mod times;
mod undistort;

/// Slow colours under grey stripes that move: hard edges in luma only, as 4:2:0 cannot hold them in chroma.
fn picture(width: u32, height: u32, at: u32) -> Vec<u32> {
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let stripe = if (x + 2 * at) % 32 < 16 { 0 } else { 60 };
            let r = 20 + x * 160 / width + stripe;
            let g = 20 + y * 160 / height + stripe;
            let b = 100 + stripe;
            r | g << 8 | b << 16 | 255 << 24
        })
        .collect()
}

fn encode(path: &Path, size: [u32; 2], fps: f64, frames: u32) {
    let mut encoder =
        Encoder::create(path, size[0], size[1], fps, &EncodeOptions::default()).expect("create");
    for at in 0..frames {
        encoder.push(&picture(size[0], size[1], at)).expect("push");
    }
    encoder.finish().expect("finish");
}

#[test]
fn the_same_frames_encode_to_the_same_bytes() {
    let folder = tempfile::tempdir().expect("tempdir");
    let (a, b) = (folder.path().join("a.mp4"), folder.path().join("b: 2.part"));
    encode(&a, [128, 96], 24.0, 12);
    encode(&b, [128, 96], 24.0, 12);
    let bytes = std::fs::read(&a).expect("read");
    assert!(bytes.len() > 500, "{} bytes", bytes.len());
    assert_eq!(bytes, std::fs::read(&b).expect("read"));
    // Faststart: the index lies before the pictures.
    let find = |what: &[u8]| bytes.windows(4).position(|w| w == what);
    assert!(find(b"moov") < find(b"mdat"));
}

#[test]
fn the_encoder_refuses_what_it_cannot_write() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mp4");
    let options = EncodeOptions::default();
    let says = |result: Result<Encoder, VideoError>, words: &str| {
        let error = result.expect_err(words).to_string();
        assert!(error.contains("a.mp4") && error.contains(words), "{error}");
    };
    says(Encoder::create(&path, 33, 32, 24.0, &options), "even");
    says(Encoder::create(&path, 0, 32, 24.0, &options), "even");
    says(Encoder::create(&path, 32, 32, f64::NAN, &options), "rate");
    says(Encoder::create(&path, 32, 32, 0.0, &options), "rate");
    let wrong = EncodeOptions {
        preset: "no such preset".into(),
        ..options.clone()
    };
    says(Encoder::create(&path, 32, 32, 24.0, &wrong), "preset");
    let nowhere = folder.path().join("none/a.mp4");
    says(Encoder::create(&nowhere, 32, 32, 24.0, &options), "folder");
    let mut encoder = Encoder::create(&path, 32, 32, 24.0, &options).expect("create");
    assert!(encoder.push(&[0; 5]).is_err());
    assert!(encoder.finish().is_err(), "no frames");
}

fn psnr(a: &[u32], b: &[u32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |(&a, &b): (&u32, &u32)| {
        let of = |s: u32| f64::from((a >> s & 255).abs_diff(b >> s & 255)).powi(2);
        of(0) + of(8) + of(16)
    };
    let mean = a.iter().zip(b).map(square).sum::<f64>() / (3 * a.len()) as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

fn native() -> DecodeOptions {
    DecodeOptions {
        max_side: 4096,
        ..DecodeOptions::default()
    }
}

fn open(path: &Path, options: &DecodeOptions) -> Result<Frames, VideoError> {
    decode(&gpu(), path, options, &Silent)
}

#[test]
fn what_was_encoded_is_decoded() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mp4");
    for (fps, exact) in [(24.0, 1.0 / 24.0), (29.97, 1001.0 / 30000.0)] {
        encode(&path, [160, 96], fps, 13);
        let info = probe(&path).expect("probe");
        assert_eq!((info.width, info.height, info.frames), (160, 96, 13));
        assert_eq!(
            (info.matrix.as_str(), info.full_range, info.codec.as_str()),
            ("bt709", false, "h264")
        );
        assert!((info.fps - 1.0 / exact).abs() < 1e-9, "{}", info.fps);
        let frames = open(&path, &native()).expect("decode");
        assert_eq!((frames.width, frames.height, frames.len()), (160, 96, 13));
        assert_eq!(frames.faults, [""; 0]);
        for (i, &time) in frames.times.iter().enumerate() {
            assert!((time - i as f64 * exact).abs() < 1e-9, "{i}: {time}");
            let got = frames.read(&gpu(), i).expect("read");
            let quality = psnr(&got, &picture(160, 96, i as u32));
            assert!(quality > 34.0, "frame {i}: {quality} dB");
        }
    }
}

#[test]
fn flat_colours_come_back_exactly() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("flat.mp4");
    let colours = [
        0xFF00_0000,
        0xFFFF_FFFF,
        0xFF80_8080,
        0xFF20_40C0,
        0xFFB0_6030,
        0xFF10_F010,
    ];
    let options = EncodeOptions {
        crf: 0,
        ..EncodeOptions::default()
    };
    let mut encoder = Encoder::create(&path, 32, 32, 10.0, &options).expect("create");
    for colour in colours {
        encoder.push(&[colour; 32 * 32]).expect("push");
    }
    encoder.finish().expect("finish");
    let frames = open(&path, &native()).expect("decode");
    for (i, want) in colours.into_iter().enumerate() {
        for got in frames.read(&gpu(), i).expect("read") {
            for shift in [0, 8, 16] {
                // Eight-bit limited range: half a step of Cb is 1.1 levels of blue.
                let apart = (got >> shift & 255).abs_diff(want >> shift & 255);
                assert!(apart <= 2, "{want:08x} came back as {got:08x}");
            }
        }
    }
}

#[test]
fn frames_are_picked_and_scaled() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mp4");
    encode(&path, [160, 96], 10.0, 21);
    let options = DecodeOptions {
        max_side: 40,
        max_frames: Some(5),
        ..DecodeOptions::default()
    };
    let frames = open(&path, &options).expect("decode");
    assert_eq!((frames.width, frames.height), (40, 24));
    assert_eq!(frames.times, [0.0, 0.5, 1.0, 1.5, 2.0]);
    let full = picture(160, 96, 10);
    let mean = |x: u32, y: u32, s: u32| {
        let sum: u32 = (0..16)
            .map(|i| full[((4 * y + i / 4) * 160 + 4 * x + i % 4) as usize] >> s & 255)
            .sum();
        (sum + 8) / 16
    };
    let want: Vec<u32> = (0..24)
        .flat_map(|y| (0..40).map(move |x| (x, y)))
        .map(|(x, y)| mean(x, y, 0) | mean(x, y, 8) << 8 | mean(x, y, 16) << 16)
        .collect();
    let quality = psnr(&frames.read(&gpu(), 2).expect("read"), &want);
    assert!(quality > 34.0, "{quality} dB");
}

#[test]
fn windows_give_what_the_whole_clip_gives() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mp4");
    encode(&path, [160, 96], 10.0, 21);
    let images = folder.path().join("images");
    std::fs::create_dir(&images).expect("folder");
    for at in 0..5 {
        let bytes: Vec<u8> = picture(32, 16, at)
            .iter()
            .flat_map(|p| p.to_le_bytes())
            .collect();
        let file = images.join(format!("{at}.png"));
        image::save_buffer(file, &bytes, 32, 16, image::ColorType::Rgba8).expect("save");
    }
    // Cut short, so that the frames before the damage are given before it shows.
    let whole = std::fs::read(&path).expect("read");
    let cut = folder.path().join("cut.mp4");
    let last = whole.len() - whole.len() / 6;
    std::fs::write(&cut, &whole[..last]).expect("write");
    for (path, max_frames) in [
        (&path, None),
        (&path, Some(7)),
        (&images, None),
        (&cut, None),
    ] {
        // A window fits, the clip would not.
        let options = DecodeOptions {
            max_frames,
            ..DecodeOptions::default()
        };
        let all = open(path, &options).expect("decode");
        for count in [1, 3, 7, 100] {
            let options = DecodeOptions {
                max_bytes: count as u64 * 160 * 96 * 4,
                ..options.clone()
            };
            let gpu = gpu();
            let mut windows = Windows::open(&gpu, path, &options, &Silent).expect("open");
            let mut at = 0;
            let mut faults = Vec::new();
            while let Some(window) = windows.next(count, &Silent).expect("window") {
                assert!(window.len() <= count, "{} of {count}", window.len());
                for i in 0..window.len() {
                    assert_eq!(window.times[i], all.times[at]);
                    assert!(
                        window.read(&gpu, i).expect("read") == all.read(&gpu, at).expect("read"),
                        "frame {at} in windows of {count}"
                    );
                    at += 1;
                }
                faults = window.faults;
            }
            assert_eq!(at, all.len(), "{} by {count}", path.display());
            assert_eq!(faults, all.faults, "{} by {count}", path.display());
        }
    }
    let small = DecodeOptions {
        max_bytes: 160 * 96 * 4 * 20,
        ..DecodeOptions::default()
    };
    // The limit holds for a later, larger window too.
    let gpu = gpu();
    let mut windows = Windows::open(&gpu, &path, &small, &Silent).expect("open");
    windows.next(1, &Silent).expect("one fits");
    let error = windows.next(usize::MAX, &Silent).expect_err("too large");
    assert!(error.to_string().contains("max_frames"), "{error}");
    let error = open(&path, &small).expect_err("too large").to_string();
    assert!(error.contains("max_frames"), "{error}");
}
