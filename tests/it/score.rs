//! Tests of the score stage: a small ladder of corruptions, traps, ranking.

mod command;
mod kernels;
mod networks;
mod stream;

use sora_director::monitor::Silent;
use sora_director::motion::MotionOptions;
use sora_director::score::{Combination, ScoreError, ScoreOptions, Scores, rank, score};
use sora_director::video::{Frames, VideoInfo};

use crate::common::{Rng, gpu};

const W: u32 = 160;
const H: u32 = 90;
const FRAMES: usize = 10;

type Frame = Vec<[f32; 3]>;

/// Value noise with hard steps: texture with fine detail and edges.
fn texture(x: f32, y: f32, seed: u64) -> f32 {
    let lattice = |i: f32, j: f32| {
        Rng((i as i64 as u64).wrapping_mul(0x9E37)
            ^ (j as i64 as u64).wrapping_mul(0x51ED_270B)
            ^ seed)
        .f32()
    };
    let smooth = |x: f32, y: f32| {
        let (i, j) = (x.floor(), y.floor());
        let (u, v) = (x - i, y - j);
        let top = lattice(i, j) * (1.0 - u) + lattice(i + 1.0, j) * u;
        let low = lattice(i, j + 1.0) * (1.0 - u) + lattice(i + 1.0, j + 1.0) * u;
        top * (1.0 - v) + low * v
    };
    let edges = if smooth(x / 14.0, y / 14.0) > 0.5 {
        70.0
    } else {
        0.0
    };
    30.0 + edges + 60.0 * smooth(x / 5.0, y / 5.0) + 45.0 * smooth(x / 3.0, y / 3.0)
}

/// A camera that pans over a textured wall, and a textured square that moves on its own.
fn clean() -> Vec<Frame> {
    filmed(|_| [0.0; 2])
}

/// The same with the camera off its path by `shake(t)` pixels.
fn filmed(mut shake: impl FnMut(usize) -> [f32; 2]) -> Vec<Frame> {
    (0..FRAMES)
        .map(|t| {
            let [dx, dy] = shake(t);
            let t = t as f32;
            (0..W * H)
                .map(|i| {
                    let (x, y) = ((i % W) as f32 + dx, (i / W) as f32 + dy);
                    let (u, v) = (x - 40.0 - 3.0 * t, y - 45.0 - 0.6 * t);
                    let v = if u.abs() < 16.0 && v.abs() < 16.0 {
                        texture(u, v, 7)
                    } else {
                        texture(x + 1.5 * t, y + 0.2 * t, 3)
                    };
                    [v, 0.9 * v, 0.8 * v + 10.0]
                })
                .collect()
        })
        .collect()
}

fn upload(frames: &[Frame], w: u32, h: u32) -> Frames {
    let times: Vec<f64> = (0..frames.len()).map(|t| t as f64 / 8.0).collect();
    at_times(frames, w, h, &times)
}

fn at_times(frames: &[Frame], w: u32, h: u32, times: &[f64]) -> Frames {
    let gpu = gpu();
    let rgba = frames
        .iter()
        .map(|f| {
            let pixels: Vec<u32> = f
                .iter()
                .map(|p| {
                    let [r, g, b] = p.map(|v| v.round().clamp(0.0, 255.0) as u32);
                    r | g << 8 | b << 16 | 255 << 24
                })
                .collect();
            gpu.upload(&pixels).expect("upload")
        })
        .collect();
    Frames {
        width: w,
        height: h,
        times: times.to_vec(),
        rgba,
        info: VideoInfo::default(),
        faults: Vec::new(),
        sources: Vec::new(),
    }
}

fn told(frames: &Frames, options: &ScoreOptions) -> Result<Scores, ScoreError> {
    score(&gpu(), frames, &MotionOptions::default(), options, &Silent)
}

fn scored(frames: &[Frame], w: u32, h: u32) -> Scores {
    defined(&upload(frames, w, h))
}

/// Scores that are numbers in range.
fn defined(frames: &Frames) -> Scores {
    let s = told(frames, &ScoreOptions::default()).expect("scores");
    for (name, value) in s.named().into_iter().chain([("overall", s.overall)]) {
        assert!((0.0..=1.0).contains(&value), "{name} {value}");
    }
    assert!(s.components.values().all(|v| v.is_finite()));
    s
}

fn blurred(f: &Frame, radius: i64) -> Frame {
    let (w, h) = (i64::from(W), i64::from(H));
    let pass = |f: &Frame, dx: i64, dy: i64| -> Frame {
        (0..w * h)
            .map(|i| {
                let mut sum = [0.0; 3];
                for k in -radius..=radius {
                    let x = (i % w + k * dx).clamp(0, w - 1);
                    let y = (i / w + k * dy).clamp(0, h - 1);
                    let p = f[(y * w + x) as usize];
                    (0..3).for_each(|c| sum[c] += p[c]);
                }
                sum.map(|s| s / (2 * radius + 1) as f32)
            })
            .collect()
    };
    pass(&pass(f, 1, 0), 0, 1)
}

fn corrupt(name: &str, level: usize) -> Vec<Frame> {
    let clean = clean();
    let mut rng = Rng(level as u64 + 99);
    match name {
        "blur" => clean
            .iter()
            .map(|f| blurred(f, 2 * level as i64 - 1))
            .collect(),
        "noise" => clean
            .iter()
            .map(|f| {
                f.iter()
                    .map(|p| {
                        let n = 8.0 * level as f32 * rng.normal();
                        p.map(|v| v + n)
                    })
                    .collect()
            })
            .collect(),
        // Runs of 2 and 5 frames alike.
        "freeze" => (0..FRAMES)
            .map(|t| {
                let run = [2, 5][level - 1];
                clean[t / run * run].clone()
            })
            .collect(),
        "flicker" => clean
            .iter()
            .map(|f| {
                let g = 1.0 + 0.06 * level as f32 * rng.normal();
                f.iter().map(|p| p.map(|v| v * g)).collect()
            })
            .collect(),
        "shake" => {
            let size = [0.3, 1.0][level - 1];
            filmed(|_| [size * rng.normal(), size * rng.normal()])
        }
        _ => unreachable!("{name}"),
    }
}

/// Scores that must fall under each corruption, by its strongest level to under .85 of the clean score. The whole
/// protocol is `director eval scores`.
const LADDER: [(&str, &[&str]); 5] = [
    ("blur", &["visual_quality"]),
    ("noise", &["visual_quality", "temporal_coherence"]),
    ("freeze", &["motion_smoothness", "temporal_coherence"]),
    ("flicker", &["temporal_coherence"]),
    ("shake", &["motion_smoothness", "path_realism"]),
];

#[test]
fn scores_fall_under_corruption_and_none_rises() {
    let first = scored(&clean(), W, H);
    eprintln!(
        "clean {:.3} {:.3?}",
        first.overall,
        first.metrics.values().collect::<Vec<_>>()
    );
    for (name, falling) in LADDER {
        for level in 1..=2 {
            let s = scored(&corrupt(name, level), W, H);
            eprintln!(
                "{name} {level} {:.3} {:.3?}",
                s.overall,
                s.metrics.values().collect::<Vec<_>>()
            );
            for ((metric, now), (_, clean)) in s.named().into_iter().zip(first.named()) {
                assert!(
                    now <= clean + 0.05,
                    "{metric} rose under {name} {level}: {clean} -> {now}"
                );
                // Ten frames: the weak level may be within what one frame makes.
                let most = if level == 1 { clean } else { 0.85 * clean };
                assert!(
                    !falling.contains(&metric) || now < most,
                    "{metric} did not fall at {name} {level}: {clean} -> {now}"
                );
            }
            assert!(s.overall < first.overall, "overall under {name} {level}");
        }
    }
}

#[test]
fn traps_score_low() {
    let good = scored(&clean(), W, H);
    let still = vec![clean().remove(0); 6];
    let black = vec![vec![[0.0; 3]; (W * H) as usize]; 5];
    let grey = vec![vec![[128.0; 3]; (W * H) as usize]; 5];
    for (name, frames) in [("static", still), ("black", black), ("constant", grey)] {
        let s = scored(&frames, W, H);
        assert!(
            s.overall < 0.1 && s.overall < good.overall,
            "{name}: {}",
            s.overall
        );
        assert!(
            s.get("motion_smoothness") < 0.05 && s.get("temporal_coherence") < 0.05,
            "{name}: {s:?}"
        );
    }
    // A tiny clip has defined scores, whatever they are: `scored` checks that they are in range.
    let tiny: Vec<Frame> = (0..4)
        .map(|t| {
            (0..256)
                .map(|i| [texture((i % 16 + t) as f32, (i / 16) as f32, 3); 3])
                .collect()
        })
        .collect();
    scored(&tiny, 16, 16);
}

#[test]
fn clips_of_odd_rates_have_defined_scores() {
    let clip = clean();
    let n = clip.len();
    let even = |rate: f64| (0..n).map(|t| t as f64 / rate).collect::<Vec<f64>>();
    let mut gap = even(24.0);
    gap[n / 2..].iter_mut().for_each(|t| *t += 5.0);
    // Of phones: frames come early and late.
    let jitter = (0..n).map(|t| t as f64 / 24.0 + 0.012 * (t % 3) as f64);
    let mut equal = even(24.0);
    equal[4] = equal[3];
    for (name, times) in [
        ("1 fps", even(1.0)),
        ("240 fps", even(240.0)),
        ("a gap", gap),
        ("variable", jitter.collect()),
        ("two of one time", equal),
    ] {
        let s = defined(&at_times(&clip, W, H, &times));
        assert!(s.components["clip.gate"] > 0.3, "{name}: {s:?}");
        for (metric, value) in s.named() {
            assert!(value > 0.01, "{name}: {metric} {value}");
        }
    }
}

#[test]
fn a_cut_and_what_vanishes_lower_the_scores_that_they_are_of() {
    let clip = clean();
    let first = scored(&clip, W, H);
    let mut cut = clip.clone();
    // Another place, where bright and dark have changed places.
    for f in &mut cut[FRAMES / 2..] {
        f.reverse();
        f.iter_mut().for_each(|p| *p = p.map(|v| 255.0 - v));
    }
    let s = scored(&cut, W, H);
    assert!(
        s.get("temporal_coherence") < 0.8 * first.get("temporal_coherence"),
        "{s:?}"
    );
    let mut gone = clip;
    for f in &mut gone[FRAMES / 2..] {
        for (i, p) in f.iter_mut().enumerate() {
            let (x, y) = (i as u32 % W, i as u32 / W);
            if (W / 3..W / 3 + H / 3).contains(&x) && (H / 3..2 * H / 3).contains(&y) {
                *p = [128.0; 3];
            }
        }
    }
    let s = scored(&gone, W, H);
    for metric in ["physics_plausibility", "identity_persistence"] {
        let (now, clean) = (s.get(metric), first.get(metric));
        assert!(now < 0.85 * clean, "{metric}: {clean} -> {now}");
    }
    let told = s.components["physics_plausibility.break_mass"];
    assert!(
        told > 3.0,
        "a ninth of the height's square, at once: {told}"
    );
}

#[test]
fn what_cannot_be_scored_is_refused_in_words() {
    let clip = clean();
    for n in [1, 2, 3] {
        let frames = upload(&clip[..n], W, H);
        let error = told(&frames, &ScoreOptions::default()).expect_err("too short");
        assert!(
            matches!(error, ScoreError::TooShort { frames } if frames == n),
            "{error}"
        );
    }
    let frames = upload(&clip[..4], W, H);
    let weighted = |name: &str, value| {
        let mut options = ScoreOptions::default();
        options.weights.insert(name.to_owned(), value);
        told(&frames, &options)
    };
    let error = weighted("visual_quality", f64::NAN).expect_err("weight");
    assert!(error.to_string().contains("visual_quality"), "{error}");
    let error = weighted("beauty", 1.0).expect_err("no such metric");
    assert!(error.to_string().contains("path_realism"), "{error}");
}

#[test]
fn ranking_is_by_overall_and_ties_keep_their_order() {
    let take = |overall| Scores {
        overall,
        ..Default::default()
    };
    assert_eq!(
        rank(&[take(0.2), take(0.7), take(0.2), take(0.9)]),
        [3, 1, 0, 2]
    );
    assert!(rank(&[]).is_empty());
    let frames = upload(&clean()[..4], W, H);
    let geometric = told(&frames, &ScoreOptions::default()).expect("scores");
    let options = ScoreOptions {
        combination: Combination::Arithmetic,
        weights: [("visual_quality".to_owned(), 3.0)].into(),
        ..ScoreOptions::default()
    };
    let sum = told(&frames, &options).expect("scores");
    let want: f64 = sum
        .named()
        .iter()
        .map(|(n, v)| if *n == "visual_quality" { 3.0 * v } else { *v })
        .sum();
    assert!((sum.overall - want / 8.0).abs() < 1e-12, "{}", sum.overall);
    assert_eq!(sum.named(), geometric.named());
    assert_ne!(sum.combination, geometric.combination);
}
