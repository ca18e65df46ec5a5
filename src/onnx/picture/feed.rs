//! What a network's picture input takes: the order of its dimensions, its element type, its range of values.

use candle_core::Tensor;
use half::{bf16, f16};

use super::{Layout, MEAN, Prepared, STD};
use crate::gpu::{Buffer, Kernel, groups_1d};
use crate::onnx::device::{Value, View, Weights};
use crate::onnx::{self, Element, Front, Port, Taps};
use crate::{gpu_struct, kernel};

gpu_struct! {
    /// Params of `onnx/channels`.
    pub struct ChannelsParams {
        /// Pixels.
        pub count: u32,
        /// Unused.
        pub pad0: u32,
        /// Unused.
        pub pad1: u32,
        /// Unused.
        pub pad2: u32,
        /// What is taken from a channel's value from 0 to 1.
        pub less: [f32; 4],
        /// What that is multiplied with.
        pub times: [f32; 4],
    }
}

/// Packed pixels as planes.
pub static CHANNELS: Kernel = kernel!(
    "onnx/channels", shared [], twin crate::onnx::twins::channels::twin,
    workgroup [64, 1, 1], params ChannelsParams,
    bind [read rgba: u32, write planes: f32 => within(1e-6, 1e-6)]
);

/// The values that a channel is fed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Range {
    /// From 0 to 1, less the mean, by the deviation.
    Normalised { mean: [f32; 3], std: [f32; 3] },
    /// From 0 to 1.
    Unit,
    /// From 0 to 255.
    Bytes,
}

/// How pictures become a network's input.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    /// Dimensions before the picture's own three, each 1.
    lead: usize,
    pub layout: Layout,
    element: Element,
    range: Range,
    /// What was concluded from the graph.
    pub note: Option<String>,
}

impl Feed {
    /// By the input's declaration, what the graph begins with, and what is known of the network.
    ///
    /// # Errors
    /// In words, for an input that takes no picture of three channels.
    pub fn of(port: &Port, front: &Front, known: Option<&Prepared>) -> Result<Self, String> {
        let element = port.element;
        if let Element::Other(_) = element {
            return Err(format!(
                "its input '{}' takes {}, which pictures are not fed as; take the float export (float32 or float16)",
                port.name,
                element.name()
            ));
        }
        let rank = if port.dims.is_empty() {
            4
        } else {
            port.dims.len()
        };
        let is = |i: usize, n: usize| port.dims.get(i).is_none_or(|d| d.is_none_or(|d| d == n));
        let wrong = || {
            format!(
                "its input '{}' is {}; one picture of three channels is needed (1 x 3 x height x width)",
                port.name,
                onnx::shape_words(&port.dims)
            )
        };
        if !(3..=5).contains(&rank) {
            return Err(wrong());
        }
        let lead = rank - 3;
        let layout = match known {
            Some(known) => known.layout,
            None => layout(port, lead, front),
        };
        let colour = match layout {
            Layout::Nchw => lead,
            Layout::Nhwc => rank - 1,
        };
        if !is(colour, 3) || !(0..lead).all(|i| is(i, 1)) {
            return Err(wrong());
        }
        let (range, note) = match known {
            Some(known) => (
                Range::Normalised {
                    mean: known.mean,
                    std: known.std,
                },
                None,
            ),
            None => range(element, front),
        };
        Ok(Self {
            lead,
            layout,
            element,
            range,
            note,
        })
    }

    /// Places of width and height among the input's dimensions.
    pub fn sides(&self) -> [usize; 2] {
        match self.layout {
            Layout::Nchw => [self.lead + 2, self.lead + 1],
            Layout::Nhwc => [self.lead + 1, self.lead],
        }
    }

    /// One picture of packed sRGB pixels, resampled from one width and height to another.
    ///
    /// # Errors
    /// Never for sizes that are not 0.
    pub fn tensor(
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
                match self.range {
                    Range::Normalised { mean, std } => {
                        let (mean, std) = (mean[c], std[c]);
                        plane.iter_mut().for_each(|x| *x = (*x - mean) / std);
                    }
                    Range::Unit => {}
                    Range::Bytes => plane.iter_mut().for_each(|x| *x *= 255.0),
                }
                plane
            })
            .collect();
        let mut dims = vec![1; self.lead];
        let mut values = match self.layout {
            Layout::Nchw => {
                dims.extend([3, to[1], to[0]]);
                planes.concat()
            }
            Layout::Nhwc => {
                dims.extend([to[1], to[0], 3]);
                let mixed = (0..to[0] * to[1]).flat_map(|i| planes.iter().map(move |p| p[i]));
                mixed.collect()
            }
        };
        match self.element {
            Element::Uint8 => {
                let bytes: Vec<u8> = values.iter().map(|x| x.round() as u8).collect();
                return onnx::input_bytes(&bytes, &dims);
            }
            // The plan computes in single precision; what the input cannot hold is lost as it would be there.
            Element::Float16 => values
                .iter_mut()
                .for_each(|x| *x = f16::from_f32(*x).to_f32()),
            Element::Bfloat16 => values
                .iter_mut()
                .for_each(|x| *x = bf16::from_f32(*x).to_f32()),
            _ => {}
        }
        onnx::input_tensor(values, &dims)
    }
}

impl Feed {
    /// As [`Feed::tensor`], on the device and of pixels that are there; `None` where what is fed is not made of floats in planes. The
    /// same within rounding.
    ///
    /// # Errors
    /// [`onnx::OnnxError::Gpu`].
    pub fn on_device(
        &self,
        weights: &Weights,
        pixels: &Buffer<u32>,
        from: [usize; 2],
        to: [usize; 2],
    ) -> Result<Option<Value>, onnx::OnnxError> {
        if self.element != Element::Float32 || self.layout != Layout::Nchw {
            return Ok(None);
        }
        let count = from[0] * from[1];
        // Resampling keeps the mean of its weights, so that it may come after.
        let (less, times) = match self.range {
            Range::Normalised { mean, std } => (mean, std.map(|s| 1.0 / s)),
            Range::Unit => ([0.0; 3], [1.0; 3]),
            Range::Bytes => ([0.0; 3], [255.0; 3]),
        };
        let four = |[a, b, c]: [f32; 3]| [a, b, c, 0.0];
        let params = ChannelsParams {
            count: count as u32,
            less: four(less),
            times: four(times),
            ..ChannelsParams::default()
        };
        let gpu = weights.gpu();
        let planes = gpu.scratch(3 * count)?;
        let mut recorder = gpu.recorder();
        let groups = groups_1d(count, CHANNELS.workgroup[0]);
        recorder.run(&CHANNELS, &params, &[pixels, &planes], groups)?;
        recorder.submit()?;
        let planes = View::whole(planes, &[3, from[1], from[0]]);
        let mut dims = vec![1; self.lead];
        dims.extend([3, to[1], to[0]]);
        let sides = [(1, from[1], to[1]), (2, from[0], to[0])];
        onnx::device::resampled(weights, &planes, &sides, &dims).map(Some)
    }
}

/// Where the channels lie: where the one dimension of 3 is, else by the dimensions' names, else by what the graph does.
fn layout(port: &Port, lead: usize, front: &Front) -> Layout {
    let last = lead + 2;
    let three = |i: usize| port.dims.get(i) == Some(&Some(3));
    let free = |i: usize| port.dims.get(i).is_none_or(Option::is_none);
    let named = |i: usize| {
        port.symbols.get(i).is_some_and(|s| {
            let s = s.to_lowercase();
            s == "c" || s.contains("chan") || s.contains("rgb")
        })
    };
    let is_last = match (three(lead), three(last)) {
        (true, false) => false,
        (false, true) => true,
        (false, false) if named(lead) != named(last) => named(last) && free(last),
        _ => front.channels_last,
    };
    if is_last { Layout::Nhwc } else { Layout::Nchw }
}

/// The range of values by the element type and by what the network does to them first.
fn range(element: Element, front: &Front) -> (Range, Option<String>) {
    let plain = Range::Normalised {
        mean: MEAN,
        std: STD,
    };
    if element == Element::Uint8 {
        return (Range::Bytes, None);
    }
    let Some(affine) = front.affine else {
        return (plain, None);
    };
    let all = |holds: &dyn Fn(f32, f32) -> bool| affine.iter().all(|&[a, b]| holds(a, b));
    let idle = all(&|a, b| (a - 1.0).abs() < 1e-3 && b.abs() < 1e-3);
    // Pictures that are ready for a network lie within a few deviations of their mean.
    let ready = |x: f32| x.abs() <= 5.0;
    if !idle && all(&|a, b| a > 0.0 && (b.abs() >= 10.0 || (a < 0.1 && ready(255.0 * a + b)))) {
        let note = "normalises its picture by itself: fed values from 0 to 255, without mean and deviation";
        return (Range::Bytes, Some(note.to_owned()));
    }
    if !idle && all(&|a, b| a > 0.0 && ready(b) && ready(a + b)) {
        let note =
            "normalises its picture by itself: fed values from 0 to 1, without mean and deviation";
        return (Range::Unit, Some(note.to_owned()));
    }
    (plain, None)
}
