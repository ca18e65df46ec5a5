//! The end of a round: agents in the world, and what the reviser makes of it.

use super::super::stages::Tracked;
use super::super::studio::Studio;
use super::Job;
use super::rebuild::posed;
use crate::agent::{self, AgentReport};
use crate::event::Monitor;
use crate::revise::{self, Evidence, Found};
use crate::score::Scores;
use crate::splat::FitReport;
use crate::store::{Stage, read_json, write_json};
use crate::world::World;

/// The world -> what agents find in it.
pub fn agent(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Stage,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let (gpu, config) = (studio.gpu()?, studio.context.config);
    let world = World::load(&job.home.join("world.vox"))?;
    let posed = posed(studio, job)?;
    let options = &config.agent;
    let agent::Inspected { report, floor } =
        agent::inspect(&gpu, &world, &posed.views, &posed.cameras, options, monitor)?;
    write_json(&stage.path("agent.json")?, &report)?;
    write_json(&stage.path("floor.json")?, &floor)?;
    Ok(format!("{} violation(s)", report.violations.len()))
}

/// What was found -> the verdict and the next prompt.
pub fn revision(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Stage,
    _monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let take = job.home.join(job.folder());
    let scores: Scores = read_json(&take.join("scores.json"))?;
    let tracked: Tracked = read_json(&take.join("track.json"))?;
    let report: AgentReport;
    let found = match &tracked {
        Tracked::Refused { reason, words } => Found::Refused { reason, words },
        Tracked::Solved(cameras) => {
            report = read_json(&job.home.join("agent.json"))?;
            let fit: FitReport = read_json(&job.home.join("fit.json"))?;
            let evidence = Evidence {
                registered: cameras.cameras.len() as f64 / cameras.frames.max(1) as f64,
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
    write_json(&stage.path("revision.json")?, &revision)?;
    Ok(revision.explanation)
}
