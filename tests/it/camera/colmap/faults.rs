//! What is wrong with a model is one error with its place, and never a panic.

use sora_director::camera::known;
use sora_director::video::list_images;

use super::model::{CAMERAS, IMAGES, binary, capture, text, write, write_binary, write_text};
use super::read;
use crate::common::Rng;

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let folder = capture();
    let root = folder.path();
    let says = |file: &str, words: &[&str]| {
        let error = read(root).expect_err(words[0]);
        for word in words.iter().chain(&[file, "--ignore-known-cameras"]) {
            assert!(error.contains(word), "{word}: {error}");
        }
    };
    let place = "sparse/0";
    let good = binary(&CAMERAS, &IMAGES);
    // A camera of a kind that no one reads, by its name; one that no image has does not matter.
    for (model, name, parameters, words) in [
        (
            7,
            "FOV",
            &[60.0, 60.0, 32.0, 24.0, 0.5][..],
            "camera 7: camera_model is FOV",
        ),
        (
            10,
            "THIN_PRISM_FISHEYE",
            &[1.0; 12],
            "camera 7: camera_model is THIN_PRISM_FISHEYE",
        ),
        (
            4,
            "OPENCV",
            &[60.0, 62.0, 31.5, 24.25, -2.0, 0.0, 0.0, 0.0],
            "camera 7: k1 is -2",
        ),
        (
            4,
            "OPENCV",
            &[f64::NAN, 62.0, 31.5, 24.25, 0.0, 0.0, 0.0, 0.0],
            "camera 7: fl_x is NaN",
        ),
        (
            1,
            "PINHOLE",
            &[-1.0, 62.0, 31.5, 24.25],
            "camera 7: fl_x is -1",
        ),
    ] {
        let cameras = [CAMERAS[0], (7, model, name, parameters), CAMERAS[2]];
        write_binary(root, place, binary(&cameras, &IMAGES));
        says("cameras.bin", &[words]);
        write_binary(root, place, binary(&cameras, &[IMAGES[0], IMAGES[2]]));
        read(root).expect(words);
    }
    // Counts that the file has no room for, records that go on, models and cameras that are not there.
    let with = |file: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes[file]);
        write_binary(root, place, bytes);
    };
    for file in 0..2 {
        let name = ["cameras.bin", "images.bin"][file];
        with(file, &|b| b[7] = 0x10);
        // 2^60, and as many as there are.
        let count = ["1152921504606846979 cameras", "1152921504606846980 images"][file];
        says(name, &["it says that it holds", count, "have room for"]);
        with(file, &|b| b.extend([0; 3]));
        says(name, &["3 bytes follow the last"]);
        with(file, &|b| b.truncate(5));
        says(name, &["it ends within its head", "5 bytes"]);
        for end in 8..good[file].len() {
            with(file, &|b| b.truncate(end));
            says(name, &["copy it again"]);
        }
    }
    with(0, &|b| b[12] = 99);
    says("cameras.bin", &["camera 1 of 3", "camera model 99"]);
    with(0, &|b| b[8] = 7);
    says("cameras.bin", &["camera 2 of 3", "the number 7"]);
    with(1, &|b| b[8 + 60] = 44);
    says("images.bin", &["image 1 of 4", "'a 1.png' is of camera 44"]);
    with(1, &|b| {
        b[8 + 4..][..8].copy_from_slice(&f64::NAN.to_le_bytes())
    });
    says(
        "images.bin",
        &["image 1 of 4", "NaN", "leave the image out"],
    );
    with(1, &|b| b[8 + 4..][..32].fill(0));
    says("images.bin", &["image 1 of 4", "which is none"]);
    with(1, &|b| {
        b[8 + 4 + 32..][..8].copy_from_slice(&(-1e200f64).to_le_bytes())
    });
    says("images.bin", &["image 1 of 4", "lies -1e200 away", "1e9"]);
    // Points of an image: 2^60 of them.
    with(1, &|b| b[8 + 64 + 8 + 7] = 0x10);
    says("images.bin", &["it ends within image 1 of 4"]);
    // Two poses of one image.
    let twice = [IMAGES[0], IMAGES[3], ("c.png", 1, [0.0; 3], [1.0; 3])];
    write_binary(root, place, binary(&CAMERAS, &twice));
    says("images.bin", &["'c.png' has two different poses"]);
    // Text, by its line.
    std::fs::remove_dir_all(root.join("sparse")).unwrap();
    let [cameras, images] = text(&CAMERAS, &IMAGES);
    let lines = |from: &str, to: &str| images.replacen(from, to, 1);
    for (cameras, images, file, words) in [
        (
            cameras.replace(" 24.25\n", "\n"),
            images.clone(),
            "cameras.txt",
            &["line 3", "PINHOLE has 4 parameters, and here are 3"][..],
        ),
        (
            cameras.replace("1 PINHOLE 64", "1 PINHOLE wide"),
            images.clone(),
            "cameras.txt",
            &["line 3", "WIDTH is 'wide'"],
        ),
        (
            cameras.replace("7 OPENCV", "1 OPENCV"),
            images.clone(),
            "cameras.txt",
            &["line 4", "camera 1 as well"],
        ),
        (
            cameras.replace("OPENCV", "OMNI"),
            images.clone(),
            "cameras.txt",
            &["camera 7: camera_model is OMNI"],
        ),
        (
            cameras.replace("60 62", "60 x62"),
            images.clone(),
            "cameras.txt",
            &["line 3", "PARAMS[1] is 'x62'"],
        ),
        (
            cameras.clone(),
            lines(" 7 sub", " 8 sub"),
            "images.txt",
            &["line 5", "camera 8"],
        ),
        (
            cameras.clone(),
            lines(" -1 2 1 a", " nan 2 1 a"),
            "images.txt",
            &["line 3", "NaN"],
        ),
        (
            cameras.clone(),
            lines(" -1 2 1 a", " - 2 1 a"),
            "images.txt",
            &["line 3", "TY is '-'"],
        ),
        (
            cameras.clone(),
            lines(" 1 a 1.png", " 1"),
            "images.txt",
            &["line 3", "ends before NAME"],
        ),
        // The empty lines of points left out, as scripts write it: the next image would be lost.
        (
            cameras.clone(),
            images.replace("\n\n", "\n"),
            "images.txt",
            &["line 6", "points", "empty line"],
        ),
    ] {
        write_text(root, "sparse", [cameras, images]);
        says(file, words);
    }
    // Line ends of Windows, a mark, and no line behind the last.
    let mended = format!("\u{feff}{}", images.trim_end().replace('\n', "\r\n"));
    write_text(root, "sparse", [cameras.replace('\n', "\r\n"), mended]);
    assert_eq!(read(root).unwrap().1.cameras.len(), 4);
    // Half a model.
    std::fs::remove_file(root.join("sparse/images.txt")).unwrap();
    says("images.txt", &["cannot be read", "copy the model whole"]);
}

#[test]
fn damaged_models_are_an_answer_and_never_a_panic() {
    let folder = capture();
    let root = folder.path();
    let images = list_images(&{
        write_binary(root, "sparse/0", binary(&CAMERAS, &IMAGES));
        root.to_owned()
    })
    .unwrap();
    let mut rng = Rng(11);
    let (mut read, mut refused) = (0, 0);
    for round in 0..1200 {
        let [cameras, poses] = binary(&CAMERAS, &IMAGES);
        let [c, p] = text(&CAMERAS, &IMAGES);
        let of_text = round % 2 == 0;
        let mut files = match of_text {
            true => [c.into_bytes(), p.into_bytes()],
            false => [cameras, poses],
        };
        for _ in 0..1 + rng.u32() % 3 {
            let file = &mut files[rng.u32() as usize % 2];
            let at = rng.u32() as usize % file.len();
            match rng.u32() % 8 {
                0..4 => file[at] = rng.u32() as u8,
                4..7 => file[at] = b"0123456789 .-e\n"[rng.u32() as usize % 15],
                _ => file.truncate(at.max(1)),
            }
        }
        std::fs::remove_dir_all(root.join("sparse/0")).unwrap();
        let ending = if of_text { "txt" } else { "bin" };
        let [cameras, poses] = files;
        let names = ["cameras", "images"].map(|stem| format!("{stem}.{ending}"));
        write(root, "sparse/0", [(&names[0], cameras), (&names[1], poses)]);
        match known(root, &images, &[0.0; 5], 64, 48) {
            Ok(found) => {
                read += 1;
                for camera in found
                    .into_iter()
                    .flat_map(|f| f.cameras)
                    .flat_map(|c| c.cameras)
                {
                    let k = camera.intrinsics;
                    assert!(k.fx.is_finite() && k.fx > 0.0 && k.cx.is_finite(), "{k:?}");
                    assert!(camera.pose.position.is_finite() && camera.pose.rotation.is_finite());
                }
            }
            Err(error) => {
                refused += 1;
                let error = error.to_string();
                assert!(
                    names.iter().any(|name| error.contains(name.as_str())),
                    "{error}"
                );
            }
        }
    }
    assert!(
        read > 100 && refused > 300,
        "{read} read, {refused} refused"
    );
}
