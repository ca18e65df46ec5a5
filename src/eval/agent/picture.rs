//! Pictures of misses and false alarms: the frame that shows the place best with the planted boxes and the violations drawn
//! in, and the map beside it.

use std::path::Path;

use anyhow::Context;
use glam::{DVec2, DVec3};
use image::{Rgb, RgbImage, imageops};

use super::fault::Bounds;
use super::matching::Truth;
use super::modes::{Tested, Tools};
use super::record::Line;
use super::take::Take;
use crate::agent::{AgentReport, Violation};
use crate::camera::{Camera, evaluate::Similarity};
use crate::draw::{map, marks};

/// What is planted.
const PLANTED: Rgb<u8> = Rgb([40, 230, 90]);
/// What agents said and is right.
const RIGHT: Rgb<u8> = Rgb([60, 170, 255]);
/// What agents said and is wrong.
const WRONG: Rgb<u8> = Rgb([255, 60, 50]);
/// Most pictures of false alarms of one case and mode.
const MOST: usize = 6;

/// Draws every miss and the surest false alarms of a case into `folder`; nothing where there are none. Green boxes: planted;
/// blue crosses: violations that name them; red ones: false alarms.
///
/// # Errors
/// The decoder's, and files that cannot be written.
pub fn draw(
    tools: &Tools<'_>,
    take: &Take,
    line: &Line,
    tested: &Tested,
    folder: &Path,
) -> anyhow::Result<()> {
    let wrong = |truth: Truth| matches!(truth, Truth::False | Truth::Misnamed);
    let mut wanted: Vec<(String, DVec3, Option<usize>)> = Vec::new();
    for (k, fault) in line.faults.iter().enumerate() {
        if fault.visible && !line.found[k] {
            let [low, high] = fault.places[0].map(DVec3::from_array);
            wanted.push((
                format!("miss-{}", fault.kind.name()),
                (low + high) / 2.0,
                None,
            ));
        }
    }
    let mut false_ones: Vec<_> = line
        .violations
        .iter()
        .filter(|j| j.told && wrong(j.truth))
        .collect();
    false_ones.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    for (k, j) in false_ones.into_iter().take(MOST).enumerate() {
        wanted.push((
            format!("false-{k}-{:?}", j.what).to_lowercase(),
            DVec3::from_array(j.place),
            j.frame,
        ));
    }
    if wanted.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let frames = take.decode(tools.gpu, tools.monitor)?;
    let plan = top_down(line, tested);
    for (name, place, frame) in wanted {
        // Frames of evidence count views, except in a run's own frames.
        let told = frame.filter(|f| line.mode != super::modes::Mode::D && *f < frames.len());
        let view = told.unwrap_or_else(|| best(take, place));
        let camera = &take.cameras.cameras[view];
        let pixels = frames.read(tools.gpu, view)?;
        let [width, height] = take.case.size;
        let mut picture = RgbImage::from_fn(width, height, |x, y| {
            let [r, g, b, _] = pixels[(y * width + x) as usize].to_le_bytes();
            Rgb([r, g, b])
        });
        for fault in &line.faults {
            for bounds in &fault.places {
                wires(&mut picture, camera, *bounds, PLANTED);
            }
        }
        for j in line.violations.iter().filter(|j| j.told) {
            let colour = if wrong(j.truth) { WRONG } else { RIGHT };
            let p = DVec3::from_array(j.place);
            let half = DVec3::from_array(j.size) / 2.0;
            wires(
                &mut picture,
                camera,
                [(p - half).to_array(), (p + half).to_array()],
                colour,
            );
            marks::cross(
                &mut picture,
                camera,
                p,
                if p == place { 9.0 } else { 4.0 },
                colour,
            );
        }
        let sheet = beside(&picture, plan.as_ref());
        let path = folder.join(format!(
            "{}-{}-{name}.png",
            take.case.name,
            line.mode.name()
        ));
        sheet
            .save(&path)
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The view that sees a place best: in the picture, not behind what is seen, and nearest to it; else the middle one.
fn best(take: &Take, place: DVec3) -> usize {
    let width = take.case.size[0];
    let views = take.cameras.cameras.iter().zip(&take.seen).enumerate();
    let looks = views.filter_map(|(k, (camera, seen))| {
        let c = camera.pose.to_camera(place);
        let at = marks::seen(camera, place)?;
        let depth = f64::from(seen.depth[(at.y as u32 * width + at.x as u32) as usize]);
        Some((c.z > depth + 0.5, c.z, k))
    });
    looks
        .min_by(|a, b| {
            (a.0, a.1)
                .partial_cmp(&(b.0, b.1))
                .unwrap_or(std::cmp::Ordering::Equal)
        })
        .map_or(take.seen.len() / 2, |b| b.2)
}

fn wires(picture: &mut RgbImage, camera: &Camera, bounds: Bounds, colour: Rgb<u8>) {
    marks::wires(picture, camera, bounds.map(DVec3::from_array), 0.5, colour);
}

fn back(s: &Similarity, p: DVec3) -> DVec3 {
    s.rotation.transpose() * (p - s.translation) / s.scale
}

/// The map with the violations, and what is planted outlined in green.
fn top_down(line: &Line, tested: &Tested) -> Option<RgbImage> {
    let inspected = tested.inspected.as_ref()?;
    let told = |v: &&Violation| {
        line.violations
            .iter()
            .any(|j| j.told && j.description == v.description && j.what == v.what)
    };
    let report = AgentReport {
        doubts: Vec::new(),
        violations: inspected
            .report
            .violations
            .iter()
            .filter(told)
            .cloned()
            .collect(),
        ..inspected.report.clone()
    };
    let floor = &inspected.floor;
    let mut plan = map::draw(floor, &tested.cameras, &report);
    let [nx, nz] = floor.size();
    let scale = DVec2::new(
        f64::from(plan.width()) / nx.max(1) as f64,
        f64::from(plan.height()) / nz.max(1) as f64,
    );
    let corner = DVec2::from_array(floor.origin.map(f64::from));
    for [low, high] in line.faults.iter().flat_map(|f| &f.places) {
        let [x, z] = [[low[0], high[0]], [low[2], high[2]]];
        let around = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]].map(|[i, k]| {
            let p = back(&tested.to_truth, DVec3::new(x[i], low[1], z[k]));
            (DVec2::new(p.x, p.z) - corner) / f64::from(floor.voxel) * scale
        });
        for side in around.windows(2) {
            marks::stroke(&mut plan, side[0], side[1], PLANTED);
        }
    }
    Some(plan)
}

/// The picture with the map to its right.
fn beside(picture: &RgbImage, plan: Option<&RgbImage>) -> RgbImage {
    let Some(plan) = plan else {
        return picture.clone();
    };
    let large = imageops::resize(
        picture,
        picture.width() * 3 / 2,
        picture.height() * 3 / 2,
        imageops::FilterType::Triangle,
    );
    let mut sheet = RgbImage::from_pixel(
        large.width() + 6 + plan.width(),
        large.height().max(plan.height()),
        Rgb([32, 32, 32]),
    );
    imageops::replace(&mut sheet, &large, 0, 0);
    imageops::replace(&mut sheet, plan, i64::from(large.width()) + 6, 0);
    sheet
}
