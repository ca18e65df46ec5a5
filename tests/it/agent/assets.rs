//! `director run-agent` on every kind of asset, and on what is none.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use glam::DVec3;
use serde_json::{Value, json};
use sora_director::generate::TakeRequest;
use sora_director::generate::local::LocalProvider;
use sora_director::mock::MockProvider;
use sora_director::mock::truth::SceneTruth;
use sora_director::monitor::Silent;
use sora_director::splat::Splats;
use sora_director::splat::format::write;
use sora_director::world::World;

use crate::common::gpu;
use crate::room::{CEILING, HALF, cameras};

pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.at(name), content).expect("write");
        self.at(name)
    }
}

fn director(args: &[&str], asset: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_director"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DIRECTOR_")) {
        command.env_remove(name);
    }
    command.args(args).arg(asset).env("NO_COLOR", "1");
    command.output().expect("the binary starts")
}

/// The answer of a run that succeeds.
pub(super) fn answer(asset: &Path, args: &[&str]) -> Value {
    let out = director(&[&["run-agent", "--json", "--quiet"], args].concat(), asset);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{said}");
    serde_json::from_slice(&out.stdout).expect("one document")
}

/// What is said of one that is refused: one error, and nothing on standard output.
pub(super) fn refusal(asset: &Path, args: &[&str]) -> String {
    let out = director(&[&["run-agent", "--json", "--quiet"], args].concat(), asset);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && out.stdout.is_empty(), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

pub(super) fn notes(answer: &Value) -> String {
    answer["notes"].to_string()
}

/// Violations of one kind.
pub(super) fn told<'a>(answer: &'a Value, what: &str) -> Vec<&'a Value> {
    let all = answer["violations"].as_array().expect("violations");
    all.iter().filter(|v| v["what"] == what).collect()
}

/// A closed room as an .obj: its floor at `floor`, with a hole or not.
pub(super) fn room(floor: f64, hole: bool) -> String {
    let (x, z, top) = (HALF[0], HALF[1], floor + CEILING);
    let mut text = String::from("# a room\n");
    let mut count = 0;
    let mut quad = |corners: [[f64; 3]; 4]| {
        for [a, b, c] in corners {
            text += &format!("v {a} {b} {c}\n");
        }
        text += &format!(
            "f {} {} {} {}\n",
            count + 1,
            count + 2,
            count + 3,
            count + 4
        );
        count += 4;
    };
    let mut level = |y: f64, [l, r]: [f64; 2], [b, f]: [f64; 2]| {
        quad([[l, y, b], [r, y, b], [r, y, f], [l, y, f]]);
    };
    if hole {
        // From x .2 to 1.4 and z -.6 to .6.
        level(floor, [-x, 0.2], [-z, z]);
        level(floor, [1.4, x], [-z, z]);
        level(floor, [0.2, 1.4], [-z, -0.6]);
        level(floor, [0.2, 1.4], [0.6, z]);
    } else {
        level(floor, [-x, x], [-z, z]);
    }
    level(top, [-x, x], [-z, z]);
    for side in [-x, x] {
        quad([
            [side, floor, -z],
            [side, top, -z],
            [side, top, z],
            [side, floor, z],
        ]);
    }
    for side in [-z, z] {
        quad([
            [-x, floor, side],
            [x, floor, side],
            [x, top, side],
            [-x, top, side],
        ]);
    }
    text
}

/// Splats all over the floor and walls of the room, and a block in it; `up` is where the room's top lies.
fn shell(up: f64) -> Splats {
    let mut splats = Splats::default();
    let mut add = |p: [f64; 3]| {
        splats
            .positions
            .push([p[0], up * p[1], p[2]].map(|v| v as f32));
        splats.log_scales.push([(0.055f32).ln(); 3]);
        splats.rotations.push([1.0, 0.0, 0.0, 0.0]);
        splats.opacity_logits.push(4.0);
        splats.sh.push([0.3; 3]);
    };
    let step = 0.09;
    let line = |from: f64, to: f64| {
        let n = ((to - from) / step).ceil() as usize;
        (0..=n).map(move |i| from + (to - from) * i as f64 / n as f64)
    };
    for x in line(-HALF[0], HALF[0]) {
        for z in line(-HALF[1], HALF[1]) {
            add([x, 0.0, z]);
        }
        for y in line(0.0, CEILING) {
            add([x, y, -HALF[1]]);
            add([x, y, HALF[1]]);
        }
    }
    for z in line(-HALF[1], HALF[1]) {
        for y in line(0.0, CEILING) {
            add([-HALF[0], y, z]);
            add([HALF[0], y, z]);
        }
    }
    splats
}

#[test]
fn a_mesh_is_tested_and_what_cannot_be_is_told() {
    let folder = Folder::new();
    let asset = folder.write("hall.obj", room(0.5, true));
    let pictures = folder.at("seen");
    let (vox, solid) = (folder.at("hall.vox"), folder.at("solid.glb"));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let made = answer(
        &asset,
        &[
            "--pictures",
            &text(&pictures),
            "--world",
            &text(&vox),
            "--collision-mesh",
            &text(&solid),
        ],
    );
    let holes = told(&made, "hole");
    let [hole] = holes[..] else {
        panic!("{:#}", made["violations"])
    };
    let near = |v: &Value, want: f64, by: f64| (v.as_f64().expect("number") - want).abs() < by;
    let at = &hole["location"];
    assert!(
        near(&at["x"], 0.8, 0.15) && near(&at["z"], 0.0, 0.15),
        "{at}"
    );
    assert!(near(&at["y"], 0.5, 0.06), "{at}");
    assert!(near(&hole["size"][0], 1.2, 0.12) && near(&hole["size"][2], 1.2, 0.12));
    assert_eq!(hole["severity"], "high");
    assert_eq!(made["unit"], "metres");
    assert!(made["verdict"].is_null());
    let words = notes(&made);
    for said in [
        "+Y and metres are assumed",
        "no views",
        "no cameras",
        "at y = 0.50",
        "not tested",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    let explained = made["explanation"].as_str().expect("words");
    assert!(
        explained.contains("no views to hold it against"),
        "{explained}"
    );
    assert!(made["metrics"].get("collision_rate").is_none());
    for name in ["map.png", "violations.png"] {
        let picture = image::open(pictures.join(name)).expect(name).to_rgb8();
        let first = *picture.get_pixel(0, 0);
        assert!(picture.pixels().any(|p| *p != first), "{name} is blank");
    }
    // The saved world says the same; so does its surface as a mesh, whose document tells that it is no splats.
    let saved = answer(&vox, &[]);
    assert_eq!(saved["violations"], made["violations"]);
    assert!(notes(&saved).contains("a saved one"), "{}", notes(&saved));
    let world = World::load(&vox).expect("world");
    assert!(world.floor_found && (world.floor - 0.5).abs() < 1e-3);
    let again = answer(&solid, &[]);
    assert_eq!(told(&again, "hole").len(), 1, "{:#}", again["violations"]);
    // A room without a hole has none, with voxels as asked for.
    let sound = answer(
        &folder.write("sound.obj", room(0.0, false)),
        &["--voxel", "0.1"],
    );
    assert_eq!(sound["violations"], json!([]));
    let explained = sound["explanation"].as_str().expect("words");
    assert!(explained.starts_with("Agents found no issues in the world's shape"));
    assert!(near(&sound["metrics"]["voxel_size"], 0.1, 1e-6));
    assert!(near(&sound["metrics"]["path_completion"], 1.0, 1e-6));
    // Cameras beside a saved world have a way that is tested.
    let list = serde_json::to_string(&cameras(6)).expect("json");
    folder.write("cameras.json", list);
    let with = answer(&vox, &[]);
    assert_eq!(with["metrics"]["camera_path_blocked_share"], 0.0);
    assert!(notes(&with).contains("the cameras.json beside it"));
}

#[test]
fn the_floor_of_a_mesh_is_where_an_agent_has_room() {
    let folder = Folder::new();
    // A slab .4 thick under the room: its underside is as large as the floor and lower.
    let mut text = room(0.0, false);
    let (x, z) = (HALF[0], HALF[1]);
    for [a, c] in [[-x, -z], [x, -z], [x, z], [-x, z]] {
        text += &format!("v {a} -0.4 {c}\n");
    }
    text += "f -4 -3 -2 -1\n";
    // Faces without an area, and a corner of a line, are left out and told.
    text += "f 1 1 2\nl 1 2\n";
    let made = answer(&folder.write("slab.obj", text), &[]);
    let words = notes(&made);
    assert!(words.contains("at y = 0.00"), "{words}");
    assert!(
        words.contains("1 triangles of the mesh have no area"),
        "{words}"
    );
    assert_eq!(made["violations"], json!([]));
    assert!(made["metrics"]["walkable_area"].as_f64().expect("area") > 20.0);
}

#[test]
fn splats_alone_are_looked_at_from_viewpoints_that_are_guessed() {
    let folder = Folder::new();
    let small = ["--size", "96", "--views", "24"];
    // Upside down too: the way up is found by the floor.
    for (name, up, way) in [("scan.ply", 1.0, "+Y"), ("turned.ply", -1.0, "-Y")] {
        let asset = folder.at(name);
        write(&asset, &shell(up)).expect("ply");
        let made = answer(&asset, &small);
        let words = notes(&made);
        for said in [
            "a guess",
            &format!("that {way} is up"),
            "nothing but the splats",
            "own path is free was not tested",
        ] {
            assert!(words.contains(said), "{said}: {words}");
        }
        assert_eq!(made["metrics"]["floor_found"], 1.0, "{words}");
        assert_eq!(made["unit"], "camera_heights");
        assert!(made["metrics"]["walkable_area"].as_f64().expect("area") > 1.0);
        assert_eq!(told(&made, "blocked_camera"), [&Value::Null; 0]);
        assert!(words.contains("not of one clip"), "{words}");
        assert!(made["metrics"].get("persistence_points").is_none());
    }
    // The same as a .glb, which its content tells from a mesh, with a picture.
    let glb = folder.at("scan.glb");
    write(&glb, &shell(1.0)).expect("glb");
    let pictures = folder.at("seen").to_string_lossy().into_owned();
    let made = answer(&glb, &[&small[..], &["--pictures", &pictures]].concat());
    assert!(notes(&made).contains("a guess"));
    assert!(folder.at("seen/violations.png").exists());
    // Cameras beside it are taken.
    let list = cameras(12);
    folder.write("cameras.json", serde_json::to_string(&list).expect("json"));
    let made = answer(&glb, &small);
    assert!(!notes(&made).contains("a guess"), "{}", notes(&made));
    assert_eq!(
        (&made["unit"], &made["metrics"]["cameras_free_share"]),
        (&json!("metres"), &json!(1.0))
    );
    assert!((made["metrics"]["walkable_area"].as_f64().expect("area") - 30.0).abs() < 6.0);
    // So is a transforms.json, whose axes are OpenGL's.
    std::fs::remove_file(folder.at("cameras.json")).expect("remove");
    let frames: Vec<Value> = list
        .cameras
        .iter()
        .map(|c| {
            let (r, p) = (c.pose.rotation, c.pose.position);
            let columns = [r.x_axis, -r.y_axis, -r.z_axis, p];
            let row = |a: usize| columns.map(|c: DVec3| c[a]);
            json!({"file_path": "x.png", "transform_matrix": [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]]})
        })
        .collect();
    let k = list.cameras[0].intrinsics;
    let document = json!({"w": k.width, "h": k.height, "fl_x": k.fx, "k1": 0.1, "frames": frames});
    folder.write("transforms.json", document.to_string());
    let made = answer(&glb, &small);
    let words = notes(&made);
    assert!(
        words.contains("transforms.json") && words.contains("distortion"),
        "{words}"
    );
    assert_eq!(made["metrics"]["floor_found"], 1.0);
    assert!((made["metrics"]["agent_height"].as_f64().expect("height") - 1.1).abs() < 0.2);
    // Cameras that see none of it, and ones that are none.
    let mut far = document.clone();
    for frame in far["frames"].as_array_mut().expect("frames") {
        frame["transform_matrix"][1][3] = json!(1e5);
    }
    folder.write("transforms.json", far.to_string());
    let said = refusal(&glb, &small);
    assert!(
        said.contains("transforms.json") && said.contains("move transforms.json away"),
        "{said}"
    );
    let mut bad = document;
    bad["frames"][3]["transform_matrix"][0][0] = json!(7.0);
    folder.write("transforms.json", bad.to_string());
    let said = refusal(&glb, &small);
    assert!(
        said.contains("frames[3]: transform_matrix is no pose"),
        "{said}"
    );
}

/// The files of web viewers have no head: their ending tells them, and agents say of one what they say of a .ply.
#[test]
fn splats_of_web_viewers_are_tested_like_others() {
    let folder = Folder::new();
    let small = ["--size", "96", "--views", "24"];
    let (ply, splat) = (folder.at("scan.ply"), folder.at("scan.splat"));
    write(&ply, &shell(1.0)).expect("ply");
    write(&splat, &shell(1.0)).expect("splat");
    let [of_ply, made] = [&ply, &splat].map(|asset| answer(asset, &small));
    let words = notes(&made);
    for said in [
        "no cameras lie beside",
        "scan.splat (cameras.json or transforms.json)",
        "viewpoints inside the splats are a guess, as is that +Y is up",
        "nothing but the splats tells of the world",
        "own path is free was not tested",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    assert_eq!(made["metrics"]["floor_found"], 1.0, "{words}");
    assert_eq!(made["unit"], "camera_heights");
    let area = |of: &Value| of["metrics"]["walkable_area"].as_f64().expect("area");
    let share = area(&made) / area(&of_ply);
    assert!((share - 1.0).abs() < 0.1, "{share} of the .ply's floor");
    assert!(made["verdict"].is_null());
    // With cameras beside it the floor has its size in metres: 5 x 6, less what hides under the walls' splats.
    let list = serde_json::to_string(&cameras(12)).expect("json");
    folder.write("cameras.json", list);
    let made = answer(&splat, &small);
    let words = notes(&made);
    assert!(
        words.contains("cameras.json beside the file") && !words.contains("a guess"),
        "{words}"
    );
    assert_eq!(
        (&made["unit"], &made["metrics"]["floor_found"]),
        (&json!("metres"), &json!(1.0))
    );
    assert!((area(&made) - 30.0).abs() < 6.0, "{}", area(&made));
    // One that is cut within a splat, and bytes that are no splats.
    let whole = std::fs::read(&splat).expect("bytes");
    for (name, content, says) in [
        ("cut.splat", whole[..whole.len() - 7].to_vec(), "cut short"),
        ("noise.splat", vec![0xff; 320], "not a .splat"),
    ] {
        let said = refusal(&folder.write(name, content), &small);
        assert!(said.contains(name) && said.contains(says), "{said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
    }
}

/// The mock's own triangles: its room is closed, level, and as large as its truth says.
#[test]
fn the_geometry_of_a_mock_take_is_tested_as_a_mesh() {
    let folder = Folder::new();
    let request = TakeRequest {
        prompt: "an empty room without furniture, static".to_owned(),
        seed: 5,
        seconds: 0.5,
        size: [64, 36],
        fps: 8.0,
        video: None,
        model: None,
        reference_image: None,
    };
    MockProvider::new(gpu())
        .generate(&request, folder.0.path(), &Silent)
        .expect("take");
    let truth: SceneTruth =
        serde_json::from_slice(&std::fs::read(folder.at("truth/scene.json")).expect("scene.json"))
            .expect("json");
    let [half_x, tall, half_z] = truth.extent.map(f64::from);
    let made = answer(&folder.at("truth/geometry.glb"), &[]);
    let words = notes(&made);
    for said in [
        "+Y and metres are assumed",
        "no views",
        "no cameras",
        "has room on, at y = 0.00",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    // The cameras.json beside it is the mock's; a mesh has none.
    assert!(!words.contains("cameras.json"), "{words}");
    assert_eq!(
        (&made["unit"], &made["verdict"]),
        (&json!("metres"), &Value::Null)
    );
    let metric = |name: &str| made["metrics"][name].as_f64().expect("a number");
    assert_eq!(metric("floor_found"), 1.0);
    let (area, want) = (metric("walkable_area"), 4.0 * half_x * half_z);
    assert!((area / want - 1.0).abs() < 0.05, "{area} of {want}");
    assert!(metric("world_height") > tall, "{tall}");
    assert!(metric("path_completion") > 0.99 && metric("physics_score") > 0.99);
    assert_eq!(made["violations"], json!([]), "{:#}", made["violations"]);
}

#[test]
fn what_is_no_asset_is_refused_in_one_error() {
    let folder = Folder::new();
    let glb = |document: Value| {
        let mut text = document.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let mut out = b"glTF".to_vec();
        for word in [2, 20 + text.len() as u32, text.len() as u32] {
            out.extend(word.to_le_bytes());
        }
        out.extend(b"JSON");
        out.extend(text);
        out
    };
    let points = json!({"asset": {"version": "2.0"}, "meshes": [{"primitives": [{"mode": 0, "attributes": {}}]}]});
    let mut world = World::empty([0.0; 3], 0.1, [8, 8, 8]);
    world.floor_found = true;
    world.save(&folder.at("whole.vox")).expect("world");
    let whole = std::fs::read(folder.at("whole.vox")).expect("bytes");
    // A head that claims more voxels than any world has, and few bytes after it: of this version, and of the one before,
    // whole by its checksum.
    let mut large = whole.clone();
    for (at, word) in [
        (16, 1u32 << 30),
        (20, 0),
        (40, 4096),
        (44, 4096),
        (48, 4096),
    ] {
        large[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
    let claims = crate::world::first_version([4096; 3], &[0, 60]);
    let none = folder.at("none.ply");
    write(&none, &Splats::default()).expect("ply");
    let long = "v 0 0 0\nv 90000 0 0\nv 0 0 90000\nv 0 900 0\nf 1 2 3\nf 1 2 4\n";
    for (name, content, says) in [
        ("empty.obj", Vec::new(), &["no triangles"][..]),
        ("points.obj", b"v 0 0 0\n".to_vec(), &["no triangles"]),
        (
            "flat.obj",
            b"v 0 0 0\nv 1 0 0\nf 1 2 2\n".to_vec(),
            &["no triangle with an area"],
        ),
        (
            "nan.obj",
            b"v 0 0 0\nv nan 0 0\nf 1 1 2\n".to_vec(),
            &["line 2", "nan"],
        ),
        (
            "far.obj",
            long.as_bytes().to_vec(),
            &["scale the mesh to metres", "--voxel"],
        ),
        (
            "cut.glb",
            glb(points.clone())[..30].to_vec(),
            &["cut short"],
        ),
        (
            "points.glb",
            glb(points),
            &["neither Gaussian splats", "nor triangles"],
        ),
        ("web.glb", b"<!DOCTYPE html>".to_vec(), &["web page"]),
        (
            "cut.vox",
            whole[..whole.len() - 7].to_vec(),
            &["cut short", "build the world again"],
        ),
        ("large.vox", large, &["cut short", "build the world again"]),
        (
            "claims.vox",
            claims,
            &[
                "4096 x 4096 x 4096 voxels",
                "1 to 2147483648",
                "build the world again",
            ],
        ),
        ("other.vox", b"VOX 1234".to_vec(), &["not a world file"]),
        ("hall.stl", b"solid".to_vec(), &["read from .obj and .glb"]),
        ("scan.spz", vec![200; 40], &["not an SPZ file"]),
        ("scan.ksplat", vec![200; 40], &["ksplat", "splat-transform"]),
        (
            "notes.xyz",
            b"hello".to_vec(),
            &["none of the files", ".obj", "world (.vox)"],
        ),
        (
            "none.ply",
            std::fs::read(&none).expect("bytes"),
            &["no splats"],
        ),
    ] {
        let said = refusal(&folder.write(name, content), &[]);
        assert!(said.contains(name), "{name}: {said}");
        for words in says {
            assert!(said.contains(words), "{name}: {words}: {said}");
        }
        assert_eq!(said.trim().lines().count(), 1, "{name}: {said}");
    }
    let said = refusal(&folder.at("whole.vox"), &["--voxel", "0.1"]);
    assert!(
        said.contains("whole.vox") && said.contains("leave --voxel out"),
        "{said}"
    );
    for (flag, file) in [
        ("--map", "a.jpg"),
        ("--world", "a.ply"),
        ("--collision-mesh", "a.obj"),
    ] {
        let said = refusal(&folder.at("whole.vox"), &[flag, file]);
        assert!(said.contains(file) && said.contains(flag), "{said}");
    }
    // Nothing is written over what is given, nor after all the work into a folder that is not there.
    let mesh = folder.write("hall.obj", room(0.0, false));
    let before = std::fs::read(&mesh).expect("bytes");
    let own = folder.at("hall.vox");
    World::empty([0.0; 3], 0.1, [8, 8, 8])
        .save(&own)
        .expect("world");
    let taken = folder.write("taken", "a file");
    for (asset, flag, path, says) in [
        (&own, "--world", own.clone(), "write over the asset"),
        (
            &mesh,
            "--map",
            folder.at("nowhere/map.png"),
            "does not exist",
        ),
        (&mesh, "--pictures", taken, "cannot be made"),
        (
            &folder.0.path().to_path_buf(),
            "--pictures",
            folder.0.path().to_path_buf(),
            "name another folder",
        ),
    ] {
        let said = refusal(asset, &[flag, path.to_str().expect("a name")]);
        assert!(
            said.contains(says) && said.contains(path.to_str().expect("a name")),
            "{said}"
        );
    }
    assert_eq!(std::fs::read(&mesh).expect("bytes"), before);
    // A world without anything to stand on is tested, and has nothing.
    let made = answer(&folder.at("whole.vox"), &[]);
    assert_eq!(made["violations"], json!([]));
    assert!(
        notes(&made).contains("no walkable floor"),
        "{}",
        notes(&made)
    );
    // A run, in place of one of its rounds.
    let round = folder.at("run/prompts/hall/1");
    std::fs::create_dir_all(&round).expect("folder");
    std::fs::write(round.join("world.ply"), "ply").expect("write");
    for place in ["run", "run/prompts/hall"] {
        let said = refusal(&folder.at(place), &[]);
        assert!(
            said.contains("give one of them") && said.contains("hall/1"),
            "{said}"
        );
    }
    let said = refusal(&round, &[]);
    assert!(said.contains("cameras.json, world.vox"), "{said}");
}

/// Agents say of a run's folder what they said in the run, also when its world is built again.
#[test]
fn a_round_of_a_run_is_told_as_in_the_run() {
    let folder = Folder::new();
    let rows = folder.write("rows.csv", "id,prompt\na,a robot walks through a hall\n");
    let run = folder.at("run").to_string_lossy().into_owned();
    #[rustfmt::skip]
    let args = [
        "run", "--out", &run, "--preset", "draft", "--size", "128x72", "--seconds", "1", "--fps", "12", "--max-side", "128",
        "--splats", "1500", "--steps", "20", "--takes", "1", "--max-iterations", "1", "--quiet",
    ];
    let out = director(&args, &rows);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let round = folder.at("run/prompts/a/1");
    let read = |name: &str| -> Value {
        let text =
            std::fs::read_to_string(round.join(name)).unwrap_or_else(|_| panic!("{name}: {said}"));
        serde_json::from_str(&text).expect("json")
    };
    assert!(round.join("violations.png").exists(), "{said}");
    let (agent, revision) = (read("agent.json"), read("revision.json"));
    let same = |made: &Value, what: &str| {
        for key in ["violations", "doubts", "metrics"] {
            assert_eq!(made[key], agent[key], "{what}: {key}");
        }
        assert_eq!(made["verdict"], revision["verdict"], "{what}");
        let words = notes(made);
        assert!(
            words.contains("the frames of take 1 with their depth"),
            "{words}"
        );
    };
    same(&answer(&round, &[]), "saved");
    std::fs::remove_file(round.join("world.vox")).expect("remove");
    let built = answer(&round, &[]);
    same(&built, "built");
    assert!(notes(&built).contains("built from the take, as in the run"));
    // What is gone is told, and there is an answer all the same.
    let masks = round.join("takes/1/masks.npy");
    let kept = std::fs::read(&masks).expect("masks");
    std::fs::remove_file(&masks).expect("remove");
    let words = notes(&answer(&round, &["--size", "64", "--views", "6"]));
    assert!(
        words.contains("masks.npy") && words.contains("may differ from the run's"),
        "{words}"
    );
    std::fs::write(&masks, kept).expect("write");
    // So is what `director clean` drops.
    std::fs::remove_file(round.join("takes/1/depth.npy")).expect("remove");
    let without = answer(&round, &["--size", "64", "--views", "6"]);
    let words = notes(&without);
    assert!(
        words.contains("depth.npy") && words.contains("may differ from the run's"),
        "{words}"
    );
}
