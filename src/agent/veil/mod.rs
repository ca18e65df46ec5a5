//! Scenario: does something hardly visible stand in the way?
//!
//! A pane that is seen through changes the light of what stands behind it, and moves over it as the camera moves. So
//! each pixel is compared with what other views show of the same surface: what is left are the pane's edges. Upright
//! lines in the free space of the whole place are swept: a pane's edge is a step of light that stays on one line in
//! all views, in front of a surface that goes on behind it. Two such lines make a pane, and the surfaces behind it must
//! show it: light behind the pane is light beside it, some of it lost and some of the pane's own added.

use glam::DVec3;

use super::inspect::{Field, Findings};
use super::sight::{Noise, Sight, noise};
use super::{AgentError, Evidence, Severity, What};
use crate::numeric::median;

mod edges;
mod pane;

const SCENARIO: &str = "veil";

// Fitted on tuning seeds: `cargo test --test it -- --ignored --nocapture agent::persistence::tuned`.
/// Views that are compared.
const MOST_VIEWS: usize = 48;
/// Other views that a pixel is compared with.
const OTHERS: usize = 12;
/// Heights on a line that are looked at.
const HEIGHTS: usize = 18;
/// Most lines along a side of the place; what lies farther is not looked at.
const MOST_LINES: usize = 600;
/// Share of the views that must see a line.
const SEEN: f64 = 0.3;
/// Sigmas of a line that may be an edge.
const EDGE_SIGMAS: f32 = 5.0;
/// Least step of light across an edge.
const LEAST_STEP: f32 = 0.008;
/// Lines of each sign that are paired.
const LINES: usize = 24;
/// Cells of a pane.
const COLUMNS: usize = 6;
const ROWS: usize = 4;
/// Places of which it is asked how much changes where no pane stands.
const NULLS: usize = 24;
/// Sigmas of a pane that all views show.
const SIGMAS: f32 = 9.0;
/// So many times what light changes by where no pane stands.
const NULL_SIGMAS: f32 = 1.5;
/// Least share of the changes of light that a pane must explain, and of its cells that agree with it.
const EXPLAINED: f32 = 0.55;
const AGREE: f32 = 0.85;
/// Change of light behind a pane to the step at its edges, least and most.
const STEPS: [f32; 2] = [0.4, 3.0];
/// Width of a pane in radii of the agent, least and most.
const WIDTH: [f32; 2] = [3.0, 13.0];
/// A second pane must be so much as sure as the first: lines of the first pair with what is beside it.
const SECOND: f32 = 0.5;
/// Both of them for a pane that fewer views show, or that keeps back more.
const PLAIN: f32 = 0.88;
/// Sigmas of such a pane.
const PLAIN_SIGMAS: f32 = 10.5;
/// Share of the views that should show a pane.
const SHOWN: f64 = 0.45;
/// Share of its depth that a surface lies behind a pane at least, whatever the noise of the depth.
const CLEAR: f32 = 0.08;
/// Share of light that a pane keeps back as fitted, least and most: where light behind it hardly differs, the fit is
/// no better than this.
const OPACITY: [f32; 2] = [-0.3, 0.6];
/// The most for a pane that is plain: what keeps all light back is a thing whose depth was missed.
const PLAIN_OPACITY: f32 = 0.95;

/// What is looked at.
struct Look<'a> {
    field: &'a Field<'a>,
    sights: Vec<Sight<'a>>,
    noise: Vec<Vec<Noise>>,
    /// Exposure of each view against the first.
    gains: Vec<f32>,
    /// A surface lies so many times as far as a pane to stand behind it for sure.
    clear: f32,
}

/// Runs the scenario.
///
/// # Errors
/// [`AgentError::Interrupted`].
pub fn run(field: &Field<'_>) -> Result<Findings, AgentError> {
    let mut found = Findings::default();
    let sights = Sight::of(field.views, MOST_VIEWS);
    if sights.len() < 6 || sights.iter().any(|s| s.light.is_empty()) {
        found
            .notes
            .push("veils were not looked for: that takes six views with their pixels".to_owned());
        return Ok(found);
    }
    let noise = noise(&sights);
    let gains = edges::gains(&sights, &noise);
    let mut margins: Vec<f32> = noise.iter().flatten().map(|n| n.margin).collect();
    let look = Look {
        clear: 1.0 + median(&mut margins).unwrap_or(CLEAR).max(CLEAR),
        field,
        sights,
        noise,
        gains,
    };
    let left = edges::residuals(&look);
    field.go_on()?;
    let lines = edges::sweep(&look, &left);
    found.metric("veil_lines", lines.len() as f64);
    field.go_on()?;
    let sights = &look.sights;
    for pane in pane::panes(&look, &lines) {
        let floor = field.world.floor;
        let middle = (pane.left + pane.right) / 2.0;
        let size = (pane.right - pane.left).abs();
        let tall = field.body.height as f32;
        let place = DVec3::new(
            middle.x.into(),
            f64::from(floor + tall / 2.0),
            middle.y.into(),
        );
        let wide = f64::from((pane.right - pane.left).length());
        let mut fault = field.violation(
            What::Veil,
            SCENARIO,
            if wide >= 2.0 * field.body.radius { Severity::High } else { Severity::Medium },
            place.to_array(),
            format!(
                "something hardly visible stands in the way, {} wide: it keeps back {:.0}% of the light behind it and shows in {} views",
                field.length(wide),
                100.0 * pane.opacity.clamp(0.0, 1.0),
                pane.views.len()
            ),
        );
        fault.size = [size.x.into(), tall.into(), size.y.into()];
        let best = pane.views.first().copied();
        fault.evidence = Evidence {
            share: Some(pane.views.len() as f64 / sights.len().max(1) as f64),
            frames: pane
                .views
                .iter()
                .map(|&v| sights[v].view.camera.frame)
                .collect(),
            pixel: best.and_then(|v| sights[v].pixel(place)),
            cells: (wide / f64::from(field.world.voxel)).ceil() as usize,
            sigmas: Some(pane.sigmas.into()),
            ..Evidence::default()
        };
        fault.timestamp = best.map_or(fault.timestamp, |v| sights[v].view.camera.time);
        fault.confidence = 0.9;
        found.violations.push(fault);
    }
    Ok(found)
}

/// Whether a view sees the same surface at a pixel.
fn same(sight: &Sight<'_>, uv: [f32; 2], z: f32, noise: Noise) -> bool {
    let k = sight.index(uv);
    let z = z * noise.bias.exp();
    sight.near[k] > z * (1.0 - noise.margin) && sight.far[k] < z * (1.0 + noise.margin)
}
