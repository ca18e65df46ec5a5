//! Luma against its twin, and the pyramid that frames give.

use sora_director::gpu::groups_2d;
use sora_director::gpu::image::ShrinkParams;
use sora_director::gpu::twins::shrink::shrink;
use sora_director::video::twins::luma::luma;
use sora_director::video::{Frames, LUMA, LumaParams, VideoInfo};

use crate::common::{Rng, assert_close, garbage, gpu};

#[test]
fn luma_matches_its_twin() {
    let gpu = gpu();
    let mut rng = Rng(11);
    for (w, h) in [(1u32, 1u32), (7, 9), (8, 8), (33, 17), (64, 40)] {
        let smaller = ((w * 2 / 3).max(1), (h * 2 / 3).max(1));
        for (width, height) in [(w, h), (w.div_ceil(2), h.div_ceil(2)), smaller] {
            let params = LumaParams {
                src_width: w,
                src_height: h,
                width,
                height,
            };
            let rgba: Vec<u32> = (0..w * h).map(|_| rng.u32()).collect();
            let n = (width * height) as usize;
            let output = garbage::<f32>(&gpu, n + 3);
            let guard = gpu.read_range(&output, n, 3).expect("guard");
            let input = gpu.upload(&rgba).expect("upload");
            let groups = groups_2d(width, height, LUMA.workgroup);
            let mut recorder = gpu.recorder();
            recorder
                .run(&LUMA, &params, &[&input, &output], groups)
                .and_then(|()| recorder.submit())
                .expect("run");
            let got = gpu.read_range(&output, 0, n).expect("read");
            let what = format!("luma {w}x{h} -> {width}x{height}");
            assert_close(&what, &got, &luma(&params, &rgba), 2e-3, 0.0);
            let after = gpu.read_range(&output, n, 3).expect("guard");
            let bits = |v: &[f32]| v.iter().map(|f| f.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&guard), bits(&after), "{what}");
        }
    }
}

#[test]
fn frames_give_pyramids_without_a_readback() {
    let gpu = gpu();
    let mut rng = Rng(12);
    let rgba: Vec<u32> = (0..40 * 24).map(|_| rng.u32()).collect();
    let frames = Frames {
        width: 40,
        height: 24,
        times: vec![0.0],
        rgba: vec![gpu.upload(&rgba).expect("upload")],
        info: VideoInfo::default(),
        faults: Vec::new(),
        sources: Vec::new(),
    };
    let mut recorder = gpu.recorder();
    let pyramid = frames
        .luma_pyramid(&gpu, &mut recorder, 0, (20, 12), 3)
        .expect("pyramid");
    recorder.submit().expect("submit");
    let sizes: Vec<_> = pyramid.levels.iter().map(|l| (l.width, l.height)).collect();
    assert_eq!(sizes, [(20, 12), (10, 6), (5, 3)]);
    let params = LumaParams {
        src_width: 40,
        src_height: 24,
        width: 20,
        height: 12,
    };
    let mut want = luma(&params, &rgba);
    for (i, level) in pyramid.levels.iter().enumerate() {
        let got = gpu.read(&level.image).expect("read");
        assert_close("level", &got, &want, 2e-3, 0.0);
        if let Some(coarser) = pyramid.levels.get(i + 1) {
            let params = ShrinkParams {
                src_width: level.width,
                src_height: level.height,
                width: coarser.width,
                height: coarser.height,
            };
            want = shrink(&params, &want);
        }
    }
    let none = frames.luma_pyramid(&gpu, &mut recorder, 1, (20, 12), 3);
    assert!(
        none.expect_err("no such frame")
            .to_string()
            .contains("frame 1 of 1")
    );
}
