//! Splats that show nothing become parts of others.

use sora_director::gpu::Gpu;
use sora_director::gpu::shadow::{Mode, Shadow};
use sora_director::splat::records::Splat;
use sora_director::splat::relocate::{CHOOSE, CLONE, ChooseParams, Credit, NONE, SHARE};
use sora_director::splat::twins::choose::choose;
use sora_director::splat::{Moving, State, Trainer};

use super::cloud;
use crate::common::{Rng, gpu};

const SEEN: Credit = Credit {
    weight: 3.0,
    views: 40.0,
};

fn moving(seed: u32) -> Moving {
    Moving {
        seed,
        share: 1.0,
        unseen: 0.5,
        views: 20,
    }
}

/// A trainer of `n` splats and its state: moments at random, all seen.
fn trainer(gpu: &Gpu, n: usize, degree: u32) -> (Trainer, State) {
    let mut rng = Rng(77);
    let splats = cloud(&mut rng, n, degree);
    let trainer = Trainer::new(gpu, &splats, 16, 16).expect("trainer");
    let mut state = trainer.state().expect("state");
    let mut some = || Splat {
        centre: std::array::from_fn(|_| rng.range(0.0, 1.0)),
        log_scale: std::array::from_fn(|_| rng.range(0.0, 1.0)),
        rotation: std::array::from_fn(|_| rng.range(0.0, 1.0)),
    };
    for k in [1, 2] {
        state.splats[k] = (0..n).map(|_| some()).collect();
        state.sh[k] = (0..state.sh[k].len()).map(|_| some().centre).collect();
    }
    state.credit = vec![SEEN; n];
    for s in &mut state.splats[0] {
        s.centre[3] = s.centre[3].max(-3.0);
    }
    (trainer, state)
}

#[test]
fn a_splat_that_shows_nothing_takes_all_of_a_live_one_and_both_start_anew() {
    for degree in [0, 3] {
        let n = 10;
        let gpu = gpu();
        let (trainer, mut state) = trainer(&gpu, n, degree);
        // The first shows nothing, and only the last is pulled about.
        state.credit[0].weight = 0.4;
        for s in &mut state.splats[2] {
            s.centre = [0.0; 4];
        }
        state.splats[2][n - 1].centre[0] = 1.0;
        state.splats[0][n - 1].centre[3] = 2.0;
        trainer.set_state(&state).expect("set");
        // Of 16 drawn of ten the last is one, by this seed.
        trainer.relocate(&moving(4)).expect("relocate");
        let after = trainer.state().expect("state");
        assert_eq!(trainer.moved().expect("moved"), 1);
        let planes = |state: &State, k: usize, i: usize| -> Vec<[f32; 4]> {
            state.sh[k].iter().skip(i).step_by(n).copied().collect()
        };
        for i in [0, n - 1] {
            assert_eq!(planes(&after, 0, i), planes(&state, 0, n - 1));
            assert_eq!(after.credit[i], Credit::default());
            for k in [1, 2] {
                assert!(planes(&after, k, i).iter().all(|v| *v == [0.0; 4]));
                assert_eq!(after.splats[k][i], Splat::default());
            }
        }
        // The others are as they were, and are judged afresh.
        for i in 1..n - 1 {
            for k in 0..3 {
                assert_eq!(planes(&after, k, i), planes(&state, k, i));
                assert_eq!(after.splats[k][i], state.splats[k][i]);
            }
            assert_eq!(after.credit[i], Credit::default());
        }
        // Two behind one another let through as much as the one did, and lie near where it was.
        let (was, parts) = (
            state.splats[0][n - 1],
            [after.splats[0][0], after.splats[0][n - 1]],
        );
        let clear = |s: &Splat| 1.0 / (1.0 + s.centre[3].exp());
        assert!((clear(&parts[0]) * clear(&parts[1]) - clear(&was)).abs() < 1e-4);
        for part in parts {
            assert_eq!(part.rotation, was.rotation);
            for k in 0..3 {
                let smaller = was.log_scale[k] - part.log_scale[k];
                assert!((smaller - 2f32.ln() * 2.0 / 3.0).abs() < 1e-4);
            }
            let off = (0..3).map(|k| (part.centre[k] - was.centre[k]).powi(2));
            let most = was.log_scale[..3].iter().copied().fold(f32::MIN, f32::max);
            let off = off.sum::<f32>().sqrt();
            assert!(off > 0.0 && off < 5.0 * most.exp(), "{off}");
        }
        assert_ne!(parts[0].centre[..3], parts[1].centre[..3]);
    }
}

#[test]
fn who_moves_is_told_by_opacity_and_by_what_enough_views_saw() {
    let gpu = gpu();
    let n = 8;
    let (trainer, mut state) = trainer(&gpu, n, 1);
    state.splats[0][0].centre[3] = -5.4;
    state.splats[0][1].centre[3] = f32::NAN;
    state.credit[2].weight = 0.49;
    // Seen by too few to tell, or just enough of it.
    state.credit[3] = Credit {
        weight: 0.0,
        views: 19.0,
    };
    state.credit[4].weight = 0.5;
    trainer.set_state(&state).expect("set");
    trainer.relocate(&moving(9)).expect("relocate");
    let after = trainer.state().expect("state");
    assert_eq!(trainer.moved().expect("moved"), 3);
    let colour = |state: &State, i: usize| state.sh[0][i];
    for i in 0..3 {
        assert!(
            (3..n).any(|from| colour(&after, i) == colour(&state, from)),
            "{i}"
        );
        assert!(after.splats[0][i].centre[3].is_finite());
    }
    for i in 3..n {
        assert_eq!(colour(&after, i), colour(&state, i));
    }
    // One that is still to be judged keeps what was seen of it, unless it became two.
    let copied = (0..3).any(|i| colour(&after, i) == colour(&state, 3));
    assert_eq!(after.credit[3].views, if copied { 0.0 } else { 19.0 });
    trainer
        .relocate(&Moving {
            share: 0.0,
            ..moving(9)
        })
        .expect("none");
    assert_eq!(trainer.moved().expect("moved"), 3);
}

#[test]
fn many_parts_of_one_let_through_what_it_did_and_without_a_live_one_nothing_moves() {
    let gpu = gpu();
    let n = 8;
    for logit in [1.0, 6.0, 12.0] {
        let (trainer, mut state) = trainer(&gpu, n, 0);
        // Three show nothing, and one alone is pulled about.
        for i in 0..n {
            state.splats[2][i].centre = [if i == 7 { 1.0 } else { 0.0 }; 4];
        }
        for i in 0..3 {
            state.credit[i].weight = 0.0;
        }
        state.splats[0][7].centre[3] = logit;
        trainer.set_state(&state).expect("set");
        trainer.relocate(&moving(4)).expect("relocate");
        let after = trainer.state().expect("state");
        assert_eq!(trainer.moved().expect("moved"), 3);
        let was = state.splats[0][7];
        let clear = |s: &Splat| 1.0 / (1.0 + f64::from(s.centre[3]).exp());
        let parts = [0, 1, 2, 7].map(|i| after.splats[0][i]);
        let through: f64 = parts.iter().map(clear).product();
        assert!((through / clear(&was) - 1.0).abs() < 1e-3, "{through}");
        for part in parts {
            for k in 0..3 {
                let smaller = was.log_scale[k] - part.log_scale[k];
                assert!((smaller - 4f32.ln() * 2.0 / 3.0).abs() < 1e-4);
            }
        }
    }
    let (trainer, mut state) = trainer(&gpu, n, 0);
    for credit in &mut state.credit {
        credit.weight = 0.0;
    }
    trainer.set_state(&state).expect("set");
    trainer.relocate(&moving(4)).expect("relocate");
    assert_eq!(trainer.moved().expect("moved"), 0);
    assert!(trainer.state().expect("state").splats == state.splats);
}

#[test]
fn sources_are_drawn_by_opacity_times_pull() {
    let n = 1000;
    let state = |pull: f32, logit: f32| {
        let mut splat = Splat::default();
        splat.centre[3] = logit;
        let mut square = Splat::default();
        square.centre[..3].copy_from_slice(&[pull, 0.0, 0.0]);
        (splat, square)
    };
    // A half is dead; of the others every second is pulled nine times as much (its mean square), or is half as opaque.
    for (logit, pull, ratio) in [(0.0, 9.0, 3.0), (-1.0986123, 1.0, 0.5)] {
        let (splats, square): (Vec<Splat>, Vec<Splat>) = (0..n)
            .map(|i| match (i < n / 2, i % 2) {
                (true, _) => state(1.0, -9.0),
                (false, 0) => state(1.0, 0.0),
                (false, _) => state(pull, logit),
            })
            .unzip();
        let (mut even, mut odd) = (0.0f64, 0.0f64);
        for seed in 0..20 {
            let p = ChooseParams {
                n: n as u32,
                seed,
                limit: u32::MAX,
                unseen: 0.5,
                views: 20.0,
                ..ChooseParams::default()
            };
            let sources = choose(&p, &splats, &square, &vec![SEEN; n]);
            assert!(sources[n / 2..].iter().all(|s| *s == NONE));
            for source in &sources[..n / 2] {
                // By chance all 16 that are drawn are dead, once in 65,536.
                if *source != NONE {
                    assert!(*source >= n as u32 / 2);
                    *(if source % 2 == 0 { &mut even } else { &mut odd }) += 1.0;
                }
            }
        }
        assert!(even + odd > 9900.0);
        // Of 16 that are drawn half are dead: the best of few is less the best than that of all.
        let got = odd / even / ratio;
        let between = if ratio > 1.0 { 0.8..1.03 } else { 0.97..1.25 };
        assert!(between.contains(&got), "{got} of {ratio}");
    }
}

#[test]
fn kernels_match_their_twins() {
    let shadow = Shadow::new(Mode::Check);
    let gpu = gpu().shadowed(&shadow);
    for (n, degree) in [(1, 0), (63, 1), (65, 2), (300, 3), (1000, 1)] {
        let (trainer, mut state) = trainer(&gpu, n, degree);
        let mut rng = Rng(n as u64);
        for i in 0..n {
            match rng.range(0.0, 6.0) as u32 {
                0 => state.splats[0][i].centre[3] = -6.0,
                3 => state.splats[0][i].centre[3] = rng.range(9.0, 20.0),
                1 => state.credit[i].weight = 0.1,
                2 => state.credit[i].views = 3.0,
                _ => {}
            }
        }
        trainer.set_state(&state).expect("set");
        for (seed, share) in [(1, 1.0), (2, 0.5)] {
            trainer
                .relocate(&Moving {
                    share,
                    ..moving(seed)
                })
                .expect("relocate");
        }
        assert!(n < 100 || trainer.moved().expect("moved") > n / 10);
    }
    let found = shadow.findings();
    for kernel in [&CHOOSE, &CLONE, &SHARE] {
        let finding = found.iter().find(|f| f.kernel == kernel.stem);
        let finding = finding.expect(kernel.stem);
        assert!(finding.agrees() && finding.words > 0, "{finding:?}");
    }
}
