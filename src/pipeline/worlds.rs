//! The second half of a round on the lane: the take that is rebuilt, splats, collision world, agents, revision.

use super::scores::{loaded, present, stored_depth};
use super::studio::Studio;
use super::{IterationResult, Round, Scored, TakeResult, Tracked, Work, depth_views, rebuild};
use crate::agent::{self, AgentReport};
use crate::camera::Cameras;
use crate::gpu::Gpu;
use crate::report::pictures;
use crate::revise::{self, Found, Revision};
use crate::score::{self, Scores};
use crate::splat::{self, FitReport, format};
use crate::store::{Key, KeyBuilder, read_json, write_json};
use crate::world::{self, World};

impl Studio<'_> {
    /// The best take that can be solved -> its world; none can be -> the reviser is told why.
    pub(super) fn rebuilt(
        &mut self,
        round: &Round<'_>,
        takes: Vec<Scored>,
    ) -> anyhow::Result<(IterationResult, Revision)> {
        self.work = Work::default();
        let mut result = IterationResult {
            iteration: round.iteration,
            prompt: round.prompt.clone(),
            ..IterationResult::default()
        };
        let order = score::rank(&takes.iter().map(|t| t.scores.clone()).collect::<Vec<_>>());
        for (rank, &at) in (1..).zip(&order) {
            let Scored { take, scores, .. } = &takes[at];
            let root = self.context.run.root();
            result.takes.push(TakeResult {
                take: take.number,
                seed: take.seed,
                video: take.video.strip_prefix(root).unwrap_or(&take.video).into(),
                scores: scores.clone(),
                rank,
            });
            self.work.merge(take.work.clone());
        }
        let mut refusal = None;
        let mut solved = None;
        for &at in &order {
            let (tracked, key) = self.cameras(round, &takes[at])?;
            match tracked {
                Tracked::Solved(cameras) => {
                    solved = Some((&takes[at], cameras, key));
                    break;
                }
                Tracked::Refused { reason, words } => {
                    refusal.get_or_insert((reason, words, key, at));
                }
            }
        }
        let revision = match (solved, refusal) {
            (Some((take, cameras, key)), _) => {
                self.world(round, take, &cameras, key, &mut result)?
            }
            (None, Some((reason, words, key, at))) => {
                result.refusal = Some(words.clone());
                let found = Found::Refused {
                    reason: &reason,
                    words: &words,
                };
                self.revision(round, &takes[at].scores, found, key)?
            }
            (None, None) => anyhow::bail!("no takes were asked for"),
        };
        result.explanation.clone_from(&revision.explanation);
        result.accepted = revision.accepted;
        result.work = std::mem::take(&mut self.work);
        Ok((result, revision))
    }

    /// Cameras -> splats -> world -> agents -> revision.
    fn world(
        &mut self,
        round: &Round<'_>,
        scored: &Scored,
        cameras: &Cameras,
        key: Key,
        result: &mut IterationResult,
    ) -> anyhow::Result<Revision> {
        let config = self.context.config;
        let take = &scored.take;
        let gpu = self.gpu()?;
        let home = self.home(round);
        let fps = round.row.fps;
        result.best = Some(take.number);
        result.registered = Some(cameras.cameras.len());
        result.frames = Some(cameras.frames);
        result.focal_source = serde_json::to_value(cameras.focal_source)?
            .as_str()
            .map(str::to_owned);

        let splats_key = KeyBuilder::new("splats", splat::VERSION)
            .value(&(&config.fit, world::VERSION, &config.world))
            .kernels(splat::KERNELS)
            .kernels(crate::gpu::KERNELS)
            .after(&key)
            .finish();
        let mut clip = self.clips.take(round, take.number);
        self.once(round, "splats", &splats_key, |stage, monitor| {
            let (pictures, _) = loaded(&mut clip, &gpu, &take.video, fps, config, monitor)?;
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
        result.splats = Some(report.splats);
        result.held_out_psnr = report.held_out_psnr;

        let world_key = KeyBuilder::new("world", world::VERSION)
            .value(&config.world)
            .kernels(world::KERNELS)
            .kernels(splat::KERNELS)
            .kernels(crate::gpu::KERNELS)
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
            let file = home.join("world.vox");
            present(&file)?;
            let world = World::load(&file)?;
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
        result.violations = Some(report.violations.len());
        result.metrics.clone_from(&report.metrics);
        self.revision(round, &scored.scores, Found::Tested(&report), agent_key)
    }

    /// What was found -> the next prompt.
    fn revision(
        &mut self,
        round: &Round<'_>,
        scores: &Scores,
        found: Found<'_>,
        key: Key,
    ) -> anyhow::Result<Revision> {
        let config = self.context.config;
        let key = KeyBuilder::new("revision", revise::VERSION)
            .bytes(revise::RULES.as_bytes())
            .value(&(&config.accept, scores, &round.prompt))
            .after(&key)
            .finish();
        let (prompt, iteration) = (&round.prompt, round.iteration);
        self.once(round, "revision", &key, |stage, _| {
            let revision = revise::revise(prompt, iteration, scores, found, &config.accept)?;
            write_json(&stage.path("revision.json")?, &revision)?;
            Ok(revision.explanation)
        })?;
        Ok(read_json(&self.home(round).join("revision.json"))?)
    }
}
