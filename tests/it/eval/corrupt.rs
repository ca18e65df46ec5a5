//! Corruptions of whole clips: deterministic, growing, where they belong.

use sora_director::eval::corrupt::{Anchors, Corruption, Kind, LEVELS, corrupt};
use sora_director::gpu::GpuError;
use sora_director::monitor::Silent;
use sora_director::video::Frames;

use super::clip;
use crate::common::gpu;

fn pixels(frames: &Frames) -> Vec<Vec<u32>> {
    let gpu = gpu();
    let read = |t| frames.read(&gpu, t).expect("read");
    (0..frames.len()).map(read).collect()
}

/// Mean absolute difference of green over all frames, in levels.
fn difference(a: &[Vec<u32>], b: &[Vec<u32>]) -> f64 {
    let green = |p: u32| f64::from(p >> 8 & 255);
    let (mut sum, mut n) = (0.0, 0.0);
    for (x, y) in a.iter().flatten().zip(b.iter().flatten()) {
        sum += (green(*x) - green(*y)).abs();
        n += 1.0;
    }
    sum / n
}

#[test]
fn every_corruption_is_deterministic_and_grows_with_its_level() {
    let gpu = gpu();
    let clean = clip(&gpu, [96, 64], 24);
    let anchors = Anchors::find(&gpu, &clean, &Silent).expect("anchors");
    let before = pixels(&clean);
    for kind in Kind::ALL {
        let mut last = 0.0;
        for level in 1..=LEVELS {
            let of = |seed| {
                let what = Corruption { kind, level, seed };
                pixels(&corrupt(&gpu, &clean, &anchors, &what).expect("corrupt"))
            };
            let after = of(7);
            assert!(after == of(7), "{kind:?} {level}: two runs");
            // One pair of frames may be the same of two seeds.
            let others = [of(8), of(9)];
            let same = others.iter().filter(|o| **o == after).count();
            if kind.seeded() {
                assert!(same < 2, "{kind:?} {level}: three seeds");
            } else {
                assert_eq!(same, 2, "{kind:?} {level}: has no seed");
            }
            let apart = difference(&before, &after);
            assert!(apart > 0.02, "{kind:?} {level}: {apart}");
            // Texture that repeats may jump onto its like.
            assert!(
                kind == Kind::Teleport || apart > last,
                "{kind:?} {level}: {apart}, {last} before"
            );
            last = apart;
            assert!(
                after.iter().flatten().all(|p| p >> 24 == 255),
                "{kind:?}: alpha"
            );
        }
    }
    assert!(before == pixels(&clean), "the clean clip was written to");
}

#[test]
fn objects_are_left_alone_until_their_time_and_outside_their_disc() {
    let gpu = gpu();
    let clean = clip(&gpu, [96, 64], 20);
    let anchors = Anchors::find(&gpu, &clean, &Silent).expect("anchors");
    let before = pixels(&clean);
    for (kind, still, most) in [
        (Kind::Teleport, 6, 0.2),
        (Kind::Vanish, 7, 0.2),
        (Kind::Morph, 3, 0.15),
    ] {
        for seed in 0..5 {
            let what = Corruption {
                kind,
                level: 4,
                seed,
            };
            let after = pixels(&corrupt(&gpu, &clean, &anchors, &what).expect("corrupt"));
            assert!(after[..still] == before[..still], "{kind:?}");
            let last = before.len() - 1;
            let pairs = before[last].iter().zip(&after[last]);
            let changed = pairs.filter(|(a, b)| a != b).count();
            let share = changed as f64 / before[last].len() as f64;
            assert!(share > 0.01 && share < most, "{kind:?} {seed}: {share}");
        }
    }
}

#[test]
fn what_vanishes_takes_the_colour_of_what_is_around_it() {
    // A dark spot that stands in a bright picture.
    let gpu = gpu();
    let mut clean = clip(&gpu, [64, 64], 10);
    let frame: Vec<u32> = (0..64 * 64)
        .map(|i| {
            let (x, y) = (i % 64 - 32, i / 64 - 32);
            if x * x + y * y <= 9 {
                0xff00_0000
            } else {
                0xffc8_c8c8
            }
        })
        .collect();
    clean.rgba = (0..10).map(|_| gpu.upload(&frame).expect("up")).collect();
    let anchors = Anchors::find(&gpu, &clean, &Silent).expect("anchors");
    let what = Corruption {
        kind: Kind::Vanish,
        level: 4,
        seed: 1,
    };
    let after = pixels(&corrupt(&gpu, &clean, &anchors, &what).expect("corrupt"));
    let dark = |f: &[u32]| f.iter().filter(|p| **p == 0xff00_0000).count();
    assert!(dark(&frame) > 20);
    assert!(dark(&after[9]) < dark(&frame) / 2, "{}", dark(&after[9]));
    assert_eq!(dark(&after[0]), dark(&frame));
}

#[test]
fn clips_of_no_frame_one_and_a_wrong_size_are_taken_or_refused() {
    let gpu = gpu();
    let whole = clip(&gpu, [40, 24], 2);
    for count in [1, 2] {
        let few = whole.select(&(0..count).collect::<Vec<_>>());
        let anchors = Anchors::find(&gpu, &few, &Silent).expect("anchors");
        for kind in Kind::ALL {
            let what = Corruption {
                kind,
                level: 3,
                seed: 1,
            };
            let after = corrupt(&gpu, &few, &anchors, &what).expect("corrupt");
            assert_eq!(after.len(), count, "{kind:?}");
            assert_eq!(after.times, few.times, "{kind:?}");
        }
    }
    let anchors = Anchors::find(&gpu, &whole, &Silent).expect("anchors");
    let what = Corruption {
        kind: Kind::Noise,
        level: 3,
        seed: 1,
    };
    let none = corrupt(&gpu, &whole.select(&[]), &anchors, &what).expect("nothing");
    assert!(none.is_empty());
    let wrong = Frames { width: 41, ..whole };
    let refused = corrupt(&gpu, &wrong, &anchors, &what);
    assert!(matches!(refused, Err(GpuError::Validation { .. })));
}

#[test]
fn kinds_are_read_by_name() {
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    let refused = "fog".parse::<Kind>().expect_err("no such kind");
    assert!(
        refused.contains("'fog'") && refused.contains("teleport"),
        "{refused}"
    );
}
