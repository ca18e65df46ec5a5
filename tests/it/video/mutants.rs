//! Damaged copies of clips through probe and decode: an answer or an error for each, in bounded time.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use sora_director::monitor::Silent;
use sora_director::video::{DecodeOptions, decode, examine};

use super::encode;
use crate::common::{Rng, gpu, shared};

/// Bytes flipped, a piece cut out, or a piece of another clip put in.
fn mutate(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = |len: usize| rng.u32() as usize % len.max(1);
    let (from, length) = (at(out.len()), at(out.len() / 4) + 1);
    match at(3) {
        0 => {
            // The headers are short, and most is in them.
            let reach = if at(2) == 0 { 2000 } else { out.len() };
            for _ in 0..=at(40) {
                let place = at(reach.min(out.len()));
                out[place] ^= 1 << at(8);
            }
        }
        1 => {
            out.drain(from..(from + length).min(bytes.len()));
        }
        _ => {
            let start = at(other.len());
            let piece = &other[start..(start + length).min(other.len())];
            let end = (from + piece.len()).min(out.len());
            out.splice(from..end, piece.iter().copied());
        }
    }
    out
}

/// What became of one file.
fn outcome(path: &Path) -> &'static str {
    let options = DecodeOptions {
        max_side: 64,
        ..DecodeOptions::default()
    };
    let probed = examine(path, &Silent);
    let told = |error: String| assert!(error.contains("mutant"), "names no file: {error}");
    if let Err(error) = &probed {
        told(error.to_string());
    }
    match decode(&gpu(), path, &options, &Silent) {
        Ok(frames) => {
            assert!(!frames.is_empty());
            assert_eq!(frames.times.len(), frames.len());
            assert!(
                frames.times.is_sorted_by(|a, b| a < b),
                "{:?}",
                frames.times
            );
            if frames.faults.is_empty() {
                "clean"
            } else {
                "flagged"
            }
        }
        Err(error) => {
            told(error.to_string());
            "refused"
        }
    }
}

fn hunt(clips: &[PathBuf], count: usize, seed: u64) {
    let folder = tempfile::tempdir().expect("tempdir");
    let contents: Vec<Vec<u8>> = clips
        .iter()
        .map(|clip| std::fs::read(clip).expect("read"))
        .collect();
    let mut rng = Rng(seed);
    let mut tally = std::collections::BTreeMap::new();
    for i in 0..count {
        let which = i % clips.len();
        let other = rng.u32() as usize % clips.len();
        let bytes = mutate(&contents[which], &contents[other], &mut rng);
        let name = clips[which].file_name().expect("name").to_string_lossy();
        let path = folder.path().join(format!("mutant_{i}_{name}"));
        std::fs::write(&path, bytes).expect("write");
        let (done, answer) = mpsc::channel();
        let file = path.clone();
        let worker = std::thread::spawn(move || {
            let became = outcome(&file);
            let _ = done.send(became);
        });
        match answer.recv_timeout(Duration::from_secs(120)) {
            Ok(became) => *tally.entry(became).or_insert(0) += 1,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                panic!("mutant {i} of {name} (seed {seed}) hangs")
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                panic!("mutant {i} of {name} (seed {seed}): {:?}", worker.join())
            }
        }
        std::fs::remove_file(path).expect("remove");
    }
    println!("{count} mutants of {} clips: {tally:?}", clips.len());
}

#[test]
fn mutated_clips_get_an_answer() {
    let folder = tempfile::tempdir().expect("tempdir");
    let (a, b) = (folder.path().join("a.mp4"), folder.path().join("b.mp4"));
    encode(&a, [160, 96], 24.0, 24);
    encode(&b, [96, 64], 10.0, 30);
    hunt(&[a, b], 24, 1);
}

/// `MUTANTS=200 cargo test --test it many_mutated -- --ignored --nocapture`
#[test]
#[ignore = "minutes; the test above is its short form"]
fn many_mutated_real_clips_get_an_answer() {
    let set = |name: &str| std::env::var(name).ok()?.parse().ok();
    let mut clips = Vec::new();
    for folder in ["data/edge", "data/generated"] {
        let Some(folder) = shared(folder) else {
            return;
        };
        let entries = std::fs::read_dir(folder).expect("list");
        clips.extend(entries.map(|entry| entry.expect("entry").path()));
    }
    clips.sort();
    let count = set("MUTANTS").unwrap_or(200) as usize;
    hunt(&clips, count, set("SEED").unwrap_or(1));
}
