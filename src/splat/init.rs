//! The first splats: from posed depth, from alpha masks, or along the cameras' rays.

use std::collections::HashMap;

use glam::{DMat3, DQuat, DVec3};

use super::harmonics::SH0;
use super::{SplatError, Splats};
use crate::camera::Camera;
use crate::depth::{DepthKind, DepthMap, DepthMaps};
use crate::numeric::Rng;
use crate::numeric::median;

/// A training frame on the host.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Camera, intrinsics at the frames' working size.
    pub camera: &'a Camera,
    /// Packed sRGB.
    pub pixels: Vec<u32>,
    /// Whether each pixel shows what moves; empty where nothing is known of it.
    pub moving: Vec<bool>,
}

/// The first splats, where they came from, and the scene's typical depth.
#[derive(Clone, Debug)]
pub struct Initial {
    /// At most the budget.
    pub splats: Splats,
    /// `depth`, `masks` or `rays`.
    pub from: &'static str,
    /// Median distance of the splats from the cameras; scales the positions' learning rate.
    pub extent: f64,
}

/// Aligned inverse depth of a map's value; `None` where it is unknown or beyond infinity.
pub fn inverse_depth(kind: DepthKind, camera: &Camera, value: f64) -> Option<f64> {
    camera.inverse_depth(kind, value).filter(|rho| *rho > 0.0)
}

struct Point {
    at: DVec3,
    colour: [f64; 3],
    size: f64,
    depth: f64,
    /// Of the surface that it lies on, where one is known.
    normal: Option<DVec3>,
}

/// What is farther off than the 95th percentile of depth times this is put there: a shell behind all else, so that nothing near is drawn
/// before the sky to show it.
const SHELL: f64 = 10.0;

/// How thick a first splat on a surface is, as a share of what it is wide: depth that is blended of thick ones is nobody's.
const THICKNESS: f64 = 0.1;
/// Opacity of first splats on surfaces: what is behind does not show, so that a step moves what is seen.
const OPAQUE: f64 = 0.9;

/// Chooses the first splats by what is known.
///
/// # Errors
/// [`SplatError::Input`] when no point can be found.
pub fn initial(
    views: &[View<'_>],
    depth: Option<&DepthMaps>,
    budget: usize,
    sh_degree: u32,
    seed: u64,
) -> Result<Initial, SplatError> {
    let mut rng = Rng::new(seed ^ 0x1417);
    let (mut points, from, opacity): (_, _, f64) = match depth {
        Some(maps) => (from_depth(views, maps, budget), "depth", OPAQUE),
        None => (Vec::new(), "", 0.0),
    };
    let (from, opacity) = if points.is_empty() {
        let masked = views.iter().any(|v| v.pixels.iter().any(|p| p >> 24 < 128));
        if masked {
            points = from_masks(views, budget, &mut rng);
            ("masks", 0.1)
        } else {
            points = along_rays(views, budget, &mut rng);
            ("rays", 0.1)
        }
    } else {
        (from, opacity)
    };
    if points.is_empty() {
        return Err(SplatError::Input(
            "no point of the scene could be placed: the depth is unknown everywhere, or no point is inside all masks; check the cameras".to_owned(),
        ));
    }
    let mut depths: Vec<f64> = points.iter().map(|p| p.depth).collect();
    let extent = median(&mut depths).unwrap_or(0.0).max(1e-6);
    let mut splats = Splats {
        sh_degree,
        ..Default::default()
    };
    for p in points {
        splats.positions.push(p.at.to_array().map(|v| v as f32));
        let wide = p.size.max(1e-9).ln();
        let (turn, thin) = match p.normal {
            Some(normal) => (DQuat::from_rotation_arc(DVec3::Z, normal), THICKNESS.ln()),
            None => (DQuat::IDENTITY, 0.0),
        };
        splats
            .log_scales
            .push([wide, wide, wide + thin].map(|s| s as f32));
        let DQuat { x, y, z, w } = turn;
        splats.rotations.push([w, x, y, z].map(|v| v as f32));
        splats
            .opacity_logits
            .push((opacity / (1.0 - opacity)).ln() as f32);
        splats.sh.push(p.colour.map(|c| ((c - 0.5) / SH0) as f32));
        splats
            .sh
            .extend((1..splats.coefficients()).map(|_| [0.0; 3]));
    }
    Ok(Initial {
        splats,
        from,
        extent,
    })
}

fn rgb(packed: u32) -> [f64; 3] {
    [0, 8, 16].map(|s| f64::from(packed >> s & 255) / 255.0)
}

/// Unprojects pixels of up to 24 frames, skips depth edges, keeps one point a cell. Cells grow with the depth, so
/// that all parts of the images get the same share.
fn from_depth(views: &[View<'_>], maps: &DepthMaps, budget: usize) -> Vec<Point> {
    let known: Vec<_> = views
        .iter()
        .filter(|v| matches!(maps.maps.get(v.camera.frame), Some(Some(_))))
        .collect();
    let frames = known.len().min(24);
    let views = || {
        (0..frames).filter_map(|k| {
            let view = known[k * known.len() / frames];
            Some((view, maps.maps.get(view.camera.frame)?.as_ref()?))
        })
    };
    let mut depths: Vec<f64> = views()
        .flat_map(|(view, map)| {
            let some = map.values.iter().step_by(37);
            some.filter_map(|v| inverse_depth(maps.kind, view.camera, f64::from(*v)))
        })
        .map(|rho| 1.0 / rho)
        .collect();
    depths.sort_unstable_by(f64::total_cmp);
    let far = depths.get(depths.len() * 95 / 100).copied();
    let shell = SHELL * far.unwrap_or(1.0);
    let mut points = Vec::new();
    for (view, map) in views() {
        let grid = Grid {
            kind: maps.kind,
            frames,
            budget,
            shell,
        };
        unproject(view, map, &grid, &mut points);
    }
    // The cell's side, in shares of the depth, that meets the budget.
    let (mut low, mut high) = (1e-4, 1.0);
    let mut best = Vec::new();
    for _ in 0..12 {
        let side = f64::sqrt(low * high);
        let kept = thin(&points, side);
        if kept.len() > budget {
            low = side;
        } else {
            best = kept;
            high = side;
        }
    }
    best
}

/// How pixels are chosen, and how far off they may be put.
struct Grid {
    kind: DepthKind,
    frames: usize,
    budget: usize,
    shell: f64,
}

fn unproject(view: &View<'_>, map: &DepthMap, grid: &Grid, points: &mut Vec<Point>) {
    let k = &view.camera.intrinsics;
    let (w, h) = (k.width as usize, k.height as usize);
    let wanted = (4 * grid.budget / grid.frames).max(1);
    let step = ((w * h) as f64 / wanted as f64).sqrt().max(1.0) as usize;
    let rho = |x: f64, y: f64| {
        let value = map.sample(x / w as f64, y / h as f64)?;
        // The sky, which maps have at infinity and beyond.
        let rho = view.camera.inverse_depth(grid.kind, value)?;
        Some(rho.max(1.0 / grid.shell))
    };
    for y in (step / 2..h).step_by(step) {
        for x in (step / 2..w).step_by(step) {
            let (u, v) = (x as f64 + 0.5, y as f64 + 0.5);
            let Some(here) = rho(u, v) else { continue };
            let beside = [(-2.0, 0.0), (2.0, 0.0), (0.0, -2.0), (0.0, 2.0)].map(|(du, dv)| {
                let (u, v) = (u + du, v + dv);
                let r = rho(u, v).filter(|r| (r - here).abs() < 0.1 * here)?;
                Some(k.unproject(u, v, 1.0 / r))
            });
            let pixel = view.pixels[y * w + x];
            let moves = view.moving.get(y * w + x).copied().unwrap_or(false);
            let [Some(left), Some(right), Some(above), Some(below)] = beside else {
                continue;
            };
            if moves || pixel >> 24 < 128 {
                continue;
            }
            let across = (right - left).cross(below - above).try_normalize();
            let z = 1.0 / here;
            points.push(Point {
                at: view.camera.pose.to_world(k.unproject(u, v, z)),
                colour: rgb(pixel),
                size: 0.6 * z / k.fx * step as f64,
                depth: z,
                normal: across.map(|n| view.camera.pose.rotation * n),
            });
        }
    }
}

fn thin(points: &[Point], side: f64) -> Vec<Point> {
    let mut cells: HashMap<[i64; 4], ()> = HashMap::new();
    points
        .iter()
        .filter_map(|p| {
            let octave = p.depth.log2().round();
            let size = side * octave.exp2();
            let c = (p.at / size).floor();
            let key = [c.x as i64, c.y as i64, c.z as i64, octave as i64];
            cells.insert(key, ()).is_none().then(|| Point {
                at: p.at,
                colour: p.colour,
                size: p.size.max(0.4 * size),
                depth: p.depth,
                normal: p.normal,
            })
        })
        .collect()
}

/// The point nearest to all optical axes, and its median distance from the cameras; `None` when the axes are
/// nearly parallel.
fn focus(views: &[View<'_>]) -> Option<(DVec3, f64)> {
    let mut a = DMat3::ZERO;
    let mut b = DVec3::ZERO;
    for v in views {
        let z = v.camera.pose.rotation.z_axis;
        let m = DMat3::IDENTITY - DMat3::from_cols(z * z.x, z * z.y, z * z.z);
        a += m;
        b += m * v.camera.pose.position;
    }
    if a.determinant() < 1e-3 * (views.len() as f64).powi(3) {
        return None;
    }
    let centre = a.inverse() * b;
    let mut far: Vec<f64> = views
        .iter()
        .map(|v| v.camera.pose.position.distance(centre))
        .collect();
    let ahead = views
        .iter()
        .filter(|v| v.camera.pose.to_camera(centre).z > 0.0)
        .count();
    let far = median(&mut far)?;
    (2 * ahead > views.len()).then_some((centre, far))
}

/// Random points that lie inside every mask that sees them (one miss in twenty is forgiven).
fn from_masks(views: &[View<'_>], budget: usize, rng: &mut Rng) -> Vec<Point> {
    let Some((centre, far)) = focus(views) else {
        return along_rays(views, budget, rng);
    };
    let k = &views[0].camera.intrinsics;
    let reach = far * 0.5 * f64::from(k.width.max(k.height)) / k.fx.min(k.fy);
    let mut points = Vec::new();
    let tries = budget * 60;
    let mut tried = 0;
    while points.len() < budget && tried < tries {
        tried += 1;
        let at = centre + reach * DVec3::new(rng.unit(), rng.unit(), rng.unit()) * 2.0
            - DVec3::splat(reach);
        let (mut seen, mut missed, mut sum, mut depth) = (0, 0, [0.0; 3], 0.0);
        for v in views {
            let p = v.camera.pose.to_camera(at);
            let k = &v.camera.intrinsics;
            let Some(px) = k.project(p) else { continue };
            if px.x < 0.0 || px.y < 0.0 || px.x >= k.width.into() || px.y >= k.height.into() {
                continue;
            }
            let pixel = v.pixels[px.y as usize * k.width as usize + px.x as usize];
            seen += 1;
            depth += p.z;
            if pixel >> 24 < 128 {
                missed += 1;
                if missed * 20 > views.len() {
                    break;
                }
            } else {
                for (s, c) in sum.iter_mut().zip(rgb(pixel)) {
                    *s += c;
                }
            }
        }
        if missed * 20 > seen || 2 * seen < views.len() || seen == missed {
            continue;
        }
        points.push(Point {
            at,
            colour: sum.map(|s| s / f64::from(seen as u32 - missed as u32)),
            size: 0.0,
            depth: depth / f64::from(seen as u32),
            normal: None,
        });
    }
    let share = points.len() as f64 / tried.max(1) as f64;
    let spacing = 2.0 * reach * (share / points.len().max(1) as f64).cbrt();
    for p in &mut points {
        p.size = 0.5 * spacing;
    }
    points
}

/// Random pixels at random inverse depths around the point the cameras look at, or around depth 1.
fn along_rays(views: &[View<'_>], budget: usize, rng: &mut Rng) -> Vec<Point> {
    let typical = focus(views).map_or(1.0, |f| f.1).max(1e-6);
    (0..budget)
        .map(|_| {
            let v = &views[rng.below(views.len())];
            let k = &v.camera.intrinsics;
            let (x, y) = (rng.below(k.width as usize), rng.below(k.height as usize));
            let z = typical / (0.3 + 1.4 * rng.unit());
            Point {
                at: v
                    .camera
                    .pose
                    .to_world(k.unproject(x as f64 + 0.5, y as f64 + 0.5, z)),
                colour: rgb(v.pixels[y * k.width as usize + x]),
                size: z / k.fx * (f64::from(k.width) * f64::from(k.height) / budget as f64).sqrt(),
                depth: z,
                normal: None,
            }
        })
        .collect()
}
