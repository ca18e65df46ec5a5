//! Runs the scenarios over one world and joins what they found.

use std::collections::BTreeMap;

use glam::DVec3;

use super::options::Body;
use super::raycast::Caster;
use super::seen_through::{Seen, seen_through};
use super::spread::{self, Judge};
use super::traverse::{Column, Nav};
use super::{
    AgentError, AgentOptions, AgentReport, Evidence, Floor, Location, Severity, Violation, What,
    boundary_integrity, calibration, collision_detection, object_persistence, path_traversal,
    physics_stability, veil,
};
use crate::camera::{Cameras, LengthUnit};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::world::ground::{FAR, NEAR};
use crate::world::{DepthView, Ground, Voxel, World};

/// Most pixels to each side of a voxel's own that are looked at.
const MOST_REACH: u32 = 12;

/// What scenarios work on.
pub struct Field<'a> {
    /// The world.
    pub world: &'a World,
    /// What the cameras saw, in the world's frame.
    pub views: &'a [DepthView],
    /// The registered cameras, in the world's frame.
    pub cameras: &'a Cameras,
    /// Options.
    pub options: &'a AgentOptions,
    /// The agent's body.
    pub body: Body,
    /// The navigation grid.
    pub nav: Nav,
    /// The world on the GPU.
    pub caster: Caster,
    /// Solids that cameras see through.
    pub see_through: Vec<Seen>,
    /// The ground as the cameras saw it; `None` without views over it.
    pub ground: Option<Ground>,
    /// The same farther and coarser.
    pub far_ground: Option<Ground>,
    /// Asked whether to stop.
    pub monitor: &'a dyn Monitor,
}

/// What one scenario found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Faults.
    pub violations: Vec<Violation>,
    /// Figures; only finite ones are kept.
    pub metrics: BTreeMap<String, f64>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// A sample of the ways that agents walked: see [`Floor::paths`].
    pub paths: Vec<Vec<[f32; 2]>>,
    /// Rays that judge the world.
    pub judges: Vec<Judge>,
}

impl Findings {
    /// Keeps a figure if it is finite.
    pub fn metric(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.metrics.insert(name.to_owned(), value);
        }
    }
}

impl Field<'_> {
    /// The world is made of views, and they found no floor.
    pub fn without_floor(&self) -> bool {
        !self.world.floor_found && !self.views.is_empty()
    }

    /// A violation at a place of the world, dated by the camera that saw it best.
    pub fn violation(
        &self,
        what: What,
        scenario: &str,
        severity: Severity,
        place: [f64; 3],
        description: String,
    ) -> Violation {
        Violation {
            kind: what.kind().to_owned(),
            what,
            description,
            severity,
            location: Location {
                x: place[0],
                y: place[1],
                z: place[2],
            },
            timestamp: self.best_time(place),
            scenario: scenario.to_owned(),
            size: [0.0; 3],
            confidence: 1.0,
            evidence: Evidence::default(),
        }
    }

    /// Seconds of the camera that saw a place best: inside its image, not hidden, and nearest; the nearest camera where
    /// none saw it.
    pub fn best_time(&self, place: [f64; 3]) -> f64 {
        let p = DVec3::from_array(place);
        let slack = 4.0 * f64::from(self.world.voxel);
        let seen = self.views.iter().filter_map(|view| {
            let q = view.camera.pose.to_camera(p);
            let uv = view.intrinsics().project(q)?;
            let inside = uv.x >= 0.0
                && uv.y >= 0.0
                && uv.x < f64::from(view.width)
                && uv.y < f64::from(view.height);
            let depth = f64::from(view.surface(uv.x as u32, uv.y as u32).filter(|_| inside)?);
            (q.z < depth + slack).then_some((q.length(), view.camera.time))
        });
        let nearest = |best: Option<(f64, f64)>, next: (f64, f64)| match best {
            Some(b) if b.0 <= next.0 => Some(b),
            _ => Some(next),
        };
        let all = self
            .cameras
            .cameras
            .iter()
            .map(|c| (c.pose.position.distance(p), c.time));
        seen.fold(None, nearest)
            .or_else(|| all.fold(None, nearest))
            .map_or(0.0, |b| b.1)
    }

    /// The views that see a place, nearest first, and where the nearest shows it.
    pub fn seen_at(&self, place: [f64; 3]) -> Evidence {
        let p = DVec3::from_array(place);
        let slack = 4.0 * f64::from(self.world.voxel);
        let mut seen: Vec<(f64, usize, [u32; 4])> = self
            .views
            .iter()
            .filter_map(|view| {
                let q = view.camera.pose.to_camera(p);
                let uv = view.intrinsics().project(q)?;
                let inside = uv.x >= 0.0
                    && uv.y >= 0.0
                    && uv.x < f64::from(view.width)
                    && uv.y < f64::from(view.height);
                let (x, y) = (uv.x as u32, uv.y as u32);
                let depth = *view
                    .depth
                    .get((y * view.width + x) as usize)
                    .filter(|_| inside)?;
                let visible = q.z < f64::from(depth) + slack;
                visible.then_some((
                    q.length(),
                    view.camera.frame,
                    [x, y, view.width, view.height],
                ))
            })
            .collect();
        seen.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Evidence {
            pixel: seen.first().map(|s| s.2),
            frames: seen.iter().take(8).map(|s| s.1).collect(),
            ..Evidence::default()
        }
    }

    /// Of the views that can tell, the share that sees through these solid voxels: nothing near a voxel's pixels, by its own
    /// width, lies at its depth, by four voxels and a few percent, and what they show lies behind it. A pole is thinner than
    /// the voxels that hold it, and is no less there.
    pub fn through_share(&self, cells: &[[i64; 3]]) -> f64 {
        let step = cells.len().div_ceil(48).max(1);
        let told = |view: &DepthView| {
            let of = cells.iter().step_by(step);
            let each = of.filter_map(|cell| self.through(view, *cell));
            each.fold([0usize; 2], |sum, through| {
                [
                    sum[0] + usize::from(through),
                    sum[1] + usize::from(!through),
                ]
            })
        };
        let counts = self.views.iter().map(told);
        let [through, at] = counts.fold([0, 0], |a, b| [a[0] + b[0], a[1] + b[1]]);
        through as f64 / (through + at).max(1) as f64
    }

    /// Whether a view sees through a solid voxel, and `None` where it cannot tell.
    fn through(&self, view: &DepthView, cell: [i64; 3]) -> Option<bool> {
        let voxel = f64::from(self.world.voxel);
        let (k, at) = (
            view.intrinsics(),
            DVec3::from_array(self.world.centre(cell)),
        );
        let q = view.camera.pose.to_camera(at);
        let uv = k.project(q)?;
        let (w, h) = (view.width, view.height);
        if !(uv.x >= 0.0 && uv.y >= 0.0 && uv.x < f64::from(w) && uv.y < f64::from(h)) {
            return None;
        }
        let (x, y) = (uv.x as u32, uv.y as u32);
        let slack = 4.0 * voxel + 0.06 * q.z;
        let reach = (voxel * k.fx / q.z).ceil().min(f64::from(MOST_REACH)) as u32;
        let depth = |x: u32, y: u32| f64::from(view.depth[(x + w * y) as usize]);
        // What has no depth tells nothing.
        let beside = |x: u32, y: u32| {
            let d = depth(x, y);
            d > 0.0 && (d - q.z).abs() <= slack
        };
        let near = (y.saturating_sub(reach)..(y + reach + 1).min(h))
            .any(|v| (x.saturating_sub(reach)..(x + reach + 1).min(w)).any(|u| beside(u, v)));
        match depth(x, y) {
            _ if near => Some(false),
            d if d > q.z + slack => Some(true),
            _ => None,
        }
    }

    /// A length in words.
    pub fn length(&self, value: f64) -> String {
        match self.world.unit {
            LengthUnit::Metres => format!("{value:.2} m"),
            LengthUnit::CameraHeights => format!("{value:.2} camera heights"),
            LengthUnit::Arbitrary => format!("{value:.2} units"),
        }
    }

    /// # Errors
    /// [`AgentError::Interrupted`].
    pub fn go_on(&self) -> Result<(), AgentError> {
        if self.monitor.stopped() {
            return Err(AgentError::Interrupted);
        }
        Ok(())
    }
}

/// A scenario: what it finds in a world.
type Scenario = fn(&Field<'_>) -> Result<Findings, AgentError>;

/// All scenarios in the order in which they run.
pub static SCENARIOS: &[Scenario] = &[
    collision_detection::run,
    veil::run,
    path_traversal::run,
    physics_stability::run,
    boundary_integrity::run,
    object_persistence::run,
];

/// One fault is one violation: of those that say the same kind of thing of one place the surest stays.
fn one_each(mut all: Vec<Violation>) -> Vec<Violation> {
    // Stable: of equals the first scenario's.
    all.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut kept: Vec<Violation> = Vec::new();
    for v in all {
        let at = |v: &Violation| DVec3::new(v.location.x, v.location.y, v.location.z);
        let said = kept.iter().any(|k| {
            let reach = 0.5 * DVec3::from_array(k.size).max(DVec3::from_array(v.size));
            let apart = (at(k) - at(&v)).abs() - reach;
            k.what.subsumes(v.what) && apart.x.max(apart.z) <= 0.0 && !edges_apart(k, &v)
        });
        if !said {
            kept.push(v);
        }
    }
    kept
}

/// Whether two are ends or holes of a floor that differ whatever their bounds say: those of an end that goes round a corner
/// hold much that is not it. One scenario has joined already what hangs together, but for holes of depth and those of pictures.
fn edges_apart(a: &Violation, b: &Violation) -> bool {
    let edge = |v: &Violation| matches!(v.what, What::Hole | What::OpenBoundary | What::BlankEnd);
    let wide = |v: &Violation| v.size[0].hypot(v.size[2]);
    let alike = |x: f64, y: f64| x.min(y) > 0.5 * x.max(y);
    let one_kind =
        a.what == b.what && a.scenario == b.scenario && a.by_pictures() == b.by_pictures();
    edge(a) && edge(b) && (one_kind || !alike(wide(a), wide(b)))
}

/// What agents leave of a world.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    /// What they found.
    pub report: AgentReport,
    /// The floor that they walked on.
    pub floor: Floor,
}

/// Lets agents test a world. `views` and `cameras` are in the world's frame (aligned). `monitor` hears of scenarios.
///
/// Metrics, all finite: `collision_rate` (share of the rays of held-out cameras, of all where few are held out, whose
/// answer from the voxels is wrong: a hit in space that the camera saw through, or none where it saw a surface),
/// `path_completion` (share of start and goal pairs
/// that the agents walked without a collision), `physics_score` (share of the floor without holes or steep places,
/// times the share of bodies that came to rest, times the share of solids that no three cameras see through), each in
/// [0, 1] and absent where nothing could be tested; and every scenario's own figures.
///
/// # Errors
/// [`AgentError::Option`], [`AgentError::World`], [`AgentError::View`], GPU errors, [`AgentError::Interrupted`]. A world
/// without a floor or without walkable cells is a finding in the report, not an error.
pub fn inspect(
    gpu: &Gpu,
    world: &World,
    views: &[DepthView],
    cameras: &Cameras,
    options: &AgentOptions,
    monitor: &dyn Monitor,
) -> Result<Inspected, AgentError> {
    let (want, held) = (world.len(), world.bricks().dims());
    if held != world.dims || want == 0 || world.voxel.is_nan() || world.voxel <= 0.0 {
        return Err(AgentError::World {
            want,
            got: held.iter().map(|&n| n as usize).product(),
        });
    }
    for view in views {
        let want = view.width as usize * view.height as usize;
        if view.depth.len() != want || view.alpha.len() != want {
            return Err(AgentError::View {
                frame: view.camera.frame,
                want,
                depth: view.depth.len(),
                alpha: view.alpha.len(),
            });
        }
    }
    monitor.progress(0, SCENARIOS.len() as u64);
    let mut notes = world.notes.clone();
    if !world.floor_found {
        notes.push("no floor was found: heights are guessed from the lowest that was seen".into());
    }
    if cameras.cameras.is_empty() {
        notes
            .push("there are no cameras: whether their own path is free was not tested".to_owned());
    }
    if views.is_empty() {
        notes.push(
            "there are no views: what was tested is the world's own shape, and not whether it is what cameras see; holes and open ends are told from its voxels"
                .to_owned(),
        );
    }
    let body = options.body(world, cameras, &mut notes)?;
    let field = Field {
        world,
        views,
        cameras,
        options,
        body,
        nav: Nav::new(world, &body),
        caster: Caster::new(gpu, world)?,
        see_through: seen_through(
            gpu,
            world,
            views,
            4.0 * world.voxel,
            options.see_through_views,
            monitor,
        )?,
        ground: match world.floor_found {
            true => Ground::of(views, NEAR),
            false => None,
        },
        far_ground: match world.floor_found {
            true => Ground::of(views, FAR),
            false => None,
        },
        monitor,
    };
    let mut all = Findings {
        notes,
        ..overview(&field)
    };
    for (scenario, done) in SCENARIOS.iter().zip(1..) {
        field.go_on()?;
        let found = scenario(&field)?;
        all.violations.extend(found.violations);
        all.metrics.extend(found.metrics);
        all.notes.extend(found.notes);
        all.paths.extend(found.paths);
        all.judges.extend(found.judges);
        monitor.progress(done, SCENARIOS.len() as u64);
    }
    let whole = spread::whole(&all.judges);
    for violation in &mut all.violations {
        if violation.what.leans_on_depth()
            && (violation.evidence.sigmas.is_some() || violation.by_pictures())
        {
            violation.evidence.disagreement = whole.map(|[level, whole]| {
                // A fault itself makes views differ: about it they may only say that they agree.
                let near = (whole > calibration::TRUSTED)
                    .then(|| spread::near_by(&all.judges, level, violation, field.body.radius));
                near.flatten().map_or(whole, |near| whole.min(near))
            });
        }
        violation.confidence = calibration::confidence(violation);
        // So that each can be shown.
        if violation.evidence.frames.is_empty() {
            let Location { x, y, z } = violation.location;
            let seen = field.seen_at([x, y, z]);
            violation.evidence.frames = seen.frames;
            violation.evidence.pixel = seen.pixel;
        }
    }
    let (violations, doubts): (Vec<_>, Vec<_>) = one_each(all.violations)
        .into_iter()
        .partition(|v| v.confidence >= calibration::TOLD);
    all.violations = violations;
    // Stable: equals stay in the order of the scenarios.
    all.violations
        .sort_by_key(|v| std::cmp::Reverse(v.severity));
    Ok(Inspected {
        floor: Floor {
            paths: all.paths,
            ..Floor::of(world, &field.nav, &field.body)
        },
        report: AgentReport {
            violations: all.violations,
            doubts,
            metrics: all.metrics,
            unit: world.unit,
            notes: all.notes,
        },
    })
}

/// Shares of voxels and columns, and what is missing altogether.
fn overview(field: &Field<'_>) -> Findings {
    let mut found = Findings::default();
    let [unknown, free, solid] = field.world.counts().map(|n| n as f64);
    let total = unknown + free + solid;
    found.metric("voxels_unknown_share", unknown / total);
    found.metric("voxels_free_share", free / total);
    found.metric("voxels_solid_share", solid / total);
    found.metric("voxel_size", f64::from(field.world.voxel));
    let count = |kind: Column| field.nav.kind.iter().filter(|&&k| k == kind).count() as f64;
    found.metric("agent_height", field.body.height);
    let world = field.world;
    let top = world.origin[1] + world.dims[1] as f32 * world.voxel;
    found.metric("world_height", f64::from(top - world.floor));
    found.metric("agent_radius", field.body.radius);
    found.metric("agent_climb", field.body.climb);
    let area = field.nav.voxel * field.nav.voxel;
    found.metric("floor_found", f64::from(u8::from(field.world.floor_found)));
    found.metric("walkable_area", count(Column::Walkable) * area);
    found.metric("blocked_columns", count(Column::Blocked));
    found.metric("unknown_columns", count(Column::Unknown));
    let cameras = &field.cameras.cameras;
    let inside_solid = cameras.iter().filter(|c| {
        let at = field.world.voxel_of(c.pose.position.to_array());
        field.world.at(at) == Voxel::Solid
    });
    found.metric(
        "cameras_in_solid_share",
        inside_solid.count() as f64 / cameras.len() as f64,
    );
    found
}

#[cfg(test)]
pub(in crate::agent) mod tests {
    use super::*;

    pub(in crate::agent) fn violation(
        what: What,
        at: [f64; 3],
        size: [f64; 3],
        confidence: f64,
    ) -> Violation {
        Violation {
            kind: what.kind().to_owned(),
            what,
            description: String::new(),
            severity: Severity::High,
            location: Location {
                x: at[0],
                y: at[1],
                z: at[2],
            },
            timestamp: 0.0,
            scenario: String::new(),
            size,
            confidence,
            evidence: Evidence::default(),
        }
    }

    #[test]
    fn one_fault_is_told_once_by_who_is_surest() {
        let hole = violation(What::Hole, [1.0, 0.0, 2.0], [0.8, 0.0, 0.8], 0.9);
        let uneven = violation(What::UnevenFloor, [1.3, 0.0, 2.0], [0.0; 3], 0.6);
        let beside = violation(What::UnevenFloor, [1.5, 0.0, 2.0], [0.0; 3], 0.6);
        let veil = violation(What::Veil, [1.0, 0.0, 2.0], [0.8, 2.0, 0.8], 0.7);
        let kept = one_each(vec![uneven, veil.clone(), hole.clone(), beside.clone()]);
        // The uneven floor lies within the hole, the other one past its edge; a pane is no floor.
        assert_eq!(kept, [hole.clone(), veil, beside]);
        // Depth and pictures tell of one hole each; two of depth are two.
        let mut pictured = Violation {
            confidence: 0.75,
            ..hole.clone()
        };
        assert_eq!(one_each(vec![pictured.clone(), hole.clone()]).len(), 2);
        pictured.evidence.pictures = Some(4.0);
        assert_eq!(one_each(vec![pictured, hole.clone()]), [hole]);
    }

    #[test]
    fn an_end_that_is_open_and_blank_is_told_once() {
        let end = |what, at, confidence| violation(what, at, [2.0, 1.7, 0.2], confidence);
        let blank = end(What::BlankEnd, [0.0; 3], 0.45);
        let beside = end(What::BlankEnd, [1.5, 0.0, 0.0], 0.45);
        // Two of one kind were joined where they hang together.
        assert_eq!(
            one_each(vec![blank.clone(), beside.clone()]),
            [blank.clone(), beside.clone()]
        );
        let open = end(What::OpenBoundary, [0.2, 0.0, 0.0], 0.83);
        assert_eq!(
            one_each(vec![blank.clone(), open.clone()]),
            std::slice::from_ref(&open)
        );
        // The surer one stays.
        let doubt = Violation {
            confidence: 0.4,
            ..open.clone()
        };
        assert_eq!(
            one_each(vec![blank.clone(), doubt]),
            std::slice::from_ref(&blank)
        );
        // What is much narrower is another end.
        let narrow = Violation {
            size: [0.6, 1.7, 0.1],
            ..open
        };
        assert_eq!(
            one_each(vec![blank.clone(), narrow.clone()]),
            [narrow, blank]
        );
    }

    #[test]
    fn a_move_is_no_solid_that_is_seen_through() {
        let moved = violation(What::Moved, [0.0, 0.5, 0.0], [1.0; 3], 0.6);
        let solid = violation(What::InvisibleSolid, [0.2, 0.5, 0.2], [0.1; 3], 0.9);
        // The surer one says less: it stays, and the other too.
        let kept = one_each(vec![moved.clone(), solid.clone()]);
        assert_eq!(kept, [solid.clone(), moved.clone()]);
        let surer = Violation {
            confidence: 0.95,
            ..moved
        };
        assert_eq!(one_each(vec![solid, surer.clone()]), [surer]);
    }
}
