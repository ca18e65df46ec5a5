//! Tests of the video stage.

use sora_director::video::{EncodeOptions, Encoder, VideoError};

/// A moving gradient with a few hard edges, even sizes.
fn picture(width: u32, height: u32, at: u32) -> Vec<u32> {
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let r = (x * 255) / width;
            let g = (y * 255) / height;
            let b = if (x + 2 * at) % 32 < 16 { 40 } else { 200 };
            r | g << 8 | b << 16 | 255 << 24
        })
        .collect()
}

fn encode(path: &std::path::Path, size: [u32; 2], fps: f64, frames: u32) {
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
