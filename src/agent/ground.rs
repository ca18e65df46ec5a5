//! Where the ground is missing, from what the cameras saw of its plane: pits that floor surrounds, and the end of the world.

use super::calibration::MATCHED;
use super::cluster::regions;
use super::inspect::Field;
use crate::world::ground::VOID;
use crate::world::{Ground, Sight};

/// Floor that is missing, amid floor or at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Cells of the ground that are missing; of an open end the floor before it.
    pub cells: Vec<usize>,
    /// Extent along x and z.
    pub size: [f64; 2],
    /// Sigmas of the floor's noise by which it stands out: the 90th percentile of its cells.
    pub sigmas: f64,
    /// The share of the rim that is floor.
    pub enclosed: f64,
    /// Median views that meet a cell.
    pub views: f64,
    /// By how much held-out views agree: their median excess over that of all.
    pub agreement: f64,
    /// Middle, on the ground.
    pub middle: [f64; 2],
    /// Upper quartile over its cells of [`Ground::under`], where half of them or more have it: not all of a pit differs from the floor.
    pub pictures: Option<f64>,
    /// Median views whose pictures tell of a cell.
    pub telling: f64,
}

/// Least share of a hole's rim that is floor, of what was seen of it and of all.
const ENCLOSED: f64 = 0.6;
const LEAST_ENCLOSED: f64 = 0.3;
/// Share of its cells of which nothing was seen, from which on it may be the world's end.
const VOIDS: f64 = 0.5;
/// Least 90th percentile of a hole's excess, in sigmas and as a logarithm.
const SIGMAS: f64 = 6.0;
const EXCESS: f64 = 0.035;
/// Least agreement of held-out views.
const AGREEMENT: f64 = 0.3;
/// Least width of a hole, in radii of the agent: its area over its longer side.
const LEAST_WIDTH: f64 = 0.7;
/// Most of a hole's cells that may be deeper than the way to its far rim allows; and of one that the pictures match under the floor as
/// well, whose edges depth leaves out.
const TOO_DEEP: f64 = 0.15;
const SEEN_TWICE: f64 = 0.3;
/// Quarters of a cell that are gone back from what is missing to the floor before it.
const BACK: u32 = 32;
/// What a cell may be deeper than that, as a logarithm.
const DEEP_SLACK: f64 = 0.03;

fn middle(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let at = ((values.len() - 1) as f64 * share) as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

fn gap(ground: &Ground, field: &Field<'_>, cells: Vec<usize>, of: &[usize], enclosed: f64) -> Gap {
    let mut excess: Vec<f64> = of.iter().map(|&i| f64::from(ground.excess[i])).collect();
    let mut held: Vec<f64> = of
        .iter()
        .map(|&i| f64::from(ground.held_out[i]))
        .filter(|v| v.is_finite())
        .collect();
    let counts =
        |of_cells: &[u16]| -> Vec<f64> { of.iter().map(|&i| f64::from(of_cells[i])).collect() };
    let (mut views, mut telling) = (counts(&ground.views), counts(&ground.telling));
    // A floor over or under the plane is met before or behind it.
    let real = |i: usize| {
        let at = ground.middle(i);
        let Some((to, _)) = away(field, at) else {
            return at;
        };
        // Of floor its own logarithm tells, of what is missing that of the floor about it.
        let log = match ground.sight[i] {
            Sight::Floor => ground.log(i),
            _ => ground.level[i],
        };
        let share = 1.0 - f64::from(log).exp();
        [at[0] - to[0] * share, at[1] - to[1] * share]
    };
    let places: Vec<[f64; 2]> = cells.iter().map(|&i| real(i)).collect();
    let span = |a: usize| {
        let low = places.iter().map(|p| p[a]).fold(f64::INFINITY, f64::min);
        let high = places
            .iter()
            .map(|p| p[a])
            .fold(f64::NEG_INFINITY, f64::max);
        (high - low + ground.cell).max(0.0)
    };
    let mean = |a: usize| places.iter().map(|p| p[a]).sum::<f64>() / places.len().max(1) as f64;
    let all = middle(&mut excess, 0.5);
    Gap {
        size: [span(0), span(1)],
        sigmas: middle(&mut excess, 0.9) / f64::from(ground.sigma),
        enclosed,
        views: middle(&mut views, 0.5),
        agreement: match held.len() * 4 >= of.len() {
            true => middle(&mut held, 0.5) / all.max(1e-6),
            false => f64::NAN,
        },
        middle: [mean(0), mean(1)],
        pictures: pictures(ground, of),
        telling: middle(&mut telling, 0.5),
        cells,
    }
}

/// What the pictures say of cells, where half of them or more tell.
fn pictures(ground: &Ground, cells: &[usize]) -> Option<f64> {
    let told = cells.iter().map(|&i| f64::from(ground.under[i]));
    let mut told: Vec<f64> = told.filter(|under| under.is_finite()).collect();
    let enough = told.len() * 2 >= cells.len() && !told.is_empty();
    enough.then(|| middle(&mut told, 0.75))
}

/// A region of missing cells, and the share of its rim that is floor.
struct Missing {
    cells: Vec<[i64; 3]>,
    of: Vec<usize>,
    enclosed: f64,
    /// The share of which nothing is known.
    unseen: f64,
    /// The share before which something stands.
    hidden: f64,
    /// Median logarithm of its cells' depth over the plane's.
    log: f64,
    /// Share of it of which nothing at all was seen.
    nothing: f64,
}

impl Missing {
    /// Floor lies about it: about all of it, or, where something was seen in it, as far as its rim was seen.
    fn amid_floor(&self) -> bool {
        let seen = 1.0 - self.unseen - self.hidden;
        let as_seen = self.enclosed >= LEAST_ENCLOSED && self.enclosed >= ENCLOSED * seen;
        self.enclosed >= ENCLOSED || as_seen && self.nothing < VOIDS
    }
}

/// Connected cells that are seen to go on under the floor, at least `least` of them each.
fn missing(ground: &Ground, least: f64) -> Vec<Missing> {
    let [nx, nz] = ground.size;
    let gone = |s: Sight| matches!(s, Sight::Deep | Sight::Void);
    let cells: Vec<[i64; 3]> = (0..ground.sight.len())
        .filter(|&i| gone(ground.sight[i]))
        .map(|i| [(i % nx) as i64, 0, (i / nx) as i64])
        .collect();
    let sight = |x: i64, z: i64| {
        let inside = x >= 0 && z >= 0 && x < nx as i64 && z < nz as i64;
        inside.then(|| ground.sight[x as usize + nx * z as usize])
    };
    regions(&cells, 1)
        .into_iter()
        .filter(|region| region.len() as f64 >= least)
        .map(|region| {
            let of: Vec<usize> = region
                .iter()
                .map(|[x, _, z]| *x as usize + nx * *z as usize)
                .collect();
            let mut logs: Vec<f64> = of.iter().map(|&i| f64::from(ground.log(i))).collect();
            // Beside a kerb the road is deeper than what lies about it, and no pit: floor as deep as itself ends it.
            let own = middle(&mut logs, 0.5);
            let least = own - f64::from(ground.deep());
            let over =
                |x: i64, z: i64| f64::from(ground.log(x as usize + nx * z as usize)) <= least;
            let (mut rim, mut floor, mut unseen, mut hidden) = (0usize, 0usize, 0usize, 0usize);
            for &[x, _, z] in &region {
                for (dx, dz) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
                    match sight(x + dx, z + dz) {
                        Some(s) if gone(s) => continue,
                        Some(Sight::Floor) => floor += usize::from(over(x + dx, z + dz)),
                        Some(Sight::Hidden) => hidden += 1,
                        _ => unseen += 1,
                    }
                    rim += 1;
                }
            }
            let nothing = of
                .iter()
                .filter(|&&i| ground.sight[i] == Sight::Void)
                .count();
            Missing {
                enclosed: floor as f64 / rim.max(1) as f64,
                unseen: unseen as f64 / rim.max(1) as f64,
                hidden: hidden as f64 / rim.max(1) as f64,
                log: own,
                nothing: nothing as f64 / of.len() as f64,
                cells: region,
                of,
            }
        })
        .collect()
}

/// Floor that is missing amid floor.
pub fn holes(ground: &Ground, field: &Field<'_>) -> Vec<Gap> {
    missing(ground, least_cells(ground, field))
        .into_iter()
        .filter(Missing::amid_floor)
        .filter_map(|m| {
            let hole = gap(ground, field, m.of.clone(), &m.of, m.enclosed);
            let excess = hole.sigmas * f64::from(ground.sigma);
            // No held-out view of it is no disagreement.
            let agreed = hole.agreement.is_nan() || hole.agreement >= AGREEMENT;
            let area = m.of.len() as f64 * ground.cell * ground.cell;
            let width = area / hole.size[0].max(hole.size[1]);
            let twice = hole.pictures.is_some_and(|p| p >= MATCHED);
            let deepest = if twice { SEEN_TWICE } else { TOO_DEEP };
            // Floor that only lies deeper than what is beside it is on the plane itself.
            let real = hole.sigmas >= SIGMAS
                && m.log >= f64::from(ground.deep())
                && excess >= EXCESS
                && agreed
                && width >= LEAST_WIDTH * field.body.radius
                && pit_like(ground, field, &m.cells, deepest);
            real.then_some(hole)
        })
        .collect()
}

/// Floor that its depth shows and the pictures do not match: amid floor, they match something under it far better. Not what lies for its greater
/// part in holes that are `told`.
pub fn unmatched(ground: &Ground, field: &Field<'_>, told: &[Gap]) -> Vec<Gap> {
    let nx = ground.size[0];
    let cell = |i: usize| [(i % nx) as i64, 0, (i / nx) as i64];
    let index = |c: &[i64; 3]| c[0] as usize + nx * c[2] as usize;
    let stands_out = |i: &usize| f64::from(ground.under[*i]) >= MATCHED;
    let cells: Vec<[i64; 3]> = (0..ground.under.len())
        .filter(stands_out)
        .map(cell)
        .collect();
    let taken: std::collections::BTreeSet<usize> = told
        .iter()
        .flat_map(|hole| hole.cells.iter().copied())
        .collect();
    let least = least_cells(ground, field);
    regions(&cells, 1)
        .into_iter()
        .filter(|region| region.len() as f64 >= least)
        .filter_map(|region| {
            let of: Vec<usize> = region.iter().map(index).collect();
            if 2 * of.iter().filter(|&i| taken.contains(i)).count() > of.len() {
                return None;
            }
            let inside: std::collections::BTreeSet<usize> = of.iter().copied().collect();
            let (mut rim, mut floor) = (0usize, 0usize);
            for [x, _, z] in &region {
                for (dx, dz) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
                    let beside = [x + dx, 0, z + dz];
                    let there = beside[0] >= 0
                        && beside[2] >= 0
                        && beside[0] < nx as i64
                        && beside[2] < ground.size[1] as i64;
                    if there && inside.contains(&index(&beside)) {
                        continue;
                    }
                    rim += 1;
                    floor += usize::from(there && ground.sight[index(&beside)] == Sight::Floor);
                }
            }
            let enclosed = floor as f64 / rim.max(1) as f64;
            let found = gap(ground, field, of.clone(), &of, enclosed);
            let area = of.len() as f64 * ground.cell * ground.cell;
            let width = area / found.size[0].max(found.size[1]);
            (enclosed >= ENCLOSED && width >= LEAST_WIDTH * field.body.radius).then_some(found)
        })
        .collect()
}

/// Fewest cells of a hole.
fn least_cells(ground: &Ground, field: &Field<'_>) -> f64 {
    ((field.body.radius / ground.cell).powi(2) * 0.8).max(6.0)
}

/// The floor's ends before nothing, each wide enough for an agent.
pub fn open_ends(ground: &Ground, field: &Field<'_>) -> Vec<Gap> {
    missing(ground, 4.0)
        .into_iter()
        .filter(|m| !m.amid_floor() && m.nothing >= VOIDS)
        .flat_map(|m| ends(ground, field, &m.of, m.enclosed))
        .collect()
}

/// From the nearest camera to a place on the ground, and how far that is.
fn away(field: &Field<'_>, at: [f64; 2]) -> Option<([f64; 2], f64)> {
    let cameras = field.cameras.cameras.iter();
    let to = |c: &crate::camera::Camera| [at[0] - c.pose.position.x, at[1] - c.pose.position.z];
    let nearest = cameras
        .map(to)
        .min_by(|a, b| a[0].hypot(a[1]).total_cmp(&b[0].hypot(b[1])))?;
    Some((nearest, nearest[0].hypot(nearest[1]).max(1e-9)))
}

/// Whether a region is as deep as a pit can be. A ray that goes in comes to the far wall at the latest under the far rim,
/// so depth grows by no more than the way to it: depth that is wrong as such does not know where the rim is. And it
/// grows by half of that at least, or by what an agent can still climb: a kerb is no pit. A share `deepest` of the cells may be
/// deeper.
fn pit_like(ground: &Ground, field: &Field<'_>, region: &[[i64; 3]], deepest: f64) -> bool {
    let nx = ground.size[0];
    let inside: std::collections::BTreeSet<[i64; 3]> = region.iter().copied().collect();
    let step = (1.0 + field.body.climb / ground.camera_height).ln();
    let (mut deep, mut own, mut least) = (0usize, Vec::new(), Vec::new());
    for &[x, _, z] in region {
        let i = x as usize + nx * z as usize;
        let Some(([dx, dz], far)) = away(field, ground.middle(i)) else {
            continue;
        };
        let mut steps = 0.0;
        while inside.contains(&[
            (x as f64 + 0.5 + dx / far * steps).floor() as i64,
            0,
            (z as f64 + 0.5 + dz / far * steps).floor() as i64,
        ]) {
            steps += 0.5;
        }
        let excess = f64::from(ground.excess[i]);
        let way = steps * ground.cell / far;
        // One cell and a half for what pixels and cells blur.
        let most = (1.0 + way + 1.5 * ground.cell / far).ln() + DEEP_SLACK;
        deep += usize::from(excess > most && excess < f64::from(VOID));
        own.push(excess);
        least.push((0.5 * (1.0 + way).ln()).min(0.8 * step));
    }
    let shallow = middle(&mut own, 0.5) < middle(&mut least, 0.5);
    deep as f64 <= deepest * region.len() as f64 && !shallow
}

/// The floor before a region of nothing, toward the cameras, in connected pieces that an agent fits through.
fn ends(ground: &Ground, field: &Field<'_>, of: &[usize], enclosed: f64) -> Vec<Gap> {
    let nx = ground.size[0];
    let mut front: Vec<[i64; 3]> = Vec::new();
    for &i in of {
        let Some(([dx, dz], far)) = away(field, ground.middle(i)) else {
            continue;
        };
        let at = ground.middle(i);
        // Back toward the camera over what is missing or was never seen, to the floor before it.
        for steps in (1..=BACK).map(|k| 0.25 * f64::from(k) * ground.cell) {
            let (x, z) = (at[0] - dx / far * steps, at[1] - dz / far * steps);
            let Some(j) = ground.cell_of(x, z) else { break };
            match ground.sight[j] {
                Sight::Floor => {
                    front.push([(j % nx) as i64, 0, (j / nx) as i64]);
                    break;
                }
                Sight::Hidden => break,
                _ => {}
            }
        }
    }
    front.sort_unstable();
    front.dedup();
    regions(&front, 3)
        .into_iter()
        .map(|piece| {
            let cells = piece
                .iter()
                .map(|[x, _, z]| *x as usize + nx * *z as usize)
                .collect();
            gap(ground, field, cells, of, enclosed)
        })
        .filter(|g| g.size[0].hypot(g.size[1]) >= 2.0 * field.body.radius)
        .collect()
}
