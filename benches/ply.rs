//! Reading a PLY of a million splats that lies in memory: of degree 3 as 3D Gaussian splatting writes it, of degree 0, of
//! degree 0 in doubles, and as SuperSplat packs it.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use sora_director::splat::format::ply;

const SPLATS: usize = 1_000_000;
const NORMALS: [&str; 3] = ["nx", "ny", "nz"];

/// A header of `vertex` with these properties of one type.
fn header(kind: &str, names: &[String]) -> Vec<u8> {
    let properties: Vec<String> = names
        .iter()
        .map(|name| format!("property {kind} {name}\n"))
        .collect();
    format!("element vertex {SPLATS}\n{}", properties.concat()).into_bytes()
}

fn names(normals: &[&str], rest: usize) -> Vec<String> {
    let mut out: Vec<String> = ["x", "y", "z"]
        .iter()
        .chain(normals)
        .map(|n| (*n).into())
        .collect();
    out.extend((0..3).map(|i| format!("f_dc_{i}")));
    out.extend((0..rest).map(|i| format!("f_rest_{i}")));
    out.push("opacity".into());
    out.extend((0..3).map(|i| format!("scale_{i}")));
    out.extend((0..4).map(|i| format!("rot_{i}")));
    out
}

fn file(parts: &[&[u8]]) -> Vec<u8> {
    [
        &[b"ply\nformat binary_little_endian 1.0\n".as_slice()],
        parts,
    ]
    .concat()
    .concat()
}

/// Numbers from -1 to 1 that no branch predictor learns.
fn numbers() -> impl Iterator<Item = f32> {
    let mut state = 9u64;
    std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
}

fn floats(names: &[String]) -> Vec<u8> {
    let body: Vec<u8> = numbers()
        .take(SPLATS * names.len())
        .flat_map(f32::to_le_bytes)
        .collect();
    file(&[&header("float", names), b"end_header\n", &body])
}

fn doubles(names: &[String]) -> Vec<u8> {
    let body: Vec<u8> = numbers()
        .take(SPLATS * names.len())
        .flat_map(|v| f64::from(v).to_le_bytes())
        .collect();
    file(&[&header("double", names), b"end_header\n", &body])
}

fn packed() -> Vec<u8> {
    let chunks = SPLATS.div_ceil(256);
    let mut chunk = format!("element chunk {chunks}\n");
    for group in ["", "scale_"] {
        for end in ["min", "max"] {
            for axis in ["x", "y", "z"] {
                chunk += &format!("property float {end}_{group}{axis}\n");
            }
        }
    }
    let names = ["position", "rotation", "scale", "color"].map(|n| format!("packed_{n}"));
    let bounds = [
        -1f32, -1.0, -1.0, 1.0, 1.0, 1.0, -9.0, -9.0, -9.0, 0.0, 0.0, 0.0,
    ];
    let bounds: Vec<u8> = bounds.iter().flat_map(|v| v.to_le_bytes()).collect();
    let body: Vec<u8> = numbers()
        .take(SPLATS * 4)
        .flat_map(|v| v.to_bits().to_le_bytes())
        .collect();
    file(&[
        chunk.as_bytes(),
        &header("uint", &names),
        b"end_header\n",
        &bounds.repeat(chunks),
        &body,
    ])
}

fn main() {
    // Nothing of it runs on a GPU.
    println!("device: the processor");
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("ply");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4))
        .throughput(Throughput::Elements(SPLATS as u64));
    for (name, make) in [
        (
            "degree 3",
            (|| floats(&names(&NORMALS, 45))) as fn() -> Vec<u8>,
        ),
        ("degree 0", || floats(&names(&NORMALS, 0))),
        ("doubles", || doubles(&names(&[], 0))),
        ("packed", packed),
    ] {
        let bytes = make();
        match ply::parse(&bytes) {
            Ok(file) if file.splats.len() == SPLATS => {}
            other => {
                println!("{name} cannot be read: {other:?}");
                continue;
            }
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(ply::parse(black_box(&bytes))));
        });
    }
    group.finish();
    criterion.final_summary();
}
