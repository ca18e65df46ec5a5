//! The first half of a round: prompt, take, frames, motion, scores, depth, cameras.

use std::path::{Path, PathBuf};

use super::{Clip, ProviderName, Round, Take, Tracked, Walk, frames, track};
use crate::camera;
use crate::depth;
use crate::event::Monitor;
use crate::generate::{Delivered, VideoProvider, files, mock};
use crate::gpu::Gpu;
use crate::motion::{self, MotionOptions};
use crate::pipeline::Config;
use crate::score::{self, Scores};
use crate::store::{Key, KeyBuilder, read_json, write_json};
use crate::video;

impl Walk<'_> {
    /// Prompt -> take.
    pub(super) fn take(
        &mut self,
        round: &mut Round<'_>,
        number: u32,
        prompt: &str,
    ) -> anyhow::Result<(PathBuf, Key)> {
        let request = self.request(round.row, round.iteration, number, prompt);
        let mut key = KeyBuilder::new("take", 1)
            .value(&self.config.provider.name())
            .value(&request);
        match &request.video {
            Some(video) if self.config.provider == ProviderName::Files => {
                anyhow::ensure!(
                    video.exists(),
                    "{}: no such file or folder; mend the `video` column",
                    video.display()
                );
                key = key.path(video)?;
            }
            _ => key = key.value(&mock::VERSION).kernels(mock::KERNELS),
        }
        let key = key.finish();
        let folder = format!("takes/{number}");
        let provider: Box<dyn VideoProvider> = match self.config.provider {
            ProviderName::Files => Box::new(files::Files),
            ProviderName::Mock => Box::new(mock::MockProvider::new(self.gpu()?)),
        };
        self.once(round, &format!("take-{number}"), &key, |stage, monitor| {
            let target = stage.folder(&folder)?;
            let mut delivered = provider.generate(&request, &target, monitor)?;
            for note in &delivered.notes {
                monitor.warn(note);
            }
            // Inside the stage the path is temporary; the record names the final one.
            if let Ok(inside) = delivered.video.strip_prefix(&target) {
                delivered.video = Path::new(&folder).join(inside);
            }
            write_json(&stage.path(&format!("{folder}/take.json"))?, &delivered)?;
            Ok(delivered.video.display().to_string())
        })?;
        let home = self.run.iteration(&round.row.id, round.iteration);
        let delivered: Delivered = read_json(&home.join(format!("{folder}/take.json")))?;
        let video = match self.config.provider {
            ProviderName::Files => delivered.video,
            ProviderName::Mock => home.join(delivered.video),
        };
        Ok((video, key))
    }

    /// Take -> frames, motion, scores.
    pub(super) fn score(
        &mut self,
        round: &mut Round<'_>,
        number: u32,
        video: &Path,
        take: Key,
    ) -> anyhow::Result<(Scores, Key)> {
        let config = self.config;
        let key = KeyBuilder::new("scores", score::VERSION)
            .value(&(
                video::VERSION,
                motion::VERSION,
                config.max_side,
                config.max_frames,
                &config.motion,
                &config.score,
            ))
            .kernels(video::KERNELS)
            .kernels(motion::KERNELS)
            .after(&take)
            .finish();
        let file = format!("takes/{number}/scores.json");
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        // Only a single take is sure to need the long strides; others get them once they are the best.
        let alone = self.config.takes_of(round.row) == 1;
        let mut clip = None;
        self.once(
            round,
            &format!("scores-{number}"),
            &key,
            |stage, monitor| {
                let frames = frames(&gpu, video, fps, config, monitor)?;
                let mut options = config.motion.clone();
                if !alone {
                    options.strides = vec![1];
                }
                let motion = motion::estimate(&gpu, &frames, &options, monitor)?;
                let scores = score::score(&gpu, &frames, &motion, &config.score)?;
                write_json(&stage.path(&file)?, &scores)?;
                let summary = format!("overall {:.3}, {} frames", scores.overall, frames.len());
                clip = Some(Clip { frames, motion });
                Ok(summary)
            },
        )?;
        if let Some(clip) = clip {
            round.clips.insert(number, clip);
        }
        let home = self.run.iteration(&round.row.id, round.iteration);
        Ok((read_json(&home.join(file))?, key))
    }

    /// Frames, motion and depth -> cameras.
    pub(super) fn cameras(
        &mut self,
        round: &mut Round<'_>,
        take: &Take,
    ) -> anyhow::Result<(Tracked, Key)> {
        let config = self.config;
        let model = self.model()?;
        let key = KeyBuilder::new("cameras", camera::VERSION)
            .value(&(
                depth::VERSION,
                model.sha256(),
                config.depth.kind,
                &config.solve,
                config.ignore_known_cameras,
                config.ignore_known_depth,
            ))
            .after(&take.key)
            .finish();
        let number = take.number;
        let file = format!("takes/{number}/track.json");
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        let mut clip = round.clips.remove(&number);
        let mut maps = None;
        self.once(
            round,
            &format!("cameras-{number}"),
            &key,
            |stage, monitor| {
                let current = match &mut clip {
                    Some(clip) => clip,
                    slot => slot.insert(read_clip(&gpu, &take.video, fps, config, monitor)?),
                };
                if current.motion.pairs.iter().all(|p| p.b - p.a == 1) && current.frames.len() > 2 {
                    current.motion =
                        motion::estimate(&gpu, &current.frames, &config.motion, monitor)?;
                }
                let (tracked, depth) = track(
                    &gpu,
                    &take.video,
                    &current.frames,
                    Some(&current.motion),
                    &model,
                    config,
                    monitor,
                )?;
                maps = depth;
                write_json(&stage.path(&file)?, &tracked)?;
                Ok(match &tracked {
                    Tracked::Solved(c) => format!(
                        "{} of {} frames, focal {:?}",
                        c.cameras.len(),
                        c.frames,
                        c.focal_source
                    ),
                    Tracked::Refused { words, .. } => format!("refused: {words}"),
                })
            },
        )?;
        if let Some(clip) = clip {
            round.clips.insert(number, clip);
        }
        round.depth = maps;
        let home = self.run.iteration(&round.row.id, round.iteration);
        Ok((read_json(&home.join(file))?, key))
    }
}

fn read_clip(
    gpu: &Gpu,
    video: &Path,
    fps: Option<f64>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<Clip> {
    let frames = frames(gpu, video, fps, config, monitor)?;
    let options: &MotionOptions = &config.motion;
    let motion = motion::estimate(gpu, &frames, options, monitor)?;
    Ok(Clip { frames, motion })
}
