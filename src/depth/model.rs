//! A depth network: loading, what it is fed, and running it on a clip's frames.

use std::path::{Path, PathBuf};

use candle_core::Tensor;

use super::models::{self, KnownModel, Layout};
use super::onnx::{self, Plan, Taps};
use super::{DepthError, DepthKind, DepthMap, DepthMaps, ModelChoice, Options};
use crate::event::Monitor;
use crate::gpu::Gpu;
use crate::hash::sha256_hex;
use crate::video::Frames;

/// Long side in pixels for a network that takes any size.
const ANY_SIZE: usize = 518;
/// Sides are multiples of this then: the patch of the vision transformers that depth networks build on.
const PATCH: usize = 14;

/// One or more loaded networks; a clip takes the one whose input fits its aspect best.
#[derive(Debug)]
pub struct Model {
    networks: Vec<Network>,
    sha256: String,
}

#[derive(Debug)]
struct Network {
    plan: Plan,
    known: KnownModel,
    output: usize,
}

impl Model {
    /// Loads the chosen network or networks.
    ///
    /// # Errors
    /// [`DepthError::File`] where a file is missing, broken or holds what cannot be run.
    pub fn load(choice: &ModelChoice) -> Result<Self, DepthError> {
        Self::open(&Options {
            model: choice.clone(),
            kind: None,
        })
    }

    /// As [`Model::load`], with the kind of unlisted networks given.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn open(options: &Options) -> Result<Self, DepthError> {
        let networks = match &options.model {
            ModelChoice::Embedded => {
                vec![network(
                    Path::new(models::EMBEDDED_NAME),
                    models::EMBEDDED,
                    options.kind,
                )?]
            }
            ModelChoice::Path(path) => load_all(std::slice::from_ref(path), options.kind)?,
            ModelChoice::AnyOf(paths) => load_all(paths, options.kind)?,
        };
        let sha256 = match networks.as_slice() {
            [one] => one.known.sha256.clone(),
            more => {
                let joined: Vec<&str> = more.iter().map(|n| n.known.sha256.as_str()).collect();
                sha256_hex(joined.join("\n").as_bytes())
            }
        };
        Ok(Self { networks, sha256 })
    }

    /// Hex digest of the network's file; of the files' digests where there are several.
    pub fn sha256(&self) -> &str {
        &self.sha256
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

    /// Depth of every frame, at the network's output size. Frames are read back one at a time. A frame whose
    /// answer holds no finite value gets none, with a warning.
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
        for i in 0..frames.len() {
            if monitor.stopped() {
                return Err(DepthError::Interrupted);
            }
            let pixels = frames.read(gpu, i)?;
            let map = network.infer(&pixels, frames.width, frames.height)?;
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
        Ok(DepthMaps {
            kind: network.known.kind,
            model: network.known.name.clone(),
            maps,
        })
    }

    /// Depth of one picture of packed sRGB pixels (see [`Frames::rgba`]), at the network's output size.
    ///
    /// # Errors
    /// [`DepthError::Run`] where the picture is empty or the network fails.
    pub fn estimate_picture(
        &self,
        pixels: &[u32],
        width: u32,
        height: u32,
    ) -> Result<DepthMap, DepthError> {
        self.pick(width, height)
            .ok_or(DepthError::NoModel)?
            .infer(pixels, width, height)
    }
}

/// Loads files and the `.onnx` files of folders.
fn load_all(paths: &[PathBuf], kind: Option<DepthKind>) -> Result<Vec<Network>, DepthError> {
    let mut files = Vec::new();
    for path in paths {
        let refuse = |reason: String| DepthError::file(path, reason);
        if path.is_dir() {
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
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        return Err(DepthError::NoModel);
    }
    files
        .iter()
        .map(|file| {
            let bytes = std::fs::read(file).map_err(|error| {
                let names: Vec<&str> = models::known().iter().map(|m| m.name.as_str()).collect();
                DepthError::file(
                    file,
                    format!(
                        "{error}; give an ONNX file, or leave --model out for the built-in '{}' (known networks: {})",
                        models::EMBEDDED_NAME,
                        names.join(", ")
                    ),
                )
            })?;
            network(file, &bytes, kind)
        })
        .collect()
}

fn network(path: &Path, bytes: &[u8], kind: Option<DepthKind>) -> Result<Network, DepthError> {
    let refuse = |reason: String| DepthError::file(path, reason);
    let plan = Plan::decode(bytes).map_err(|e| refuse(e.to_string()))?;
    let [port] = plan.inputs() else {
        return Err(refuse(format!(
            "it takes {} inputs; a depth network that takes one picture is needed",
            plan.inputs().len()
        )));
    };
    let sha256 = sha256_hex(bytes);
    let mut known = match models::known().iter().find(|m| m.sha256 == sha256) {
        Some(known) => known.clone(),
        None => unlisted(path, sha256, &port.dims),
    };
    if let Some(kind) = kind {
        known.kind = kind;
    }
    let (c, h, w) = match known.layout {
        Layout::Nchw => (1, 2, 3),
        Layout::Nhwc => (3, 1, 2),
    };
    let dims = &port.dims;
    let one_of = |i: usize, n: usize| dims[i].is_none_or(|d| d == n);
    if !dims.is_empty() && (dims.len() != 4 || !one_of(0, 1) || !one_of(c, 3)) {
        return Err(refuse(format!(
            "its input '{}' is {}; one picture of three channels is needed (1 x 3 x height x width)",
            port.name,
            onnx::shape_words(dims)
        )));
    }
    known.width = dims.get(w).copied().flatten().or(known.width);
    known.height = dims.get(h).copied().flatten().or(known.height);
    let output = plan
        .outputs()
        .position(|name| name.to_lowercase().contains("depth"))
        .unwrap_or(0);
    Ok(Network {
        plan,
        known,
        output,
    })
}

/// What to assume of a file that is not listed.
fn unlisted(path: &Path, sha256: String, dims: &[Option<usize>]) -> KnownModel {
    let file = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let last_is_colour = dims.len() == 4 && dims[3] == Some(3) && dims[1] != Some(3);
    KnownModel {
        name: path
            .file_stem()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default(),
        sha256,
        licence: "unknown".to_owned(),
        url: None,
        layout: if last_is_colour {
            Layout::Nhwc
        } else {
            Layout::Nchw
        },
        width: None,
        height: None,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        kind: if file.to_lowercase().contains("metric") {
            DepthKind::Metric
        } else {
            DepthKind::RelativeInverse
        },
        file,
    }
}

impl Network {
    fn infer(&self, pixels: &[u32], width: u32, height: u32) -> Result<DepthMap, DepthError> {
        let fail = |reason: String| DepthError::Run {
            model: self.known.name.clone(),
            reason,
        };
        if pixels.is_empty() || pixels.len() != width as usize * height as usize {
            return Err(fail(format!(
                "{} pixels for {width}x{height}",
                pixels.len()
            )));
        }
        let [w, h] = self.input_size(width as usize, height as usize);
        let input = self.feed(pixels, [width as usize, height as usize], [w, h]);
        let mut answers = self
            .plan
            .run(&[input.map_err(|e| fail(e.to_string()))?])
            .map_err(|e| fail(e.to_string()))?;
        let answer = answers.swap_remove(self.output);
        let sides: Vec<usize> = answer.dims().iter().copied().filter(|&d| d != 1).collect();
        let &[rows, columns] = sides.as_slice() else {
            return Err(fail(format!(
                "its output has shape {:?}, not one value a pixel; this is no depth network",
                answer.dims()
            )));
        };
        Ok(DepthMap {
            width: columns as u32,
            height: rows as u32,
            values: onnx::output_floats(&answer).map_err(|e| fail(e.to_string()))?,
        })
    }

    /// The network's own size, or for a free side what keeps the picture's aspect.
    fn input_size(&self, width: usize, height: usize) -> [usize; 2] {
        let scale = ANY_SIZE as f64 / width.max(height) as f64;
        let free = |n: usize| ((n as f64 * scale / PATCH as f64).round() as usize).max(1) * PATCH;
        [
            self.known.width.unwrap_or_else(|| free(width)),
            self.known.height.unwrap_or_else(|| free(height)),
        ]
    }

    /// Resamples and normalises one picture.
    fn feed(
        &self,
        pixels: &[u32],
        from: [usize; 2],
        to: [usize; 2],
    ) -> Result<Tensor, onnx::OnnxError> {
        let (down, across) = (Taps::area(from[1], to[1]), Taps::area(from[0], to[0]));
        let planes: Vec<Vec<f32>> = (0..3)
            .map(|c| {
                let shade = |&p: &u32| (p >> (8 * c) & 255) as f32 / 255.0;
                let plane: Vec<f32> = pixels.iter().map(shade).collect();
                let mut plane = across.apply(&down.apply(&plane, from[1], from[0]), from[0], 1);
                let (mean, std) = (self.known.mean[c], self.known.std[c]);
                plane.iter_mut().for_each(|x| *x = (*x - mean) / std);
                plane
            })
            .collect();
        match self.known.layout {
            Layout::Nchw => onnx::input_tensor(planes.concat(), &[1, 3, to[1], to[0]]),
            Layout::Nhwc => {
                let mixed = (0..to[0] * to[1]).flat_map(|i| planes.iter().map(move |p| p[i]));
                onnx::input_tensor(mixed.collect(), &[1, to[1], to[0], 3])
            }
        }
    }
}
