//! Rays beside the same rays in doubles, with no tolerance but what single precision loses.
//!
//! With eps = 2^-24: the origin in voxels is a difference and a product, of a factor that both sides share, so it is off
//! by at most 2 eps of itself, and by 3 with room for what their errors do to one another. A plane's distance from it is one
//! more rounding, its crossing two more of the inverse (a quotient of a product) and one of the product: `t * speed` is
//! off by at most `eps * (3 |g| + 5 |p - g|)` voxels. The voxel by which a ray enters the grid comes from a position instead
//! of crossings, which adds one rounding of it: `4 |g| + 6 |p - g|`. Axes wait for one another only by comparing
//! crossings, so a voxel is passed in single precision if, each plane moved inwards by its bound, it is passed in
//! doubles; and what stops a ray is passed in doubles with each plane moved outwards.

use rayon::prelude::*;
use sora_director::agent::raycast::{Caster, Hit, HitState, NOWHERE, Path, Ray};
use sora_director::monitor::Silent;
use sora_director::world::{Voxel, World};

use super::random_world;
use super::rays::{rays, worlds};
use crate::common::{Rng, gpu};

const EPS: f64 = 1.0 / (1u64 << 24) as f64;

/// A ray in voxels, in doubles.
struct Way {
    start: [f64; 3],
    speed: [f64; 3],
}

impl Way {
    /// As rays are defined; none where one is invalid.
    fn of(world: &World, ray: &Ray) -> Option<Self> {
        let ([ox, oy, oz, t_max], [dx, dy, dz, _]) = (ray.origin, ray.direction);
        let (o, d) = ([ox, oy, oz], [dx, dy, dz]);
        let sane = o.iter().chain(&d).all(|x| x.abs() <= 1e18);
        let per = f64::from(1.0 / world.voxel);
        let speed = d.map(|d| f64::from(d) * per);
        let speed = speed.map(|e| if e.abs() < 1e-20 { 0.0 } else { e });
        let valid = sane && t_max >= 0.0 && !t_max.is_sign_negative() && speed != [0.0; 3];
        valid.then(|| Self {
            start: std::array::from_fn(|a| (f64::from(o[a]) - f64::from(world.origin[a])) * per),
            speed,
        })
    }

    /// Where the ray is between the planes `low` and `high` of each axis, each moved outwards by `side` times its bound;
    /// empty where it never is.
    fn between(&self, low: [f64; 3], high: [f64; 3], side: f64) -> [f64; 2] {
        let (mut enter, mut leave) = (0.0f64, f64::INFINITY);
        for a in 0..3 {
            let (g, e) = (self.start[a], self.speed[a]);
            let bound = |p: f64| side * EPS * (4.0 * g.abs() + 6.0 * (p - g).abs());
            let (low, high) = (low[a] - bound(low[a]), high[a] + bound(high[a]));
            // Moved inwards past one another, or never between them.
            if low > high || e == 0.0 && (g < low || g >= high) {
                return [1.0, 0.0];
            }
            if e == 0.0 {
                continue;
            }
            let (p, q) = ((low - g) / e, (high - g) / e);
            (enter, leave) = (enter.max(p.min(q)), leave.min(p.max(q)));
        }
        [enter, leave]
    }

    fn voxel(&self, cell: [i64; 3], side: f64) -> [f64; 2] {
        self.between(cell.map(|c| c as f64), cell.map(|c| (c + 1) as f64), side)
    }

    /// By how much a `t` about `at` may be off, of a plane of any axis that decides it.
    fn slack(&self, cell: [i64; 3], at: f64) -> f64 {
        let bound = |a: usize| {
            let g = self.start[a];
            let far = (cell[a] as f64 - g)
                .abs()
                .max((cell[a] as f64 + 1.0 - g).abs());
            match self.speed[a] {
                0.0 => 0.0,
                e => EPS * (4.0 * g.abs() + 6.0 * far) / e.abs(),
            }
        };
        // And one rounding of what is told.
        (0..3).map(bound).fold(0.0, f64::max) + EPS * at.abs()
    }

    /// The first solid voxel, in the order of the ray, that even single precision cannot miss.
    fn sure(&self, world: &World) -> Option<([i64; 3], f64)> {
        let n = world.dims.map(i64::from);
        let [enter, leave] = self.between([0.0; 3], n.map(|n| n as f64), 0.0);
        if enter >= leave {
            return None;
        }
        let at = |t: f64| -> [i64; 3] {
            std::array::from_fn(|a| {
                let x = self.start[a] + self.speed[a] * t;
                (x.floor().clamp(0.0, n[a] as f64 - 1.0)) as i64
            })
        };
        let mut cell = at(enter);
        loop {
            if world.at(cell) == Voxel::Solid {
                let [from, to] = self.voxel(cell, -1.0);
                if from < to {
                    return Some((cell, from));
                }
            }
            let next = |a: usize| match self.speed[a] {
                0.0 => f64::INFINITY,
                e => (cell[a] as f64 + f64::from(u8::from(e > 0.0)) - self.start[a]) / e,
            };
            let mut a = usize::from(next(1) < next(0));
            if next(2) < next(a) {
                a = 2;
            }
            cell[a] += if self.speed[a] > 0.0 { 1 } else { -1 };
            if !(0..n[a]).contains(&cell[a]) {
                return None;
            }
        }
    }
}

/// What is wrong with an answer.
fn fault(world: &World, ray: &Ray, hit: &Hit) -> Option<String> {
    let Some(way) = Way::of(world, ray) else {
        // A grid that is passed by is told before a direction of nothing.
        let right = matches!(hit.end(), HitState::Invalid | HitState::Left);
        return (!right).then(|| "no ray".to_owned());
    };
    let (t, most) = (f64::from(hit.t), f64::from(ray.origin[3]));
    let sure = way.sure(world);
    if let Some((cell, from)) = sure.filter(|s| s.1 + way.slack(s.0, s.1) < most) {
        // Something stops it there at the latest.
        if hit.end() != HitState::Solid || t > from + way.slack(cell, from) {
            return Some(format!("{cell:?} at {from} was passed"));
        }
    }
    match hit.end() {
        HitState::Solid => {
            let cell = world.coordinates(hit.voxel as usize).map(i64::from);
            let [from, to] = way.voxel(cell, 1.0);
            let slack = way.slack(cell, t);
            let passed = from <= to && t >= from - slack && t <= to + slack && t <= most;
            let solid = world.at(cell) == Voxel::Solid;
            (!solid || !passed).then(|| format!("{cell:?} is passed from {from} to {to}"))
        }
        HitState::None => (hit.t != ray.origin[3]).then(|| "not at its end".to_owned()),
        HitState::Left => {
            // It left by the planes of the grid, or never came.
            let far = world.dims.map(f64::from);
            let [from, to] = way.between([0.0; 3], far, 1.0);
            let edge = world.dims.map(i64::from);
            let slack = way.slack(edge, t).max(way.slack([0; 3], t));
            let right =
                hit.voxel == NOWHERE && (t == 0.0 || (t >= from - slack && t <= to + slack));
            (!right).then(|| format!("the grid is passed from {from} to {to}"))
        }
        state => Some(format!("{state:?} is no answer")),
    }
}

/// A closed room with crumbs, in which nearly every ray hits.
fn room() -> World {
    let mut world = random_world([66, 47, 90], 2);
    let mut rng = Rng(3);
    let states: Vec<Voxel> = (0..world.len())
        .map(|i| {
            let (p, n) = (world.coordinates(i), world.dims);
            let shell = (0..3).any(|a| p[a] < 2 || p[a] + 2 >= n[a]);
            let stops = shell || rng.u32().is_multiple_of(300);
            if stops { Voxel::Solid } else { Voxel::Free }
        })
        .collect();
    world.fill(0, states);
    world
}

/// Casts `count` rays into each world, and holds every answer against doubles.
fn doubles(count: usize, cast: impl Fn(&World, &[Ray]) -> Vec<Hit>) {
    let mut met = 0;
    for world in worlds().into_iter().chain([room()]) {
        let rays = rays(&world, count, 7 + world.len() as u64);
        let hits = cast(&world, &rays);
        assert_eq!(hits.len(), rays.len());
        met += hits.iter().filter(|h| h.end() == HitState::Solid).count();
        let wrong = rays.par_iter().zip(&hits).find_map_first(|(ray, hit)| {
            fault(&world, ray, hit).map(|why| format!("{ray:?}: {hit:?}: {why}"))
        });
        assert!(
            wrong.is_none(),
            "{:?}: {}",
            world.dims,
            wrong.unwrap_or_default()
        );
    }
    eprintln!("{met} of {} rays hit", 7 * count);
    assert!(met > count / 3, "{met} rays hit anything");
}

/// Along axes and faces, through corners, out of solids, from far outside, tiny and huge directions among them.
#[test]
fn a_million_rays_are_right_beside_doubles() {
    doubles(150_000, |world, rays| world.cast(rays, false));
}

/// The same rays by the kernel, with the same bound: on the host they are walked eight at once, by other code.
#[test]
fn rays_of_the_kernel_are_right_beside_doubles() {
    let gpu = gpu();
    doubles(40_000, |world, rays| {
        let caster = Caster::on(&gpu, world, Path::Kernel).expect("upload");
        caster.cast(rays, false, &Silent).expect("cast")
    });
}
