//! The first half of a round on the lane: take, frames, motion, scores, depth, cameras.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::stages::{self, depth, given};
use super::studio::{Clip, Studio};
use super::{Config, Round, Scored, Take, Tracked, frames, track};
use crate::camera;
use crate::depth::{self, DepthKind, DepthMaps, Reading};
use crate::event::Monitor;
use crate::gpu::Gpu;
use crate::motion::{self, Motion};
use crate::score::{self, Scores};
use crate::store::{Key, KeyBuilder, StoreError, read_json, write_json};
use crate::video::{self, Frames};

impl Studio<'_> {
    /// Take -> frames, motion, scores.
    pub(super) fn scored(
        &mut self,
        round: &Round<'_>,
        take: &Take,
    ) -> anyhow::Result<(Scores, Key)> {
        let config = self.context.config;
        let number = take.number;
        let key = KeyBuilder::new("scores", score::VERSION)
            .value(&(
                video::VERSION,
                motion::VERSION,
                &config.motion,
                &config.score,
            ))
            .kernels(video::KERNELS)
            .kernels(motion::KERNELS)
            .kernels(score::KERNELS)
            .kernels(&[&crate::gpu::image::SHRINK])
            .after(&take.key)
            .finish();
        let file = format!("takes/{number}/scores.json");
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        let mut clip = None;
        self.once(
            round,
            &format!("scores-{number}"),
            &key,
            |stage, monitor| {
                let watched = stages::scored(
                    &gpu,
                    &take.video,
                    fps,
                    score::MAX_SIDE,
                    &config.motion,
                    &config.score,
                    monitor,
                )?;
                let scores = &watched.scores;
                write_json(&stage.path(&file)?, scores)?;
                let summary = format!("overall {:.3}, {} frames", scores.overall, watched.frames);
                clip = Some(Clip {
                    frames: None,
                    motion: watched.motion,
                });
                Ok(summary)
            },
        )?;
        let scores: Scores = read_json(&self.home(round).join(file))?;
        if let Some(clip) = clip {
            self.clips.keep(round, number, scores.overall, clip);
        }
        Ok((scores, key))
    }

    /// Frames -> depth, kept as `depth.npy` unless the input has its own.
    pub(super) fn depth(&mut self, round: &Round<'_>, scored: &Scored) -> anyhow::Result<Key> {
        let config = self.context.config;
        let take = &scored.take;
        let model = self.model()?;
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        let key = KeyBuilder::new("depth", depth::VERSION)
            .value(&(
                (config.max_side, config.max_frames),
                model.identity(),
                config.ignore_known_cameras,
                config.ignore_known_depth,
            ))
            .after(&scored.key)
            .finish();
        let number = take.number;
        let mut clip = self.clips.take(round, number);
        let step = format!("depth-{number}");
        self.once(round, &step, &key, |stage, monitor| {
            let (frames, _) = loaded(&mut clip, &gpu, &take.video, fps, config, monitor)?;
            let given = given(&take.video, frames, config)?;
            let found = depth(&gpu, frames, &given, &model, monitor)?;
            let record = match (&found, &given.depth) {
                (Some(maps), None) => {
                    maps.save_npy(&stage.path(&format!("takes/{number}/depth.npy"))?)?;
                    DepthRecord::Network {
                        kind: maps.kind,
                        model: maps.model.clone(),
                        reading: model.reading(frames.width, frames.height),
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
        self.clips
            .put_back(round, number, scored.scores.overall, clip);
        Ok(key)
    }

    /// Frames, motion and depth -> cameras.
    pub(super) fn cameras(
        &mut self,
        round: &Round<'_>,
        scored: &Scored,
    ) -> anyhow::Result<(Tracked, Key)> {
        let config = self.context.config;
        let take = &scored.take;
        let depth_key = self.depth(round, scored)?;
        let key = KeyBuilder::new("cameras", camera::VERSION)
            .value(&(motion::VERSION, &config.motion, &config.solve))
            .after(&depth_key)
            .finish();
        let number = take.number;
        let file = format!("takes/{number}/track.json");
        let gpu = self.gpu()?;
        let fps = round.row.fps;
        let mut clip = self.clips.take(round, number);
        let step = format!("cameras-{number}");
        let home = self.home(round);
        self.once(round, &step, &key, |stage, monitor| {
            let (frames, motion) = loaded(&mut clip, &gpu, &take.video, fps, config, monitor)?;
            let given = given(&take.video, frames, config)?;
            let motion = || {
                stages::pairs(
                    &gpu,
                    &take.video,
                    fps,
                    frames,
                    motion,
                    &config.motion,
                    monitor,
                )
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
        // Nothing after the cameras looks at the motion: its memory is for the splats.
        if let Some(clip) = &mut clip {
            clip.motion = None;
        }
        self.clips
            .put_back(round, number, scored.scores.overall, clip);
        Ok((read_json(&home.join(file))?, key))
    }
}

/// Where a take's depth is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "depth", rename_all = "lowercase")]
enum DepthRecord {
    /// In `depth.npy` beside this record.
    Network {
        /// What the values mean.
        kind: DepthKind,
        /// The network's name.
        model: String,
        /// What was taken for what.
        #[serde(default)]
        reading: Option<Reading>,
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
        DepthRecord::Network { kind, model, .. } => {
            let file = folder.join("depth.npy");
            present(&file)?;
            Some(DepthMaps::load_npy(&file, kind, &model)?)
        }
        DepthRecord::Known => given(&take.video, frames, config)?.depth,
        DepthRecord::None => None,
    })
}

/// Whether an artifact of an earlier step is there; only `clean` takes one away from a step that is done.
pub(super) fn present(file: &Path) -> Result<(), StoreError> {
    match file.exists() {
        true => Ok(()),
        false => Err(StoreError::Dropped(file.to_owned())),
    }
}

/// The clip's frames, decoded if they are not at hand, and its motion if that is.
pub(super) fn loaded<'c>(
    clip: &'c mut Option<Clip>,
    gpu: &Gpu,
    video: &Path,
    fps: Option<f64>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<(&'c Frames, Option<&'c Motion>)> {
    let Clip { frames: at, motion } = clip.get_or_insert_default();
    let current = match at {
        Some(frames) => frames,
        slot => slot.insert(frames(gpu, video, fps, config, monitor)?),
    };
    Ok((current, motion.as_ref()))
}
