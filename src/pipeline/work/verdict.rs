//! The end of a round: agents in the world, and what the reviser makes of it.

use super::super::stages::Tracked;
use super::super::studio::Studio;
use super::Job;
use super::rebuild::posed;
use crate::agent::{self, AgentReport};
use crate::monitor::Monitor;
use crate::revise::{self, Evidence, Found};
use crate::score::Scores;
use crate::splat::FitReport;
use crate::store::{Scratch, read_json};
use crate::world::World;

/// The world -> what agents find in it.
pub fn agent(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let (gpu, config) = (studio.gpu()?, studio.context.config);
    let world = World::load(&job.file("world.vox")?)?;
    let posed = posed(studio, job, monitor)?;
    let options = &config.agent;
    let agent::Inspected { report, floor } =
        agent::inspect(&gpu, &world, &posed.views, &posed.cameras, options, monitor)?;
    stage.write_json("agent.json", &report)?;
    stage.write_json("floor.json", &floor)?;
    Ok(format!("{} violation(s)", report.violations.len()))
}

/// What was found -> the verdict and the next prompt.
pub fn revision(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    _monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let folder = job.folder();
    let scores: Scores = read_json(&job.file(&format!("{folder}/scores.json"))?)?;
    let tracked: Tracked = read_json(&job.file(&format!("{folder}/track.json"))?)?;
    let report: AgentReport;
    let found = match &tracked {
        Tracked::Refused { reason, words } => Found::Refused { reason, words },
        Tracked::Solved(cameras) => {
            report = read_json(&job.file("agent.json")?)?;
            let fit: FitReport = read_json(&job.file("fit.json")?)?;
            let evidence = Evidence {
                registered: cameras.cameras.len() as f64 / cameras.frames.max(1) as f64,
                way: cameras.way_of_depth(),
                held_out_psnr: fit.held_out_psnr,
            };
            Found::Tested {
                report: &report,
                evidence,
            }
        }
    };
    let accept = &studio.context.config.accept;
    let revision = revise::revise(
        &job.round.prompt,
        job.round.iteration,
        &scores,
        found,
        accept,
    )?;
    stage.write_json("revision.json", &revision)?;
    Ok(revision.explanation)
}
