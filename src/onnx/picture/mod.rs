//! Networks that take one picture: what they are fed, at which sizes, and running them on the host or a GPU.

mod feed;
mod sides;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

pub(crate) use feed::Feed;
pub use feed::{CHANNELS, ChannelsParams};
pub use sides::InputSize;
pub(crate) use sides::{MOST, Sides, Try};

use super::device::{self, Value, Weights};
use super::{OnnxError, Plan, foreign, output_floats};
use crate::gpu::{Buffer, Gpu};
use crate::hash::sha256_hex;

/// ImageNet's mean and deviation, which networks that do not normalise by themselves are trained with.
pub(crate) const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
pub(crate) const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Order of a network's image tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
}

/// How pictures are made ready for a network, where that is known and not to be found from its graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prepared {
    pub layout: Layout,
    /// Subtracted from red, green and blue in [0, 1].
    pub mean: [f32; 3],
    /// Divides what is left.
    pub std: [f32; 3],
}

/// One picture of packed sRGB pixels, and so where the network runs.
pub(crate) enum Picture<'a> {
    Host(&'a [u32]),
    Device(&'a Gpu, &'a Buffer<u32>),
}

impl Picture<'_> {
    /// How many pixels it has.
    pub fn pixels(&self) -> usize {
        match self {
            Self::Host(pixels) => pixels.len(),
            Self::Device(_, pixels) => pixels.len(),
        }
    }
}

/// A plan whose one input is a picture.
#[derive(Debug)]
pub(crate) struct PictureNetwork {
    pub plan: Plan,
    pub feed: Feed,
    pub sides: Sides,
    /// On the GPU that it ran on last.
    weights: Mutex<Option<Arc<Weights>>>,
    /// Operators that ran on the host all the same.
    on_host: Mutex<BTreeSet<String>>,
}

impl PictureNetwork {
    /// `known` is what need not be found out of the input, `given` the size that a person asks for.
    ///
    /// # Errors
    /// In words, with the mend: several inputs, one that is no picture, or one of more than [`MOST`] pixels a side.
    pub fn new(
        plan: Plan,
        known: Option<&Prepared>,
        given: Option<InputSize>,
    ) -> Result<Self, String> {
        let [port] = plan.inputs() else {
            let names: Vec<&str> = plan.inputs().iter().map(|p| p.name.as_str()).collect();
            return Err(format!(
                "it takes {} inputs ({}); a network that takes one picture is needed",
                names.len(),
                names.join(", ")
            ));
        };
        let feed = Feed::of(port, plan.front(), known)?;
        let sides = Sides::of(port, feed.sides(), plan.front(), given);
        // A file of a few bytes may ask for a picture of terabytes.
        if let Some(side) = sides.own.iter().flatten().find(|s| **s > MOST as usize) {
            return Err(format!(
                "its input '{}' is {side} pixels wide or high, over {MOST}; take an export of another size",
                port.name
            ));
        }
        Ok(Self {
            plan,
            feed,
            sides,
            weights: Mutex::default(),
            on_host: Mutex::default(),
        })
    }

    /// Its answers to a picture of `from` (width, height) that is resampled to `to`; on the device where the picture is there.
    ///
    /// # Errors
    /// [`OnnxError`].
    pub fn run(
        &self,
        picture: &Picture<'_>,
        from: [usize; 2],
        to: [usize; 2],
    ) -> Result<Vec<Value>, OnnxError> {
        match picture {
            Picture::Host(pixels) => {
                let answers = self.plan.run(&[self.feed.tensor(pixels, from, to)?])?;
                Ok(answers.into_iter().map(Value::Host).collect())
            }
            Picture::Device(gpu, pixels) => {
                let weights = self.weights_on(gpu);
                let fed = match self.feed.on_device(&weights, pixels, from, to)? {
                    Some(fed) => fed,
                    None => {
                        let pixels = gpu.read(pixels)?;
                        device::uploaded(&weights, &self.feed.tensor(&pixels, from, to)?)?
                    }
                };
                let ran = self.plan.run_on(&weights, vec![fed])?;
                tracing::debug!(on_host = ?ran.on_host, "a network ran on the GPU");
                let mut slow = self.on_host.lock().unwrap_or_else(PoisonError::into_inner);
                slow.extend(ran.on_host);
                Ok(ran.outputs)
            }
        }
    }

    /// The numbers of an answer to a picture, in row-major order.
    ///
    /// # Errors
    /// [`OnnxError`].
    pub fn floats(&self, picture: &Picture<'_>, answer: &Value) -> Result<Vec<f32>, OnnxError> {
        match (answer, picture) {
            (Value::Host(tensor), _) => output_floats(tensor),
            (value, Picture::Device(gpu, _)) => device::floats(&self.weights_on(gpu), value),
            (Value::Device(_), Picture::Host(_)) => Err(OnnxError::Input(
                "an answer on a device that was not asked".to_owned(),
            )),
        }
    }

    /// Operators that ran on the host though the picture was on a device.
    pub fn on_host(&self) -> Vec<String> {
        let on_host = self.on_host.lock().unwrap_or_else(PoisonError::into_inner);
        on_host.iter().cloned().collect()
    }

    /// Lets go of what it has on a GPU.
    pub fn forget(&self) {
        *self.weights.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The weights on a GPU, which stay there until another is asked or they are let go of.
    fn weights_on(&self, gpu: &Gpu) -> Arc<Weights> {
        let mut weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        match &*weights {
            Some(there) if there.gpu().is(gpu) => there.clone(),
            _ => weights
                .insert(Arc::new(Weights::new(gpu, &self.plan)))
                .clone(),
        }
    }
}

/// What a network is known by: the hex digest of its file, and where weights lie beside it, one of that digest and theirs.
pub(crate) fn digest(file: String, plan: &Plan) -> String {
    let beside = plan.files().iter();
    beside.fold(file, |sum, (_, weights)| {
        sha256_hex(format!("{sum}\n{weights}").as_bytes())
    })
}

/// Bytes of a protobuf message at most, and so of an ONNX file.
const LARGEST: u64 = 1 << 31;

/// The bytes of a network's file.
///
/// # Errors
/// [`OnnxError::Read`]; [`OnnxError::Foreign`] and [`OnnxError::TooLarge`] for what is over 2 GiB.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, OnnxError> {
    let opened = std::fs::File::open(file).map_err(OnnxError::Read)?;
    let size = opened.metadata().map_err(OnnxError::Read)?.len();
    // What is too large is still named by how it begins.
    let most = if size > LARGEST { 4096 } else { LARGEST };
    let mut bytes = Vec::with_capacity(size.min(most) as usize);
    let mut read = opened.take(most);
    read.read_to_end(&mut bytes).map_err(OnnxError::Read)?;
    if size > LARGEST {
        let what = foreign(&bytes).map(|what| what.into_owned());
        return Err(what.map_or(OnnxError::TooLarge, OnnxError::Foreign));
    }
    Ok(bytes)
}
