//! What depth holds of a planted fault before any agent looks: the depth maps as they come to the world, and the depth
//! that the splats render.
//!
//! Along the ray of a pixel that shows a fault, inverse depth would be `without` if it were not there and is `with` as it is: of a
//! pit the floor over it and its inside, of an opening the wall that is missing and what lies beyond, of a pane what stands
//! behind it and the pane. A source that says `r` holds `(r - without) / (with - without)` of the fault: 1 all of it, 0
//! nothing. By how much it is off about the fault is taken from `r` first. The median over all pixels of all views whose frame's truth is kept
//! counts. What goes or moves lies in time, which depth alone does not tell.

use std::collections::BTreeMap;

use glam::DVec2;
use serde::{Deserialize, Serialize};

use super::case::{FPS, FaultKind};
use super::fault::Fault;
use super::record::Line;
use super::seen::{least, ray, through};
use super::share::Share;
use super::take::Take;
use crate::camera::Camera;
use crate::numeric::median;
use crate::world::DepthView;

/// By how much `with` must differ from `without`, as a share: less is a rim that the fault's own edge blurs.
const LEAST_SPAN: f64 = 0.05;
/// What lies about a fault: so far from the box about its pixels, as a share of the picture's width.
const ABOUT: f64 = 0.05;

/// Which depth says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The maps that the world is built from.
    Maps,
    /// The depth that the splats render.
    Splats,
}

impl Source {
    /// Its word in tables.
    pub fn word(self) -> &'static str {
        ["maps", "splats"][self as usize]
    }
}

/// What one source holds of one fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// The fault among the case's.
    pub fault: usize,
    /// The source.
    pub source: Source,
    /// Pixels of all views that show the fault and of which the source says something.
    pub pixels: usize,
    /// Median share of the fault that they hold; see the module. `None` where too few of them say anything.
    pub held: Option<f64>,
}

/// Whether depth can hold a fault of this kind.
pub fn told_by_depth(kind: FaultKind) -> bool {
    use FaultKind::{Hole, InvisibleWall, OpenBoundary};
    matches!(kind, Hole | OpenBoundary | InvisibleWall)
}

/// Inverse depth without the fault and with it, of the pixel of a true view; `None` where the pixel does not show it.
fn span(fault: &Fault, camera: &Camera, at: DVec2, depth: f64) -> Option<[f64; 2]> {
    let bounds = fault.places.first()?;
    let ray = ray(camera, at);
    let origin = camera.pose.position;
    let hit = through(origin, ray, bounds);
    match fault.kind {
        FaultKind::Hole => {
            let [low, high] = *bounds;
            let floor = (high[1] - origin.y) / ray.y;
            let p = origin + floor * ray;
            let over = (low[0]..high[0]).contains(&p.x) && (low[2]..high[2]).contains(&p.z);
            (ray.y < 0.0 && floor > 0.0 && over && depth > floor)
                .then_some([1.0 / floor, 1.0 / depth])
        }
        FaultKind::OpenBoundary => hit
            .filter(|[from, to]| *from > 0.0 && depth > *to)
            .map(|[from, _]| [1.0 / from, 1.0 / depth]),
        FaultKind::InvisibleWall => hit
            .filter(|[from, _]| *from > 0.0 && depth > *from)
            .map(|[from, _]| [1.0 / depth, 1.0 / from]),
        FaultKind::Vanish | FaultKind::Move | FaultKind::Floater => None,
    }
}

/// A view beside the truth of its frame.
struct Beside<'a> {
    view: &'a DepthView,
    camera: &'a Camera,
    /// True depth at `size`.
    truth: &'a [f32],
    size: [usize; 2],
    scale: f64,
}

impl Beside<'_> {
    fn at(&self, i: usize) -> [f64; 2] {
        let width = self.size[0];
        [i % width, i / width].map(|k| k as f64 + 0.5)
    }

    /// Inverse of the metres that the view says of a pixel of the truth.
    fn said(&self, i: usize) -> Option<f64> {
        let own = [self.view.width, self.view.height];
        let at = self.at(i);
        let [x, y] = [0, 1].map(|a| (at[a] / self.size[a] as f64 * f64::from(own[a])) as usize);
        let k = y * own[0] as usize + x;
        let depth = f64::from(self.view.depth[k]) * self.scale;
        (self.view.alpha[k] > 0.5 && depth > 0.0).then(|| 1.0 / depth)
    }

    /// Adds what the view holds of a fault, pixel by pixel.
    fn held(&self, fault: &Fault, into: &mut Vec<f64>) {
        let spans: Vec<Option<[f64; 2]>> = (0..self.truth.len())
            .map(|i| {
                let at = DVec2::from_array(self.at(i));
                span(fault, self.camera, at, f64::from(self.truth[i]))
            })
            .collect();
        let [width, height] = self.size;
        let (mut low, mut high) = ([width, height], [0, 0]);
        for i in (0..spans.len()).filter(|&i| spans[i].is_some()) {
            for (a, k) in [i % width, i / width].into_iter().enumerate() {
                (low[a], high[a]) = (low[a].min(k), high[a].max(k));
            }
        }
        if low[0] > high[0] {
            return;
        }
        let reach = ((ABOUT * width as f64) as usize).max(2);
        let mut off = Vec::new();
        for y in low[1].saturating_sub(reach)..(high[1] + reach + 1).min(height) {
            for x in low[0].saturating_sub(reach)..(high[0] + reach + 1).min(width) {
                let i = y * width + x;
                let depth = f64::from(self.truth[i]);
                if spans[i].is_none()
                    && depth.is_finite()
                    && depth > 0.0
                    && let Some(said) = self.said(i)
                {
                    off.push(said * depth);
                }
            }
        }
        // A fault that fills the picture has nothing about it.
        let off = median(&mut off).filter(|off| *off > 0.0).unwrap_or(1.0);
        for (i, span) in spans.into_iter().enumerate() {
            let Some([without, with]) = span else {
                continue;
            };
            if (with / without - 1.0).abs() >= LEAST_SPAN
                && let Some(said) = self.said(i)
            {
                into.push((said / off - without) / (with - without));
            }
        }
    }
}

/// What `views` hold of each fault of a take that is to be seen and that depth can tell. `scale` takes their lengths to metres; their
/// pictures are the take's at any size.
pub fn witnesses(
    take: &Take,
    faults: &[Fault],
    views: &[DepthView],
    scale: f64,
    source: Source,
) -> Vec<Witness> {
    // A view lies on the take's time; the truth is kept of some frames only.
    let paired: Vec<Beside<'_>> = views
        .iter()
        .filter_map(|view| {
            let frame = (view.camera.time * FPS).round().max(0.0) as usize;
            let near = take.view_of(frame);
            (take.frames[near] == frame).then(|| Beside {
                view,
                camera: &take.cameras.cameras[near],
                truth: &take.seen[near].depth,
                size: take.case.size.map(|n| n as usize),
                scale,
            })
        })
        .collect();
    let told = faults.iter().enumerate();
    told.filter(|(_, f)| f.visible && told_by_depth(f.kind))
        .map(|(index, fault)| {
            let mut held = Vec::new();
            for beside in &paired {
                beside.held(fault, &mut held);
            }
            let pixels = held.len();
            let enough = pixels >= least(take.case.size);
            Witness {
                fault: index,
                source,
                pixels,
                held: median(&mut held).filter(|_| enough),
            }
        })
        .collect()
}

/// What a source holds of the faults of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// The kind.
    pub kind: FaultKind,
    /// The source.
    pub source: Source,
    /// Median share over the faults of which it says something.
    pub median: Option<f64>,
    /// Of the faults, those of which it holds half or more.
    pub half: Share,
    /// Of those, the ones that agents found.
    pub found: Share,
}

/// By kind and source, over lines of one mode.
pub fn held(lines: &[&Line]) -> Vec<Held> {
    /// The share, and whether agents found the fault.
    type Of = (Option<f64>, bool);
    let mut all: BTreeMap<(FaultKind, Source), Vec<Of>> = BTreeMap::new();
    for line in lines {
        for w in &line.witnesses {
            if let (Some(fault), Some(found)) = (line.faults.get(w.fault), line.found.get(w.fault))
            {
                let by = all.entry((fault.kind, w.source)).or_default();
                by.push((w.held, *found));
            }
        }
    }
    all.into_iter()
        .map(|((kind, source), of)| {
            let half = of.iter().filter(|(held, _)| held.is_some_and(|h| h >= 0.5));
            let half: Vec<bool> = half.map(|(_, found)| *found).collect();
            let found = half.iter().filter(|found| **found).count();
            let mut shares: Vec<f64> = of.iter().filter_map(|(held, _)| *held).collect();
            Held {
                kind,
                source,
                median: median(&mut shares),
                half: Share::new(half.len(), of.len()),
                found: Share::new(found, half.len()),
            }
        })
        .collect()
}
