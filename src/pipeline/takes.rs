//! The first half of a round: prompt, take, frames, motion, scores, depth, cameras.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stages::{depth, given};
use super::{Clip, Round, Take, Tracked, Walk, frames, track};
use crate::camera;
use crate::depth::{self, DepthKind, DepthMaps};
use crate::event::Monitor;
use crate::generate::{Delivered, VideoProvider, files, mock};
use crate::gpu::Gpu;
use crate::motion;
use crate::pipeline::Config;
use crate::score::{self, Scores};
use crate::store::{Key, KeyBuilder, read_json, write_json};
use crate::video::{self, Frames};

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
            .value(&self.config.provider)
            .value(&request);
        match &request.video {
            Some(video) if self.config.provider == "files" => {
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
        let provider: Box<dyn VideoProvider> = match self.config.provider.as_str() {
            "files" => Box::new(files::Files),
            _ => Box::new(mock::MockProvider::new(self.gpu()?)),
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
        let video = match self.config.provider.as_str() {
            "files" => delivered.video,
            _ => home.join(delivered.video),
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
                clip = Some(Clip {
                    frames,
                    motion: Some(motion),
                });
                Ok(summary)
            },
        )?;
        if let Some(clip) = clip {
            round.clips.insert(number, clip);
        }
        let home = self.run.iteration(&round.row.id, round.iteration);
        Ok((read_json(&home.join(file))?, key))
    }

    /// Frames -> depth, kept as `depth.npy` unless the input has its own.
    pub(super) fn depth(&mut self, round: &mut Round<'_>, take: &Take) -> anyhow::Result<Key> {
        let config = self.config;
        let model = self.model()?;
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        let key = KeyBuilder::new("depth", depth::VERSION)
            .value(&(
                model.sha256(),
                config.depth.kind,
                config.ignore_known_cameras,
                config.ignore_known_depth,
            ))
            .after(&take.key)
            .finish();
        let number = take.number;
        let mut clip = round.clips.remove(&number);
        let step = format!("depth-{number}");
        self.once(round, &step, &key, |stage, monitor| {
            let current = loaded(&mut clip, &gpu, &take.video, fps, config, monitor)?;
            let given = given(&take.video, &current.frames, config)?;
            let found = depth(&gpu, &current.frames, &given, &model, monitor)?;
            let record = match (&found, &given.depth) {
                (Some(maps), None) => {
                    maps.save_npy(&stage.path(&format!("takes/{number}/depth.npy"))?)?;
                    DepthRecord::Network {
                        kind: maps.kind,
                        model: maps.model.clone(),
                    }
                }
                (Some(_), Some(_)) => DepthRecord::Known,
                (None, _) => DepthRecord::None,
            };
            write_json(&stage.path(&format!("takes/{number}/depth.json"))?, &record)?;
            Ok(match record {
                DepthRecord::Network { model, .. } => model,
                DepthRecord::Known => "the input's own".to_owned(),
                DepthRecord::None => "not needed: the poses are known".to_owned(),
            })
        })?;
        round.clips.extend(clip.map(|clip| (number, clip)));
        Ok(key)
    }

    /// Frames, motion and depth -> cameras.
    pub(super) fn cameras(
        &mut self,
        round: &mut Round<'_>,
        take: &Take,
    ) -> anyhow::Result<(Tracked, Key)> {
        let config = self.config;
        let depth_key = self.depth(round, take)?;
        let key = KeyBuilder::new("cameras", camera::VERSION)
            .value(&config.solve)
            .after(&depth_key)
            .finish();
        let number = take.number;
        let file = format!("takes/{number}/track.json");
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        let mut clip = round.clips.remove(&number);
        let step = format!("cameras-{number}");
        let home = self.run.iteration(&round.row.id, round.iteration);
        self.once(round, &step, &key, |stage, monitor| {
            let current = loaded(&mut clip, &gpu, &take.video, fps, config, monitor)?;
            let given = given(&take.video, &current.frames, config)?;
            let Clip { frames, motion } = current;
            let whole = motion
                .take()
                .filter(|m| m.pairs.iter().any(|p| p.b - p.a > 1));
            let motion = || match whole {
                Some(motion) => Ok(motion),
                None => Ok(motion::estimate(&gpu, frames, &config.motion, monitor)?),
            };
            let maps = stored_depth(&home, take, frames, config)?;
            let tracked = track(frames, motion, &given, maps.as_ref(), config, monitor)?;
            write_json(&stage.path(&file)?, &tracked)?;
            Ok(match &tracked {
                Tracked::Solved(c) => {
                    format!(
                        "{} of {} frames, focal {:?}",
                        c.cameras.len(),
                        c.frames,
                        c.focal_source
                    )
                }
                Tracked::Refused { words, .. } => format!("refused: {words}"),
            })
        })?;
        round.clips.extend(clip.map(|clip| (number, clip)));
        Ok((read_json(&home.join(file))?, key))
    }
}

/// Where a take's depth is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DepthRecord {
    /// In `depth.npy` beside this record.
    Network {
        /// What the values mean.
        kind: DepthKind,
        /// The network's name.
        model: String,
    },
    /// With the input.
    Known,
    /// Nowhere: poses are known, and nothing needs depth.
    None,
}

/// The depth of a take whose depth step is done. It is read back even where it was just made, so that a resumed
/// run sees the same numbers.
pub(super) fn stored_depth(
    home: &Path,
    take: &Take,
    frames: &Frames,
    config: &Config,
) -> anyhow::Result<Option<DepthMaps>> {
    let folder = home.join(format!("takes/{}", take.number));
    Ok(match read_json(&folder.join("depth.json"))? {
        DepthRecord::Network { kind, model } => Some(DepthMaps::load_npy(
            &folder.join("depth.npy"),
            kind,
            &model,
        )?),
        DepthRecord::Known => given(&take.video, frames, config)?.depth,
        DepthRecord::None => None,
    })
}

/// The clip, decoded if it is not at hand.
pub(super) fn loaded<'c>(
    clip: &'c mut Option<Clip>,
    gpu: &Gpu,
    video: &Path,
    fps: Option<f64>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<&'c mut Clip> {
    Ok(match clip {
        Some(clip) => clip,
        slot => slot.insert(Clip {
            frames: frames(gpu, video, fps, config, monitor)?,
            motion: None,
        }),
    })
}
