//! The first half of a round: take -> frames, motion, measures, scores, depth, cameras.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::Config;
use super::super::stages::{self, Given, Tracked, frames, given};
use super::super::studio::{Clip, Studio};
use super::Job;
use crate::depth::{DepthKind, DepthMaps, Reading};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::motion;
use crate::score::{self, Measures, ScoreOptions};
use crate::store::{Scratch, StoreError, read_json};
use crate::video::Frames;

/// Video -> what is measured of its frames and motion.
pub fn measures(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let config = studio.context.config;
    let networks = studio.score_networks()?;
    let rate = job.take.rate(job.round.row);
    let watched = stages::scored(
        &studio.gpu()?,
        &job.take.video,
        &stages::reading(rate, score::MAX_SIDE, config.decode),
        &config.motion,
        &ScoreOptions::default(),
        &networks,
        monitor,
    )?;
    let file = format!("{}/measures.json", job.folder());
    let measures = Measures::from(watched.scores);
    stage.write_json(&file, &measures)?;
    let decoded = watched
        .decoded
        .map_or(String::new(), |taken| format!(", {}", taken.short()));
    Ok(format!("{} frames{decoded}", watched.frames))
}

/// Measures -> scores.
pub fn scores(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    _monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let folder = job.folder();
    let measures: Measures = read_json(&job.file(&format!("{folder}/measures.json"))?)?;
    let scores = measures.combine(&studio.context.config.score);
    stage.write_json(&format!("{folder}/scores.json"), &scores)?;
    Ok(format!("overall {:.3}", scores.overall))
}

/// Frames -> depth, kept as `depth.npy` unless the input has its own.
pub fn depth(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let (gpu, model) = (studio.gpu()?, studio.model()?);
    with_clip(studio, job, |config, clip| {
        let frames = loaded(clip, &gpu, job, config, monitor)?;
        let given = given(&gpu, &job.take.video, frames, config)?;
        let video = &job.take.video;
        let found = stages::depth(&gpu, frames, &given, &model, video, monitor)?;
        let record = match (&found, &given.depth) {
            (Some(maps), None) => {
                maps.save_npy(&stage.path(&format!("{}/depth.npy", job.folder()))?)?;
                DepthRecord::Network {
                    kind: maps.kind,
                    model: maps.model.clone(),
                    reading: model
                        .reading(frames.width, frames.height)
                        .map(|mut reading| {
                            let caution = stages::caution(&model, video, frames, monitor);
                            reading.notes.extend(caution);
                            reading
                        }),
                }
            }
            (Some(_), Some(_)) => DepthRecord::Known,
            (None, _) => DepthRecord::None,
        };
        stage.write_json(&format!("{}/depth.json", job.folder()), &record)?;
        Ok(match record {
            DepthRecord::Network { model, .. } => model,
            DepthRecord::Known => "the input's own".to_owned(),
            DepthRecord::None => "not needed: the poses are known".to_owned(),
        })
    })
}

/// Frames and depth -> cameras, and where they are solved what moves as `masks.npy` and what they see as `points.ply`.
pub fn cameras(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    stage: &Scratch,
    monitor: &dyn Monitor,
) -> anyhow::Result<String> {
    let gpu = studio.gpu()?;
    with_clip(studio, job, |config, clip| {
        let frames = loaded(clip, &gpu, job, config, monitor)?;
        let given = given(&gpu, &job.take.video, frames, config)?;
        let motion = || Ok(motion::pairs(&gpu, frames, &config.motion, monitor)?);
        let maps = stored_depth(job, &given)?;
        let (tracked, beside) =
            stages::track(frames, motion, &given, maps.as_ref(), config, monitor)?;
        let folder = job.folder();
        stage.write_json(&format!("{folder}/track.json"), &tracked)?;
        if let Some(masks) = beside.masks {
            masks.save_npy(&stage.path(&format!("{folder}/masks.npy"))?)?;
        }
        if !beside.points.is_empty() {
            let file = stage.path(&format!("{folder}/points.ply"))?;
            stages::save_points(&gpu, frames, &beside.points, &file)?;
        }
        Ok(match &tracked {
            Tracked::Solved(c) => format!(
                "{} of {} frames, focal {:?}",
                c.cameras.len(),
                c.frames,
                c.focal_source
            ),
            Tracked::Refused { words, .. } => format!("refused: {words}"),
        })
    })
}

/// Does work on the take's clip, which is kept for the steps after it.
pub(super) fn with_clip<T>(
    studio: &mut Studio<'_>,
    job: &Job<'_>,
    work: impl FnOnce(&Config, &mut Clip) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let number = job.take.number;
    let mut clip = studio.clips.take(job.round, number).unwrap_or_default();
    let done = work(studio.context.config, &mut clip)?;
    studio.clips.keep(job.round, number, job.overall, clip);
    Ok(done)
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
pub(super) fn stored_depth(job: &Job<'_>, given: &Given) -> anyhow::Result<Option<DepthMaps>> {
    let folder = job.folder();
    let record = job.file(&format!("{folder}/depth.json"))?;
    depth_of(&record, || job.file(&format!("{folder}/depth.npy")), given)
}

/// The depth of a take, by its record: a network's in the file that `npy` finds, the input's own, or none.
pub(in crate::pipeline) fn depth_of(
    record: &Path,
    npy: impl FnOnce() -> Result<PathBuf, StoreError>,
    given: &Given,
) -> anyhow::Result<Option<DepthMaps>> {
    Ok(match read_json(record)? {
        DepthRecord::Network { kind, model, .. } => {
            Some(DepthMaps::load_npy(&npy()?, kind, &model)?)
        }
        DepthRecord::Known => given.depth.clone(),
        DepthRecord::None => None,
    })
}

/// The clip's frames, decoded if they are not at hand.
pub(super) fn loaded<'c>(
    clip: &'c mut Clip,
    gpu: &Gpu,
    job: &Job<'_>,
    config: &Config,
    monitor: &dyn Monitor,
) -> anyhow::Result<&'c Frames> {
    let rate = job.take.rate(job.round.row);
    Ok(match &mut clip.frames {
        Some(frames) => frames,
        slot => slot.insert(frames(gpu, &job.take.video, rate, config, monitor)?),
    })
}
