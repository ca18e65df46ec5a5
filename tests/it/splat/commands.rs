//! `director info` and `director convert`: what they tell, and what they write.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use glam::{DMat3, DVec3};
use serde_json::{Value, json};
use sora_director::camera::{Camera, Cameras, LengthUnit, Pose};
use sora_director::splat::format::{load, read, write};

use super::files::unit_cloud;
use super::maker::{Element, Encoding, Maker};

fn director(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_director"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .env_remove("DIRECTOR_LOG")
        .output()
        .expect("the binary starts")
}

fn words(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{:?}", words(output));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }
    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn ply(&self, name: &str, vertex: Element) -> String {
        let path = self.at(name);
        std::fs::write(&path, Maker::new(Encoding::Little, vec![vertex]).bytes()).expect("write");
        path.to_string_lossy().into_owned()
    }
    fn text(&self, name: &str) -> String {
        self.at(name).to_string_lossy().into_owned()
    }
}

/// 12 splats of degree 4, three of them damaged, with what a cloud does not keep.
fn damaged() -> Element {
    let splats = unit_cloud(12, 0);
    let mut vertex = Element::vertex(&splats);
    for at in 0..72 {
        vertex = vertex.with("float", &format!("f_rest_{at}"), |i| 0.01 * (at + i) as f64);
    }
    for name in ["nx", "ny", "nz"] {
        vertex = vertex.with("float", name, |_| 0.5);
    }
    vertex = vertex.with("int", "label", |i| i as f64);
    vertex.set(3, "x", f64::NAN);
    vertex.set(9, "f_dc_1", f64::NAN);
    vertex.set(11, "rot_0", f64::NAN);
    vertex
}

fn no_nan(path: &Path) {
    let bytes = std::fs::read(path).expect("bytes");
    let body = match path.extension().and_then(|e| e.to_str()) {
        Some("ply") => {
            bytes
                .windows(11)
                .position(|w| w == b"end_header\n")
                .expect("end")
                + 11
        }
        Some("glb") => {
            28 + u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize
        }
        _ => 0,
    };
    let splat = path.extension().is_some_and(|e| e == "splat");
    for (i, word) in bytes[body..].chunks_exact(4).enumerate() {
        // The last two words of a .splat are bytes.
        if !(splat && i % 8 > 5) {
            let value = f32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            assert!(!value.is_nan(), "{}: word {i}", path.display());
        }
    }
}

#[test]
fn info_tells_what_the_file_has_and_what_is_used() {
    let folder = Folder::new();
    let path = folder.ply("a.ply", damaged());
    let found = json(&director(&["info", &path, "--json"]));
    for (name, want) in [
        ("splats", json!(12)),
        ("not_finite", json!(3)),
        ("sh_degree", json!(4)),
        ("sh_degree_used", json!(3)),
        ("format", json!("PLY, binary little-endian")),
        ("unused", json!(["normals", "vertex properties label"])),
    ] {
        assert_eq!(found[name], want, "{name}");
    }
    let (out, _) = words(&director(&["info", &path]));
    for says in [
        "SH degree       4 (degree 3 is used)",
        "not finite      3",
        "normals",
    ] {
        assert!(out.contains(says), "{out}");
    }
    let kept = load(&folder.at("a.ply")).expect("splats").splats;
    let low = kept
        .positions
        .iter()
        .map(|p| p[0])
        .fold(f32::INFINITY, f32::min);
    assert_eq!(found["min"][0].as_f64().map(|v| v as f32), Some(low));
    let mut empty = Element::vertex(&unit_cloud(1, 0));
    empty.rows.clear();
    let found = json(&director(&["info", &folder.ply("b.ply", empty), "--json"]));
    assert_eq!(
        (&found["splats"], &found["median_opacity"]),
        (&json!(0), &json!(0.0))
    );
}

#[test]
fn convert_drops_what_is_no_number_and_tells_what_is_lost() {
    let folder = Folder::new();
    let path = folder.ply("a.ply", damaged());
    for (name, degree, colour) in [
        ("b.ply", 3, "spherical harmonics of degree 4"),
        ("b.glb", 3, "spherical harmonics of degree 4"),
        (
            "b.splat",
            0,
            "view-dependent colour: spherical harmonics of degrees 1 to 4",
        ),
    ] {
        let out = folder.text(name);
        let output = director(&["convert", &path, &out, "--json"]);
        let done = json(&output);
        for (name, want) in [
            ("input", json!(path)),
            ("output", json!(out)),
            ("splats_read", json!(12)),
            ("splats_written", json!(9)),
            ("dropped", json!(3)),
            ("sh_degree_in", json!(4)),
            ("sh_degree_kept", json!(degree)),
        ] {
            assert_eq!(done[name], want, "{name}");
        }
        let lost: Vec<&str> = done["lost"]
            .as_array()
            .expect("lost")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(lost[..3], [colour, "normals", "vertex properties label"]);
        let (_, told) = words(&output);
        assert!(told.contains("9 of 12 splats; 3 dropped"), "{told}");
        for lost in lost {
            assert!(told.contains(&format!("lost: {lost}")), "{told}");
        }
        let quiet = director(&["convert", &path, &out, "--quiet"]);
        assert_eq!(words(&quiet), (String::new(), String::new()));
        no_nan(&folder.at(name));
        if name != "b.glb" {
            let back = load(&folder.at(name)).expect("what was written is read");
            assert_eq!((back.splats.len(), back.not_finite), (9, 0));
        }
    }
}

#[test]
fn nothing_is_told_where_nothing_is_lost() {
    let folder = Folder::new();
    write(&folder.at("a.ply"), &unit_cloud(5, 1)).expect("write");
    let output = director(&[
        "convert",
        &folder.text("a.ply"),
        &folder.text("b.ply"),
        "--json",
    ]);
    let done = json(&output);
    assert_eq!(
        (&done["lost"], &done["notes"], &done["dropped"]),
        (&json!([]), &json!([]), &json!(0))
    );
    assert_eq!(
        words(&output).1.trim(),
        format!("{}: 5 splats", folder.text("b.ply"))
    );
    let bytes = |name| std::fs::read(folder.at(name)).expect("bytes");
    assert_eq!(bytes("a.ply"), bytes("b.ply"));
}

#[test]
fn a_file_of_damaged_splats_only_is_not_written() {
    let folder = Folder::new();
    let mut vertex = Element::vertex(&unit_cloud(2, 0));
    vertex.set(0, "opacity", f64::NAN);
    vertex.set(1, "scale_0", f64::INFINITY);
    let path = folder.ply("a.ply", vertex);
    let output = director(&["convert", &path, &folder.text("b.glb")]);
    let (_, told) = words(&output);
    assert!(
        !output.status.success() && told.contains("none of its 2 splats"),
        "{told}"
    );
    assert!(!folder.at("b.glb").exists());
}

#[test]
fn writers_leave_out_what_no_reader_takes_and_say_what_they_clamp() {
    let folder = Folder::new();
    let mut splats = unit_cloud(10, 1);
    splats.positions[0][1] = f32::NAN;
    splats.rotations[1][3] = f32::NAN;
    splats.sh[4 * 2 + 3][2] = f32::NEG_INFINITY;
    splats.log_scales[3][0] = f32::INFINITY;
    splats.opacity_logits[4] = f32::NAN;
    splats.log_scales[5][0] = 100.0;
    splats.log_scales[6] = [f32::NEG_INFINITY; 3];
    splats.opacity_logits[7] = f32::INFINITY;
    splats.opacity_logits[8] = f32::NEG_INFINITY;
    splats
        .sh
        .iter_mut()
        .for_each(|c| *c = c.map(|v| v.clamp(-1.7, 1.7)));
    splats.sh[4 * 2 + 3][2] = f32::NAN;
    splats.sh[4 * 9] = [5.0, 0.0, -5.0];
    for name in ["a.ply", "a.glb", "a.splat"] {
        let written = write(&folder.at(name), &splats).expect(name);
        assert_eq!((written.splats, written.dropped), (5, 5));
        let lost = written.lost.join("; ");
        assert_eq!(
            lost.contains("sizes beyond 32-bit floats of 1 splat"),
            name != "a.ply",
            "{lost}"
        );
        assert_eq!(
            lost.contains("colours outside 0 to 1 of 1 splat"),
            name == "a.splat",
            "{lost}"
        );
        no_nan(&folder.at(name));
    }
    let back = read(&folder.at("a.ply")).expect("ply");
    assert_eq!(back.log_scales, splats.log_scales[5..]);
    assert_eq!(back.opacity_logits, splats.opacity_logits[5..]);
    let back = read(&folder.at("a.splat")).expect("splat");
    assert_eq!(back.len(), 5);
    assert!((back.log_scales[0][0] - f32::MAX.ln()).abs() < 1e-4);
    assert!(
        back.log_scales[1][0] < -27.0
            && back.opacity_logits[2] > 6.0
            && back.opacity_logits[3] < -6.0
    );
}

#[test]
fn a_splat_file_with_a_few_damaged_splats_is_read() {
    let folder = Folder::new();
    write(&folder.at("a.splat"), &unit_cloud(9, 0)).expect("write");
    let mut bytes = std::fs::read(folder.at("a.splat")).expect("bytes");
    for (row, word, value) in [(2, 0, f32::NAN), (4, 4, f32::INFINITY), (5, 3, -1.0)] {
        bytes[32 * row + 4 * word..][..4].copy_from_slice(&f32::to_le_bytes(value));
    }
    std::fs::write(folder.at("a.splat"), bytes).expect("write");
    let found = json(&director(&["info", &folder.text("a.splat"), "--json"]));
    assert_eq!(
        (&found["splats"], &found["not_finite"]),
        (&json!(9), &json!(3))
    );
    let done = json(&director(&[
        "convert",
        &folder.text("a.splat"),
        &folder.text("b.ply"),
        "--json",
    ]));
    assert_eq!(
        (&done["splats_written"], &done["dropped"]),
        (&json!(6), &json!(3))
    );
}

#[test]
fn guesses_are_told_and_other_commands_warn() {
    let folder = Folder::new();
    let flat = Element::vertex(&unit_cloud(6, 0)).without("scale_2");
    let path = folder.ply("flat.ply", flat);
    let output = director(&["convert", &path, &folder.text("b.ply"), "--json"]);
    assert!(
        json(&output)["notes"][0]
            .as_str()
            .expect("a note")
            .contains("1e-6")
    );
    assert!(words(&output).1.contains("note: two scales"));
    let path = folder.ply("damaged.ply", damaged());
    let output = director(&[
        "render",
        &path,
        "-o",
        &folder.text("a.png"),
        "--size",
        "32x16",
    ]);
    let (_, told) = words(&output);
    assert!(output.status.success(), "{told}");
    for says in ["3 splats with values that are no numbers", "above degree 3"] {
        assert!(told.contains(says), "{told}");
    }
}

#[test]
fn a_package_for_simulators_holds_the_mesh_and_other_formats_refuse_it() {
    let folder = Folder::new();
    let path = folder.ply("a.ply", Element::vertex(&unit_cloud(5, 2)));
    let mesh = folder.text("floor.obj");
    // Two triangles that share an edge, and one without an area.
    let text = "v 0 0 0\nv 1 0 0\nv 1 0 1\nv 0 0 1\nf 1 3 2\nf 1 4 3\nf 1 1 2\n";
    std::fs::write(&mesh, text).expect("write");
    let out = folder.text("a.usdz");
    let go = |more: &[&str]| {
        let mut words = vec!["convert", &path, &out, "--json"];
        words.extend(more);
        json(&director(&words))
    };
    let done = go(&["--collision", &mesh, "--metres-per-unit", "2"]);
    let lost = done["lost"].as_array().expect("lost").clone();
    let notes = done["notes"].as_array().expect("notes").clone();
    // Either the reader of meshes or the writer tells of the third.
    let told = lost.iter().chain(&notes).filter_map(Value::as_str);
    assert_eq!(told.filter(|t| t.contains("area")).count(), 1, "{done}");
    let bytes = std::fs::read(&out).expect("bytes");
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|w| w == text);
    assert!(holds(b"PhysicsMeshCollisionAPI"));
    // The corners once each, in metres: four points of three floats behind their count.
    let mut corners = 4u64.to_le_bytes().to_vec();
    for v in [0f32, 0., 0., 2., 0., 2., 2., 0., 0., 0., 0., 2.] {
        corners.extend(v.to_le_bytes());
    }
    assert!(holds(&corners), "shared corners in metres");
    let plain = go(&[]);
    assert!(
        plain["lost"][0]
            .as_str()
            .is_some_and(|l| l.contains("a unit is written as a metre"))
    );
    for (more, says) in [
        (&["--collision", &*mesh][..], "holds no mesh"),
        (&["--metres-per-unit", "2"], "no unit of length"),
    ] {
        let mut words = vec!["convert", &path, "b.ply"];
        words.extend(more);
        let output = director(&words);
        assert_eq!(output.status.code(), Some(2));
        assert!(self::words(&output).1.contains(says));
    }
    for metres in ["0", "-1", "nan"] {
        let scale = format!("--metres-per-unit={metres}");
        let output = director(&["convert", &path, &out, &scale]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            words(&output).1.contains("no scale"),
            "{:?}",
            words(&output)
        );
    }
}

#[test]
fn a_sway_goes_along_the_cameras_of_a_file() {
    let folder = Folder::new();
    let path = folder.ply("a.ply", Element::vertex(&unit_cloud(40, 0)));
    let cameras: Vec<Camera> = [-0.5, 0.0, 0.5]
        .map(|x| super::camera(DVec3::new(x, 0.2, 4.0), 32, 18))
        .to_vec();
    let ahead = folder.text("cameras.json");
    let write = |path: &str, cameras: Vec<Camera>| {
        let cameras = Cameras::known(cameras, LengthUnit::Arbitrary);
        let text = serde_json::to_string(&cameras).expect("json");
        std::fs::write(path, text).expect("write");
    };
    write(&ahead, cameras.clone());
    let out = folder.text("sway.mp4");
    let go = |cameras: &str, more: &[&str]| {
        let mut words = vec!["render", &path, "-o", &out, "--cameras", cameras, "--sway"];
        words.extend(more);
        director(&words)
    };
    let output = go(&ahead, &["--fps", "10", "--seconds", "0.5"]);
    let (_, told) = words(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("32x18, 5 frames"), "{told}");
    assert!(std::fs::metadata(&out).expect("video").len() > 500);
    // Cameras that look away from the splats.
    let away = folder.text("away.json");
    let turned = |camera: Camera| Camera {
        pose: Pose {
            rotation: camera.pose.rotation * DMat3::from_rotation_y(std::f64::consts::PI),
            ..camera.pose
        },
        ..camera
    };
    write(&away, cameras.into_iter().map(turned).collect());
    let output = go(&away, &[]);
    let (_, told) = words(&output);
    assert!(!output.status.success());
    assert!(
        told.contains("a.ply") && told.contains("sees none of the splats"),
        "{told}"
    );
    let output = director(&["render", &path, "-o", &out, "--sway"]);
    assert!(words(&output).1.contains("--cameras"));
}
