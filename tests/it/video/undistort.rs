//! Pictures through lenses against the kernel's twin, and what must stay as it is.

use sora_director::gpu::groups_2d;
use sora_director::video::{Frames, UNDISTORT, UndistortParams, VideoInfo};

use crate::common::parity::Case;
use crate::common::{Rng, gpu};

/// A pinhole.
fn plain(size: [u32; 2]) -> UndistortParams {
    let [w, h] = size.map(|side| side as f32);
    UndistortParams {
        size,
        pinhole: [0.9 * w, 0.8 * w, 0.5 * w, 0.5 * h],
        lens: [0.9 * w, 0.8 * w, 0.5 * w, 0.5 * h],
        under: [0.0, 0.0, 0.0, 1e12],
        circle: 1e12,
        empty: 0x0102_0304,
        ..UndistortParams::default()
    }
}

fn run(params: UndistortParams, picture: &[u32]) -> Vec<u32> {
    let [width, height] = params.size;
    Case::new(&UNDISTORT, params)
        .input(picture)
        .output::<u32>(picture.len())
        .run(groups_2d(width, height, UNDISTORT.workgroup))
        .get(0)
}

#[test]
fn pictures_are_undistorted_as_the_twin_does() {
    let mut rng = Rng(29);
    for size in [[1, 1], [7, 9], [16, 8], [65, 41]] {
        for (fisheye, nearest) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for reach in [0.02, 0.4] {
                // Slopes, as pictures have them: where noise were all of it, a ray's last bit would be a level.
                let [a, b] = [rng.range(0.5, 3.0), rng.range(0.5, 3.0)];
                let pixel = |at: u32| {
                    let [x, y] = [at % size[0], at / size[0]].map(|v| v as f32);
                    let level = |v: f32| (127.0 + 120.0 * (0.1 * v).sin()) as u8;
                    u32::from_le_bytes([
                        level(a * x),
                        level(b * y),
                        level(a * y - x),
                        255 - level(x) / 2,
                    ])
                };
                let picture: Vec<u32> = (0..size[0] * size[1]).map(pixel).collect();
                let mut some = || rng.range(-reach, reach);
                let straight = plain(size);
                let [fx, fy, cx, cy] = straight.pinhole;
                let params = UndistortParams {
                    fisheye,
                    nearest,
                    lens: [fx * (1.0 + some()), fy, cx * (1.0 + some()), cy],
                    radial: [some(), some(), some(), some()],
                    under: [some(), some(), some(), 0.5],
                    tangential: [0.1 * some(), 0.1 * some()],
                    circle: 0.2 * (fx * fx),
                    ..straight
                };
                run(params, &picture);
            }
        }
    }
}

#[test]
fn a_pinhole_stays_as_it_is_to_the_bit() {
    let mut rng = Rng(30);
    for size in [[1, 1], [33, 18], [64, 48]] {
        for (fisheye, nearest) in [(0, 0), (0, 1)] {
            let picture: Vec<u32> = (0..size[0] * size[1])
                .map(|_| rng.u32() | 0xff00_0000)
                .collect();
            let params = UndistortParams {
                fisheye,
                nearest,
                ..plain(size)
            };
            assert_eq!(run(params, &picture), picture, "{size:?} {nearest}");
        }
    }
    // Beyond the picture, beyond its circle and beyond the lens' reach there is nothing.
    let size = [40, 30];
    let picture: Vec<u32> = (0..1200).map(|_| 0xff00_0000 | rng.u32()).collect();
    let whole = plain(size);
    let [fx, fy, cx, cy] = whole.pinhole;
    let shifted = run(
        UndistortParams {
            lens: [fx, fy, cx + 3.0, cy],
            ..whole
        },
        &picture,
    );
    for y in 0..30 {
        assert_eq!(shifted[y * 40..][..37], picture[y * 40 + 3..][..37]);
        assert_eq!(shifted[y * 40 + 37..][..3], [whole.empty; 3]);
    }
    for narrow in [
        UndistortParams {
            circle: 100.0,
            ..whole
        },
        UndistortParams {
            under: [0.0, 0.0, 0.0, 100.0 / (fx * fx)],
            pinhole: [fx, fx, cx, cy],
            lens: [fx, fx, cx, cy],
            ..whole
        },
    ] {
        for (at, word) in run(narrow, &picture).into_iter().enumerate() {
            let [x, y] = [at % 40, at / 40].map(|v| v as f32 + 0.5);
            let far = (x - 20.0).powi(2) + (y - 15.0).powi(2);
            match far {
                far if far < 99.9 => assert_eq!(word, picture[at]),
                far if far > 100.1 => assert_eq!(word, narrow.empty),
                _ => {}
            }
        }
    }
}

#[test]
fn colours_are_weighted_by_alpha_and_only_named_frames_change() {
    let gpu = gpu();
    let red = u32::from_le_bytes([200, 10, 20, 255]);
    let clear = u32::from_le_bytes([0, 0, 0, 0]);
    let rgba = |picture: &[u32]| gpu.upload(picture).expect("upload");
    let mut frames = Frames {
        width: 4,
        height: 1,
        times: vec![0.0, 1.0],
        rgba: vec![rgba(&[red, red, clear, clear]); 2],
        info: VideoInfo::default(),
        faults: Vec::new(),
        sources: Vec::new(),
    };
    let [fx, fy, cx, cy] = plain([4, 1]).pinhole;
    let half = UndistortParams {
        lens: [fx, fy, cx + 0.5, cy],
        empty: 0,
        ..plain([4, 1])
    };
    frames.undistort(&gpu, [(1, half)]).expect("undistort");
    assert_eq!(
        frames.read(&gpu, 0).expect("read"),
        [red, red, clear, clear]
    );
    let between = u32::from_le_bytes([200, 10, 20, 128]);
    assert_eq!(frames.read(&gpu, 1).expect("read")[..3], [red, between, 0]);
    for (index, size) in [(2, [4, 1]), (0, [4, 2])] {
        let error = frames.undistort(&gpu, [(index, plain(size))]);
        let error = error.expect_err("no such frame").to_string();
        assert!(error.contains("of 2 of 4x1"), "{error}");
    }
}
