//! A folder that a run or `director reconstruct` left.

use std::path::{Path, PathBuf};

use super::take::{self, Take};
use super::{Making, Ready, beside, splats, units};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::pipeline::stages;
use crate::revise::Evidence;
use crate::splat::FitReport;
use crate::world::{self, Alignment, World};

/// Rounds that an error names, at most.
const NAMED: usize = 3;

/// That all that is needed is there, so that all that is missing is told at once.
pub(super) fn check(folder: &Path) -> anyhow::Result<()> {
    let there = |name: &str| folder.join(name).is_file();
    let mut missing: Vec<&str> = ["world.ply", "cameras.json"]
        .into_iter()
        .filter(|name| !there(name))
        .collect();
    if !there("world.vox") && !there("alignment.json") {
        missing.push("world.vox (or alignment.json, to build it)");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let place = folder.display();
    let rounds = rounds(folder);
    if let Some(first) = rounds.first() {
        let others = match rounds.len() {
            1 => String::new(),
            n => format!(" (there are {n})"),
        };
        anyhow::bail!(
            "{place}: this holds the rounds of a run; give one of them, such as {}{others}",
            first.display()
        );
    }
    anyhow::bail!(
        "{place}: no world is here: {} missing; give the folder of a round that `director run` rebuilt (RUN/prompts/ID/1), one that `director reconstruct CLIP -o FOLDER` wrote, or a file of splats, a mesh or a world.vox itself",
        match &missing[..] {
            [one] => format!("{one} is"),
            all => format!("{} are", all.join(", ")),
        }
    )
}

/// Rounds with a world below a run, or below one of its rows.
fn rounds(folder: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
        found.sort();
        found
    };
    let whole = |round: &PathBuf| round.join("world.ply").is_file();
    let rows = match folder.join("prompts") {
        prompts if prompts.is_dir() => below(&prompts),
        _ => vec![folder.to_owned()],
    };
    let mut found = Vec::new();
    for row in rows {
        found.extend(below(&row).into_iter().filter(whole));
        if found.len() > 100 * NAMED {
            break;
        }
    }
    found
}

/// The world that is there, or one that is built, and the views that its run had where their source is at hand.
pub(super) fn ready(
    gpu: &Gpu,
    folder: &Path,
    making: &Making,
    monitor: &dyn Monitor,
) -> anyhow::Result<Ready> {
    let there = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let cameras = beside::read(&folder.join("cameras.json"))?;
    let alignment: Option<Alignment> = there("alignment.json")
        .map(|path| beside::json(&path, "how a world lies"))
        .transpose()?;
    let stored = match (there("world.vox"), making.voxel, &alignment) {
        (Some(path), Some(_), None) => anyhow::bail!(
            "{}: without the alignment.json beside it the world cannot be built again; leave --voxel out",
            path.display()
        ),
        (Some(path), None, _) => Some(World::load(&path)?),
        _ => None,
    };
    let mut notes = Vec::new();
    if let Some(world) = &stored {
        notes.extend(units(&cameras, world));
    }
    let fit: Option<FitReport> = there("fit.json")
        .map(|path| beside::json(&path, "how well splats show frames"))
        .transpose()?;
    let file = crate::splat::format::load(&folder.join("world.ply"))?;
    let splats = splats::whole(&folder.join("world.ply"), file, &mut notes)?;
    let found = take::config(folder);
    let config = match &found {
        Ok(config) => config.clone(),
        Err(why) => {
            notes.push(format!(
                "the run's own settings are not at hand ({why}): the defaults are taken"
            ));
            take::guessed(&cameras)
        }
    };
    let floor_found = match (&alignment, &stored) {
        (Some(alignment), _) => alignment.floor_found,
        (None, Some(world)) => world.floor_found,
        (None, None) => false,
    };
    let taken = Take::of(folder).and_then(|take| {
        let Some(take) = take else { return Ok(None) };
        let things = (&splats, &cameras);
        let views = take.evidence(gpu, things, floor_found, &config, monitor)?;
        Ok(Some((take.number(), views)))
    });
    let mut evidence = None;
    match taken {
        Ok(Some((number, views))) => {
            notes.push(format!(
                "views are what the run itself had: the frames of take {number} with their depth"
            ));
            evidence = Some(views);
        }
        Ok(None) => notes.push(
            "no take lies beside the world: views are rendered from its splats, and nothing but the world itself tells of it".to_owned(),
        ),
        Err(why) => notes.push(format!(
            "views are rendered from the splats, since the take is not at hand: {why}; the verdict may differ from the run's"
        )),
    }
    let built = stored.is_none();
    let world = match (stored, &alignment) {
        (Some(world), _) => world,
        (None, Some(alignment)) => {
            let of = match evidence {
                Some(_) => "the take, as in the run",
                None => "world.ply",
            };
            notes.push(match making.voxel {
                Some(voxel) => format!("the world was built from {of}, with voxels of {voxel}"),
                None => format!(
                    "there is no world.vox: the world was built from {of}; --world keeps it"
                ),
            });
            let views = match &evidence {
                Some(views) => views,
                None => &stages::depth_views(gpu, &splats, &cameras)?,
            };
            let mut options = config.world.clone();
            splats::voxels(&mut options, making.voxel);
            world::build(gpu, views, alignment, &options, monitor)?
        }
        (None, None) => anyhow::bail!(
            "{}: alignment.json is missing, to build the world",
            folder.display()
        ),
    };
    let views = match evidence {
        Some(views) => views,
        None => splats::render(gpu, &splats, &cameras.cameras, making)?,
    };
    let registered = cameras.cameras.len() as f64 / cameras.frames.max(1) as f64;
    let told = fit.map(|fit| {
        let evidence = Evidence {
            registered,
            way: cameras.way_of_depth(),
            held_out_psnr: fit.held_out_psnr,
        };
        (evidence, config.accept.clone())
    });
    Ok(Ready {
        world,
        built,
        views,
        cameras,
        splats: Some(splats),
        agent: making.agent(config.agent.clone()),
        evidence: told,
        background: config.fit.eval_background,
        notes,
    })
}
