//! Closest and any hits by the kernel, with and without what goes to the device and back, and by the host's cores, in the
//! world of a mesh: rays with nothing in common, and those of a camera. And the memory of worlds of 512^3.
//!
//! `cargo bench --bench rays -- MESH [VOXEL] [FOLDER]` prints a JSON document; into FOLDER it writes triangles, rays and
//! hits, which `benches/rays_embree.py FOLDER` and `benches/parry` cast on the same cores.

use std::hint::black_box;
use std::path::{Path as File, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use sora_director::agent::raycast::{BLOCKED, Caster, Hit, Path, RAYCAST, Ray, RaycastParams};
use sora_director::gpu::{AdapterChoice, AnyBuffer, Gpu, GpuType, Kernel, groups_1d};
use sora_director::monitor::Silent;
use sora_director::numeric::Rng;
use sora_director::world::mesh::{Mesh, MeshOptions, Triangle};
use sora_director::world::{Voxel, World};

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

/// Fewest seconds of several runs, and the seconds of cores that one took: the second does not mind what else runs.
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

/// Rays from anywhere in the bounds to anywhere, or those of a camera of as many pixels in their middle.
fn rays(bounds: [[f64; 3]; 2], count: usize, coherent: bool) -> Vec<Ray> {
    let mut rng = Rng::new(17);
    let side = (count as f64).sqrt().ceil() as usize;
    let [low, high] = bounds;
    (0..count)
        .map(|i| {
            let (u, v) = (i % side, i / side);
            let of = |a: usize| 2.0 * a as f64 / side as f64 - 1.0;
            let (origin, direction) = match coherent {
                true => (
                    std::array::from_fn(|a| 0.5 * (low[a] + high[a])),
                    [of(u), of(v), 1.0],
                ),
                false => (
                    std::array::from_fn(|a| rng.range(low[a], high[a])),
                    [0; 3].map(|_: i32| rng.range(-1.0, 1.0)),
                ),
            };
            Ray::new(origin, direction, 1e9)
        })
        .collect()
}

/// Seconds of a kernel on rays that lie on the device, its answers left there.
fn kernel<T: GpuType>(caster: &Caster, kernel: &'static Kernel, rays: &[Ray]) -> [f64; 2] {
    let gpu = caster.gpu();
    let params = RaycastParams {
        origin: caster.origin,
        dims: caster.dims,
        rays: rays.len() as u32,
        stop_unknown: 0,
        pad: [0; 2],
    };
    let uploaded = gpu.upload(rays).expect("upload");
    let found = gpu.alloc::<T>(rays.len()).expect("alloc");
    let [tags, masks, blocks, regions] = caster.bricks();
    let bound: [&dyn AnyBuffer; 6] = [tags, masks, blocks, regions, &uploaded, &found];
    best(|| {
        let mut recorder = gpu.recorder();
        let groups = groups_1d(rays.len(), kernel.workgroup[0]);
        recorder.run(kernel, &params, &bound, groups).expect("run");
        recorder.submit().expect("submit");
        // Waits for the kernel; one answer is no transfer to speak of.
        black_box(gpu.read_range(&found, 0, 1).expect("read"));
    })
}

fn measure(world: &World, casters: [&Caster; 2], rays: &[Ray]) -> Value {
    let [card, host] = casters;
    let rate = |seconds: [f64; 2]| seconds.map(|s| rays.len() as f64 / s / 1e6);
    let cast = |caster: &Caster| {
        best(|| {
            black_box(caster.cast(rays, false, &Silent).expect("cast"));
        })
    };
    let blocked = |caster: &Caster| {
        best(|| {
            black_box(caster.blocked(rays, false, &Silent).expect("cast"));
        })
    };
    let met = world.blocked(rays, false).iter().filter(|&&b| b).count();
    // One dispatch takes at most what a binding of rays holds.
    let alone = rays.len() <= 2 << 20;
    json!({
        "rays": rays.len(), "met": met,
        "kernel_closest": rate(cast(card)), "kernel_any": rate(blocked(card)),
        "kernel_closest_alone": alone.then(|| rate(kernel::<Hit>(card, &RAYCAST, rays))),
        "kernel_any_alone": alone.then(|| rate(kernel::<u32>(card, &BLOCKED, rays))),
        "host_closest": rate(cast(host)), "host_any": rate(blocked(host)),
    })
}

/// Triangles, rays and hits for `rays_embree.py`.
fn write(folder: &File, world: &World, triangles: &[Triangle], sets: &[(&str, Vec<Ray>)]) {
    let put = |name: String, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("write");
    put("triangles.f32".into(), bytemuck::cast_slice(triangles));
    for (name, rays) in sets {
        put(format!("{name}.rays"), bytemuck::cast_slice(rays));
        let hits = world.cast(rays, false);
        put(format!("{name}.hits"), bytemuck::cast_slice(&hits));
    }
    let told = json!({"voxel": world.voxel, "origin": world.origin, "dims": world.dims});
    put("world.json".into(), told.to_string().as_bytes());
}

/// Bytes a voxel of worlds of 512^3: nothing, a furnished room, and bricks that are all of several states.
fn memory() -> Value {
    let n = 512u32;
    let mut world = World::empty([0.0; 3], 1.0, [n; 3]);
    let mut share = |state: &dyn Fn(u32, u32, u32) -> Voxel| {
        let places = (0..n).flat_map(|z| (0..n).flat_map(move |y| (0..n).map(move |x| (x, y, z))));
        world.fill(0, places.map(|(x, y, z)| state(x, y, z)));
        let packed = world.to_bytes().len();
        [
            packed as f64 / world.len() as f64,
            world.bricks().bytes() as f64 / world.len() as f64,
        ]
    };
    let room = |x: u32, y: u32, z: u32| {
        let rough = x
            .wrapping_mul(2_654_435_761)
            .wrapping_add(z.wrapping_mul(40_503))
            >> 13;
        let wall = |a: u32| a < 6 + rough % 3 || a >= n - 6 - rough % 3;
        let thing = x % 97 < 30 && z % 83 < 25 && y < 40 + (x / 97 * 13 + z / 83 * 29) % 150;
        let unseen = thing && x % 97 > 3 && z % 83 > 3;
        match () {
            () if unseen || wall(x) && x % 40 < 9 => Voxel::Unknown,
            () if wall(x) || wall(z) || wall(y) || thing => Voxel::Solid,
            () => Voxel::Free,
        }
    };
    let names = ["file", "memory"];
    let told = |shares: [f64; 2]| json!({names[0]: shares[0], names[1]: shares[1]});
    json!({
        "free": told(share(&|_, _, _| Voxel::Free)),
        "room": told(share(&room)),
        "every_brick_mixed": told(share(&|x, y, z| Voxel::of((x + y + z) % 3))),
    })
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let Some(path) = words.first() else {
        println!(
            "{}",
            json!({"memory_512": memory(), "note": "name a mesh to cast rays"})
        );
        return;
    };
    let voxel = words
        .get(1)
        .map_or(0.25, |v| v.parse().expect("a voxel's edge"));
    let mesh = Mesh::load(File::new(path)).expect("mesh");
    let options = MeshOptions {
        voxel,
        ..MeshOptions::default()
    };
    let world = World::from_triangles(&mesh.triangles, &options).expect("world");
    let corners = || mesh.triangles.iter().flatten();
    let bound = |f: fn(f64, f64) -> f64, start: f64| {
        std::array::from_fn(|a| corners().map(|p| f64::from(p[a])).fold(start, f))
    };
    let bounds = [
        bound(f64::min, f64::INFINITY),
        bound(f64::max, f64::NEG_INFINITY),
    ];
    if let Some(folder) = words.get(2) {
        let sets = [("random", false), ("camera", true)]
            .map(|(name, coherent)| (name, rays(bounds, 1_000_000, coherent)));
        write(&PathBuf::from(folder), &world, &mesh.triangles, &sets);
    }
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("a device");
    let casters =
        [Path::Kernel, Path::Host].map(|path| Caster::on(&gpu, &world, path).expect("up"));
    let most = std::env::var("RAYS_MOST").map_or(10_000_000, |n| n.parse().expect("a number"));
    let counts = (3..8).map(|k| 10usize.pow(k)).filter(|&n| n <= most);
    let rows: Vec<Value> = counts
        .flat_map(|n| [(n, false), (n, true)])
        .map(|(n, coherent)| {
            let rays = rays(bounds, n, coherent);
            let mut row = measure(&world, [&casters[0], &casters[1]], &rays);
            row["coherent"] = coherent.into();
            eprintln!("{row}");
            row
        })
        .collect();
    let document = json!({
        "device": gpu.summary(), "threads": rayon::current_num_threads(),
        "mesh": path, "triangles": mesh.triangles.len(), "voxel": voxel, "dims": world.dims,
        "bytes": world.bricks().bytes(), "Mrays_per_s_and_per_core_second": rows, "memory_512": memory(),
    });
    println!("{document:#}");
}
