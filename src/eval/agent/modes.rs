//! The four ways to a world, from the truth to what a run has.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use glam::{DMat3, DVec3};
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::take::Take;
use super::witness::{Source, Witness, witnesses};
use super::{end_to_end, floater, network, voxels};
use crate::agent::{self, AgentOptions, Inspected};
use crate::camera::{Cameras, LengthUnit, Way, evaluate::Similarity};
use crate::depth::Model;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::pipeline::Config;
use crate::revise::Evidence;
use crate::world::{self, Alignment, DepthView, World};

/// What a world is made from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The scene's own triangles as voxels, and true depth as evidence
    A,
    /// Rebuilt from true cameras and true depth
    B,
    /// Rebuilt from true cameras and the network's depth
    C,
    /// What a run makes of the video
    D,
}

impl Mode {
    /// All.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    /// Its letter.
    pub fn name(self) -> &'static str {
        ["a", "b", "c", "d"][self as usize]
    }

    /// In words.
    pub fn words(self) -> &'static str {
        [
            "true geometry",
            "rebuilt from true cameras and true depth",
            "true cameras, network depth",
            "end to end",
        ][self as usize]
    }
}

/// What worlds are made and tested with.
pub struct Tools<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// The depth network; needed by [`Mode::C`] and [`Mode::D`].
    pub model: Option<&'a Model>,
    /// Options of world, agents and of all stages of [`Mode::D`].
    pub config: &'a Config,
    /// Told of warnings, asked whether to stop.
    pub monitor: &'a dyn Monitor,
}

/// A world that agents have tested, or why there is none.
pub struct Tested {
    /// What agents found; `None` where the cameras could not be solved.
    pub inspected: Option<Inspected>,
    /// Why not.
    pub refused: Option<String>,
    /// The cameras in the world's frame.
    pub cameras: Cameras,
    /// From the world's frame to the truth's.
    pub to_truth: Similarity,
    /// Faults that are in it.
    pub faults: Vec<Fault>,
    /// What depth holds of them; see [`witness`](super::witness).
    pub witnesses: Vec<Witness>,
    /// Evidence beside the agents' report; perfect where only the report counts.
    pub evidence: Evidence,
    /// Seconds by stage.
    pub seconds: BTreeMap<String, f64>,
}

/// Runs `work` and notes what it took.
pub(super) fn timed<T>(
    seconds: &mut BTreeMap<String, f64>,
    stage: &str,
    work: impl FnOnce() -> T,
) -> T {
    let begun = Instant::now();
    let done = work();
    *seconds.entry(stage.to_owned()).or_default() += begun.elapsed().as_secs_f64();
    done
}

/// What several modes share of one take.
#[derive(Default)]
pub struct Shared {
    colours: Option<crate::video::Frames>,
    /// The world of [`Mode::B`], whose grid [`Mode::A`] takes, and the seconds that it took.
    rebuilt: Option<(World, f64)>,
}

/// The mock world's own frame: metres, +Y up, floor at y = 0.
fn alignment(take: &Take) -> Alignment {
    let mut heights: Vec<f64> = take
        .cameras
        .cameras
        .iter()
        .map(|c| c.pose.position.y)
        .collect();
    Alignment {
        rotation: DMat3::IDENTITY,
        translation: DVec3::ZERO,
        scale: 1.0,
        floor_found: true,
        camera_height: crate::numeric::median(&mut heights).unwrap_or(1.5),
        unit: LengthUnit::Metres,
        floor_share: 1.0,
        tilt_degrees: 0.0,
        notes: Vec::new(),
    }
}

/// True depth with the decoded frames' pixels.
fn true_views(take: &Take, colours: &[Vec<u32>]) -> Vec<DepthView> {
    let views = take.cameras.cameras.iter().zip(&take.seen).zip(colours);
    let mut views: Vec<DepthView> = views
        .map(|((camera, seen), colour)| DepthView {
            colour: colour.clone(),
            ..DepthView::new(
                *camera,
                take.case.size,
                seen.depth.clone(),
                vec![1.0; seen.depth.len()],
            )
        })
        .collect();
    world::hold_out(&mut views);
    views
}

/// Makes the world of a take as `mode` says and lets agents test it. `faults` are those of the scene.
///
/// # Errors
/// Those of the stages, and an interruption. A clip that cannot be solved is told in the answer.
pub fn test(
    tools: &Tools<'_>,
    mode: Mode,
    take: &Take,
    faults: &[Fault],
    shared: &mut Shared,
    folder: &Path,
) -> anyhow::Result<Tested> {
    let Tools {
        gpu,
        config,
        monitor,
        ..
    } = *tools;
    if mode == Mode::D {
        return end_to_end::test(tools, take, faults, folder);
    }
    let mut seconds = BTreeMap::new();
    let frames = match &shared.colours {
        Some(frames) => frames,
        None => {
            let frames = timed(&mut seconds, "decode", || take.decode(gpu, monitor))?;
            shared.colours.insert(frames)
        }
    };
    let colours = (0..frames.len())
        .map(|i| frames.read(gpu, i))
        .collect::<Result<Vec<_>, _>>()?;
    let alignment = alignment(take);
    let (cameras, views, mut world) = match mode {
        Mode::A | Mode::B => {
            let views = true_views(take, &colours);
            let (rebuilt, took) = match &shared.rebuilt {
                Some(rebuilt) => rebuilt,
                None => {
                    let begun = Instant::now();
                    let built = world::build(gpu, &views, &alignment, &config.world, monitor)?;
                    shared
                        .rebuilt
                        .insert((built, begun.elapsed().as_secs_f64()))
                }
            };
            let world = match mode {
                Mode::A => timed(&mut seconds, "voxels", || voxels::world(take, rebuilt)),
                _ => {
                    seconds.insert("world".to_owned(), *took);
                    rebuilt.clone()
                }
            };
            (take.cameras.clone(), views, world)
        }
        Mode::C => {
            let model = tools.model.context("no depth network was loaded")?;
            let maps = timed(&mut seconds, "depth", || {
                network::maps(gpu, model, "", frames, folder, monitor)
            })?;
            let cameras = network::fitted(take, &maps);
            if cameras.cameras.len() < 3 {
                bail!(
                    "depth of {} views only could be fitted to the truth",
                    cameras.cameras.len()
                );
            }
            let [width, height] = take.case.size;
            let pixels = |view: usize| Some((width, height, colours[view].clone()));
            let mut views = world::of_maps(&maps, None, &cameras, pixels);
            timed(&mut seconds, "refine", || {
                world::refine(gpu, &mut views, true, monitor)
            })?;
            let world = timed(&mut seconds, "world", || {
                world::build(gpu, &views, &alignment, &config.world, monitor)
            })?;
            (cameras, views, world)
        }
        Mode::D => bail!("mode d has its own way"),
    };
    let mut faults = faults.to_vec();
    if let Some(severity) = take.case.floater()
        && let Some(fault) = floater::place(take, severity)
        && floater::plant(&mut world, &fault)
    {
        faults.push(fault);
    }
    let options: &AgentOptions = &config.agent;
    let inspected = timed(&mut seconds, "agents", || {
        agent::inspect(gpu, &world, &views, &cameras, options, monitor)
    })?;
    // True depth holds all that there is.
    let witnesses = match mode {
        Mode::C => timed(&mut seconds, "witness", || {
            witnesses(take, &faults, &views, 1.0, Source::Maps)
        }),
        _ => Vec::new(),
    };
    Ok(Tested {
        inspected: Some(inspected),
        refused: None,
        witnesses,
        cameras,
        to_truth: Similarity {
            scale: 1.0,
            rotation: DMat3::IDENTITY,
            translation: DVec3::ZERO,
        },
        faults,
        // The cameras and the likeness are the truth's: only the report can lack something.
        evidence: Evidence {
            registered: 1.0,
            way: Way::Travels,
            held_out_psnr: Some(99.0),
        },
        seconds,
    })
}
