//! Scores by networks that a user gives: identity by one's features of frames, quality by another's answers to them.
//!
//! A few frames of a clip, evenly spaced, are fed to each network once the clip has come. Neither score is there without its network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Measures, NETWORK_IDENTITY, NETWORK_QUALITY, ScoreError, ScoreOptions};
use crate::gpu::{Buffer, Gpu, GpuError};
use crate::hash::sha256_hex;
use crate::monitor::Monitor;
use crate::motion::MotionError;
use crate::onnx::device::Value;
use crate::onnx::picture::{self, Picture, PictureNetwork};
use crate::onnx::{OnnxError, Plan};

/// Frames of a clip that networks look at, at most; even.
const MOST: usize = 16;

/// Width and height in pixels that a network is fed which leaves them free: a multiple of the usual patches and strides, and what
/// networks of features and of quality are mostly trained with.
const FREE_SIDE: usize = 224;

/// What shares may miss of a sum of 1, and still be no logits.
const SUM_WITHIN: f64 = 1e-2;

/// A network that a score was measured by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NetworkUsed {
    /// The file's name.
    pub file: String,
    /// Hex digest of the file; where weights lie beside it, of its digest and theirs.
    pub sha256: String,
}

/// The networks that scores are measured by, loaded once for all takes; the default has none.
#[derive(Debug, Default)]
pub struct Networks {
    identity: Option<Network>,
    quality: Option<Network>,
    /// The answers of the worst and of the best picture, where a person gives them.
    scale: Option<[f64; 2]>,
}

impl Networks {
    /// Loads the networks that the options name, and runs each once on the host, on a grey picture: what cannot be used is told before
    /// any take is scored.
    ///
    /// # Errors
    /// [`ScoreError::Network`] for a file that is missing, cannot be run, or answers what is no score's, and as
    /// [`ScoreOptions::check`].
    pub fn open(options: &ScoreOptions) -> Result<Self, ScoreError> {
        options.check()?;
        let open = |path: &Option<PathBuf>| path.as_deref().map(Network::open).transpose();
        let networks = Self {
            identity: open(&options.identity_network)?,
            quality: open(&options.quality_network)?,
            scale: options.quality_scale,
        };
        if let Some(network) = &networks.identity {
            let answer = network.tried()?;
            network.read(&answer, features)?;
        }
        if let Some(network) = &networks.quality {
            let answer = network.tried()?;
            network.read(&answer, |answer| networks.quality(answer))?;
        }
        Ok(networks)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.identity.is_none() && self.quality.is_none()
    }

    /// What results depend on beside the pictures: of each score its network by its content, and the scale that was given.
    pub fn ids(&self) -> BTreeMap<&'static str, String> {
        let scale = self.scale.map_or(String::new(), |[low, high]| {
            format!(" from {low} to {high}")
        });
        let sums = [
            (NETWORK_IDENTITY, &self.identity, ""),
            (NETWORK_QUALITY, &self.quality, scale.as_str()),
        ];
        sums.into_iter()
            .filter_map(|(name, network, scale)| {
                let sha256 = &network.as_ref()?.used.sha256;
                Some((name, format!("{sha256}{scale}")))
            })
            .collect()
    }

    /// To look at a clip of frames of `size` (width, height in pixels) as they come.
    pub fn watch(&self, size: (u32, u32)) -> Viewed<'_> {
        Viewed {
            networks: self,
            size: [size.0 as usize, size.1 as usize],
            frames: Vec::new(),
            count: 0,
            stride: 1,
        }
    }

    /// The quality of one picture, in [0, 1]; or in words what is wrong with the answer.
    fn quality(&self, answer: &Answer) -> Result<f64, String> {
        let count = match answer.dims.as_slice() {
            &[n] | &[1, n] if n > 0 => n,
            dims if dims.iter().all(|&n| n == 1) => 1,
            _ => {
                return Err(format!(
                    "{answer}, which is no quality of a picture; a network is needed that answers one number, or n shares of the scores 1 to n (1 x n)"
                ));
            }
        };
        if count == 1 {
            let [low, high] = self.scale.unwrap_or([0.0, 1.0]);
            let value = f64::from(answer.values[0]);
            return Ok(((value - low) / (high - low)).clamp(0.0, 1.0));
        }
        match self.scale {
            Some(_) => Err(format!(
                "{answer}, shares of the scores 1 to {count}, which have a scale of their own; leave quality_scale (--quality-scale) out"
            )),
            None => Ok(mean_score(&answer.values)),
        }
    }
}

/// The mean of the scores 1 to n that have these shares, put on [0, 1]; what does not sum to 1 is taken for logits.
fn mean_score(values: &[f32]) -> f64 {
    let values: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    let sum: f64 = values.iter().sum();
    let shares = values.iter().all(|v| *v >= 0.0) && (sum - 1.0).abs() <= SUM_WITHIN;
    let weights = match shares {
        true => values,
        false => {
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            values.iter().map(|v| (v - most).exp()).collect()
        }
    };
    let total: f64 = weights.iter().sum();
    let above = weights.iter().enumerate().map(|(i, w)| i as f64 * w);
    above.sum::<f64>() / total / (weights.len() - 1) as f64
}

/// The features of one picture: the first of several tokens, one vector, or the mean over places; or in words what is wrong with the
/// answer. One number alone is no direction.
fn features(answer: &Answer) -> Result<Vec<f64>, String> {
    let all = answer.values.iter().map(|&v| f64::from(v));
    match *answer.dims.as_slice() {
        [1, n, c] if n > 0 && c > 1 => Ok(all.take(c).collect()),
        [c] | [1, c] if c > 1 => Ok(all.collect()),
        [1, c, h, w] if c > 1 && h > 0 && w > 0 => {
            let all: Vec<f64> = all.collect();
            let places = all.chunks_exact(h * w);
            Ok(places
                .map(|place| place.iter().sum::<f64>() / (h * w) as f64)
                .collect())
        }
        _ => Err(format!(
            "{answer}, which are no features of a picture; a network is needed that answers one vector (1 x C), tokens (1 x N x C, the first of which is the picture's) or a map (1 x C x H x W)"
        )),
    }
}

/// Cosine of the angle between two vectors, at least 0; 0 where one has no length.
fn alike(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    match lengths > 0.0 {
        true => (dot(a, b) / lengths).clamp(0.0, 1.0),
        false => 0.0,
    }
}

/// A loaded network and what it is fed.
#[derive(Debug)]
struct Network {
    path: PathBuf,
    net: PictureNetwork,
    /// Width and height in pixels.
    size: [usize; 2],
    used: NetworkUsed,
}

/// A network's answer to one picture.
struct Answer {
    output: String,
    dims: Vec<usize>,
    values: Vec<f32>,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(usize::to_string).collect();
        let shape = match dims.is_empty() {
            true => "one number".to_owned(),
            false => dims.join(" x "),
        };
        write!(f, "its output '{}' is {shape}", self.output)
    }
}

impl Network {
    fn open(path: &Path) -> Result<Self, ScoreError> {
        let refuse = |reason: String| ScoreError::Network {
            path: path.to_owned(),
            reason,
        };
        let bytes = picture::read(path).map_err(|error| {
            refuse(match error {
                OnnxError::Read(error) => format!("{error}; give the network's ONNX file"),
                error => error.to_string(),
            })
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let plan = Plan::decode_in(&bytes, folder).map_err(|e| refuse(e.to_string()))?;
        let name = path.file_name().unwrap_or_default();
        let used = NetworkUsed {
            file: name.to_string_lossy().into_owned(),
            sha256: picture::digest(sha256_hex(&bytes), &plan),
        };
        let net = PictureNetwork::new(plan, None, None).map_err(refuse)?;
        Ok(Self {
            path: path.to_owned(),
            size: net.sides.own.map(|side| side.unwrap_or(FREE_SIDE)),
            net,
            used,
        })
    }

    fn fail(&self, reason: String) -> ScoreError {
        ScoreError::Network {
            path: self.path.clone(),
            reason,
        }
    }

    /// What `read` makes of an answer.
    fn read<T>(
        &self,
        answer: &Answer,
        read: impl Fn(&Answer) -> Result<T, String>,
    ) -> Result<T, ScoreError> {
        read(answer).map_err(|reason| self.fail(reason))
    }

    /// Its answer to a grey picture on the host.
    fn tried(&self) -> Result<Answer, ScoreError> {
        let grey = vec![0xff80_8080; self.size[0] * self.size[1]];
        self.answer(&Picture::Host(&grey), self.size)
    }

    /// Its first output for a picture of `from` (width, height in pixels).
    fn answer(&self, picture: &Picture<'_>, from: [usize; 2]) -> Result<Answer, ScoreError> {
        let failed = |error: OnnxError| match error {
            OnnxError::Gpu(error) => ScoreError::Gpu(error),
            error => {
                let [w, h] = self.size;
                let mend = match self.net.sides.own {
                    [Some(_), Some(_)] => "",
                    _ => "; export it with fixed sides if it does not take these",
                };
                self.fail(format!("it failed at {w}x{h}: {error}{mend}"))
            }
        };
        let answers = self.net.run(picture, from, self.size).map_err(failed)?;
        let output = self.net.plan.outputs().next().unwrap_or_default();
        let answer: Option<Value> = answers.into_iter().next();
        let answer = answer.ok_or_else(|| self.fail("it has no output".to_owned()))?;
        let answer = Answer {
            output: output.to_owned(),
            dims: answer.dims().to_vec(),
            values: self.net.floats(picture, &answer).map_err(failed)?,
        };
        if answer.values.iter().any(|v| !v.is_finite()) {
            return Err(self.fail(format!(
                "{answer} and holds what is no number; check the network with its own tools"
            )));
        }
        Ok(answer)
    }

    /// What `read` makes of each frame: on the GPU where that is a card and holds the network, else on the host.
    fn each<T>(
        &self,
        gpu: &Gpu,
        viewed: &Viewed<'_>,
        read: impl Fn(&Answer) -> Result<T, String>,
        monitor: &dyn Monitor,
    ) -> Result<Vec<T>, ScoreError> {
        let mut on_gpu = !gpu.caps().software;
        let mut made = Vec::with_capacity(viewed.frames.len());
        for frame in &viewed.frames {
            if monitor.stopped() {
                return Err(MotionError::Interrupted.into());
            }
            let mut answer = None;
            if on_gpu {
                match self.answer(&Picture::Device(gpu, frame), viewed.size) {
                    Err(ScoreError::Gpu(
                        error @ (GpuError::TooLarge { .. } | GpuError::OutOfMemory { .. }),
                    )) => {
                        let file = &self.used.file;
                        monitor.warn(&format!(
                            "'{file}' runs on the CPU, for the GPU cannot hold it ({error})"
                        ));
                        on_gpu = false;
                        self.net.forget();
                        gpu.trim();
                    }
                    done => answer = Some(done?),
                }
            }
            let answer = match answer {
                Some(answer) => answer,
                None => self.answer(&Picture::Host(&gpu.read(frame)?), viewed.size)?,
            };
            made.push(self.read(&answer, &read)?);
        }
        // What comes after needs the memory.
        self.net.forget();
        Ok(made)
    }
}

/// The frames of one clip that networks look at: every so many, as many as [`MOST`] allows. It holds them on the device.
pub struct Viewed<'n> {
    networks: &'n Networks,
    size: [usize; 2],
    frames: Vec<Buffer<u32>>,
    /// Frames that came.
    count: usize,
    /// Frames from one that is held to the next.
    stride: usize,
}

impl Viewed<'_> {
    /// Takes the next frame.
    pub fn push(&mut self, rgba: &Buffer<u32>) {
        if self.networks.is_empty() {
            return;
        }
        if self.count.is_multiple_of(self.stride) {
            if self.frames.len() == MOST {
                // Every second one stays.
                let mut number = 0;
                self.frames.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.stride *= 2;
            }
            self.frames.push(rgba.clone());
        }
        self.count += 1;
    }

    /// Adds the networks' scores, with their components, to what was measured of the clip. The clip must have two frames.
    ///
    /// # Errors
    /// [`ScoreError::Network`] where a network fails, [`ScoreError::Motion`] when stopped, [`ScoreError::Gpu`].
    pub fn finish(
        self,
        gpu: &Gpu,
        measures: &mut Measures,
        monitor: &dyn Monitor,
    ) -> Result<(), ScoreError> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let networks = self.networks;
        if let Some(network) = &networks.identity {
            let seen = network.each(gpu, &self, features, monitor)?;
            let pairs = || seen.windows(2);
            let first: Vec<f64> = pairs().map(|two| alike(&seen[0], &two[1])).collect();
            let before: Vec<f64> = pairs().map(|two| alike(&two[0], &two[1])).collect();
            let (first, before) = (mean(&first), mean(&before));
            let components = [("first", first), ("before", before)];
            measures.network(
                NETWORK_IDENTITY,
                network,
                (first + before) / 2.0,
                &components,
            );
        }
        if let Some(network) = &networks.quality {
            let read = |answer: &Answer| networks.quality(answer);
            let values = network.each(gpu, &self, read, monitor)?;
            let lowest = values.iter().copied().fold(1.0, f64::min);
            measures.network(
                NETWORK_QUALITY,
                network,
                mean(&values),
                &[("lowest", lowest)],
            );
        }
        if !networks.is_empty() {
            let frames = self.frames.len() as f64;
            let components = &mut measures.components;
            components.insert("clip.network_frames".to_owned(), frames);
        }
        Ok(())
    }
}

impl Measures {
    /// Adds the score of a network, with its components.
    fn network(&mut self, name: &str, network: &Network, value: f64, components: &[(&str, f64)]) {
        self.metrics.insert(name.to_owned(), value);
        for (component, value) in components {
            self.components
                .insert(format!("{name}.{component}"), *value);
        }
        self.networks.insert(name.to_owned(), network.used.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(dims: &[usize], values: &[f32]) -> Answer {
        Answer {
            output: "y".to_owned(),
            dims: dims.to_vec(),
            values: values.to_vec(),
        }
    }

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-7, "{got}, {want} expected");
    }

    #[test]
    fn features_are_a_vector_the_first_token_or_a_maps_mean() {
        let of =
            |dims: &[usize], values: &[f32]| features(&answer(dims, values)).expect("features");
        assert_eq!(of(&[1, 2], &[3.0, 4.0]), [3.0, 4.0]);
        assert_eq!(of(&[1, 2, 2], &[3.0, 4.0, 5.0, 6.0]), [3.0, 4.0]);
        assert_eq!(of(&[1, 2, 1, 2], &[3.0, 4.0, 5.0, 6.0]), [3.5, 5.5]);
        for dims in [&[1, 1][..], &[1], &[2, 2], &[1, 1, 2, 2], &[]] {
            let error = features(&answer(dims, &[1.0; 4])).expect_err("no features");
            assert!(
                error.contains("'y'") && error.contains("1 x N x C"),
                "{error}"
            );
        }
    }

    #[test]
    fn vectors_are_alike_by_their_direction_and_opposite_ones_are_not() {
        close(alike(&[3.0, 4.0], &[6.0, 8.0]), 1.0);
        close(alike(&[1.0, 0.0], &[1.0, 1.0]), 0.5f64.sqrt());
        assert_eq!(alike(&[1.0, 0.0], &[-1.0, 0.0]), 0.0);
        assert_eq!(alike(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
    }

    #[test]
    fn quality_is_a_number_on_its_scale_or_the_mean_of_shares() {
        let of = |scale, dims: &[usize], values: &[f32]| {
            let networks = Networks {
                scale,
                ..Networks::default()
            };
            networks.quality(&answer(dims, values))
        };
        let number = |scale, value| of(scale, &[1, 1], &[value]).expect("a number");
        close(number(None, 0.25), 0.25);
        close(number(None, 7.0), 1.0);
        close(number(Some([0.0, 100.0]), 40.0), 0.4);
        // Where less is better.
        close(number(Some([100.0, 0.0]), 40.0), 0.6);
        close(of(None, &[], &[0.5]).expect("a scalar"), 0.5);
        // 1 with .5, 2 with .25, 3 with .25: 1.75 on 1 to 3.
        close(
            of(None, &[1, 3], &[0.5, 0.25, 0.25]).expect("shares"),
            0.375,
        );
        // Logits of the same.
        let logits = [2f32.ln() + 5.0, 5.0, 5.0];
        assert!((of(None, &[3], &logits).expect("logits") - 0.375).abs() < 1e-6);
        let error = of(None, &[1, 1, 1, 2], &[0.5; 2]).expect_err("a map");
        assert!(
            error.contains("1 x 1 x 1 x 2") && error.contains("1 x n"),
            "{error}"
        );
        let error = of(Some([0.0, 10.0]), &[1, 2], &[0.5; 2]).expect_err("a scale");
        assert!(error.contains("leave quality_scale"), "{error}");
    }
}
