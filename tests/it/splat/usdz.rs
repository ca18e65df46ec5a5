//! Packages as a reader of their bytes finds them.

use std::collections::BTreeMap;

use sora_director::splat::Splats;
use sora_director::splat::format::usdz::{Collision, encode};

/// What a layer holds: for each path and field a value, and the layer's bytes for those that lie elsewhere.
struct Read {
    layer: Vec<u8>,
    fields: BTreeMap<(String, String), u64>,
    tokens: Vec<String>,
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from(half(bytes, at)) | u64::from(half(bytes, at + 4)) << 32
}

fn half(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

/// One LZ4 block without matches, and where the next thing begins.
fn unpack(bytes: &[u8], at: usize) -> (Vec<u8>, usize) {
    let length = word(bytes, at) as usize;
    let block = &bytes[at + 8..at + 8 + length];
    assert_eq!(block[0], 0, "one block");
    assert_eq!(block[1] & 15, 0, "no match");
    let (mut n, mut from) = (usize::from(block[1] >> 4), 2);
    if n == 15 {
        loop {
            n += usize::from(block[from]);
            from += 1;
            if block[from - 1] < 255 {
                break;
            }
        }
    }
    assert_eq!(block.len(), from + n, "all of it literals");
    (block[from..].to_vec(), at + 8 + length)
}

fn integers(bytes: &[u8], at: usize, count: usize) -> (Vec<i32>, usize) {
    let (packed, next) = unpack(bytes, at);
    let common = half(&packed, 0).cast_signed();
    let mut from = 4 + count.div_ceil(4);
    let mut value = 0;
    let values = (0..count)
        .map(|i| {
            let (step, used) = match packed[4 + i / 4] >> (2 * (i % 4)) & 3 {
                0 => (common, 0),
                1 => (i32::from(packed[from].cast_signed()), 1),
                2 => (
                    i32::from(i16::from_le_bytes([packed[from], packed[from + 1]])),
                    2,
                ),
                _ => (half(&packed, from).cast_signed(), 4),
            };
            from += used;
            value += step;
            value
        })
        .collect();
    assert_eq!(from, packed.len(), "nothing left over");
    (values, next)
}

/// The one layer of a package, as it lies there.
fn layer(package: &[u8]) -> &[u8] {
    assert!(package.starts_with(b"PK\x03\x04"));
    assert_eq!(package[8..10], [0, 0], "stored");
    let short = |at: usize| usize::from(u16::from_le_bytes([package[at], package[at + 1]]));
    let start = 30 + short(26) + short(28);
    assert_eq!(&package[30..30 + short(26)], b"scene.usdc");
    assert_eq!(start % 64, 0, "aligned");
    let length = half(package, 18) as usize;
    assert_eq!(length, half(package, 22) as usize);
    &package[start..start + length]
}

impl Read {
    fn of(package: &[u8]) -> Self {
        let layer = layer(package).to_vec();
        assert_eq!(&layer[..16], b"PXR-USDC\0\x08\0\0\0\0\0\0");
        let contents = word(&layer, 16) as usize;
        assert_eq!(word(&layer, contents), 6);
        assert_eq!(layer.len(), contents + 8 + 6 * 32);
        let sections: BTreeMap<String, usize> = (0..6)
            .map(|i| {
                let at = contents + 8 + 32 * i;
                let name = String::from_utf8_lossy(&layer[at..at + 16]).into_owned();
                (
                    name.trim_end_matches('\0').to_owned(),
                    word(&layer, at + 16) as usize,
                )
            })
            .collect();
        let at = sections["TOKENS"];
        let text = unpack(&layer, at + 16).0;
        assert_eq!(word(&layer, at + 8) as usize, text.len());
        let tokens: Vec<String> = text[..text.len() - 1]
            .split(|b| *b == 0)
            .map(|t| String::from_utf8_lossy(t).into_owned())
            .collect();
        assert_eq!(word(&layer, at) as usize, tokens.len());
        let at = sections["FIELDS"];
        let count = word(&layer, at) as usize;
        let (names, next) = integers(&layer, at + 8, count);
        let values = unpack(&layer, next).0;
        assert_eq!(values.len(), 8 * count);
        let at = sections["FIELDSETS"];
        let sets = integers(&layer, at + 8, word(&layer, at) as usize).0;
        let at = sections["PATHS"];
        let count = word(&layer, at) as usize;
        let (_, next) = integers(&layer, at + 16, count);
        let (elements, next) = integers(&layer, next, count);
        let jumps = integers(&layer, next, count).0;
        let paths = walk(&elements, &jumps, &tokens);
        let at = sections["SPECS"];
        assert_eq!(word(&layer, at) as usize, count);
        let (which, next) = integers(&layer, at + 8, count);
        let (starts, next) = integers(&layer, next, count);
        let kinds = integers(&layer, next, count).0;
        let mut fields = BTreeMap::new();
        for (i, path) in which.iter().enumerate() {
            let path = &paths[*path as usize];
            let kind = match (path.as_str(), path.contains('.')) {
                ("/", _) => 7,
                (_, true) => 1,
                (_, false) => 6,
            };
            assert_eq!(kinds[i], kind, "{path}");
            for field in &sets[starts[i] as usize..] {
                let Ok(field) = usize::try_from(*field) else {
                    break;
                };
                let name = tokens[names[field] as usize].clone();
                fields.insert((path.clone(), name), word(&values, 8 * field));
            }
        }
        Self {
            layer,
            fields,
            tokens,
        }
    }

    fn has(&self, path: &str) -> bool {
        self.fields.keys().any(|(p, _)| p == path)
    }

    fn value(&self, path: &str, field: &str) -> u64 {
        let key = (path.to_owned(), field.to_owned());
        *self
            .fields
            .get(&key)
            .unwrap_or_else(|| panic!("{path} has no {field}"))
    }

    fn inlined(&self, path: &str, field: &str, kind: u64) -> u32 {
        let value = self.value(path, field);
        assert_eq!(value >> 48, 1 << 14 | kind, "{path} {field}");
        value as u32
    }

    fn token(&self, path: &str, field: &str) -> &str {
        &self.tokens[self.inlined(path, field, 11) as usize]
    }

    fn names(&self, path: &str, field: &str) -> Vec<&str> {
        let value = self.value(path, field);
        let at = (value & 0xFFFF_FFFF_FFFF) as usize;
        let at = match value >> 48 {
            41 => at,
            32 => {
                assert_eq!(self.layer[at], 32, "prepended");
                at + 1
            }
            kind => panic!("{path} {field} is of type {kind}"),
        };
        (0..word(&self.layer, at) as usize)
            .map(|i| self.tokens[half(&self.layer, at + 8 + 4 * i) as usize].as_str())
            .collect()
    }

    fn array<const N: usize>(&self, attribute: &str, kind: u64) -> Vec<[f32; N]> {
        let value = self.value(attribute, "default");
        assert_eq!(value >> 48, 1 << 15 | kind, "{attribute}");
        let at = (value & 0xFFFF_FFFF_FFFF) as usize;
        assert_eq!(at % 8, 0, "aligned");
        let from = at + 8;
        (0..word(&self.layer, at) as usize)
            .map(|i| {
                std::array::from_fn(|c| f32::from_bits(half(&self.layer, from + 4 * (N * i + c))))
            })
            .collect()
    }
}

/// Paths in the order that they are listed in.
fn walk(elements: &[i32], jumps: &[i32], tokens: &[String]) -> Vec<String> {
    let mut paths = vec![String::new(); elements.len()];
    let mut todo = vec![(0, None::<String>)];
    while let Some((i, parent)) = todo.pop() {
        let name = &tokens[elements[i].unsigned_abs() as usize];
        paths[i] = match &parent {
            None => "/".to_owned(),
            Some(p) if elements[i] < 0 => format!("{p}.{name}"),
            Some(p) if p == "/" => format!("/{name}"),
            Some(p) => format!("{p}/{name}"),
        };
        if jumps[i] >= 0 {
            let sibling = i + usize::max(jumps[i] as usize, 1);
            todo.push((sibling, parent));
        }
        if jumps[i] > 0 || jumps[i] == -1 {
            todo.push((i + 1, Some(paths[i].clone())));
        }
    }
    assert!(paths.iter().all(|p| !p.is_empty()), "{paths:?}");
    paths
}

fn cloud(n: usize, degree: u32) -> Splats {
    let k = (degree as usize + 1).pow(2);
    let wave = |i: usize, step: f32| (i as f32 * step).sin();
    Splats {
        positions: (0..n)
            .map(|i| [wave(i, 0.7), wave(i, 1.3), 3.0 * wave(i, 0.2)])
            .collect(),
        log_scales: (0..n).map(|i| [-3.0, -4.0 + wave(i, 0.9), -5.0]).collect(),
        rotations: (0..n)
            .map(|i| {
                let turn = i as f32 * 0.1;
                [turn.cos(), 0.0, turn.sin() * 0.6, turn.sin() * 0.8]
            })
            .collect(),
        opacity_logits: (0..n).map(|i| 4.0 * wave(i, 0.4)).collect(),
        sh_degree: degree,
        sh: (0..n * k)
            .map(|i| [wave(i, 0.1), wave(i, 0.2), wave(i, 0.3)])
            .collect(),
    }
}

const FLOOR: [[f32; 3]; 4] = [
    [-2.0, 0.0, -2.0],
    [2.0, 0.0, -2.0],
    [2.0, 0.0, 2.0],
    [-2.0, 0.0, 2.0],
];
const UPWARD: [[u32; 3]; 2] = [[0, 2, 1], [0, 3, 2]];

fn floor() -> Collision<'static> {
    Collision {
        points: &FLOOR,
        triangles: &UPWARD,
    }
}

const FIELD: &str = "/World/Splats";
const MESH: &str = "/World/Collision";

#[test]
fn each_degree_is_held_to_the_bit() {
    for degree in 0..=3 {
        for n in [1, 2, 300] {
            let splats = cloud(n, degree);
            let (bytes, bent) = encode(&splats, None, Some(1.0)).expect("sound");
            assert_eq!(bent, Vec::<String>::new());
            let read = Read::of(&bytes);
            assert!(!read.has(MESH));
            let at = |name: &str| format!("{FIELD}.{name}");
            assert_eq!(
                read.token(FIELD, "typeName"),
                "ParticleField3DGaussianSplat"
            );
            assert_eq!(read.array::<3>(&at("positions"), 24), splats.positions);
            let xyzw: Vec<[f32; 4]> = splats
                .rotations
                .iter()
                .map(|[w, x, y, z]| [*x, *y, *z, *w])
                .collect();
            assert_eq!(read.array::<4>(&at("orientations"), 17), xyzw);
            let coefficients = at("radiance:sphericalHarmonicsCoefficients");
            assert_eq!(read.array::<3>(&coefficients, 24), splats.sh);
            assert_eq!(
                read.inlined(&coefficients, "elementSize", 3),
                (degree + 1).pow(2)
            );
            assert_eq!(read.token(&coefficients, "interpolation"), "vertex");
            let order = at("radiance:sphericalHarmonicsDegree");
            assert_eq!(read.inlined(&order, "default", 3), degree);
            assert_eq!(read.inlined(&order, "variability", 44), 1);
            // A step of 32-bit floats, from logarithms and logits.
            let near = |a: f32, b: f32| (a - b).abs() <= 2.0 * f32::EPSILON * b.abs();
            for (found, logs) in read
                .array::<3>(&at("scales"), 24)
                .iter()
                .zip(&splats.log_scales)
            {
                assert!(found.iter().zip(logs).all(|(f, l)| near(*f, l.exp())));
            }
            for (found, logit) in read
                .array::<1>(&at("opacities"), 8)
                .iter()
                .zip(&splats.opacity_logits)
            {
                assert!(near(found[0], 1.0 / (1.0 + (-logit).exp())));
            }
        }
    }
}

#[test]
fn the_stage_is_in_metres_with_y_up() {
    let (bytes, bent) = encode(&cloud(3, 1), Some(&floor()), Some(0.5)).expect("sound");
    assert_eq!(bent, Vec::<String>::new());
    let read = Read::of(&bytes);
    assert_eq!(read.token("/", "upAxis"), "Y");
    assert_eq!(read.token("/", "defaultPrim"), "World");
    for unit in ["metersPerUnit", "kilogramsPerUnit"] {
        assert_eq!(f32::from_bits(read.inlined("/", unit, 9)), 1.0);
    }
    assert_eq!(read.names("/", "primChildren"), ["World"]);
    assert_eq!(
        read.names("/World", "primChildren"),
        ["Splats", "Collision"]
    );
    let halved: Vec<[f32; 3]> = cloud(3, 1)
        .positions
        .iter()
        .map(|p| p.map(|v| v / 2.0))
        .collect();
    assert_eq!(read.array::<3>(&format!("{FIELD}.positions"), 24), halved);
    assert_eq!(
        read.array::<3>(&format!("{MESH}.points"), 24),
        FLOOR.map(|p| p.map(|v| v / 2.0))
    );
    let scale = read.array::<3>(&format!("{FIELD}.scales"), 24)[0][0];
    assert!((scale - (-3.0f32).exp() / 2.0).abs() < 1e-8);
}

#[test]
fn a_size_that_is_not_known_is_told() {
    let (bytes, bent) = encode(&cloud(3, 1), None, None).expect("sound");
    assert_eq!(bent.len(), 1);
    assert!(bent[0].contains("a unit is written as a metre"), "{bent:?}");
    assert_eq!(
        bytes,
        encode(&cloud(3, 1), None, Some(1.0)).expect("sound").0
    );
}

#[test]
fn the_mesh_collides_and_is_not_seen() {
    let read = Read::of(
        &encode(&cloud(1, 0), Some(&floor()), Some(1.0))
            .expect("sound")
            .0,
    );
    let at = |name: &str| format!("{MESH}.{name}");
    assert_eq!(read.token(MESH, "typeName"), "Mesh");
    assert_eq!(
        read.names(MESH, "apiSchemas"),
        ["PhysicsCollisionAPI", "PhysicsMeshCollisionAPI"]
    );
    for (name, token) in [
        ("purpose", "guide"),
        ("subdivisionScheme", "none"),
        ("physics:approximation", "none"),
    ] {
        assert_eq!(read.token(&at(name), "default"), token);
        assert_eq!(read.inlined(&at(name), "variability", 44), 1);
    }
    let whole = |name: &str| -> Vec<u32> {
        let values = read.array::<1>(&at(name), 3);
        values.iter().map(|v| v[0].to_bits()).collect()
    };
    assert_eq!(whole("faceVertexCounts"), [3, 3]);
    assert_eq!(whole("faceVertexIndices"), [0, 2, 1, 0, 3, 2]);
    assert_eq!(read.array::<3>(&at("normals"), 24), [[0.0, 1.0, 0.0]; 2]);
    assert_eq!(read.token(&at("normals"), "interpolation"), "uniform");
    assert_eq!(
        read.array::<3>(&at("extent"), 24),
        [[-2.0, 0.0, -2.0], [2.0, 0.0, 2.0]]
    );
}

#[test]
fn the_extent_holds_three_standard_deviations() {
    let mut splats = cloud(1, 0);
    splats.positions[0] = [1.0, 2.0, 3.0];
    splats.log_scales[0] = [0.0, 1f32.ln(), 2f32.ln()];
    // A quarter turn about x: the long axis, z, lies along -y.
    let half = std::f32::consts::FRAC_1_SQRT_2;
    splats.rotations[0] = [half, half, 0.0, 0.0];
    let read = Read::of(&encode(&splats, None, Some(1.0)).expect("sound").0);
    let found = read.array::<3>(&format!("{FIELD}.extent"), 24);
    let wanted = [[-2.0f32, -4.0, 0.0], [4.0, 8.0, 6.0]];
    for (found, wanted) in found.iter().flatten().zip(wanted.iter().flatten()) {
        assert!((found - wanted).abs() < 1e-5, "{found} {wanted}");
    }
}

#[test]
fn an_empty_cloud_is_left_out() {
    let read = Read::of(
        &encode(&cloud(0, 3), Some(&floor()), Some(1.0))
            .expect("sound")
            .0,
    );
    assert!(!read.has(FIELD));
    assert!(read.has(MESH));
    let read = Read::of(&encode(&cloud(0, 3), None, Some(1.0)).expect("sound").0);
    assert!(read.has("/World") && !read.has(MESH));
}

#[test]
fn infinities_with_a_meaning_become_numbers() {
    let mut splats = cloud(3, 0);
    splats.opacity_logits[0] = f32::INFINITY;
    splats.opacity_logits[1] = f32::NEG_INFINITY;
    splats.log_scales[2][1] = f32::NEG_INFINITY;
    splats.log_scales[0][0] = 500.0;
    splats.rotations[1] = [0.0; 4];
    splats.rotations[2] = [2.0, 0.0, 0.0, 0.0];
    let (bytes, bent) = encode(&splats, None, Some(1.0)).expect("sound");
    assert_eq!(
        bent,
        [
            "sizes beyond 32-bit floats of 1 splat, clamped",
            "sizes of 0 of 1 splat, made very small"
        ]
    );
    let read = Read::of(&bytes);
    let opacities = read.array::<1>(&format!("{FIELD}.opacities"), 8);
    assert_eq!([opacities[0][0], opacities[1][0]], [1.0, 0.0]);
    let scales = read.array::<3>(&format!("{FIELD}.scales"), 24);
    assert_eq!(scales[0][0], f32::MAX);
    assert_eq!(scales[2][1], f32::MIN_POSITIVE);
    let turns = read.array::<4>(&format!("{FIELD}.orientations"), 17);
    assert_eq!(turns[1..], [[0.0, 0.0, 0.0, 1.0]; 2]);
    let extent = read.array::<3>(&format!("{FIELD}.extent"), 24);
    assert!(extent.iter().flatten().all(|v| v.is_finite()));
}

#[test]
fn splats_that_are_no_numbers_are_left_out_and_counted() {
    let mut splats = cloud(4, 1);
    splats.positions[0][1] = f32::NAN;
    splats.sh[5][0] = f32::INFINITY;
    splats.opacity_logits[3] = f32::NAN;
    let (bytes, bent) = encode(&splats, None, Some(1.0)).expect("sound");
    assert_eq!(bent, ["3 splats with values that are no numbers, left out"]);
    let read = Read::of(&bytes);
    assert_eq!(
        read.array::<3>(&format!("{FIELD}.positions"), 24),
        [splats.positions[2]]
    );
    splats.positions[2][0] = f32::NAN;
    let read = Read::of(&encode(&splats, None, Some(1.0)).expect("sound").0);
    assert!(!read.has(FIELD));
}

#[test]
fn positions_out_of_range_are_told() {
    let mut splats = cloud(2, 0);
    splats.positions[1] = [f32::MAX, 0.0, f32::MIN];
    let (bytes, bent) = encode(&splats, None, Some(2.0)).expect("sound");
    assert_eq!(bent, ["positions beyond 32-bit floats of 1 splat, clamped"]);
    let positions = Read::of(&bytes).array::<3>(&format!("{FIELD}.positions"), 24);
    assert_eq!(positions[1], [f32::MAX, 0.0, f32::MIN]);
}

#[test]
fn what_is_no_scale_is_refused() {
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e300] {
        let error = encode(&cloud(1, 0), None, Some(scale)).expect_err("unsound");
        assert!(error.contains("give a number from 1e-6 to 1e6"), "{error}");
    }
}

#[test]
fn arrays_that_do_not_fit_together_are_refused() {
    let mut splats = cloud(2, 1);
    splats.rotations.pop();
    assert!(
        encode(&splats, None, None)
            .expect_err("unsound")
            .contains("rotations")
    );
    let mut splats = cloud(2, 1);
    splats.sh.pop();
    assert!(
        encode(&splats, None, None)
            .expect_err("unsound")
            .contains("sh has 7")
    );
}

#[test]
fn meshes_that_are_none_are_refused() {
    let refused = |points: &[[f32; 3]], triangles: &[[u32; 3]], scale: f64, says: &str| {
        let mesh = Collision { points, triangles };
        let error = encode(&cloud(1, 0), Some(&mesh), Some(scale)).expect_err("unsound");
        assert!(error.contains(says), "{error}");
    };
    refused(&[], &[], 1.0, "no triangles with an area");
    refused(&FLOOR, &[], 1.0, "no triangles with an area");
    refused(
        &FLOOR,
        &[[0, 0, 1], [2, 2, 2]],
        1.0,
        "no triangles with an area",
    );
    refused(
        &FLOOR,
        &[[0, 1, 2], [0, 1, 4]],
        1.0,
        "triangle 1 of the collision mesh names",
    );
    refused(&FLOOR, &[[0, 1, u32::MAX]], 1.0, "of which there are 4");
    refused(&[], &[[0, 1, 2]], 1.0, "of which there are 0");
    let mut broken = FLOOR;
    broken[2][1] = f32::NAN;
    refused(&broken, &UPWARD, 1.0, "point 2");
    let sized = |by: f32| FLOOR.map(|p| p.map(|v| v * by));
    refused(&sized(1e36), &UPWARD, 1e6, "larger than 32-bit floats");
    refused(&sized(1e-44), &UPWARD, 1e-6, "no triangles with an area");
}

#[test]
fn triangles_without_an_area_are_left_out() {
    let points = [
        [0.0f32; 3],
        [1.0, 0.0, 0.0],
        [2.0, 0.0, 0.0],
        [0.0, 0.0, -1.0],
    ];
    let mesh = Collision {
        points: &points,
        triangles: &[[0, 1, 2], [0, 1, 1], [0, 1, 3]],
    };
    let read = Read::of(
        &encode(&cloud(1, 0), Some(&mesh), Some(1.0))
            .expect("sound")
            .0,
    );
    let normals = read.array::<3>(&format!("{MESH}.normals"), 24);
    assert_eq!(normals, [[0.0, 1.0, 0.0]]);
}

#[test]
fn a_package_is_the_same_to_the_byte_on_every_run() {
    let splats = Splats {
        positions: vec![[1.0, 2.0, -3.0]],
        log_scales: vec![[0.0; 3]],
        rotations: vec![[1.0, 0.0, 0.0, 0.0]],
        opacity_logits: vec![0.0],
        sh_degree: 0,
        sh: vec![[0.5, -0.5, 0.25]],
    };
    let (bytes, _) = encode(&splats, Some(&floor()), Some(1.0)).expect("sound");
    let layer = layer(&bytes);
    // The head and the first array, of one point.
    let mut head = b"PXR-USDC\0\x08\0\0\0\0\0\0".to_vec();
    head.extend_from_slice(&layer[16..24]);
    head.resize(88, 0);
    head.extend_from_slice(&1u64.to_le_bytes());
    head.extend([1.0f32, 2.0, -3.0].iter().flat_map(|v| v.to_le_bytes()));
    assert_eq!(layer[..head.len()], head);
    // The archive's own sum over the layer, of a file that OpenUSD read.
    assert_eq!(half(&bytes, 14), GOLDEN, "{:#010x}", half(&bytes, 14));
}

const GOLDEN: u32 = 0xDE24_C0ED;
