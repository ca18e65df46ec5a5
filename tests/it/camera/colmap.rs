//! COLMAP's models beside images: text, binary and a `transforms.json` of the same cameras.

use std::path::{Path, PathBuf};
use std::process::Command;

use glam::DVec3;
use sora_director::camera::{Cameras, LengthUnit, Undistortion, Wanted, known, known_of};
use sora_director::monitor::Silent;
use sora_director::video::{DecodeOptions, decode, list_images};

use crate::common::gpu;

mod faults;
mod model;

use model::{
    CAMERAS, IMAGES, binary, capture, rotation, text, transforms, write, write_binary, write_text,
};

type Read = Result<(Vec<PathBuf>, Cameras, Vec<Undistortion>), String>;

/// What a walk sees of the input.
fn read(input: &Path) -> Read {
    let frames = decode(&gpu(), input, &DecodeOptions::default(), &Silent);
    let frames = frames.map_err(|e| e.to_string())?;
    let found = known(input, &frames.sources, &frames.times, 64, 48);
    let found = found.map_err(|e| e.to_string())?;
    let found = found.ok_or("no cameras")?;
    Ok((frames.sources, found.cameras.unwrap(), found.lenses))
}

#[track_caller]
fn alike(a: &Cameras, b: &Cameras) {
    assert_eq!(a.cameras.len(), b.cameras.len());
    for (a, b) in a.cameras.iter().zip(&b.cameras) {
        assert_eq!((a.frame, a.time), (b.frame, b.time));
        let (k, l) = (a.intrinsics, b.intrinsics);
        for (a, b) in [(k.fx, l.fx), (k.fy, l.fy), (k.cx, l.cx), (k.cy, l.cy)] {
            assert!((a - b).abs() < 1e-9, "{k:?} {l:?}");
        }
        assert!(a.pose.rotation.abs_diff_eq(b.pose.rotation, 1e-9));
        assert!(a.pose.position.distance(b.pose.position) < 1e-9);
    }
}

#[test]
fn text_binary_and_transforms_are_the_same_cameras() {
    let folder = capture();
    let root = folder.path();
    write_binary(root, "sparse/0", binary(&CAMERAS, &IMAGES));
    let (sources, cameras, lenses) = read(root).unwrap();
    let names: Vec<_> = sources
        .iter()
        .map(|s| {
            s.strip_prefix(root.join("images"))
                .unwrap()
                .to_str()
                .unwrap()
        })
        .collect();
    assert_eq!(
        names,
        ["a 1.png", "c.png", "lost.png", "sub/a 1.png", "sub/b.png"]
    );
    assert_eq!((cameras.cameras.len(), cameras.frames), (4, 5));
    assert_eq!(cameras.unit, LengthUnit::Arbitrary);
    assert!(
        cameras.notes[0].contains("1 of 5 images have no known pose")
            && cameras.notes[1].contains("COLMAP model in sparse/0, of 4 images"),
        "{:?}",
        cameras.notes
    );
    // Each image has its own lens; those of pinholes have nothing to undo.
    let frames: Vec<_> = cameras.cameras.iter().map(|c| c.frame).collect();
    assert_eq!(frames, [0, 1, 3, 4]);
    assert_eq!(lenses.iter().map(|l| l.frame).collect::<Vec<_>>(), [3, 4]);
    assert!(!lenses[0].distortion().fisheye && lenses[1].distortion().fisheye);
    // By hand: the point that a camera sees at a depth lies where world to camera brings it from.
    let (_, _, turn, at) = IMAGES[0];
    let seen = cameras.cameras[0].pose.to_world(DVec3::new(0.2, -0.1, 3.0));
    let theirs = DVec3::new(seen.x, -seen.y, -seen.z);
    let back = rotation(turn) * theirs + DVec3::from(at);
    assert!(back.distance(DVec3::new(0.2, -0.1, 3.0)) < 1e-12);
    // The other layouts, and text.
    for place in ["sparse", "colmap/sparse/0", ""] {
        let other = capture();
        write_text(other.path(), place, text(&CAMERAS, &IMAGES));
        let (_, found, bent) = read(other.path()).unwrap();
        alike(&cameras, &found);
        for (a, b) in lenses.iter().zip(&bent) {
            let (a, b) = (a.distortion(), b.distortion());
            assert!(a.fisheye == b.fisheye && a.radial == b.radial && a.tangential == b.tangential);
        }
    }
    // nerfstudio's list, which counts before the model.
    std::fs::write(root.join("transforms.json"), transforms(&CAMERAS, &IMAGES)).unwrap();
    let images = list_images(&root.join("images/..")).unwrap();
    assert_eq!(images.len(), 4);
    let (_, listed, bent) = read(root).unwrap();
    assert_eq!((listed.cameras.len(), bent.len()), (4, 2));
    assert!(!listed.notes.iter().any(|n| n.contains("COLMAP")));
    for (a, b) in cameras.cameras.iter().zip(&listed.cameras) {
        assert!(a.pose.rotation.abs_diff_eq(b.pose.rotation, 1e-9));
        assert!(a.pose.position.distance(b.pose.position) < 1e-9);
        assert!((a.intrinsics.fx - b.intrinsics.fx).abs() < 1e-9);
    }
    // Poses are ignored where that is asked for, and may be damaged.
    write(root, "sparse/0", [("cameras.bin", ""), ("images.bin", "")]);
    std::fs::remove_file(root.join("transforms.json")).unwrap();
    let wanted = Wanted {
        cameras: false,
        depth: true,
    };
    let found = known_of(wanted, root, &sources, &[], [64, 48]).unwrap();
    assert!(found.cameras.is_none() && found.lenses.is_empty());
    assert!(read(root).is_err());
}

#[test]
fn what_pycolmap_writes_is_read() {
    // By pycolmap 4.2.1: `Reconstruction.write_binary`, with rigs and frames beside.
    let cameras = "02000000000000000100000004000000400000000000000030000000000000000000000000004e400000000000004f400000000000803f4000000000004038409a9999999999b9bf7b14ae47\
e17a943ffca9f1d24d62503ffca9f1d24d6260bf0700000002000000400000000000000030000000000000000000000000004940000000000000404000000000000038407b14ae47e17a843f";
    let images = "03000000000000000a0000004dd1b4bd84d4ef3f0000000000000000ff7a6c36008eb93fff7a6c36008e99bf0000000000000000000000000000f0bf0000000000000040010000006120\
622e706e670002000000000000000000000000000c400000000000001140ffffffffffffffff0000000000003e400000000000004440ffffffffffffffff0b000000e7a5787c4ccaef3f\
90c1dffd458ba93f90c1dffd458bb93f90c1dffd458b99bf000000000000e03f000000000000f0bf0000000000000040070000007375622f622e706e670000000000000000000c000000\
10ea0144aaabef3f207c60601883b93f207c60601883b93f207c6060188399bf000000000000f03f000000000000f0bf000000000000004001000000632e706e67000000000000000000";
    let bytes = |hex: &str| -> Vec<u8> {
        let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(pair).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("images/sub")).unwrap();
    for name in ["a b.png", "sub/b.png", "c.png", "nopose.png"] {
        let file = root.join("images").join(name);
        image::RgbImage::new(64, 48).save(file).unwrap();
    }
    let model = [bytes(cameras), bytes(images)];
    write_binary(root, "sparse/0", model);
    std::fs::write(root.join("sparse/0/rigs.bin"), [0; 8]).unwrap();
    std::fs::write(root.join("sparse/0/frames.bin"), [0; 8]).unwrap();
    let (_, cameras, lenses) = read(root).unwrap();
    // By pycolmap: `cam_from_world().inverse()`; its y and z are ours turned round.
    let theirs = [
        [0.3475261, 1.00871905, -1.96512378],
        [-0.60389406, 0.52512628, -2.31507113],
        [-0.12754138, 0.77571905, -2.15220658],
    ];
    for (camera, at) in cameras.cameras.iter().zip(theirs) {
        let at = DVec3::new(at[0], -at[1], -at[2]);
        assert!(camera.pose.position.distance(at) < 1e-7, "{camera:?}");
    }
    let first = cameras.cameras[0].pose.rotation;
    let row = DVec3::new(0.97882515, -0.04964659, -0.19858634);
    assert!(first.row(0).distance(row) < 1e-7);
    assert_eq!(lenses.len(), 3);
    let told = cameras.notes.join("\n");
    assert!(told.contains("1 of 4 images have no known pose"), "{told}");
}

#[test]
fn images_are_matched_by_their_path_and_what_is_not_used_is_told() {
    // The folder of images itself, smaller pictures of the same names, and more than one model.
    let folder = capture();
    let root = folder.path();
    write_binary(root, "sparse/0", binary(&CAMERAS, &IMAGES));
    write_binary(root, "sparse/1", binary(&CAMERAS, &IMAGES[1..]));
    let (_, whole, _) = read(root).unwrap();
    let told = whole.notes.join("\n");
    assert!(
        told.contains("other models") && told.contains("(1 of 3 images)"),
        "{told}"
    );
    let (sources, cameras, _) = read(&root.join("images")).unwrap();
    assert_eq!((sources.len(), cameras.cameras.len()), (3, 2));
    let places =
        |c: &Cameras| -> Vec<DVec3> { c.cameras.iter().map(|c| c.pose.position).collect() };
    assert_eq!(places(&cameras), places(&whole)[..2]);
    // Those that were not asked for lie there all the same; one that does not is told.
    assert!(!cameras.notes.join("\n").contains("are not there"));
    std::fs::remove_file(root.join("images/sub/b.png")).unwrap();
    let (_, cameras, _) = read(&root.join("images")).unwrap();
    let told = cameras.notes.join("\n");
    assert!(told.contains("the pictures of 1 images"), "{told}");
    let small = root.join("images_2");
    std::fs::create_dir(&small).unwrap();
    for name in ["c.png", "b.png"] {
        image::RgbImage::new(32, 24).save(small.join(name)).unwrap();
    }
    // `b.png` is not `sub/b.png`.
    let frames = decode(&gpu(), &small, &DecodeOptions::default(), &Silent).unwrap();
    let found = known(&small, &frames.sources, &frames.times, 32, 24)
        .unwrap()
        .unwrap();
    let [camera] = &found.cameras.unwrap().cameras[..] else {
        panic!("one camera")
    };
    assert_eq!(camera.pose.position, whole.cameras[1].pose.position);
    let k = camera.intrinsics;
    assert_eq!(
        (camera.frame, k.fx, k.fy, k.cx, k.cy),
        (1, 30.0, 31.0, 15.75, 12.125)
    );
    // Pictures of other names: the model is told and nothing is used.
    let folder = capture();
    let other = [("other.png", 1, [0.0; 3], [0.0; 3])];
    write_text(folder.path(), "sparse/0", text(&CAMERAS, &other));
    let images = list_images(folder.path()).unwrap();
    let wanted = Wanted {
        cameras: true,
        depth: false,
    };
    let found = known_of(wanted, folder.path(), &images, &[], [64, 48]).unwrap();
    assert!(
        found.cameras.is_none() && found.notes.len() == 1,
        "{:?}",
        found.notes
    );
    assert!(
        found.notes[0].contains("none of the 1 images") && found.notes[0].contains("'other.png'")
    );
}

#[test]
fn the_median_depth_of_points_is_the_unit() {
    let folder = capture();
    let root = folder.path();
    let [cameras, images] = text(&CAMERAS, &IMAGES[..1]);
    write_text(root, "sparse", [cameras, images]);
    let (_, plain, _) = read(root).unwrap();
    let pose = plain.cameras[0].pose;
    // Five depths along the axis, one beside the picture, one behind, one that is none.
    let mut points = "# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[]\n".to_owned();
    let seen = [2.0, 3.0, 4.0, 70.0, 90.0].map(|z| [0.0, 0.0, z]);
    for at in seen.iter().chain(&[[9.0, 0.0, 1.0], [0.0, 0.0, -5.0]]) {
        let p = pose.to_world(DVec3::from(*at));
        points += &format!("1 {} {} {} 9 9 9 0.5 10 0\n", p.x, -p.y, -p.z);
    }
    points += "2 nan 0 0 9 9 9 0.5\n";
    let file = root.join("sparse/points3D.txt");
    std::fs::write(&file, points).unwrap();
    let (_, scaled, _) = read(root).unwrap();
    let at = scaled.cameras[0].pose;
    assert!(at.position.distance(pose.position / 4.0) < 1e-12);
    assert_eq!(at.rotation, pose.rotation);
    let told = scaled.notes.join("\n");
    assert!(
        told.contains("divided by 4.0000") && told.contains("its 7 points"),
        "{told}"
    );
    // A damaged file of points is told and costs nothing else; known depth is of the model's own scale.
    std::fs::write(&file, "1 2 x").unwrap();
    let (_, left, _) = read(root).unwrap();
    assert_eq!(left.cameras, plain.cameras);
    let told = left.notes.join("\n");
    assert!(
        told.contains("points3D.txt: line 1: Y is 'x'") && told.contains("left as it is"),
        "{told}"
    );
    let ahead = pose.to_world(DVec3::new(0.0, 0.0, 5.0));
    let ahead = format!("1 {} {} {} 9 9 9 0.5\n", ahead.x, -ahead.y, -ahead.z);
    std::fs::write(&file, ahead).unwrap();
    assert_ne!(read(root).unwrap().1.cameras, plain.cameras);
    let depth = image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::new(4, 3);
    depth.save(root.join("images/a 1.depth.png")).unwrap();
    assert_eq!(read(root).unwrap().1.cameras, plain.cameras);
}

#[test]
fn track_tells_where_its_cameras_come_from() {
    let folder = capture();
    write_binary(folder.path(), "sparse/0", binary(&CAMERAS, &IMAGES));
    let out = folder.path().join("out");
    let run = Command::new(env!("CARGO_BIN_EXE_director"))
        .arg("track")
        .arg(folder.path())
        .args(["--json", "-o"])
        .arg(&out)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "{told}");
    for words in [
        "4 of 5 frames registered",
        "1 of 5 images have no known pose",
        "COLMAP model in sparse/0",
        "camera 7: k1 is -0.1",
        "is undone",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let notes = json["cameras"]["notes"].to_string();
    assert!(notes.contains("is undone"), "{notes}");
    let kept = Cameras::load(&out.join("cameras.json")).unwrap();
    let (_, cameras, _) = read(folder.path()).unwrap();
    alike(&kept, &cameras);
}
