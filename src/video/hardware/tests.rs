//! What a card's decoder holds comes out as what the host's decoder gives, bit for bit; and who is chosen.

use std::cell::Cell;
use std::path::Path;

use ffmpeg_next::format::Pixel;

use super::{Decode, Decoder, Held, WORTH, choose, decoder, pixels};
use crate::gpu::{AdapterChoice, Gpu};
use crate::numeric::Rng;
use crate::video::convert::{Converter, convert_held};
use crate::video::layout::{Colour, Layout};
use crate::video::{EncodeOptions, Encoder, VideoInfo, source};

/// A format of the host, what NVDEC holds for it, bits of a sample, and what chroma is subsampled by.
const PAIRS: [(Pixel, Pixel, u32, [usize; 2]); 6] = [
    (Pixel::YUV420P, Pixel::NV12, 8, [2, 2]),
    (Pixel::YUVJ420P, Pixel::NV12, 8, [2, 2]),
    (Pixel::YUV420P10LE, Pixel::P010LE, 10, [2, 2]),
    (Pixel::YUV420P12LE, Pixel::P016LE, 12, [2, 2]),
    (Pixel::YUV444P, Pixel::YUV444P, 8, [1, 1]),
    (Pixel::YUV444P10LE, Pixel::YUV444P16LE, 10, [1, 1]),
];

/// Three planes of random samples, rows without gaps.
fn samples(bits: u32, stored: [u32; 2], by: [usize; 2], rng: &mut Rng) -> [Vec<Vec<u16>>; 3] {
    [[1, 1], by, by].map(|by| {
        let [w, h] = [0, 1].map(|i| (stored[i] as usize).div_ceil(by[i]));
        let mut row = || (0..w).map(|_| (rng.next() >> (64 - bits)) as u16).collect();
        (0..h).map(|_| row()).collect()
    })
}

/// Bytes of rows of samples, `shift` bits up, in one or two bytes each; `stride` apart.
fn plane(rows: &[Vec<u16>], wide: bool, shift: u32, stride: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (y, row) in rows.iter().enumerate() {
        // Gaps are not zero: nothing may be read of them.
        bytes.resize(y * stride, 0xA5);
        for &sample in row {
            let sample = (sample << shift).to_le_bytes();
            bytes.extend_from_slice(if wide { &sample } else { &sample[..1] });
        }
    }
    bytes
}

/// Rows of two planes, sample by sample in turn.
fn paired(a: &[Vec<u16>], b: &[Vec<u16>]) -> Vec<Vec<u16>> {
    let row =
        |(a, b): (&Vec<u16>, &Vec<u16>)| a.iter().zip(b).flat_map(|(&a, &b)| [a, b]).collect();
    a.iter().zip(b).map(row).collect()
}

#[test]
fn what_a_card_holds_comes_out_as_the_host_gives_it() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let mut rng = Rng::new(3);
    let mut host = Converter::new(&gpu);
    let hdr = |transfer| Colour {
        matrix: 9,
        transfer,
        ..Colour::default()
    };
    let sd = Colour {
        matrix: 1,
        range: 1,
        ..Colour::default()
    };
    let sizes = [
        // Its own size, smaller, turned, and odd ones.
        ([64, 36], [64, 36], 0),
        ([62, 34], [62, 34], 0),
        ([64, 36], [32, 18], 0),
        ([64, 36], [36, 64], 3),
        ([67, 35], [66, 34], 0),
        ([8, 2], [8, 2], 0),
    ];
    for (nominal, on_card, bits, by) in PAIRS {
        for (stored, size, orient) in sizes {
            for colour in [sd, hdr(16), hdr(18)] {
                let wide = bits > 8;
                let planes = samples(bits, stored, by, &mut rng);
                // As the host's decoder leaves them, in rows of 64 bytes and their multiples.
                let stride = |plane: usize| {
                    let row = planes[plane][0].len() * if wide { 2 } else { 1 };
                    row.next_multiple_of(64)
                };
                let strides = [0, 1, 2].map(stride);
                let [a, b, c] = strides.map(|stride| stride as i32);
                let layout =
                    Layout::new(nominal, stored, [a, b, c, 0], colour, None).expect("layout");
                let bytes: Vec<Vec<u8>> = (0..3)
                    .map(|i| plane(&planes[i], wide, 0, strides[i]))
                    .collect();
                let slices: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
                let want = host
                    .convert(&layout, &slices, size, orient)
                    .and_then(|rgba| gpu.read(&rgba))
                    .expect("host");
                // As the card's has them: in its highest bits, chroma in turn but for 4:4:4.
                let held = Held::new(nominal, on_card, stored, colour, None).expect("held");
                let mut there = planes.to_vec();
                if by == [2, 2] {
                    there = vec![planes[0].clone(), paired(&planes[1], &planes[2])];
                }
                assert_eq!(held.planes.len(), there.len());
                let mut memory = vec![0x5A; held.bytes.next_multiple_of(16)];
                for (rows, samples) in held.planes.iter().zip(&there) {
                    let bytes = plane(samples, wide, if wide { 16 - bits } else { 0 }, rows.stride);
                    let last = (rows.rows - 1) * rows.stride + rows.row;
                    assert_eq!((bytes.len(), samples.len()), (last, rows.rows));
                    memory[rows.at..][..last].copy_from_slice(&bytes);
                }
                let words: Vec<u32> = bytemuck::pod_collect_to_vec(&memory);
                let words = gpu.upload(&words).expect("upload");
                let got = convert_held(&gpu, &held, &words, size, orient, |r| r.submit())
                    .and_then(|rgba| gpu.read(&rgba))
                    .expect("held");
                assert!(
                    got == want,
                    "{nominal:?} {stored:?} to {size:?}, {orient}, {colour:?}"
                );
            }
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused_in_words() {
    for (nominal, held, words) in [
        (Pixel::GRAY8, Pixel::NV12, "its gray comes as nv12"),
        (Pixel::YUV422P, Pixel::NV12, "its yuv422p comes as nv12"),
        (
            Pixel::YUV420P12LE,
            Pixel::NV12,
            "its yuv420p12le comes as nv12",
        ),
        (Pixel::YUV420P, Pixel::None, "its yuv420p comes as unknown"),
        (Pixel::None, Pixel::NV12, "it has no pixel format"),
    ] {
        let error = Held::new(nominal, held, [64, 36], Colour::default(), None);
        let error = error.expect_err(words);
        assert!(error.contains(words), "{error}");
    }
}

fn clip(path: &Path) {
    let mut encoder =
        Encoder::create(path, 32, 32, 8.0, &EncodeOptions::default()).expect("create");
    encoder.push(&[0xFF20_4060; 32 * 32]).expect("push");
    encoder.finish().expect("finish");
}

#[test]
fn pixels_are_counted_by_what_the_container_says() {
    let info = |frames, duration, fps| VideoInfo {
        width: 1920,
        height: 1080,
        frames,
        duration,
        fps,
        ..VideoInfo::default()
    };
    let frame = 1920.0 * 1080.0;
    assert_eq!(pixels(&info(48, 9.0, 9.0)), Some(48.0 * frame));
    assert_eq!(pixels(&info(0, 2.0, 24.0)), Some(48.0 * frame));
    assert_eq!(pixels(&info(0, 0.0, 24.0)), None);
    assert_eq!(pixels(&info(0, f64::NAN, 24.0)), None);
    // Two seconds are the host's, ten the card's.
    let worth = [48, 240].map(|n| pixels(&info(n, 0.0, 0.0)).is_some_and(|p| p >= WORTH));
    assert_eq!(worth, [false, true]);
}

#[test]
fn the_choice_is_told_in_words_and_asks_for_a_device_only_where_it_matters() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mp4");
    clip(&path);
    let asked = Cell::new(0);
    let gpu = || {
        asked.set(asked.get() + 1);
        Gpu::open(&AdapterChoice::Auto)
    };
    let taken = decoder(&path, Decode::Software, gpu).expect("probe");
    let taken = taken.expect("a video");
    assert_eq!(taken.to_string(), "software (as asked for)");
    assert_eq!(taken.decoder, Decoder::Software);
    let source = source::open(&path).expect("open");
    let alpha = choose(&source, true, Decode::Auto, gpu);
    assert!(alpha.card.is_none() && alpha.warning.is_none());
    assert_eq!(asked.get(), 0);
    if cfg!(feature = "cuda") {
        assert_eq!(alpha.taken.why, "its alpha is decoded beside it");
        let short = choose(&source, false, Decode::Auto, gpu);
        assert!(short.card.is_none() && short.warning.is_none());
        let why = "a short clip: opening the card's decoder takes longer";
        assert_eq!((short.taken.why.as_str(), asked.get()), (why, 0));
        let named = choose(&source, true, Decode::Cuda, gpu)
            .warning
            .expect("told");
        assert!(named.contains("alpha"), "{named}");
        assert!(Decode::Cuda.refusal().is_none());
    } else {
        assert_eq!(alpha.taken.why, "this build has no cuda feature");
        let refusal = Decode::Cuda.refusal().expect("refused");
        assert!(refusal.contains("--features cuda"), "{refusal}");
    }
    assert!([Decode::Auto, Decode::Software].map(Decode::refusal) == [None; 2]);
    let image = folder.path().join("b.png");
    image::save_buffer(&image, &[9; 12], 2, 2, image::ColorType::Rgb8).expect("save");
    assert_eq!(decoder(&image, Decode::Auto, gpu).expect("probe"), None);
}
