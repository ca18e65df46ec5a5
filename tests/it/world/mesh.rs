//! Worlds from meshes, and meshes from worlds.

use std::collections::HashMap;
use std::f64::consts::FRAC_1_SQRT_2;

use serde_json::{Value, json};
use sora_director::world::mesh::{Inside, Mesh, MeshOptions, Triangle};
use sora_director::world::{Voxel, World, WorldError};

use crate::common::Rng;

/// Two triangles of a quad.
pub(super) fn quad(c: [[f32; 3]; 4]) -> [Triangle; 2] {
    [[c[0], c[1], c[2]], [c[0], c[2], c[3]]]
}

/// The surface of a box.
pub(super) fn block(l: [f32; 3], h: [f32; 3]) -> Vec<Triangle> {
    let p = |i: usize| std::array::from_fn(|a| if i >> a & 1 == 1 { h[a] } else { l[a] });
    let sides = [
        [0, 4, 6, 2],
        [1, 3, 7, 5],
        [0, 1, 5, 4],
        [2, 6, 7, 3],
        [0, 2, 3, 1],
        [4, 5, 7, 6],
    ];
    sides.iter().flat_map(|s| quad(s.map(p))).collect()
}

fn options(voxel: f32, inside: Inside) -> MeshOptions {
    MeshOptions {
        voxel,
        inside,
        ..MeshOptions::default()
    }
}

pub(super) fn state(world: &World, p: [f64; 3]) -> Voxel {
    world.at(world.voxel_of(p))
}

#[test]
fn a_room_is_solid_where_its_walls_are() {
    let mut room = block([-2.0, 0.0, -3.0], [2.0, 2.5, 3.0]);
    room.extend(block([0.5, 0.0, 0.5], [1.0, 0.7, 1.1]));
    let world = World::from_triangles(&room, &options(0.1, Inside::Free)).expect("world");
    assert!(
        world.floor_found && world.floor.abs() < 1e-6,
        "{}",
        world.floor
    );
    assert_eq!(state(&world, [0.0, 1.0, 0.0]), Voxel::Free);
    assert_eq!(
        state(&world, [0.7, 0.3, 0.7]),
        Voxel::Free,
        "inside of the box"
    );
    // A ray down meets the floor where it is, within half a voxel, and the box's top.
    for (x, z, top) in [(0.0, 0.0, 0.0), (-1.5, 2.0, 0.0), (0.7, 0.8, 0.7)] {
        let ray = sora_director::world::rays::Ray::new([x, 1.5, z], [0.0, -1.0, 0.0], 9.0);
        let hit = world.cast(&[ray], false)[0];
        assert!(
            (1.5 - f64::from(hit.t) - top).abs() < 0.051,
            "{hit:?} at {x} {z}"
        );
    }
    // Reached from a seed inside, or from outside.
    let seeds = Inside::Flood(vec![[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [9.0, 9.0, 9.0]]);
    let inner = World::from_triangles(&room, &options(0.1, seeds)).expect("world");
    assert_eq!(state(&inner, [1.9, 2.3, -2.8]), Voxel::Free);
    assert_eq!(
        state(&inner, [0.7, 0.3, 0.7]),
        Voxel::Unknown,
        "the box is closed"
    );
    assert_eq!(state(&inner, [2.15, 1.0, 0.0]), Voxel::Unknown, "outside");
    assert!(
        inner.notes.iter().any(|n| n.contains("2 of 3 points")),
        "{:?}",
        inner.notes
    );
    let outer = World::from_triangles(&room, &options(0.1, Inside::Outside)).expect("world");
    assert_eq!(state(&outer, [2.15, 1.0, 0.0]), Voxel::Free);
    assert_eq!(state(&outer, [0.0, 1.0, 0.0]), Voxel::Unknown);
    assert!(world.solids().eq(inner.solids()) && world.solids().eq(outer.solids()));
}

/// No voxel that a triangle passes is left out: points all over triangles lie in solid voxels, and solid voxels lie at
/// triangles.
#[test]
fn surfaces_are_covered_and_nothing_else() {
    let mut rng = Rng(5);
    for voxel in [0.03f32, 0.11, 0.7] {
        let mut triangles: Vec<Triangle> = (0..40)
            .map(|_| {
                let at: [f32; 3] = std::array::from_fn(|_| rng.range(-2.0, 2.0));
                let size = rng.range(0.01, 1.5);
                std::array::from_fn(|_| std::array::from_fn(|a| at[a] + size * rng.normal()))
            })
            .collect();
        triangles.extend(block([0.0; 3], [1.0, 2.0, 1.0]));
        let world =
            World::from_triangles(&triangles, &options(voxel, Inside::Free)).expect("world");
        let mut marked = std::collections::HashSet::new();
        for t in &triangles {
            for _ in 0..3000 {
                let (mut u, mut v) = (rng.f32(), rng.f32());
                if u + v > 1.0 {
                    (u, v) = (1.0 - u, 1.0 - v);
                }
                let p: [f64; 3] = std::array::from_fn(|a| {
                    let [p, q, r] = t.map(|c| f64::from(c[a]));
                    p + f64::from(u) * (q - p) + f64::from(v) * (r - p)
                });
                let c = world.voxel_of(p);
                assert_eq!(world.at(c), Voxel::Solid, "{p:?} of {t:?} at {voxel}");
                marked.insert(c);
            }
        }
        let solid = world.counts()[2];
        assert!(marked.len() <= solid, "{} of {solid}", marked.len());
        // Points miss voxels that a triangle only cuts a corner of.
        if voxel > 0.1 {
            assert!(
                marked.len() * 3 > solid * 2,
                "{} of {solid} at {voxel}",
                marked.len()
            );
        }
    }
}

#[test]
fn meshes_that_are_no_worlds_are_refused() {
    let refused = |t: &[Triangle], o: &MeshOptions| {
        let error = World::from_triangles(t, o).expect_err("refused");
        assert!(matches!(error, WorldError::Mesh { .. }), "{error}");
        error.to_string()
    };
    let room = block([0.0; 3], [1.0; 3]);
    let standard = options(0.1, Inside::Free);
    assert!(refused(&[], &standard).contains("no triangle"));
    let flat = [[[0.0; 3], [1.0; 3], [2.0; 3]], [[1.0; 3]; 3]];
    assert!(refused(&flat, &standard).contains("no triangle"));
    let mut lost = room.clone();
    lost[3][1][2] = f32::NAN;
    assert!(refused(&lost, &standard).contains("triangle 3"));
    for voxel in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(refused(&room, &options(voxel, Inside::Free)).contains("positive"));
    }
    let seeds = Inside::Flood(vec![[5.0; 3], [f64::NAN; 3]]);
    assert!(refused(&room, &options(0.1, seeds)).contains("2 points"));
    // Degenerate triangles among others are left out and told.
    let mut mixed = room.clone();
    mixed.extend(flat);
    let world = World::from_triangles(&mixed, &standard).expect("world");
    assert!(world.notes[0].contains("2 triangles"), "{:?}", world.notes);
    let clean = World::from_triangles(&room, &standard).expect("world");
    assert!(clean.solids().eq(world.solids()));
    // 4096^3 asked for.
    let fine = MeshOptions {
        max_voxels: 100_000,
        ..options(1.0 / 4096.0, Inside::Outside)
    };
    let world = World::from_triangles(&room, &fine).expect("world");
    assert!(
        world.len() <= 100_000 && world.len() > 50_000,
        "{:?}",
        world.dims
    );
    assert!(
        world.notes[0].contains("4101 x 11068 x 4101"),
        "{:?}",
        world.notes
    );
    let tiny = World::from_triangles(&room, &options(1e-30, Inside::Free));
    assert!(tiny.is_err() || tiny.is_ok_and(|w| !w.notes.is_empty()));
}

#[test]
fn obj_files_are_read_as_tools_write_them() {
    let text = "# a comment\nmtllib a.mtl\no thing\nv 0 0 0\nv 1 0 0 1.0\nv 1 1 0 .5 .5 .5\nv 0 1e0 0\nvt 0 0\nvn 0 0 1\n\
        s off\nusemtl m\nf 1/1/1 2/1/1 3/1/1 4/1/1\r\nf -4//1 -3//1 \\\n-2//1\nl 1 2\nf 1 2 3 # more\n";
    let mesh = Mesh::from_bytes(text.as_bytes()).expect("mesh");
    assert_eq!(mesh.triangles.len(), 4);
    assert_eq!(
        mesh.triangles[1],
        [[0.0; 3], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    );
    assert!(mesh.notes.is_empty(), "{:?}", mesh.notes);
    for (text, words) in [
        ("v 0 0 0\nv 1 x 0\n", "line 2: 'x'"),
        ("v 0 0\n", "line 1: a point needs three"),
        ("v 0 0 nan\n", "line 1: 'nan'"),
        ("v 0 0 0\nf 1 2 1\n", "line 2: corner '2'"),
        ("v 0 0 0\nf 1 0 1\n", "line 2: corner '0'"),
        ("v 0 0 0\nf 1 -2 1\n", "line 2: corner '-2'"),
        ("v 0 0 0\nf 1 1\n", "line 2: a face needs three"),
        ("v 0 0 0\n", "no triangles"),
        ("", "no triangles"),
        ("solid thing\n", ".obj and .glb"),
        ("{\"asset\": {}}", "one .glb"),
    ] {
        let error = Mesh::from_bytes(text.as_bytes()).expect_err("refused");
        assert!(error.contains(words), "{text:?}: {error}");
    }
    let error = Mesh::from_bytes(b"v 0 0 0\nv \xff\xfe").expect_err("refused");
    assert!(error.contains("line 2 is no text"), "{error}");
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("room.obj");
    std::fs::write(&path, "v 0 0 0\nf 1 2 3\n").expect("write");
    let error = World::from_mesh(&path, &MeshOptions::default()).expect_err("refused");
    assert!(error.to_string().contains("room.obj: line 2"), "{error}");
}

/// A file of a document and a buffer.
pub(super) fn glb(mut document: Value, buffer: &[u8]) -> Vec<u8> {
    document["asset"] = json!({"version": "2.0"});
    document["buffers"] = json!([{"byteLength": buffer.len()}]);
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let mut binary = buffer.to_vec();
    binary.resize(binary.len().next_multiple_of(4), 0);
    let mut out = b"glTF".to_vec();
    let length = 12 + 8 + text.len() + 8 + binary.len();
    for word in [2, length as u32, text.len() as u32] {
        out.extend(word.to_le_bytes());
    }
    out.extend(b"JSON");
    out.extend(&text);
    out.extend((binary.len() as u32).to_le_bytes());
    out.extend(b"BIN\0");
    out.extend(&binary);
    out
}

/// A quad with a stride, 16-bit indices, and the same quad as normalised shorts without indices as a strip.
pub(super) fn scene() -> (Value, Vec<u8>) {
    let mut buffer = Vec::new();
    for p in [
        [0f32, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [1.0, 0.0, 1.0],
        [0.0, 0.0, 1.0],
    ] {
        p.iter().for_each(|x| buffer.extend(x.to_le_bytes()));
        buffer.extend([0xff; 4]);
    }
    [0u16, 1, 2, 0, 2, 3]
        .iter()
        .for_each(|i| buffer.extend(i.to_le_bytes()));
    for p in [
        [0i16, 0, 0],
        [32767, 0, 0],
        [0, 0, 32767],
        [32767, 0, 32767],
    ] {
        p.iter().for_each(|x| buffer.extend(x.to_le_bytes()));
        buffer.extend([0; 2]);
    }
    let document = json!({
        "scene": 0, "scenes": [{"nodes": [0, 2]}],
        "nodes": [
            {"translation": [10, 0, 0], "children": [1]},
            {"mesh": 0, "scale": [2, 2, 2], "rotation": [0, FRAC_1_SQRT_2, 0, FRAC_1_SQRT_2]},
            {"mesh": 1, "matrix": [1,0,0,0, 0,1,0,0, 0,0,1,0, 0,5,0,1]},
            {"mesh": 0}
        ],
        "meshes": [
            {"primitives": [
                {"attributes": {"POSITION": 0}, "indices": 1},
                {"attributes": {"POSITION": 0}, "mode": 1}
            ]},
            {"primitives": [{"attributes": {"POSITION": 2}, "mode": 5}]}
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR"},
            {"bufferView": 2, "componentType": 5122, "normalized": true, "count": 4, "type": "VEC3"}
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": 64, "byteStride": 16},
            {"buffer": 0, "byteOffset": 64, "byteLength": 12},
            {"buffer": 0, "byteOffset": 76, "byteLength": 32, "byteStride": 8}
        ],
        "extensionsRequired": ["KHR_mesh_quantization"]
    });
    (document, buffer)
}

#[test]
fn glb_files_are_read_where_their_nodes_put_them() {
    let (document, buffer) = scene();
    let mesh = Mesh::from_bytes(&glb(document, &buffer)).expect("mesh");
    assert_eq!(
        mesh.triangles.len(),
        4,
        "the node outside the scene is not shown"
    );
    // Turned by a quarter about y, +x becomes -z; twice as large, ten along x.
    let close = |p: [f32; 3], q: [f32; 3]| p.iter().zip(q).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(
        close(mesh.triangles[0][1], [10.0, 0.0, -2.0]),
        "{:?}",
        mesh.triangles[0]
    );
    assert!(
        close(mesh.triangles[0][2], [12.0, 0.0, -2.0]),
        "{:?}",
        mesh.triangles[0]
    );
    assert!(
        close(mesh.triangles[3][2], [1.0, 5.0, 1.0]),
        "{:?}",
        mesh.triangles[3]
    );
    assert!(
        mesh.notes[0].contains("1 parts are points or lines"),
        "{:?}",
        mesh.notes
    );
}

#[test]
fn damaged_glb_files_are_refused() {
    let (document, buffer) = scene();
    let whole = glb(document.clone(), &buffer);
    for cut in 0..whole.len() {
        assert!(Mesh::from_bytes(&whole[..cut]).is_err(), "cut at {cut}");
    }
    let with = |path: &str, value: Value| {
        let mut changed = document.clone();
        let (over, name) = path.rsplit_once('/').expect("a path");
        match changed.pointer_mut(over).expect("a place") {
            Value::Array(list) => list[name.parse::<usize>().expect("a place")] = value,
            place => place[name] = value,
        }
        Mesh::from_bytes(&glb(changed, &buffer)).expect_err(path)
    };
    let word = |error: String, words: &str| assert!(error.contains(words), "{error}");
    word(
        with("/extensionsRequired/0", json!("KHR_draco_mesh_compression")),
        "KHR_draco",
    );
    word(with("/accessors/0/count", json!(99)), "accessor 0");
    word(with("/accessors/0/count", json!(u64::MAX)), "accessor 0");
    word(with("/accessors/0/type", json!("VEC2")), "accessor 0");
    word(with("/accessors/0/componentType", json!(1)), "accessor 0");
    word(with("/accessors/0/sparse", json!({})), "accessor 0");
    word(with("/bufferViews/0/buffer", json!(1)), "one .glb");
    word(with("/nodes/1/mesh", json!(7)), "mesh 7");
    word(with("/nodes/1/children", json!([0])), "node");
    word(with("/nodes/0/children", json!([44])), "node 44");
    word(with("/nodes/0/translation", json!([1, 2])), "translation");
    word(with("/scene", json!(3)), "scene 3");
    // Four points, and an index beyond them.
    let mut far = buffer.clone();
    far[64] = 9;
    word(
        Mesh::from_bytes(&glb(document.clone(), &far)).expect_err("far"),
        "index 9",
    );
    let mut nan = buffer.clone();
    nan[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    word(
        Mesh::from_bytes(&glb(document, &nan)).expect_err("nan"),
        "not finite",
    );
}

/// Every edge has two triangles, of opposite directions, and the volume within is that of the solid voxels.
fn closed(world: &World) -> usize {
    let mesh = world.surface_mesh();
    let mut edges: HashMap<(u32, u32), u32> = HashMap::new();
    let mut volume = 0.0;
    for t in mesh.indices.as_chunks::<3>().0 {
        for k in 0..3 {
            *edges.entry((t[k], t[(k + 1) % 3])).or_default() += 1;
        }
        let p = t.map(|i| {
            let p = mesh.positions[i as usize];
            let q: [f64; 3] = std::array::from_fn(|a| f64::from(p[a]) - f64::from(world.origin[a]));
            glam::DVec3::from_array(q)
        });
        assert!(
            (p[1] - p[0]).cross(p[2] - p[0]).length() > 1e-9,
            "no area: {p:?}"
        );
        volume += p[0].dot(p[1].cross(p[2])) / 6.0;
    }
    for (&(a, b), &count) in &edges {
        assert_eq!((count, edges.get(&(b, a))), (1, Some(&1)), "edge {a} {b}");
    }
    let want = world.counts()[2] as f64 * f64::from(world.voxel).powi(3);
    assert!(
        (volume - want).abs() < 1e-5 * want.max(1.0),
        "{volume} of {want}"
    );
    mesh.indices.len() / 3
}

#[test]
fn surfaces_are_closed() {
    let dims = [6, 5, 7];
    let mut rng = Rng(12);
    // Nothing, one voxel, all, two that touch along an edge, two at a corner, and all that chance makes.
    let mut world = World::empty([-1.0, 0.5, 2.0], 0.25, dims);
    assert_eq!(closed(&world), 0);
    world.set([2, 2, 2], Voxel::Solid);
    assert_eq!(closed(&world), 12);
    world.set([3, 3, 2], Voxel::Solid);
    closed(&world);
    // Joined again over both ends of the edge that they touch along.
    for z in [1, 3] {
        for p in [[2, 2, z], [3, 2, z], [3, 3, z]] {
            world.set(p, Voxel::Solid);
        }
    }
    closed(&world);
    world.set([4, 4, 4], Voxel::Solid);
    closed(&world);
    world.fill(0, std::iter::repeat_n(Voxel::Solid, world.len()));
    assert_eq!(closed(&world), 12, "faces are merged");
    for share in [2, 3, 5, 9] {
        for _ in 0..20 {
            let states = (0..world.len()).map(|_| match rng.u32() % share {
                0 => Voxel::Solid,
                _ => Voxel::of(rng.u32() % 2),
            });
            let states: Vec<Voxel> = states.collect();
            world.fill(0, states);
            closed(&world);
        }
    }
    let room = World::from_triangles(
        &block([-2.0, 0.0, -3.0], [2.0, 2.5, 3.0]),
        &options(0.1, Inside::Free),
    );
    let room = room.expect("world");
    assert_eq!(closed(&room), 24, "a hollow box");
    // What is written is read again.
    let back = Mesh::from_bytes(&room.to_glb()).expect("mesh");
    assert_eq!(back.triangles.len(), 24);
    let empty = World::empty([0.0; 3], 1.0, [3, 3, 3]).to_glb();
    assert!(
        Mesh::from_bytes(&empty)
            .expect_err("nothing")
            .contains("no triangles")
    );
}
