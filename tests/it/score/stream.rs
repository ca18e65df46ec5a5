//! Clips that come in windows score as whole ones do, however long, and runs repeat.

use std::path::Path;

use sora_director::monitor::Silent;
use sora_director::motion::MotionOptions;
use sora_director::pipeline::watch;
use sora_director::score::{Networks, ScoreOptions, Scores, score};
use sora_director::video::{DecodeOptions, EncodeOptions, Encoder, Windows, decode};

use crate::common::{Rng, gpu};

/// A textured wall under a slow pan, as an mp4.
pub fn filmed(path: &Path, [w, h]: [u32; 2], frames: usize) {
    let mut rng = Rng(4);
    let wall: Vec<u8> = (0..4096).map(|_| rng.u32() as u8).collect();
    let mut encoder = Encoder::create(path, w, h, 24.0, &EncodeOptions::default()).expect("create");
    for t in 0..frames {
        let pan = 2 * t as u32;
        let rgba: Vec<u32> = (0..w * h)
            .map(|i| {
                let (x, y) = ((i % w + pan) / 3, i / w / 3);
                let v = u32::from(wall[((y * 61 + x) % 4096) as usize]);
                v | (v / 2) << 8 | (255 - v) << 16 | 255 << 24
            })
            .collect();
        encoder.push(&rgba).expect("push");
    }
    encoder.finish().expect("finish");
}

fn in_windows(path: &Path, window: usize) -> Scores {
    let gpu = gpu();
    let decode = DecodeOptions::default();
    let mut windows = Windows::open(&gpu, path, &decode, &Silent).expect("open");
    let (motion, options) = (MotionOptions::default(), ScoreOptions::default());
    let how = (window, 0);
    let none = Networks::default();
    let watched =
        watch(&gpu, &mut windows, how, &motion, &options, &none, &Silent).expect("scores");
    // Where a card decodes, the scores are the same too.
    assert!(watched.decoded.is_some());
    // Of 24 frames a second each third is looked at, and there is a step from each of those to the next.
    let steps = watched.scores.components["clip.steps"];
    assert_eq!(steps, (watched.frames.div_ceil(3) - 1) as f64);
    watched.scores
}

#[test]
fn windows_and_runs_give_the_same_scores() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("take.mp4");
    filmed(&path, [96, 54], 70);
    let gpu = gpu();
    let frames = decode(&gpu, &path, &DecodeOptions::default(), &Silent).expect("decode");
    let (motion, options) = (MotionOptions::default(), ScoreOptions::default());
    let whole = score(&gpu, &frames, &motion, &options, &Silent).expect("scores");
    assert!(whole.overall > 0.05, "{whole:?}");
    let again = score(&gpu, &frames, &motion, &options, &Silent).expect("scores");
    assert_eq!(whole, again);
    for window in [1, 7, 32, 33, 1000] {
        assert_eq!(in_windows(&path, window), whole, "windows of {window}");
    }
}

#[test]
fn long_clips_read_their_records_more_than_once() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("take.mp4");
    // More steps than the ledger has room for.
    filmed(&path, [32, 32], 900);
    let (short, long) = (in_windows(&path, 32), in_windows(&path, 500));
    assert_eq!(short, long);
    assert!(short.components.values().all(|v| v.is_finite()));
    let last = short.worst.iter().map(|m| m.time).fold(0.0, f64::max);
    assert!(last <= 900.0 / 24.0, "{last}");
}
