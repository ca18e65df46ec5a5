//! Files of meshes as tools leave them.

use serde_json::json;
use sora_director::world::World;
use sora_director::world::mesh::{Mesh, MeshOptions, Triangle};

use super::mesh::{block, glb, scene};

fn obj(points: &[[f64; 3]], faces: &[&[usize]]) -> String {
    let point = |[x, y, z]: &[f64; 3]| format!("v {x} {y} {z}\n");
    let face = |f: &&[usize]| {
        let corners = f.iter().map(|i| format!(" {}", i + 1));
        format!("f{}\n", corners.collect::<String>())
    };
    let points = points.iter().map(point).collect::<String>();
    points + &faces.iter().map(face).collect::<String>()
}

fn read(text: &str) -> Mesh {
    Mesh::from_bytes(text.as_bytes()).expect("mesh")
}

/// Twice the area in the plan, of all together and of none turned over; and whether a place lies in one.
fn plan(mesh: &Mesh) -> (f64, f64, impl Fn(f32, f32) -> bool) {
    let side = |a: [f32; 3], b: [f32; 3], x: f32, z: f32| {
        f64::from((b[0] - a[0]) * (z - a[2]) - (b[2] - a[2]) * (x - a[0]))
    };
    let twice = move |t: &Triangle| side(t[0], t[1], t[2][0], t[2][2]);
    let sum = mesh.triangles.iter().map(twice).sum();
    let whole = mesh.triangles.iter().map(|t| twice(t).abs()).sum();
    let all = mesh.triangles.clone();
    let holds = move |x: f32, z: f32| {
        all.iter().any(|t| {
            let sides = [0, 1, 2].map(|k| side(t[k], t[(k + 1) % 3], x, z));
            sides.iter().all(|s| *s > 0.0) || sides.iter().all(|s| *s < 0.0)
        })
    };
    (sum, whole, holds)
}

#[test]
fn faces_that_are_not_convex_keep_their_shape() {
    // An L from each of its corners, as it is and turned over, flat and upright.
    let corners = [
        [0.0, 0.0],
        [8.0, 0.0],
        [8.0, 3.0],
        [3.0, 3.0],
        [3.0, 6.0],
        [0.0, 6.0],
    ];
    for start in 0..6 {
        for back in [false, true] {
            let mut order: Vec<usize> = (0..6).map(|k| (start + k) % 6).collect();
            if back {
                order.reverse();
            }
            let points = corners.map(|[x, z]| [x, 0.25 * x, z]);
            let mesh = read(&obj(&points, &[&order]));
            assert_eq!((mesh.triangles.len(), mesh.notes.len()), (4, 0));
            let (sum, whole, holds) = plan(&mesh);
            assert!(
                (whole - 66.0).abs() < 1e-3 && (sum.abs() - whole).abs() < 1e-3,
                "{sum} {whole}"
            );
            assert_eq!(sum > 0.0, !back, "wound as the face");
            assert!(holds(1.3, 5.2) && holds(7.1, 1.2) && !holds(5.0, 4.5));
        }
    }
    // A floor with a hole, as one face that goes to the hole and back.
    let points = [
        [0.0, 0.0],
        [8.0, 0.0],
        [8.0, 6.0],
        [0.0, 6.0],
        [3.0, 2.0],
        [3.0, 4.0],
        [5.0, 4.0],
        [5.0, 2.0],
    ];
    let points = points.map(|[x, z]| [x, 1.0, z]);
    let mesh = read(&obj(&points, &[&[0, 1, 2, 3, 0, 4, 5, 6, 7, 4]]));
    let (sum, whole, holds) = plan(&mesh);
    assert!(
        (whole - 88.0).abs() < 1e-3 && (sum.abs() - whole).abs() < 1e-3,
        "{sum} {whole}"
    );
    assert!(!holds(4.1, 3.2) && holds(1.0, 3.1) && holds(7.0, 3.1));
    assert!(mesh.notes.is_empty(), "{:?}", mesh.notes);
    // One that crosses itself has no shape to keep.
    let bow = [
        [0.0, 0.0, 0.0],
        [4.0, 0.0, 4.0],
        [4.0, 0.0, 0.0],
        [0.0, 0.0, 3.0],
    ];
    let mesh = read(&obj(&bow, &[&[0, 1, 2, 3]]));
    assert!(
        mesh.notes[0].contains("1 faces of the mesh cross themselves"),
        "{:?}",
        mesh.notes
    );
}

#[test]
fn meshes_far_away_are_moved_to_the_origin() {
    let room = block([0.0; 3], [8.0, 2.8, 6.0]);
    let text = |by: [f64; 3]| {
        let points: Vec<[f64; 3]> = room
            .iter()
            .flatten()
            .map(|p| std::array::from_fn(|a| f64::from(p[a]) + by[a]))
            .collect();
        let faces: Vec<[usize; 3]> = (0..room.len())
            .map(|i| [3 * i, 3 * i + 1, 3 * i + 2])
            .collect();
        let faces: Vec<&[usize]> = faces.iter().map(|f| &f[..]).collect();
        obj(&points, &faces)
    };
    let near = read(&text([0.0; 3]));
    assert_eq!((near.offset, &near.triangles), ([0.0; 3], &room));
    let far = read(&text([1e6, 0.0, -3e7]));
    assert_eq!(far.offset, [1_000_004.0, 0.0, -29_999_997.0]);
    assert!(
        far.notes[0].contains("(1000004, 0, -29999997)"),
        "{:?}",
        far.notes
    );
    for (a, b) in far.triangles.iter().flatten().zip(room.iter().flatten()) {
        let want: [f32; 3] = std::array::from_fn(|k| b[k] - [4.0, 0.0, 3.0][k]);
        assert!(
            (0..3).all(|k| (a[k] - want[k]).abs() < 1e-5),
            "{a:?} {want:?}"
        );
    }
    // Triangles that are there already are too coarse for the voxels.
    let away: Vec<Triangle> = room
        .iter()
        .map(|t| t.map(|p| [p[0] + 1e6, p[1], p[2]]))
        .collect();
    let error = World::from_triangles(&away, &MeshOptions::default()).expect_err("refused");
    assert!(
        error.to_string().contains("move it to the origin"),
        "{error}"
    );
}

#[test]
fn obj_files_of_other_systems_are_read() {
    let plain = "o caf\nv 0 0 0\nv 1 0 0\nv 0 0 1\nf 1 2 3\n";
    let want = read(plain).triangles;
    let latin = plain.replace("caf", "caf\u{e9}");
    let latin: Vec<u8> = latin.chars().map(|c| c as u8).collect();
    for bytes in [
        format!("\u{feff}{}", plain.trim_start_matches("o caf\n")).into_bytes(),
        plain.replace('\n', "\r").into_bytes(),
        plain.replace('\n', "\r\n").into_bytes(),
        latin,
        plain.replace("f 1 2 3\n", "f 1 2 3 \\").into_bytes(),
        plain.replace("f 1 2 3\n", "f 1 \\\r\n2 3 \\").into_bytes(),
    ] {
        let mesh = Mesh::from_bytes(&bytes).expect("mesh");
        assert_eq!(
            mesh.triangles,
            want,
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
        assert!(mesh.notes.is_empty(), "{:?}", mesh.notes);
    }
}

#[test]
fn glb_numbers_that_are_none_are_refused() {
    let (document, buffer) = scene();
    let with = |path: &str, key: &str, value: serde_json::Value| {
        let mut changed = document.clone();
        changed.pointer_mut(path).expect("a place")[key] = value;
        Mesh::from_bytes(&glb(changed, &buffer))
    };
    let error = with("/meshes/0/primitives/0", "mode", json!(-1)).expect_err("mode");
    assert!(error.contains("mode -1"), "{error}");
    for place in ["/bufferViews/1", "/accessors/0"] {
        let error = with(place, "byteOffset", json!(-4)).expect_err("offset");
        assert!(error.contains("byteOffset"), "{error}");
    }
    let many = with("", "extensionsUsed", json!(["EXT_mesh_gpu_instancing"])).expect("mesh");
    assert!(
        many.notes
            .iter()
            .any(|n| n.contains("EXT_mesh_gpu_instancing")),
        "{:?}",
        many.notes
    );
}
