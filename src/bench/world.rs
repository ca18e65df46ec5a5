//! Depth views fused into voxels.

use super::{Ground, Size, Stage, Work};
use crate::world::{DepthView, WorldOptions, align, build};

const fn size(name: &'static str, count: usize, cost: f64) -> Size {
    Size::new(name, count, [320, 180], cost)
}

const VIEWS: usize = 24;

/// Each voxel looks at each view.
pub static STAGE: Stage = Stage {
    name: "world",
    unit: "views",
    about: "24 depth views of 320x180 fused into at most so many voxels",
    sizes: &[
        size("0.5M voxels", 500_000, 1.0),
        size("4M voxels", 4_000_000, 8.0),
        size("32M voxels", 32_000_000, 64.0),
    ],
    prepare,
};

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let film = ground.film(size.picture, VIEWS)?;
    let [width, height] = film.size;
    let cameras = film.cameras();
    let seen = cameras.cameras.iter().zip(film.depth());
    let views: Vec<DepthView> = seen
        .map(|(camera, depth)| DepthView {
            camera: *camera,
            width,
            height,
            depth: depth.clone(),
            alpha: depth.iter().map(|d| f32::from(*d > 0.0)).collect(),
            colour: Vec::new(),
            moving: Vec::new(),
            under: Vec::new(),
            held_out: false,
        })
        .collect();
    let alignment = align(&views, &cameras);
    let views = alignment.apply_to_views(&views);
    let options = WorldOptions {
        // So fine that the most voxels are what counts.
        voxel_metres: 0.005,
        max_voxels: size.count as u64,
        max_coarsening: 1000.0,
        ..WorldOptions::default()
    };
    Ok(Work::new(VIEWS as f64, move |monitor| {
        let world = build(&gpu, &views, &alignment, &options, monitor)?;
        anyhow::ensure!(world.len() > 1000, "the world is empty");
        Ok(())
    }))
}
