//! The take that a round's world was made from, as it lies beside it.

use std::path::{Path, PathBuf};

use super::super::stages::{self, Maps, Tracked};
use super::super::work::depth_of;
use super::super::{Config, Preset};
use crate::camera::Cameras;
use crate::generate::Delivered;
use crate::gpu::Gpu;
use crate::hash::sha256_hex;
use crate::monitor::Monitor;
use crate::motion::Masks;
use crate::splat::Splats;
use crate::store::{StepRecord, read_json};
use crate::world::DepthView;

/// What the run of a round was told, where its `run.toml` lies three folders above. Otherwise a word about it.
pub(super) fn config(round: &Path) -> Result<Config, String> {
    let real = round.canonicalize().map_err(|e| e.to_string())?;
    let path = real.ancestors().nth(3).map(|root| root.join("run.toml"));
    let path = path.filter(|path| path.is_file()).ok_or("no run.toml")?;
    let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
    toml::from_str(&text).map_err(|e| format!("{}: {}", path.display(), e.message()))
}

/// The defaults at the size and number of frames that cameras were solved at.
pub(super) fn guessed(cameras: &Cameras) -> Config {
    let mut config = Config::preset(Preset::default());
    let sides = cameras.cameras.iter().map(|c| c.intrinsics);
    let side = sides.map(|k| k.width.max(k.height)).max();
    config.max_side = side.unwrap_or(config.max_side);
    config.max_frames = cameras.frames.max(1);
    config
}

/// A take's folder and its video.
pub(super) struct Take {
    number: u32,
    folder: PathBuf,
    video: PathBuf,
}

impl Take {
    /// The take of a round; `None` where the folder holds no takes.
    ///
    /// # Errors
    /// In words: why it is not at hand.
    pub(super) fn of(round: &Path) -> Result<Option<Self>, String> {
        if !round.join("takes").is_dir() {
            return Ok(None);
        }
        let number = named(round)
            .or_else(|| only(round))
            .ok_or("nothing tells which of its takes the world was made from")?;
        let folder = round.join(format!("takes/{number}"));
        let delivered: Delivered =
            read_json(&folder.join("take.json")).map_err(|e| e.to_string())?;
        // A relative path is the round's; one of the files provider lies outside.
        let video = round.join(&delivered.video);
        match video.exists() {
            true => Ok(Some(Self {
                number,
                folder,
                video,
            })),
            false => Err(format!("its video is gone ({})", video.display())),
        }
    }

    /// What the run's world was made from and agents were given: see [`stages::evidence`].
    ///
    /// # Errors
    /// In words: what of it is gone, or does not belong to these cameras.
    pub(super) fn evidence(
        &self,
        gpu: &Gpu,
        (splats, cameras): (&Splats, &Cameras),
        floor_found: bool,
        config: &Config,
        monitor: &dyn Monitor,
    ) -> Result<Vec<DepthView>, String> {
        let words = |e: anyhow::Error| format!("{e:#}");
        let npy = self.folder.join("depth.npy");
        let frames = stages::frames(gpu, &self.video, None, config, monitor).map_err(words)?;
        let k = cameras.cameras.first().map(|c| c.intrinsics);
        let size = k.map(|k| [k.width, k.height]);
        if frames.len() != cameras.frames || size != Some([frames.width, frames.height]) {
            return Err(format!(
                "its video gives {} frames of {}x{}, and the cameras are of {} of other sizes or numbers",
                frames.len(),
                frames.width,
                frames.height,
                cameras.frames
            ));
        }
        let given = stages::given(gpu, &self.video, &frames, config).map_err(words)?;
        let record = self.folder.join("depth.json");
        let maps = Maps {
            depth: depth_of(&record, || Ok(npy), &given).map_err(words)?,
            masks: self.masks(frames.len())?,
        };
        stages::evidence(gpu, &frames, &maps, splats, cameras, floor_found, monitor).map_err(words)
    }

    /// What moves, where the step that solved the cameras left it.
    fn masks(&self, frames: usize) -> Result<Option<Masks>, String> {
        let record = format!("../../steps/cameras-{}.json", self.number);
        let record: Option<StepRecord> = read_json(&self.folder.join(record)).ok();
        let name = format!("takes/{}/masks.npy", self.number);
        let mut artifacts = record.into_iter().flat_map(|r| r.artifacts);
        let Some(left) = artifacts.find(|a| a.path == name) else {
            return Ok(None);
        };
        let file = self.folder.join("masks.npy");
        let again = "start the run again to have it made";
        let bytes =
            std::fs::read(&file).map_err(|e| format!("{}: {e}; {again}", file.display()))?;
        if sha256_hex(&bytes) != left.sha256 {
            let words = "it is not what the run left";
            return Err(format!(
                "{}: {words}; delete it, and {again}",
                file.display()
            ));
        }
        Masks::load_npy(&file, frames)
            .map(Some)
            .map_err(|e| e.to_string())
    }

    /// From 1.
    pub(super) fn number(&self) -> u32 {
        self.number
    }
}

/// The take whose cameras the round's splats were aligned by, as the step's record tells.
fn named(round: &Path) -> Option<u32> {
    let record: StepRecord = read_json(&round.join("steps/align.json")).ok()?;
    let mut inputs = record.recipe.inputs.keys();
    inputs.find_map(|name| {
        let number = name.strip_prefix("takes/")?.strip_suffix("/track.json")?;
        number.parse().ok()
    })
}

/// The only take whose cameras were solved.
fn only(round: &Path) -> Option<u32> {
    let entries = std::fs::read_dir(round.join("takes")).ok()?;
    let solved: Vec<u32> = entries
        .flatten()
        .filter(|entry| {
            let tracked = read_json::<Tracked>(&entry.path().join("track.json"));
            matches!(tracked, Ok(Tracked::Solved(_)))
        })
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    match solved[..] {
        [one] => Some(one),
        _ => None,
    }
}
