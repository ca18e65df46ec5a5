//! Planes for the encoder against their twin, and the files that come of both.

use sora_director::gpu::groups_2d;
use sora_director::video::planes::planes as twin;
use sora_director::video::planes::{record, stride, words};
use sora_director::video::{EncodeOptions, Encoder, PLANES, PlanesParams};

use super::picture;
use crate::common::parity::Case;
use crate::common::{Rng, garbage, gpu};

fn converted(params: &PlanesParams, rgba: &[u32]) -> Vec<u32> {
    let [width, height] = params.size;
    Case::new(&PLANES, *params)
        .input(rgba)
        .output::<u32>(params.out as usize + words(width, height))
        .run(groups_2d(width.div_ceil(8), height / 2, PLANES.workgroup))
        .get(0)
}

#[test]
fn planes_match_their_twin_bit_for_bit() {
    let mut rng = Rng(81);
    for size in [
        [0, 0],
        [0, 2],
        [2, 2],
        [4, 2],
        [6, 4],
        [8, 2],
        [10, 6],
        [62, 14],
        [64, 16],
        [66, 18],
        [130, 34],
    ] {
        for (base, out) in [(0, 0), (3, 7)] {
            let params = PlanesParams { size, base, out };
            let rgba: Vec<u32> = (0..base + size[0] * size[1]).map(|_| rng.u32()).collect();
            let got = converted(&params, &rgba);
            assert_eq!(got[out as usize..], twin(&params, &rgba), "{params:?}");
            let before = garbage::<u32>(&gpu(), got.len() + 5);
            let before = gpu().read_range(&before, 0, out as usize).expect("read");
            assert_eq!(got[..out as usize], before, "{params:?}");
        }
    }
}

#[test]
fn every_colour_has_the_planes_of_the_twin() {
    // 4096 x 512 at a time: all 16.7 million colours, each one pixel of luma; chroma of what then meets.
    let size = [4096, 512];
    let params = PlanesParams {
        size,
        ..Default::default()
    };
    let count = size[0] * size[1];
    for part in 0..(1 << 24) / count {
        let rgba: Vec<u32> = (part * count..(part + 1) * count).collect();
        // Plain `==`: a failed assert_eq would print megabytes.
        assert!(
            converted(&params, &rgba) == twin(&params, &rgba),
            "part {part}"
        );
    }
}

#[test]
fn rows_are_padded_with_their_last_value() {
    assert_eq!([0, 2, 8, 10].map(stride), [0, 8, 8, 16]);
    let params = PlanesParams {
        size: [2, 2],
        ..Default::default()
    };
    // White and black, over red and blue.
    let got = twin(&params, &[0xff_ffff, 0, 0x00_00ff, 0xff_0000]);
    let bytes: &[u8] = bytemuck::cast_slice(&got);
    assert_eq!(bytes[..8], [235, 16, 16, 16, 16, 16, 16, 16]);
    assert_eq!(bytes[8..16], [63, 32, 32, 32, 32, 32, 32, 32]);
    assert!(bytes[16..20].iter().all(|v| *v == bytes[16]));
    assert!(bytes[20..].iter().all(|v| *v == bytes[20]));
}

#[test]
fn planes_from_the_gpu_encode_to_the_same_file() {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("tempdir");
    for [width, height] in [[128, 96], [86, 50], [2, 2]] {
        let name = |by: &str| folder.path().join(format!("{by} {width}x{height}.mp4"));
        let open = |by| {
            let options = EncodeOptions::default();
            Encoder::create(&name(by), width, height, 24.0, &options).expect("create")
        };
        let (mut pixels, mut planes) = (open("pixels"), open("planes"));
        for at in 0..6 {
            let frame = picture(width, height, at);
            pixels.push(&frame).expect("push");
            let rgba = gpu.upload(&frame).expect("upload");
            let out = garbage::<u32>(&gpu, words(width, height));
            let params = PlanesParams {
                size: [width, height],
                ..Default::default()
            };
            let mut recorder = gpu.recorder();
            record(&mut recorder, &params, &rgba, &out).expect("record");
            recorder.submit().expect("submit");
            let out = gpu.read(&out).expect("read");
            planes.push_planes(&out).expect("push planes");
        }
        pixels.finish().expect("finish");
        planes.finish().expect("finish");
        let bytes = |by| std::fs::read(name(by)).expect("read");
        assert!(bytes("pixels") == bytes("planes"), "{width}x{height}");
    }
}

#[test]
fn planes_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("tempdir");
    let options = EncodeOptions::default();
    let mut encoder =
        Encoder::create(&folder.path().join("a.mp4"), 10, 4, 24.0, &options).expect("create");
    assert_eq!(words(10, 4), 24);
    for wrong in [0, 23, 25] {
        let error = encoder.push_planes(&vec![0; wrong]).expect_err("refused");
        let error = error.to_string();
        assert!(error.contains(&format!("{wrong} words")), "{error}");
    }
    encoder.push_planes(&[0x8080_8080; 24]).expect("push");
    encoder.finish().expect("finish");

    let rgba = garbage::<u32>(&gpu, 41);
    let planes = garbage::<u32>(&gpu, 25);
    let mut recorder = gpu.recorder();
    let mut says = |size, base, out, words: &str| {
        let params = PlanesParams { size, base, out };
        let error = record(&mut recorder, &params, &rgba, &planes).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
    };
    says([9, 4], 0, 0, "9x4 is odd");
    says([10, 3], 0, 0, "10x3 is odd");
    says([10, 4], 2, 0, "40 pixels from 2");
    says([10, 4], 1, 2, "24 words from 2");
}
