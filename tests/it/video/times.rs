//! When frames are shown, in files that tell it only in part, or wrongly: what `probe` says, what is picked, and what
//! comes out agree.

use std::path::{Path, PathBuf};

use sora_director::monitor::Silent;
use sora_director::video::{DecodeOptions, Frames, Windows, examine};

use super::clips::{H264, H264_PLAIN, RATE, Recipe, make, numbers, other, restamp};
use super::{fields, native, open};
use crate::common::gpu;

/// Frames of a clip.
const COUNT: i64 = 16;

fn close(times: &[f64], want: &[f64], what: &Path) {
    // A millisecond is what some containers round to.
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1.1e-3;
    assert!(
        times.len() == want.len() && times.iter().zip(want).all(near),
        "{}: {times:?} is not {want:?}",
        what.display()
    );
}

/// Checks that `path` shows frame `i` at `want[i]`, whole, picked, in windows, and by its probe. Returns the faults.
fn shows(path: &Path, want: &[f64]) -> Vec<String> {
    let all = open(path, &native()).expect("decode");
    close(&all.times, want, path);
    let count = want.len();
    assert_eq!(numbers(&all), (0..count as u32).collect::<Vec<_>>());
    let probe = examine(path, &Silent).expect("probe");
    let timing = &probe.timing;
    assert_eq!(timing.shown, count as u64, "{}", path.display());
    close(
        &[timing.first, timing.last],
        &[want[0], want[count - 1]],
        path,
    );
    assert_eq!(probe.faults, all.faults, "{}", path.display());
    // Of even times, each fifth frame.
    let four = DecodeOptions {
        max_frames: Some(4),
        ..native()
    };
    let picked = open(path, &four).expect("decode");
    let nearest = |k: usize| {
        let target = want[0] + (want[count - 1] - want[0]) * k as f64 / 3.0;
        let away = |i: &usize| (want[*i] - target).abs();
        (0..count)
            .min_by(|a, b| away(a).total_cmp(&away(b)))
            .expect("frames")
    };
    let places: Vec<usize> = (0..4).map(nearest).collect();
    assert_eq!(
        numbers(&picked),
        places.iter().map(|&i| i as u32).collect::<Vec<_>>(),
        "{}",
        path.display()
    );
    assert_eq!(
        picked.times,
        places.iter().map(|&i| all.times[i]).collect::<Vec<_>>()
    );
    in_windows(path, &all);
    all.faults
}

fn in_windows(path: &Path, all: &Frames) {
    let (gpu, options) = (gpu(), native());
    for count in [1, 5] {
        let mut windows = Windows::open(&gpu, path, &options, &Silent).expect("open");
        let (mut times, mut faults) = (Vec::new(), Vec::new());
        while let Some(window) = windows.next(count, &Silent).expect("window") {
            times.extend(window.times);
            faults = window.faults;
        }
        assert_eq!(
            (&times, &faults),
            (&all.times, &all.faults),
            "{}",
            path.display()
        );
    }
}

fn steady(first: f64, count: usize) -> Vec<f64> {
    at_rate(RATE, first, count)
}

fn at_rate(rate: i32, first: f64, count: usize) -> Vec<f64> {
    let step = 1.0 / f64::from(rate);
    (0..count).map(|i| first + step * i as f64).collect()
}

/// MPEG-1 and 2 have no eight frames a second. Their frames are larger than a packet of a program stream or smaller.
fn mpeg(encoder: &'static str, muxer: &'static str, b: usize) -> Recipe {
    Recipe {
        rate: 25,
        ..other(encoder, muxer, b)
    }
}

/// A clip of a folder; `None` where this FFmpeg cannot make it.
fn clip(folder: &Path, name: &str, recipe: Recipe) -> Option<PathBuf> {
    let path = folder.join(name);
    make(&path, &recipe, 0..COUNT).then_some(path)
}

#[test]
fn frames_of_raw_streams_are_counted_and_it_is_told() {
    let folder = tempfile::tempdir().expect("tempdir");
    const X265: [(&str, &str); 1] = [("x265-params", "log-level=none:bframes=3")];
    const X265_BARE: [(&str, &str); 1] =
        [("x265-params", "log-level=none:bframes=3:vui-timing-info=0")];
    const AV1: [(&str, &str); 2] = [("cpu-used", "8"), ("crf", "20")];
    let with = |recipe, options| Recipe { options, ..recipe };
    // The rate that it is spaced by, 0 for FFmpeg's default; none where pictures carry their times.
    for (name, recipe, rate) in [
        ("a.h264", H264, Some(8)),
        ("b.264", H264_PLAIN, Some(8)),
        ("c.hevc", with(other("libx265", "hevc", 3), &X265), Some(8)),
        (
            "d.h265",
            with(other("libx265", "hevc", 3), &X265_BARE),
            Some(0),
        ),
        (
            "e.mjpeg",
            Recipe {
                pixel: ffmpeg_next::format::Pixel::YUVJ420P,
                ..other("mjpeg", "mjpeg", 0)
            },
            Some(0),
        ),
        ("f.obu", with(other("libaom-av1", "obu", 0), &AV1), Some(0)),
        ("g.m4v", other("mpeg4", "m4v", 2), None),
        ("h.m1v", mpeg("mpeg1video", "mpeg1video", 2), Some(25)),
        ("i.m2v", mpeg("mpeg2video", "mpeg2video", 2), Some(25)),
    ] {
        let Some(path) = clip(folder.path(), name, recipe) else {
            continue;
        };
        let spaced = match rate {
            Some(0) => 25.0,
            _ => f64::from(recipe.rate),
        };
        let want: Vec<f64> = (0..16).map(|i| f64::from(i) / spaced).collect();
        let faults = shows(&path, &want);
        let words = match rate {
            None => {
                assert_eq!(faults, [""; 0], "{name}");
                continue;
            }
            Some(0) => "by FFmpeg's default of 25 frames/s",
            Some(8) => "by the rate that it states, 8 frames/s",
            Some(_) => "by the rate that it states, 25 frames/s",
        };
        assert!(
            faults.len() == 1
                && faults[0].contains("a raw stream has no timestamps")
                && faults[0].contains("its 16 frames")
                && faults[0].contains(words),
            "{name}: {faults:?}"
        );
        let info = examine(&path, &Silent).expect("probe").info;
        assert!((info.fps - spaced).abs() < 1e-6, "{name}: {}", info.fps);
    }
}

#[test]
fn avi_has_times_of_decoding_only() {
    let folder = tempfile::tempdir().expect("tempdir");
    let avi = |recipe| Recipe {
        muxer: "avi",
        ..recipe
    };
    for (name, recipe) in [
        ("b.avi", avi(H264)),
        ("plain.avi", avi(H264_PLAIN)),
        ("xvid.avi", other("mpeg4", "avi", 2)),
        (
            "mjpeg.avi",
            Recipe {
                pixel: ffmpeg_next::format::Pixel::YUVJ420P,
                ..other("mjpeg", "avi", 0)
            },
        ),
    ] {
        if let Some(path) = clip(folder.path(), name, recipe) {
            assert_eq!(shows(&path, &steady(0.0, 16)), [""; 0], "{name}");
        }
    }
    // Frames that only repeat the one before are nothing but a gap, and none is missing.
    let path = folder.path().join("gap.avi");
    let times = (0..COUNT).map(|i| if i < 8 { i } else { i + 3 });
    if make(&path, &avi(H264_PLAIN), times.clone()) {
        let want: Vec<f64> = times.map(|i| i as f64 / f64::from(RATE)).collect();
        assert_eq!(shows(&path, &want), [""; 0]);
    }
}

#[test]
fn program_streams_time_some_packets() {
    let folder = tempfile::tempdir().expect("tempdir");
    for (name, recipe) in [
        ("plain.mpg", mpeg("mpeg1video", "mpeg", 0)),
        ("b.mpg", mpeg("mpeg1video", "mpeg", 2)),
        ("b.vob", mpeg("mpeg2video", "vob", 2)),
        (
            "h264.mpg",
            Recipe {
                muxer: "mpeg",
                ..H264
            },
        ),
    ] {
        let Some(path) = clip(folder.path(), name, recipe) else {
            continue;
        };
        let probe = examine(&path, &Silent).expect("probe");
        let first = probe.timing.first;
        assert!((0.4..1.0).contains(&first), "{name}: from {first} s");
        assert!(
            !probe.timing.variable && probe.timing.repeated == 0,
            "{name}: {:?}",
            probe.timing
        );
        let want = at_rate(recipe.rate, first, 16);
        assert_eq!(shows(&path, &want), [""; 0], "{name}");
    }
}

#[test]
fn times_of_decoding_in_place_of_showing_are_known() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mov");
    if !make(
        &path,
        &Recipe {
            muxer: "mov",
            ..H264
        },
        0..COUNT,
    ) {
        return;
    }
    assert_eq!(shows(&path, &steady(0.0, 16)), [""; 0]);
    // Without the table of offsets, as early writers left it out, and the edit that goes with it.
    let mut bytes = std::fs::read(&path).expect("read");
    for table in [b"ctts", b"edts"] {
        let at = bytes
            .windows(4)
            .position(|word| word == table)
            .expect("table");
        bytes[at..at + 4].copy_from_slice(b"free");
    }
    std::fs::write(&path, bytes).expect("write");
    assert_eq!(shows(&path, &steady(0.0, 16)), [""; 0]);
    // The same in Matroska: blocks in the order of decoding have rising times.
    let path = folder.path().join("a.mkv");
    if !make(
        &path,
        &Recipe {
            muxer: "matroska",
            ..H264
        },
        0..COUNT,
    ) {
        return;
    }
    restamp(&path, |index, _| index as i16 * 125);
    assert_eq!(shows(&path, &steady(0.0, 16)), [""; 0]);
}

#[test]
fn one_bad_time_is_mended_and_told() {
    let folder = tempfile::tempdir().expect("tempdir");
    for recipe in [H264_PLAIN, H264] {
        let recipe = Recipe {
            muxer: "matroska",
            ..recipe
        };
        let path = folder.path().join("a.mkv");
        // Repeated, back, ahead, far ahead.
        for change in [-125, -250, 500, 20_000] {
            if !make(&path, &recipe, 0..COUNT) {
                return;
            }
            restamp(&path, |index, time| {
                time + if index == 6 { change } else { 0 }
            });
            let faults = shows(&path, &steady(0.0, 16));
            assert!(
                faults.len() == 1
                    && faults[0].starts_with("1 of 16 frames have the time of another"),
                "{change}: {faults:?}"
            );
        }
        // A gap is the clip's own, and so are times before 0.
        let times = (0..COUNT).map(|i| if i < 8 { i } else { i + 1 });
        if !make(&path, &recipe, times.clone()) {
            continue;
        }
        let want: Vec<f64> = times.map(|i| i as f64 / f64::from(RATE)).collect();
        assert_eq!(shows(&path, &want), [""; 0]);
    }
}

#[test]
fn times_before_zero_are_kept() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mkv");
    let recipe = Recipe {
        muxer: "matroska",
        ..H264_PLAIN
    };
    if !make(&path, &recipe, 0..COUNT) {
        return;
    }
    restamp(&path, |_, time| time - 500);
    let frames = open(&path, &native()).expect("decode");
    close(&frames.times, &steady(-0.5, 16), &path);
    let probe = examine(&path, &Silent).expect("probe");
    assert_eq!(probe.timing.negative, 4);
}

#[test]
fn joined_recordings_go_on() {
    let folder = tempfile::tempdir().expect("tempdir");
    for (name, recipe) in [
        (
            "b.ts",
            Recipe {
                muxer: "mpegts",
                ..H264
            },
        ),
        ("b.mpg", mpeg("mpeg2video", "mpeg", 2)),
    ] {
        let (path, later) = (folder.path().join(name), folder.path().join("later"));
        if !make(&path, &recipe, 0..COUNT) || !make(&later, &recipe, (0..COUNT).map(|i| i + 8000)) {
            return;
        }
        let (one, two) = (
            std::fs::read(&path).expect("read"),
            std::fs::read(&later).expect("read"),
        );
        for (parts, jumps) in [
            (vec![&one[..], &one], "jump from"),
            (vec![&one[..], &two], "jump from"),
            (vec![&two[..], &one], "jump from"),
            (vec![&one[..], &two, &one], "and 1 times more"),
        ] {
            std::fs::write(&path, parts.concat()).expect("write");
            let frames = open(&path, &native()).expect("decode");
            let start = frames.times[0];
            assert_eq!(frames.len(), 16 * parts.len(), "{name}");
            let want = at_rate(recipe.rate, start, 16 * parts.len());
            close(&frames.times, &want, &path);
            let told = frames.faults.iter().any(|fault| fault.contains(jumps));
            assert!(told, "{name}: {:?}", frames.faults);
            let timing = examine(&path, &Silent).expect("probe").timing;
            assert!(!timing.variable && timing.repeated == 0, "{timing:?}");
            in_windows(&path, &frames);
        }
    }
}

#[test]
fn two_fields_are_one_frame() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("fields.h264");
    for rate in [Some(30), None] {
        std::fs::write(&path, fields::h264(20, rate)).expect("write");
        let frames = open(&path, &native()).expect("decode");
        let want: Vec<f64> = (0..20)
            .map(|i| f64::from(i) / f64::from(rate.unwrap_or(25)))
            .collect();
        close(&frames.times, &want, &path);
        for i in 0..20 {
            // Limited range: a step of ten is one of 11.6.
            let grey = (4.0 + 10.0 * i as f64) * 255.0 / 219.0;
            let got = f64::from(frames.read(&gpu(), i).expect("read")[40] & 255);
            assert!((got - grey).abs() < 1.5, "frame {i}: {got}, not {grey}");
        }
        let probe = examine(&path, &Silent).expect("probe");
        assert_eq!((probe.timing.packets, probe.timing.shown), (40, 20));
        assert_eq!(probe.info.fps, f64::from(rate.unwrap_or(25)));
        assert_eq!(probe.faults, frames.faults);
    }
}

#[test]
fn frames_that_are_lost_move_no_other() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.avi");
    let recipe = Recipe {
        pixel: ffmpeg_next::format::Pixel::YUVJ420P,
        ..other("mjpeg", "avi", 0)
    };
    if !make(&path, &recipe, 0..COUNT) {
        return;
    }
    let mut bytes = std::fs::read(&path).expect("read");
    // The sixth picture and the ninth no longer begin.
    let starts: Vec<usize> = (0..bytes.len() - 4)
        .filter(|&at| bytes[at..at + 3] == [0xFF, 0xD8, 0xFF])
        .collect();
    for lost in [5, 8] {
        bytes[starts[lost]..starts[lost] + 200].fill(0);
    }
    std::fs::write(&path, bytes).expect("write");
    let frames = open(&path, &native()).expect("decode");
    let want: Vec<u32> = (0..16).filter(|i| ![5, 8].contains(i)).collect();
    assert_eq!(numbers(&frames), want);
    let times: Vec<f64> = want
        .iter()
        .map(|&i| f64::from(i) / f64::from(RATE))
        .collect();
    close(&frames.times, &times, &path);
    assert!(
        frames
            .faults
            .iter()
            .any(|fault| fault.contains("2 of 16 packets did not decode")),
        "{:?}",
        frames.faults
    );
}
