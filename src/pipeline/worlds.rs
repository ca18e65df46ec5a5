//! The second half of a round: splats, collision world, agents, revision.

use super::takes::{loaded, stored_depth};
use super::{Round, Take, Walk, depth_views, rebuild};
use crate::agent::{self, AgentReport};
use crate::camera::Cameras;
use crate::gpu::Gpu;
use crate::report::pictures;
use crate::revise::{self, Found, Revision};
use crate::score::Scores;
use crate::splat::{self, FitReport, format};
use crate::store::{Key, KeyBuilder, read_json, write_json};
use crate::world::{self, World};

impl Walk<'_> {
    /// Cameras -> splats -> world -> agents -> revision.
    pub(super) fn world(
        &mut self,
        round: &mut Round<'_>,
        take: &Take,
        cameras: &Cameras,
        key: Key,
    ) -> anyhow::Result<Revision> {
        let config = self.config;
        let gpu = self.gpu()?;
        let home = self.run.iteration(&round.row.id, round.iteration);
        let fps = round.row.fps;
        round.result.best = Some(take.number);
        round.result.registered = Some(cameras.cameras.len());
        round.result.frames = Some(cameras.frames);
        round.result.focal_source = serde_json::to_value(cameras.focal_source)?
            .as_str()
            .map(str::to_owned);

        let splats_key = KeyBuilder::new("splats", splat::VERSION)
            .value(&(&config.fit, world::VERSION, &config.world))
            .kernels(splat::KERNELS)
            .after(&key)
            .finish();
        let mut clip = round.clips.remove(&take.number);
        self.once(round, "splats", &splats_key, |stage, monitor| {
            let pictures = &loaded(&mut clip, &gpu, &take.video, fps, config, monitor)?.frames;
            let maps = stored_depth(&home, take, pictures, config)?;
            let rebuilt = rebuild(&gpu, pictures, cameras, maps.as_ref(), config, monitor)?;
            format::write(&stage.path("world.ply")?, &rebuilt.splats)?;
            format::write(&stage.path("world.glb")?, &rebuilt.splats)?;
            write_json(&stage.path("cameras.json")?, &rebuilt.cameras)?;
            write_json(&stage.path("fit.json")?, &rebuilt.report)?;
            write_json(&stage.path("alignment.json")?, &rebuilt.alignment)?;
            pictures::held_out(
                &gpu,
                pictures,
                &rebuilt.splats,
                &rebuilt.cameras,
                &rebuilt.report,
                config.fit.eval_background,
                &stage.path("held_out.png")?,
            )?;
            let psnr = rebuilt.report.held_out_psnr.unwrap_or(f64::NAN);
            Ok(format!(
                "{} splats, held-out PSNR {psnr:.2} dB",
                rebuilt.splats.len()
            ))
        })?;
        drop(clip);
        let report: FitReport = read_json(&home.join("fit.json"))?;
        round.result.splats = Some(report.splats);
        round.result.held_out_psnr = report.held_out_psnr;

        let world_key = KeyBuilder::new("world", world::VERSION)
            .value(&config.world)
            .kernels(world::KERNELS)
            .kernels(splat::KERNELS)
            .after(&splats_key)
            .finish();
        let mut views = None;
        let posed = |gpu: &Gpu| -> anyhow::Result<_> {
            let cameras: Cameras = read_json(&home.join("cameras.json"))?;
            let splats = format::read(&home.join("world.ply"))?;
            let views = depth_views(gpu, &splats, &cameras)?;
            Ok((cameras, splats, views))
        };
        self.once(round, "world", &world_key, |stage, monitor| {
            let posed = views.insert(posed(&gpu)?);
            let alignment: world::Alignment = read_json(&home.join("alignment.json"))?;
            let world = world::build(&gpu, &posed.2, &alignment, &config.world, monitor)?;
            world.save(&stage.path("world.vox")?)?;
            let [x, y, z] = world.dims;
            Ok(format!("{x}x{y}x{z} voxels of {:.3}", world.voxel))
        })?;

        let agent_key = KeyBuilder::new("agent", agent::VERSION)
            .value(&config.agent)
            .kernels(agent::KERNELS)
            .after(&world_key)
            .finish();
        self.once(round, "agent", &agent_key, |stage, monitor| {
            let posed = match &mut views {
                Some(views) => views,
                slot => slot.insert(posed(&gpu)?),
            };
            let world = World::load(&home.join("world.vox"))?;
            let report = agent::test(&gpu, &world, &posed.2, &posed.0, &config.agent, monitor)?;
            write_json(&stage.path("agent.json")?, &report)?;
            pictures::map(&world, &posed.0, &report, &stage.path("map.png")?)?;
            pictures::renders(
                &gpu,
                &posed.1,
                &posed.0,
                config.fit.eval_background,
                &stage.path("renders.png")?,
            )?;
            Ok(format!("{} violation(s)", report.violations.len()))
        })?;
        let report: AgentReport = read_json(&home.join("agent.json"))?;
        round.result.violations = Some(report.violations.len());
        round.result.metrics.clone_from(&report.metrics);
        self.revision(round, &take.scores, Found::Tested(&report), agent_key)
    }

    /// What was found -> the next prompt.
    pub(super) fn revision(
        &mut self,
        round: &mut Round<'_>,
        scores: &Scores,
        found: Found<'_>,
        key: Key,
    ) -> anyhow::Result<Revision> {
        let config = self.config;
        let key = KeyBuilder::new("revision", revise::VERSION)
            .bytes(revise::RULES.as_bytes())
            .value(&(&config.accept, scores, &round.result.prompt))
            .after(&key)
            .finish();
        let (prompt, iteration) = (round.result.prompt.clone(), round.iteration);
        self.once(round, "revision", &key, |stage, _| {
            let revision = revise::revise(&prompt, iteration, scores, found, &config.accept)?;
            write_json(&stage.path("revision.json")?, &revision)?;
            Ok(revision.explanation)
        })?;
        let home = self.run.iteration(&round.row.id, round.iteration);
        Ok(read_json(&home.join("revision.json"))?)
    }
}
