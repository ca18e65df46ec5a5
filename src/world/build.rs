//! Builds the world from depth views on the GPU.

use super::fuse::{
    CLASSIFY, ClassifyParams, GpuView, INTEGRATE, IntegrateParams, SURFACE, SurfaceParams,
};
use super::{
    Alignment, DepthView, Ground, Voxel, World, WorldError, WorldOptions, bounds, bricks, clean,
    flatten, ground,
};
use crate::gpu::{Buffer, Gpu, groups_1d, groups_2d};
use crate::monitor::Monitor;

/// Bytes of points that one batch of views may take.
const BATCH_BYTES: usize = 64 << 20;
const BATCH_VIEWS: usize = 16;

/// Fuses depth views, already in the frame that `alignment` made (see [`Alignment::apply_to_views`]), into free, solid
/// and unknown voxels. `monitor` hears of views.
///
/// # Errors
/// [`WorldError::Empty`], [`WorldError::Shape`], [`WorldError::Camera`], [`WorldError::Option`], GPU errors,
/// [`WorldError::Interrupted`].
pub fn build(
    gpu: &Gpu,
    views: &[DepthView],
    alignment: &Alignment,
    options: &WorldOptions,
    monitor: &dyn Monitor,
) -> Result<World, WorldError> {
    check(views, options)?;
    // What is held out judges the others.
    let views: Vec<&DepthView> = views.iter().filter(|v| !v.held_out).collect();
    let mut world = bounds::fit(&views, alignment, options, options.max_voxels)?;
    let n = world.len();
    // Evidence is cut into buffers that the device can bind, whole words of states each.
    let most = gpu.caps().most::<[f32; 4]>() / 16 * 16;
    let evidence = (0..n)
        .step_by(most)
        .map(|first| Ok((first, gpu.alloc(most.min(n - first))?)))
        .collect::<Result<Vec<(usize, Buffer<[f32; 4]>)>, WorldError>>()?;
    let batch_bytes = BATCH_BYTES.min(gpu.caps().binding as usize);
    let total = views.len() as u64;
    monitor.progress(0, total);
    let mut recorder = gpu.recorder();
    let mut done = 0;
    while done < views.len() {
        if monitor.stopped() {
            return Err(WorldError::Interrupted);
        }
        let mut batch = 1;
        let mut pixels = views[done].depth.len();
        while batch < BATCH_VIEWS && done + batch < views.len() {
            let next = views[done + batch].depth.len();
            if (pixels + next) * 16 > batch_bytes {
                break;
            }
            pixels += next;
            batch += 1;
        }
        let part = &views[done..done + batch];
        let depth: Vec<f32> = part.iter().flat_map(|v| v.still_depths()).collect();
        let alpha: Vec<f32> = part.iter().flat_map(|v| v.alpha.iter().copied()).collect();
        let (depth, alpha) = (gpu.upload(&depth)?, gpu.upload(&alpha)?);
        let surface = gpu.alloc::<[f32; 4]>(pixels)?;
        let mut first = 0u32;
        let mut posed = Vec::with_capacity(batch);
        for view in part {
            let k = view.intrinsics();
            let params = SurfaceParams {
                intrinsics: [k.fx as f32, k.fy as f32, k.cx as f32, k.cy as f32],
                width: view.width,
                height: view.height,
                first,
                edge: options.edge,
            };
            let groups = groups_2d(view.width, view.height, SURFACE.workgroup);
            recorder.run(&SURFACE, &params, &[&depth, &alpha, &surface], groups)?;
            posed.push(GpuView::new(view, first));
            first += view.depth.len() as u32;
        }
        let posed = gpu.upload(&posed)?;
        let ([x, y, z], [nx, ny, nz]) = (world.origin, world.dims);
        for (first, evidence) in &evidence {
            let params = IntegrateParams {
                origin: [x, y, z, world.voxel],
                dims: [nx, ny, nz, evidence.len() as u32],
                views: batch as u32,
                reset: u32::from(done == 0),
                truncation: options.truncation * world.voxel,
                first: *first as u32,
            };
            let groups = groups_1d(evidence.len(), INTEGRATE.workgroup[0]);
            recorder.run(&INTEGRATE, &params, &[&posed, &surface, evidence], groups)?;
        }
        recorder.submit()?;
        done += batch;
        monitor.progress(done as u64, total);
    }
    for (first, evidence) in &evidence {
        let words = evidence.len().div_ceil(16);
        let states = gpu.alloc::<u32>(words)?;
        let params = ClassifyParams {
            voxels: evidence.len() as u32,
            voxel: world.voxel,
            occupied: options.occupied_log_odds,
            free: options.free_log_odds,
        };
        let groups = groups_1d(words, CLASSIFY.workgroup[0]);
        recorder.run(&CLASSIFY, &params, &[evidence, &states], groups)?;
        recorder.submit()?;
        let packed = gpu.read(&states)?;
        let states = (0..evidence.len()).map(|i| Voxel::of(packed[i / 16] >> (2 * (i % 16)) & 3));
        world.fill(*first, states);
    }
    if alignment.floor_found
        && let Some(ground) = Ground::of_some(&views, ground::NEAR)
    {
        flatten::flatten(&mut world, &ground);
    }
    clean::drop_small(&mut world, options.min_component);
    for note in &world.notes {
        monitor.warn(note);
    }
    Ok(world)
}

fn check(views: &[DepthView], options: &WorldOptions) -> Result<(), WorldError> {
    let positive: [(&'static str, f32); 6] = [
        ("voxel_metres", options.voxel_metres),
        ("voxel_heights", options.voxel_heights),
        ("max_coarsening", options.max_coarsening),
        ("occupied_log_odds", options.occupied_log_odds),
        ("free_log_odds", options.free_log_odds),
        ("edge", options.edge),
    ];
    for (field, value) in positive {
        if !(value > 0.0 && value.is_finite()) {
            return Err(WorldError::Option {
                field,
                value: f64::from(value),
                mend: "it must be a positive number",
            });
        }
    }
    if !(options.truncation > 1.0 && options.truncation.is_finite()) {
        return Err(WorldError::Option {
            field: "truncation",
            value: f64::from(options.truncation),
            mend: "it must be over 1 voxel",
        });
    }
    if options.max_voxels > bricks::MOST {
        return Err(WorldError::Option {
            field: "max_voxels",
            value: options.max_voxels as f64,
            mend: "it must be at most 2147483648",
        });
    }
    for view in views {
        let frame = view.camera.frame;
        let want = view.width as usize * view.height as usize;
        if view.depth.len() != want || view.alpha.len() != want || want == 0 {
            return Err(WorldError::Shape {
                frame,
                width: view.width,
                height: view.height,
                want,
                depth: view.depth.len(),
                alpha: view.alpha.len(),
            });
        }
        let (pose, k) = (&view.camera.pose, view.intrinsics());
        let finite = pose.position.is_finite() && pose.rotation.is_finite();
        if !(finite && k.fx.is_finite() && k.fy.is_finite() && k.fx > 0.0 && k.fy > 0.0) {
            return Err(WorldError::Camera { frame });
        }
    }
    Ok(())
}
