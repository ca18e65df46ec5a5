//! What depth holds of a planted fault before any agent looks: the depth maps as they come to the world, and the depth
//! that the splats render.
//!
//! Along the ray of a pixel that shows a fault, inverse depth would be `without` if it were not there and is `with` as it is: of a
//! pit the floor over it and its inside, of an opening the wall that is missing and what lies beyond, of a pane what stands
//! behind it and the pane. A source that says `r` holds `(r - without) / (with - without)` of the fault: 1 all of it, 0
//! nothing. The median over all pixels of all views counts. What goes or moves lies in time, which depth alone does not
//! tell.

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
    /// Median share of the fault that they hold; see the module.
    pub held: f64,
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
            (ray.y < 0.0 && floor > 0.0 && over && depth > floor + 0.02)
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

/// What `views` hold of each fault of a take that is to be seen. `scale` takes their lengths to metres; their pictures are
/// the take's at any size.
pub fn witnesses(
    take: &Take,
    faults: &[Fault],
    views: &[DepthView],
    scale: f64,
    source: Source,
) -> Vec<Witness> {
    // A view lies on the take's time; the truth is kept of some frames only.
    let paired: Vec<(&DepthView, usize)> = views
        .iter()
        .filter_map(|view| {
            let frame = (view.camera.time * FPS).round().max(0.0) as usize;
            let near = take.view_of(frame);
            (take.frames[near].abs_diff(frame) <= 1).then_some((view, near))
        })
        .collect();
    let [width, height] = take.case.size.map(|n| n as usize);
    let visible = faults.iter().enumerate().filter(|(_, f)| f.visible);
    visible
        .filter_map(|(index, fault)| {
            let mut held = Vec::new();
            for (view, near) in &paired {
                let (camera, seen) = (&take.cameras.cameras[*near], &take.seen[*near]);
                for (i, depth) in seen.depth.iter().enumerate() {
                    let at = DVec2::new((i % width) as f64 + 0.5, (i / width) as f64 + 0.5);
                    let Some([without, with]) = span(fault, camera, at, f64::from(*depth)) else {
                        continue;
                    };
                    let x = (at.x / width as f64 * f64::from(view.width)) as usize;
                    let y = (at.y / height as f64 * f64::from(view.height)) as usize;
                    let k = y * view.width as usize + x;
                    let said = f64::from(view.depth[k]) * scale;
                    if view.alpha[k] > 0.5 && said > 0.0 {
                        held.push((1.0 / said - without) / (with - without));
                    }
                }
            }
            let pixels = held.len();
            let enough = pixels >= least(take.case.size);
            let held = median(&mut held).filter(|h| enough && h.is_finite())?;
            Some(Witness {
                fault: index,
                source,
                pixels,
                held,
            })
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
    /// Median share over faults.
    pub median: f64,
    /// Of the faults, those of which it holds half or more.
    pub half: Share,
    /// Of those, the ones that agents found.
    pub found: Share,
}

/// By kind and source, over lines of one mode.
pub fn held(lines: &[&Line]) -> Vec<Held> {
    let mut all: BTreeMap<(FaultKind, Source), Vec<(f64, bool)>> = BTreeMap::new();
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
        .filter_map(|((kind, source), of)| {
            let held: Vec<&(f64, bool)> = of.iter().filter(|(h, _)| *h >= 0.5).collect();
            let found = held.iter().filter(|(_, found)| *found).count();
            let mut shares: Vec<f64> = of.iter().map(|(h, _)| *h).collect();
            Some(Held {
                kind,
                source,
                median: median(&mut shares)?,
                half: Share::new(held.len(), of.len()),
                found: Share::new(found, held.len()),
            })
        })
        .collect()
}
