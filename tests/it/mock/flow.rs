//! Exact flow against its twin, and against what it says.

use sora_director::mock::defects::{Kind, exactly};
use sora_director::mock::flow::{self, FLOW, FlowParams};
use sora_director::mock::render::Want;
use sora_director::mock::scene::Scene;
use sora_director::mock::trace::TraceParams;
use sora_director::mock::twins::flow as twin;

use super::{kernel, planted, render};
use crate::common::{garbage, gpu};

/// Flow from frame `f` to the next by the kernel, and by the twin, both from the kernel's depth and ids.
fn both(scene: &Scene, f: usize) -> (Vec<[f32; 4]>, Vec<[f32; 4]>) {
    let gpu = gpu();
    let [width, height] = scene.clip.size;
    let pixels = (width * height) as usize;
    let (a, b) = (scene.frame(f), scene.frame(f + 1));
    let (ta, tb) = (kernel(&a), kernel(&b));
    // The next frame first, as it lies in a ring.
    let depth: Vec<f32> = tb.depth.iter().chain(&ta.depth).copied().collect();
    let ids: Vec<u32> = tb.ids.iter().chain(&ta.ids).copied().collect();
    let place = |params: TraceParams, base: usize| TraceParams {
        base: base as u32,
        ..params
    };
    let params = FlowParams::between(&place(a, pixels), &place(b, 0), 3);
    let words = garbage::<f32>(&gpu, 4 * (pixels + 3));
    let out = words.cast::<[f32; 4]>();
    let mut recorder = gpu.recorder();
    let (d, i) = (
        gpu.upload(&depth).expect("up"),
        gpu.upload(&ids).expect("up"),
    );
    flow::record(&mut recorder, &params, &d, &i, &out).expect("record");
    recorder.submit().expect("submit");
    let got = gpu.read_range(&out, 3, pixels).expect("read");
    (got, twin::flow(&params, &depth, &ids))
}

#[test]
fn flow_matches_its_twin() {
    assert_eq!(FLOW.workgroup, [8, 8, 1]);
    let cases = [
        ("robot room dolly", 1, [64, 36], vec![]),
        (
            "person street handheld",
            2,
            [33, 17],
            vec![(Kind::Cut, 1.0)],
        ),
        (
            "two people courtyard follow",
            3,
            [9, 7],
            vec![(Kind::Morph, 1.0), (Kind::IdentityDrift, 1.0)],
        ),
        (
            "ball warehouse pan",
            4,
            [8, 8],
            vec![(Kind::Vanish, 1.0), (Kind::OpenBoundary, 0.5)],
        ),
        ("stairs robot", 5, [2, 2], vec![]),
    ];
    for (prompt, seed, size, kinds) in cases {
        let scene = planted(prompt, seed, size, exactly(&kinds));
        for f in [0, 7, 9, 10, 11, 12, 13, 22] {
            let (got, want) = both(&scene, f);
            let mut odd = 0;
            for (g, w) in got.iter().zip(&want) {
                let near =
                    (0..4).all(|k| k == 2 || (g[k] - w[k]).abs() <= 2e-3 + 1e-3 * w[k].abs());
                assert!(near, "{prompt} frame {f}: kernel {g:?}, twin {w:?}");
                odd += usize::from(g[2] != w[2]);
            }
            // Whether a point at the very edge is seen may fall either way.
            assert!(
                odd * 50 <= got.len() + 50,
                "{prompt} frame {f}: {odd} differ"
            );
        }
    }
}

#[test]
fn what_flows_is_the_same_colour_where_it_arrives() {
    // The picture carried along the flow is the next picture: by a plain lookup, where the point is seen.
    let prompt = "a robot in a room with crates and tanks, orbit";
    let scene = planted(prompt, 8, [320, 180], exactly(&[]));
    let shots = render(
        &scene,
        Want {
            pixels: true,
            seen: true,
            flow: true,
            planes: false,
        },
    );
    let (mut along, mut still, mut seen, mut hidden) = (0.0, 0.0, 0usize, 0usize);
    let level = |c: u32| f64::from((c >> 8) & 255);
    for pair in shots.windows(2) {
        for (i, f) in pair[0].flow.iter().enumerate() {
            if f[2] < 0.5 {
                hidden += 1;
                continue;
            }
            let x = (i % 320) as f32 + f[0];
            let y = (i / 320) as f32 + f[1];
            let (x, y) = (x.round().clamp(0.0, 319.0), y.round().clamp(0.0, 179.0));
            let j = y as usize * 320 + x as usize;
            let here = level(pair[0].rgba[i]);
            along += (level(pair[1].rgba[j]) - here).abs();
            still += (level(pair[1].rgba[i]) - here).abs();
            seen += 1;
        }
    }
    let (along, still) = (along / seen as f64, still / seen as f64);
    eprintln!("mean difference in levels: {along:.2} along the flow, {still:.2} standing still");
    assert!(along < 0.45 * still, "{along} {still}");
    assert!(
        hidden > 0 && hidden * 10 < seen,
        "{hidden} of {seen} hidden"
    );
}

#[test]
fn what_vanishes_is_hidden_and_what_is_shown_twice_stands_still() {
    let prompt = "a person in a room with crates and tanks, static camera";
    let scene = planted(prompt, 5, [160, 90], exactly(&[(Kind::Vanish, 1.0)]));
    let gone = &scene.planted[0];
    let shots = render(&scene, Want::TAKE);
    let before = &shots[gone.frames[0] - 1];
    let object = gone.objects[0];
    let mine: Vec<&[f32; 4]> = before
        .objects()
        .zip(&before.flow)
        .filter(|(o, _)| *o == object)
        .map(|(_, f)| f)
        .collect();
    assert!(mine.len() > 20, "{} pixels", mine.len());
    assert!(mine.iter().all(|f| f[2] == 0.0));

    let scene = planted(
        "a robot in a room, orbit",
        5,
        [96, 54],
        exactly(&[(Kind::Duplicates, 0.5)]),
    );
    let times = scene.planted[0].per_frame.clone();
    let shots = render(&scene, Want::TAKE);
    let mut twice = 0;
    for f in 0..shots.len() - 1 {
        let still = shots[f].flow.iter().all(|v| v[0].abs() + v[1].abs() < 1e-3);
        assert_eq!(times[f] == times[f + 1], still, "frame {f}");
        assert_eq!(still, shots[f].planes == shots[f + 1].planes, "frame {f}");
        twice += usize::from(still);
    }
    assert!(twice > 3);
}
