//! Rotated, damaged, missing and odd inputs; images; the files provider.

use std::path::{Path, PathBuf};

use sora_director::generate::TakeRequest;
use sora_director::generate::files::{Files, expand};
use sora_director::generate::local::LocalProvider;
use sora_director::monitor::{Monitor, Silent};
use sora_director::video::{DecodeOptions, VideoError, decode, probe};

use super::{encode, native, open, picture, psnr};
use crate::common::{Rng, gpu, shared};

/// Writes a display matrix into the track header of an mp4.
fn turn(path: &Path, [a, b, c, d]: [i32; 4]) {
    let mut bytes = std::fs::read(path).expect("read");
    let tkhd = bytes.windows(4).position(|w| w == b"tkhd").expect("tkhd");
    // Version and flags, times, id, duration, layer and volume lie before it.
    let matrix = tkhd + 4 + 40;
    let values = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30];
    for (i, value) in values.into_iter().enumerate() {
        bytes[matrix + 4 * i..][..4].copy_from_slice(&i32::to_be_bytes(value));
    }
    std::fs::write(path, bytes).expect("write");
}

#[test]
fn the_display_matrix_turns_frames() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mp4");
    let [w, h] = [96, 64];
    encode(&path, [w, h], 24.0, 1);
    let flat = picture(w, h, 0);
    // Row vectors: shown x = a x + c y, shown y = b x + d y, then moved to start at 0.
    for (matrix, rotation, mirrored) in [
        ([1, 0, 0, 1], 0, false),
        ([0, 1, -1, 0], 90, false),
        ([-1, 0, 0, -1], 180, false),
        ([0, -1, 1, 0], 270, false),
        ([1, 0, 0, -1], 0, true),
        ([-1, 0, 0, 1], 180, true),
        ([0, 1, 1, 0], 90, true),
        ([0, -1, -1, 0], 270, true),
    ] {
        turn(&path, matrix);
        let frames = open(&path, &native()).expect("decode");
        let info = probe(&path).expect("probe");
        assert_eq!(info, frames.info);
        assert_eq!(
            (info.rotation, info.mirrored),
            (rotation, mirrored),
            "{matrix:?}"
        );
        assert_eq!((info.width, info.height), (w, h));
        let [a, b, c, d] = matrix;
        let size = if a == 0 { [h, w] } else { [w, h] };
        assert_eq!([frames.width, frames.height], size);
        let mut want = vec![0; (w * h) as usize];
        for y in 0..h as i32 {
            for x in 0..w as i32 {
                let start = |m: i32, n: i32| {
                    (m < 0) as i32 * (w as i32 - 1) + (n < 0) as i32 * (h as i32 - 1)
                };
                let sx = a * x + c * y + start(a, c);
                let sy = b * x + d * y + start(b, d);
                want[(sy as u32 * size[0] + sx as u32) as usize] =
                    flat[(y as u32 * w + x as u32) as usize];
            }
        }
        let quality = psnr(&frames.read(&gpu(), 0).expect("read"), &want);
        assert!(quality > 34.0, "{matrix:?}: {quality} dB");
    }
}

#[test]
fn a_truncated_clip_keeps_what_decodes_and_says_so() {
    let folder = tempfile::tempdir().expect("tempdir");
    let (path, cut) = (folder.path().join("a.mp4"), folder.path().join("cut.mp4"));
    encode(&path, [128, 96], 24.0, 40);
    let bytes = std::fs::read(&path).expect("read");
    std::fs::write(&cut, &bytes[..bytes.len() * 6 / 10]).expect("write");
    let frames = open(&cut, &native()).expect("decode");
    assert!((1..40).contains(&frames.len()), "{} frames", frames.len());
    assert!(
        frames
            .faults
            .iter()
            .any(|f| f.contains("the file ends early")),
        "{:?}",
        frames.faults
    );
    let first = psnr(&frames.read(&gpu(), 0).expect("read"), &picture(128, 96, 0));
    assert!(first > 34.0, "{first} dB");
    let again = open(&cut, &native()).expect("decode");
    assert_eq!((frames.times, frames.faults), (again.times, again.faults));
    // Cut before the pictures: one error.
    std::fs::write(&cut, &bytes[..200]).expect("write");
    let error = open(&cut, &native()).expect_err("no index").to_string();
    assert!(
        error.contains("cut.mp4") && error.contains("fetch it again"),
        "{error}"
    );
}

#[test]
fn damage_anywhere_is_told_and_never_a_panic() {
    let folder = tempfile::tempdir().expect("tempdir");
    let (path, bad) = (folder.path().join("a.mp4"), folder.path().join("bad.mp4"));
    encode(&path, [64, 48], 24.0, 24);
    let bytes = std::fs::read(&path).expect("read");
    let whole = open(&path, &native()).expect("decode");
    let mut rng = Rng(3);
    let (mut kept, mut refused) = (0, 0);
    for round in 0..24 {
        let mut bytes = bytes.clone();
        for _ in 0..1 + round {
            let at = rng.u32() as usize % bytes.len();
            bytes[at] ^= 1 << (rng.u32() % 8);
        }
        std::fs::write(&bad, &bytes).expect("write");
        match open(&bad, &native()) {
            Ok(frames) => {
                kept += 1;
                assert_eq!(frames.len(), frames.times.len());
                assert!(
                    frames.times.windows(2).all(|t| t[0] < t[1]),
                    "{:?}",
                    frames.times
                );
                assert!(frames.len() <= whole.len() || !frames.faults.is_empty());
            }
            Err(VideoError::Input { path, reason }) => {
                refused += 1;
                assert!(path.ends_with("bad.mp4") && !reason.is_empty());
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(kept > 0 && refused > 0, "{kept} kept, {refused} refused");
}

#[test]
fn bad_inputs_get_one_clear_error() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("write");
        path
    };
    let said = |path: &Path, words: &str| {
        let name = path
            .file_name()
            .expect("name")
            .to_string_lossy()
            .into_owned();
        for error in [
            open(path, &native()).expect_err(words).to_string(),
            probe(path).expect_err(words).to_string(),
        ] {
            assert!(error.contains(&name) && error.contains(words), "{error}");
        }
    };
    said(&folder.path().join("none.mp4"), "no such file");
    said(&file("zero.mp4", b""), "empty (0 bytes)");
    said(
        &file("text.mp4", b"This is no video.\n"),
        "not a video that FFmpeg can read",
    );
    said(
        &file("text.png", b"This is no picture."),
        "image cannot be read",
    );
    std::fs::create_dir(folder.path().join("void")).expect("folder");
    said(&folder.path().join("void"), "no images");
    // Sound alone: a second of silence as WAV.
    let mut wav = b"RIFF\x24\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(b"\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\x1f\0\0");
    wav.extend([128; 7936]);
    match ffmpeg_next::decoder::find(ffmpeg_next::codec::Id::PCM_U8) {
        Some(_) => said(&file("sound.wav", &wav), "sound but no video"),
        None => eprintln!("skipped: this FFmpeg reads no sound"),
    }
    let path = folder.path().join("a.mp4");
    encode(&path, [64, 48], 24.0, 3);
    let refused = |options: DecodeOptions, words: &str| {
        let error = open(&path, &options).expect_err(words).to_string();
        assert!(error.contains("a.mp4") && error.contains(words), "{error}");
    };
    let with = DecodeOptions::default;
    refused(
        DecodeOptions {
            max_side: 3,
            ..with()
        },
        "max_side",
    );
    refused(
        DecodeOptions {
            max_frames: Some(0),
            ..with()
        },
        "max_frames",
    );
    refused(
        DecodeOptions {
            max_bytes: 9999,
            ..with()
        },
        "over the limit",
    );
    struct Stop;
    impl Monitor for Stop {
        fn stopped(&self) -> bool {
            true
        }
    }
    let stopped = decode(&gpu(), &path, &with(), &Stop);
    assert!(matches!(stopped, Err(VideoError::Interrupted)));
}

fn image(path: &Path, size: [u32; 2], pixel: impl Fn(u32, u32) -> [u8; 4]) {
    let picture = image::RgbaImage::from_fn(size[0], size[1], |x, y| image::Rgba(pixel(x, y)));
    picture.save(path).expect("save");
}

#[test]
fn images_keep_their_order_and_their_alpha() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = folder.path();
    for i in [2u8, 10, 1] {
        // Left half red and opaque, right half without alpha; its green must not bleed.
        let pixel = |x, _| {
            if x < 18 {
                [200, i, 0, 255]
            } else {
                [0, 255, 0, 0]
            }
        };
        image(&root.join(format!("{i}.png")), [36, 24], pixel);
    }
    let frames = open(root, &native()).expect("decode");
    let names: Vec<PathBuf> = ["1.png", "2.png", "10.png"].map(|n| root.join(n)).into();
    assert_eq!(frames.sources, names);
    assert_eq!(
        frames.select(&[2, 0]).sources,
        [names[2].clone(), names[0].clone()]
    );
    assert_eq!(frames.times, [0.0, 1.0 / 24.0, 2.0 / 24.0]);
    assert_eq!((frames.width, frames.height), (36, 24));
    let pixels = frames.read(&gpu(), 2).expect("read");
    assert_eq!(
        (pixels[0], pixels[17], pixels[18]),
        (0xFF00_0AC8, 0xFF00_0AC8, 0)
    );
    // Scaled by 36/16: the ninth column of sixteen starts at 18; the eighth ends there.
    let small = DecodeOptions {
        max_side: 16,
        max_frames: Some(2),
        images_fps: 10.0,
        ..DecodeOptions::default()
    };
    let frames = open(root, &small).expect("decode");
    assert_eq!((frames.width, frames.height), (16, 10));
    assert_eq!((frames.times, frames.sources.len()), (vec![0.0, 0.2], 2));
    let row: Vec<u32> = gpu().read(&frames.rgba[0]).expect("read")[..16].to_vec();
    assert_eq!(row[..8], [0xFF00_01C8; 8]);
    assert_eq!(row[8..], [0; 8]);
    let single = open(&names[1], &native()).expect("one image");
    assert_eq!(
        (single.len(), single.times[0], single.sources[0].clone()),
        (1, 0.0, names[1].clone())
    );
    image(&root.join("3.png"), [36, 26], |_, _| [0; 4]);
    for error in [
        open(root, &small).expect_err("sizes"),
        probe(root).expect_err("sizes"),
    ] {
        let error = error.to_string();
        assert!(
            error.contains("36x24") && error.contains("3.png has 36x26"),
            "{error}"
        );
    }
}

#[test]
fn a_pattern_of_images_is_one_clip_and_of_videos_a_clip_each() {
    let folder = tempfile::tempdir().expect("tempdir");
    // The folder's own name has wildcards, which only its escaping keeps literal.
    let root = folder.path().join("shots [1]");
    let home = glob::Pattern::escape(root.to_str().expect("UTF-8"));
    let path = |pattern: &str| Path::new(&home).join(pattern);
    std::fs::create_dir_all(root.join("more.mp4/deep")).expect("folders");
    for i in [10u8, 9, 100] {
        image(&root.join(format!("f{i}.png")), [24, 16], |_, _| {
            [i, 0, 0, 255]
        });
    }
    image(&root.join(".f1.png"), [8, 8], |_, _| [0; 4]);
    let pattern = path("f*.png");
    assert_eq!(expand(&pattern).expect("images"), [pattern.as_path()]);
    let options = DecodeOptions {
        images_fps: 10.0,
        ..native()
    };
    let frames = open(&pattern, &options).expect("decode");
    let want = ["f9.png", "f10.png", "f100.png"].map(|name| root.join(name));
    assert_eq!(
        (frames.sources.as_slice(), frames.times.as_slice()),
        (&want[..], &[0.0, 0.1, 0.2][..])
    );
    for (i, red) in [9, 10, 100].into_iter().enumerate() {
        assert_eq!(frames.read(&gpu(), i).expect("read")[0], 0xFF00_0000 | red);
    }
    let info = probe(&pattern).expect("probe");
    assert_eq!(
        (info.frames, info.width, info.container.as_str()),
        (3, 24, "images")
    );
    assert_eq!(open(&path("f1?.png"), &options).expect("one").times, [0.0]);
    for i in [2, 11] {
        encode(&root.join(format!("more.mp4/c{i}.mp4")), [64, 48], 24.0, 2);
    }
    std::fs::write(root.join("more.mp4/deep/note.txt"), "x").expect("write");
    let clips = ["c2.mp4", "c11.mp4"].map(|name| root.join("more.mp4").join(name));
    assert_eq!(expand(&path("**/c*.mp4")).expect("clips"), clips);
    assert_eq!(
        open(&expand(&path("more*/c1*")).expect("clip")[0], &options)
            .expect("decode")
            .len(),
        2
    );
    assert_eq!(expand(&root).expect("a folder is itself"), [root.as_path()]);
    assert_eq!(
        expand(&root.join("f9.png")).expect("a file is itself"),
        [root.join("f9.png")]
    );
    let says = |pattern: &str, words: &str| {
        let error = expand(&path(pattern)).expect_err(words).to_string();
        assert!(error.contains(words) && error.contains(pattern), "{error}");
    };
    says("none*.mp4", "matches nothing");
    says("*", "images");
    says("*", "together");
    says(
        "more.mp4/deep/n*",
        "note.txt, which by its ending is neither",
    );
    says("f[.png", "it is no pattern");
    let gone = folder.path().join("gone.mp4");
    assert!(
        expand(&gone)
            .expect_err("gone")
            .to_string()
            .contains("gone.mp4: there is no such file")
    );
    let error = open(&path("more*/c*.mp4"), &options)
        .expect_err("clips")
        .to_string();
    assert!(error.contains("c2.mp4); give one of them"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_never_waited_for() {
    let folder = tempfile::tempdir().expect("tempdir");
    let pipe = folder.path().join("a.mp4");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let error = probe(&pipe).expect_err("a pipe").to_string();
    assert!(error.contains("a.mp4: it is a pipe"), "{error}");
}

#[test]
fn the_files_provider_delivers_what_is_there() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("a.mp4");
    encode(&path, [64, 48], 24.0, 2);
    let mut request = TakeRequest {
        prompt: "a robot".into(),
        seed: 1,
        seconds: 4.0,
        size: [640, 360],
        fps: 24.0,
        video: None,
        model: None,
        reference_image: None,
    };
    let ask = |request: &TakeRequest| {
        let made = Files.generate(request, folder.path(), &Silent);
        made.map_err(|error| error.to_string())
    };
    assert!(
        ask(&request)
            .expect_err("no column")
            .contains("`video` column")
    );
    request.video = Some(folder.path().join("b.mp4"));
    let error = ask(&request).expect_err("no file");
    assert!(error.contains("b.mp4: there is no such file"), "{error}");
    request.video = Some(path.clone());
    let delivered = ask(&request).expect("a take");
    assert_eq!(delivered.video, path);
    assert!(
        delivered.notes[0].contains("h264 64x48"),
        "{:?}",
        delivered.notes
    );
}

#[test]
fn real_clips_decode_or_say_why() {
    let Some(folder) = shared("data/edge") else {
        return;
    };
    let options = DecodeOptions {
        max_side: 64,
        max_frames: Some(5),
        ..DecodeOptions::default()
    };
    // Frames, size at 64 pixels, and a word of each fault or of the error.
    for (name, frames, size, words) in [
        ("bear-vp9-odd-dimensions.webm", 5, [64, 48], vec![]),
        ("bt601.mp4", 5, [64, 42], vec![]),
        ("h265_bframes.mp4", 5, [64, 36], vec![]),
        ("hlg10-color-test.mp4", 5, [64, 36], vec!["tone-mapped"]),
        ("hdr10-av1.mp4", 5, [36, 64], vec!["tone-mapped"]),
        ("roadtrip-vp92-10bit.webm", 5, [64, 36], vec![]),
        ("video_90.mov", 3, [36, 64], vec![]),
        ("video_rotation_90.mp4", 1, [38, 64], vec![]),
        (
            "corrupted.mp4",
            5,
            [64, 36],
            vec!["did not decode", "with errors"],
        ),
        (
            "invalid-bitstream.webm",
            0,
            [0, 0],
            vec!["no frame could be decoded"],
        ),
        (
            "invalid_userdata.mp4",
            0,
            [0, 0],
            vec!["the file ends early"],
        ),
        (
            "sample_audio_only.mp4",
            0,
            [0, 0],
            vec!["sound but no video"],
        ),
    ] {
        let told = match open(&folder.join(name), &options) {
            Ok(found) => {
                assert_eq!(
                    (found.len(), [found.width, found.height]),
                    (frames, size),
                    "{name}"
                );
                assert_eq!(
                    found.faults.len(),
                    words.len(),
                    "{name}: {:?}",
                    found.faults
                );
                found.faults.join("; ")
            }
            Err(error) => {
                assert_eq!(frames, 0, "{name}: {error}");
                error.to_string()
            }
        };
        for word in words {
            assert!(told.contains(word), "{name}: {told}");
        }
    }
}
