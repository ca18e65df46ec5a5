//! Casts the rays that `benches/rays.rs` left in a folder with the BVH of parry3d, on every core (`RAYON_NUM_THREADS`).
//!
//! `cargo run --release --manifest-path benches/parry/Cargo.toml -- FOLDER`

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use parry3d::math::Vector;
use parry3d::query::{Ray, RayCast};
use parry3d::shape::TriMesh;
use rayon::prelude::*;
use serde_json::json;

/// Seconds of all of this program's threads together; 0 where the system does not tell.
fn busy() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|f| f.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// Fewest seconds of several runs, and the seconds of cores that one took.
fn best(mut run: impl FnMut()) -> [f64; 2] {
    run();
    let (begin, cores, mut runs, mut best) = (Instant::now(), busy(), 0.0, f64::INFINITY);
    while begin.elapsed().as_secs_f64() < 1.0 {
        let start = Instant::now();
        run();
        runs += 1.0;
        best = best.min(start.elapsed().as_secs_f64());
    }
    [best, (busy() - cores) / runs]
}

fn main() {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .expect("a folder of benches/rays.rs"),
    );
    let floats = |name: &str| -> Vec<f32> {
        bytemuck::pod_collect_to_vec(&std::fs::read(folder.join(name)).expect(name))
    };
    let points: Vec<Vector> = floats("triangles.f32")
        .chunks_exact(3)
        .map(|p| Vector::new(p[0], p[1], p[2]))
        .collect();
    let indices = (0..points.len() as u32 / 3).map(|i| [3 * i, 3 * i + 1, 3 * i + 2]);
    let tree = TriMesh::new(points, indices.collect()).expect("triangles");
    let mut out = json!({"threads": rayon::current_num_threads()});
    for name in ["random", "camera"] {
        let rays: Vec<Ray> = floats(&format!("{name}.rays"))
            .chunks_exact(8)
            .map(|r| Ray::new(Vector::new(r[0], r[1], r[2]), Vector::new(r[4], r[5], r[6])))
            .collect();
        let rate = |seconds: [f64; 2]| seconds.map(|s| rays.len() as f64 / s / 1e6);
        let closest = best(|| {
            let hits = rays.par_iter().map(|r| tree.cast_local_ray(r, 1e9, false));
            black_box(hits.collect::<Vec<_>>());
        });
        let any = best(|| {
            let hits = rays.par_iter().map(|r| tree.intersects_local_ray(r, 1e9));
            black_box(hits.collect::<Vec<_>>());
        });
        out[name] = json!({"rays": rays.len(), "closest": rate(closest), "any": rate(any)});
    }
    println!("{out:#}");
}
