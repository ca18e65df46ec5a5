//! Depth networks: loading them, choosing by a clip's aspect, and running one on a clip's frames.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::models::{self, KnownModel, NO_FOLDER};
use super::network::{Network, Reading};
use super::{
    DepthError, DepthKind, DepthMap, DepthMaps, InputSize, KindFrom, ModelChoice, Options, Place,
};
use crate::gpu::{Gpu, GpuError};
use crate::hash::sha256_hex;
use crate::monitor::Monitor;
use crate::onnx::OnnxError;
use crate::onnx::picture::{self, Picture};
use crate::video::Frames;

/// One or more loaded networks; a clip takes the one whose input fits its aspect best.
#[derive(Debug)]
pub struct Model {
    networks: Vec<Network>,
    sha256: String,
    place: Place,
    /// The GPU could not hold a network.
    too_large: AtomicBool,
    /// Notes that were told already: each is told once.
    told: Mutex<HashSet<String>>,
}

impl Model {
    /// Loads the chosen network or networks.
    ///
    /// # Errors
    /// [`DepthError::File`] where a file is missing, broken or holds what cannot be run.
    pub fn load(choice: &ModelChoice) -> Result<Self, DepthError> {
        Self::open(&Options {
            model: choice.clone(),
            ..Options::default()
        })
    }

    /// As [`Model::load`], with what is given of networks that do not say it themselves.
    ///
    /// # Errors
    /// As [`Model::load`]; also where no network takes the size that is given, or has the output.
    pub fn open(options: &Options) -> Result<Self, DepthError> {
        let networks = match &options.model {
            ModelChoice::Embedded => {
                let path = Path::new(models::EMBEDDED_NAME);
                vec![Network::new(path, models::EMBEDDED, options)?]
            }
            ModelChoice::Path(path) => load_all(std::slice::from_ref(path), options)?,
            ModelChoice::AnyOf(paths) => load_all(paths, options)?,
        };
        let networks = match options.size {
            Some(size) => of_size(networks, size)?,
            None => networks,
        };
        let sha256 = match networks.as_slice() {
            [one] => one.known.sha256.clone(),
            more => {
                let joined: Vec<&str> = more.iter().map(|n| n.known.sha256.as_str()).collect();
                sha256_hex(joined.join("\n").as_bytes())
            }
        };
        Ok(Self {
            networks,
            sha256,
            place: options.on,
            too_large: AtomicBool::new(false),
            told: Mutex::default(),
        })
    }

    /// Hex digest of the network's file; of the files' digests where there are several.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What results depend on beside the options: each network's bytes, and the name that tells its kind.
    pub fn identity(&self) -> Vec<String> {
        self.networks.iter().map(Network::identity).collect()
    }

    /// What was taken for what on pictures of this size; `None` before the first of them.
    pub fn reading(&self, width: u32, height: u32) -> Option<Reading> {
        let settled = self.pick(width, height)?.settled(width, height)?;
        Some(settled.reading.clone())
    }

    /// What is known of the network that a clip of this size takes.
    pub fn for_size(&self, width: u32, height: u32) -> Option<&KnownModel> {
        self.pick(width, height).map(|n| &n.known)
    }

    /// The network whose input's aspect is nearest by ratio; one that takes any size fits always.
    fn pick(&self, width: u32, height: u32) -> Option<&Network> {
        let clip = f64::from(width.max(1)) / f64::from(height.max(1));
        let off = |n: &Network| match (n.known.width, n.known.height) {
            (Some(w), Some(h)) => (w as f64 / h.max(1) as f64 / clip).ln().abs(),
            _ => 0.0,
        };
        self.networks
            .iter()
            .min_by(|a, b| off(a).total_cmp(&off(b)))
    }

    /// Depth of every frame, at the network's output size. A network that runs on the CPU has frames read back one at a time. A frame whose
    /// answer holds no finite value gets none, with a warning. What [`Reading::notes`] holds is told to the monitor,
    /// each note once.
    ///
    /// # Errors
    /// [`DepthError::Run`] where the network fails, [`DepthError::Gpu`], [`DepthError::Interrupted`].
    pub fn estimate(
        &self,
        gpu: &Gpu,
        frames: &Frames,
        monitor: &dyn Monitor,
    ) -> Result<DepthMaps, DepthError> {
        let Some(network) = self.pick(frames.width, frames.height) else {
            return Err(DepthError::NoModel);
        };
        let mut maps = Vec::with_capacity(frames.len());
        let mut on_gpu = match self.place {
            Place::Auto => !gpu.caps().software && !self.too_large.load(Ordering::Relaxed),
            Place::Cpu => false,
            Place::Gpu => true,
        };
        for i in 0..frames.len() {
            if monitor.stopped() {
                return Err(DepthError::Interrupted);
            }
            let map = self.frame(network, gpu, frames, i, &mut on_gpu, monitor)?;
            if i == 0
                && let Some(reading) = self.reading(frames.width, frames.height)
            {
                reading.notes.iter().for_each(|n| self.tell(n, monitor));
            }
            let any = map.values.iter().any(|v| v.is_finite());
            if !any {
                monitor.warn(&format!(
                    "frame {i}: '{}' gave no finite depth",
                    network.known.name
                ));
            }
            maps.push(any.then_some(map));
            monitor.progress(i as u64 + 1, frames.len() as u64);
        }
        // What comes after depth needs the memory.
        network.forget();
        if let Some(note) = network.slowed() {
            self.tell(&note, monitor);
        }
        let reading = self.reading(frames.width, frames.height);
        let maps = DepthMaps {
            kind: reading.as_ref().map_or(network.known.kind, |r| r.kind),
            model: network.known.name.clone(),
            maps,
        };
        if reading.is_some_and(|r| matches!(r.kind_from, KindFrom::Name | KindFrom::Guessed))
            && let Some(doubt) = doubt(&maps)
        {
            self.tell(&doubt, monitor);
        }
        Ok(maps)
    }

    /// Depth of one frame, on the GPU or the CPU; where the GPU cannot hold it and nobody asked for it, on the CPU from then on.
    fn frame(
        &self,
        network: &Network,
        gpu: &Gpu,
        frames: &Frames,
        i: usize,
        on_gpu: &mut bool,
        monitor: &dyn Monitor,
    ) -> Result<DepthMap, DepthError> {
        let (width, height) = (frames.width, frames.height);
        if *on_gpu {
            let picture = Picture::Device(gpu, &frames.rgba[i]);
            match network.infer(&picture, width, height) {
                Err(DepthError::Gpu(
                    error @ (GpuError::TooLarge { .. } | GpuError::OutOfMemory { .. }),
                )) if self.place == Place::Auto => {
                    let name = &network.known.name;
                    self.tell(
                        &format!("'{name}' runs on the CPU, for the GPU cannot hold it ({error})"),
                        monitor,
                    );
                    *on_gpu = false;
                    self.too_large.store(true, Ordering::Relaxed);
                    network.forget();
                    gpu.trim();
                }
                map => return map,
            }
        }
        network.infer(&Picture::Host(&frames.read(gpu, i)?), width, height)
    }

    /// What [`KnownModel::caution`] says of the network that these frames take, told once; for videos of another world than it learned from.
    pub fn caution(&self, frames: &Frames, monitor: &dyn Monitor) -> Option<String> {
        let known = self.for_size(frames.width, frames.height)?;
        known
            .caution()
            .inspect(|caution| self.tell(caution, monitor))
    }

    fn tell(&self, note: &str, monitor: &dyn Monitor) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(note.to_owned()) {
            monitor.warn(note);
        }
    }

    /// Depth of one picture of packed sRGB pixels (see [`Frames::rgba`]), at the network's output size. What it means,
    /// and what there is to know about that, [`Model::reading`] tells afterwards.
    ///
    /// # Errors
    /// [`DepthError::Run`] where the picture is empty or the network fails.
    pub fn estimate_picture(
        &self,
        pixels: &[u32],
        width: u32,
        height: u32,
    ) -> Result<DepthMap, DepthError> {
        self.pick(width, height).ok_or(DepthError::NoModel)?.infer(
            &Picture::Host(pixels),
            width,
            height,
        )
    }
}

/// What metric values are that no scene in metres has: all within arm's reach, or none before the camera.
fn doubt(maps: &DepthMaps) -> Option<String> {
    if maps.kind != DepthKind::Metric {
        return None;
    }
    let values = maps.maps.iter().flatten().flat_map(|map| &map.values);
    let most = values
        .copied()
        .filter(|v| v.is_finite())
        .fold(f32::NEG_INFINITY, f32::max);
    (most.is_finite() && most <= 1.0).then(|| {
        format!(
            "'{}' is taken for metric, but no value is over {most:.3} m: if its answers are relative, say so with \
             --kind relative (in a run: depth.kind)",
            maps.model
        )
    })
}

/// Those that take the size, as far as their files say.
fn of_size(networks: Vec<Network>, size: InputSize) -> Result<Vec<Network>, DepthError> {
    let (fits, others): (Vec<Network>, Vec<Network>) =
        networks.into_iter().partition(Network::allows_size);
    match others.first() {
        Some(other) if fits.is_empty() => {
            let side = |n: Option<usize>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
            Err(DepthError::Run {
                model: other.known.name.clone(),
                reason: format!(
                    "it takes {}x{} only, not the {size} of --size (in a run: depth.size); leave that out",
                    side(other.known.width),
                    side(other.known.height)
                ),
            })
        }
        _ => Ok(fits),
    }
}

/// Loads files and the `.onnx` files of folders.
fn load_all(paths: &[PathBuf], options: &Options) -> Result<Vec<Network>, DepthError> {
    let mut files = Vec::new();
    for path in paths {
        let refuse = |reason: String| DepthError::file(path, reason);
        // A file of that name is meant before the known network.
        let known = models::known_by_name(path).filter(|m| !path.exists() && !m.built_in());
        if let Some(known) = known {
            files.push((fetched(known)?, Some(known)));
        } else if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(|e| refuse(e.to_string()))?;
            let mut found: Vec<PathBuf> = entries
                .filter_map(|entry| entry.ok().map(|e| e.path()))
                .filter(|p| {
                    p.extension()
                        .is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
                })
                .collect();
            if found.is_empty() {
                return Err(refuse(
                    "no .onnx file in this folder; give a network's file".to_owned(),
                ));
            }
            found.sort();
            files.extend(found.into_iter().map(|file| (file, None)));
        } else {
            files.push((path.clone(), None));
        }
    }
    if files.is_empty() {
        return Err(DepthError::NoModel);
    }
    files
        .iter()
        .map(|(file, named)| {
            let bytes = read(file)?;
            match named.filter(|known| known.sha256 != crate::hash::sha256_hex(&bytes)) {
                Some(known) => Err(DepthError::file(
                    file,
                    format!("not what it should be; take it anew: {}", known.pull()),
                )),
                None => Network::new(file, &bytes, options),
            }
        })
        .collect()
}

/// The file of a known network that is not built in.
fn fetched(known: &KnownModel) -> Result<PathBuf, DepthError> {
    let refuse = |reason: String| DepthError::file(Path::new(&known.name), reason);
    match known.place() {
        Some(place) if place.exists() => Ok(place),
        Some(_) => Err(refuse(format!(
            "it is not on this machine yet: {}",
            known.pull()
        ))),
        None => Err(refuse(NO_FOLDER.to_owned())),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, DepthError> {
    picture::read(file).map_err(|error| match error {
        OnnxError::Read(error) => {
            let names: Vec<&str> = models::known().iter().map(|m| m.name.as_str()).collect();
            DepthError::file(
                file,
                format!(
                    "{error}; give an ONNX file, or leave --model out for the built-in '{}' (known networks: {})",
                    models::EMBEDDED_NAME,
                    names.join(", ")
                ),
            )
        }
        error => DepthError::file(file, error.to_string()),
    })
}
