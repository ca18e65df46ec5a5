//! What a network does to its picture first: whether it normalises, where the channels lie, how far it shrinks.

use std::collections::HashMap;

use candle_core::{DType, Tensor};
use candle_onnx::onnx::NodeProto;

use super::node::Node;
use super::ops::float_vec;

/// Strides from here on are those of patches, not of a first small step down.
const LEAST_PATCH: usize = 7;

/// Larger ratios of sides belong to pooling over the whole picture, which no side must be a multiple of.
const MOST_STRIDE: f64 = 128.0;

/// What a network does to its first input before the layers that learn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Front {
    /// Scale and shift of each channel that it begins with, if any: a network that normalises by itself.
    pub affine: Option<[[f32; 2]; 3]>,
    /// It moves the channels from the last place before the rows.
    pub channels_last: bool,
    /// Side of the square patches that its first convolution cuts the picture into.
    pub patch: Option<usize>,
    /// Most pixels of the picture a side, as far as strides tell, to one place of what it computes with.
    pub stride: usize,
}

/// Follows `input` through `nodes`; `constant` looks weights and folded values up.
pub(super) fn read<'t>(
    input: &str,
    nodes: &[&NodeProto],
    opset: i64,
    constant: impl Fn(&str) -> Option<&'t Tensor>,
) -> Front {
    let mut front = Front {
        stride: 1,
        ..Front::default()
    };
    front.follow(input, nodes, opset, &constant);
    front.measure(input, nodes, opset, &constant);
    front
}

impl Front {
    /// The chain of single readers from the input on, as long as it only moves and scales.
    fn follow<'t>(
        &mut self,
        input: &str,
        nodes: &[&NodeProto],
        opset: i64,
        constant: &impl Fn(&str) -> Option<&'t Tensor>,
    ) {
        let mut readers: HashMap<&str, Vec<&NodeProto>> = HashMap::new();
        for node in nodes.iter().filter(|n| n.op_type != "Shape") {
            for name in &node.input {
                readers.entry(name).or_default().push(node);
            }
        }
        let mut affine = [[1.0, 0.0]; 3];
        let mut any = false;
        let mut at = input;
        // No chain is longer than the graph.
        for _ in 0..nodes.len() {
            let Some(&[node]) = readers.get(at).map(Vec::as_slice) else {
                break;
            };
            match node.op_type.as_str() {
                "Cast" | "Identity" | "Dropout" | "Unsqueeze" => {}
                "Transpose" => {
                    let perm = Node { proto: node, opset }.ints("perm").ok().flatten();
                    if !matches!(perm.as_deref(), Some([0, 3, 1, 2] | [2, 0, 1])) {
                        break;
                    }
                    self.channels_last = true;
                }
                "Add" | "Sub" | "Mul" | "Div" => {
                    let [a, b] = node.input.as_slice() else {
                        break;
                    };
                    let first = a == at;
                    let Some(numbers) = constant(if first { b } else { a }).and_then(by_channel)
                    else {
                        break;
                    };
                    if !first && node.op_type == "Div" {
                        break;
                    }
                    for ([scale, shift], c) in affine.iter_mut().zip(numbers) {
                        (*scale, *shift) = match (node.op_type.as_str(), first) {
                            ("Add", _) => (*scale, *shift + c),
                            ("Mul", _) => (*scale * c, *shift * c),
                            ("Div", _) => (*scale / c, *shift / c),
                            (_, true) => (*scale, *shift - c),
                            (_, false) => (-*scale, c - *shift),
                        };
                    }
                    any = true;
                }
                _ => break,
            }
            let Some(output) = node.output.first() else {
                break;
            };
            at = output;
        }
        self.affine = any.then_some(affine);
    }

    /// The ratio of the picture's side to that of each value that is made from it.
    fn measure<'t>(
        &mut self,
        input: &str,
        nodes: &[&NodeProto],
        opset: i64,
        constant: &impl Fn(&str) -> Option<&'t Tensor>,
    ) {
        let mut ratios = HashMap::from([(input, 1.0f64)]);
        let mut first = true;
        let mut most = 1.0f64;
        for proto in nodes {
            let known = proto.input.iter().filter_map(|n| ratios.get(n.as_str()));
            let Some(ratio) = known.copied().reduce(f64::max) else {
                continue;
            };
            let node = Node { proto, opset };
            let strides = || node.ints("strides").ok().flatten().unwrap_or_default();
            let stride = strides().iter().copied().max().unwrap_or(1).max(1) as f64;
            let next = match proto.op_type.as_str() {
                "Conv" => {
                    let patch = stride as usize;
                    if first && patch >= LEAST_PATCH && ratio == 1.0 {
                        self.patch = Some(patch);
                    }
                    first = false;
                    Some(ratio * stride)
                }
                "MaxPool" | "AveragePool" => Some(ratio * stride),
                "ConvTranspose" => Some(ratio / stride),
                "DepthToSpace" => Some(ratio / node.int("blocksize", 1).unwrap_or(1).max(1) as f64),
                "Resize" | "Upsample" => scale(&node, constant).map(|scale| ratio / scale),
                "GlobalAveragePool" | "GlobalMaxPool" | "Shape" | "Size" => None,
                _ => Some(ratio),
            };
            if let Some(next) = next.filter(|r| *r <= MOST_STRIDE) {
                most = most.max(next);
                for name in &proto.output {
                    ratios.insert(name, next);
                }
            }
        }
        self.stride = most.round() as usize;
    }
}

/// The scale of a side, where it is known before the run.
fn scale<'t>(node: &Node, constant: &impl Fn(&str) -> Option<&'t Tensor>) -> Option<f64> {
    let at = if node.proto.op_type == "Upsample" || node.opset < 11 {
        1
    } else {
        2
    };
    let scales = match node.floats("scales").ok().flatten() {
        Some(scales) => scales,
        None => {
            let name = node.proto.input.get(at)?;
            float_vec(constant(name)?).ok()?
        }
    };
    // Batch and channels keep their number, wherever they lie.
    let scale = f64::from(
        scales
            .iter()
            .rev()
            .copied()
            .find(|s| *s != 1.0)
            .unwrap_or(1.0),
    );
    (scale > 0.0 && scale.is_finite()).then_some(scale)
}

/// One number for all channels, or one for each of three.
fn by_channel(tensor: &Tensor) -> Option<[f32; 3]> {
    let numbers = tensor.to_dtype(DType::F32).ok()?.flatten_all().ok()?;
    match *numbers.to_vec1().ok()?.as_slice() {
        [one] => Some([one; 3]),
        [a, b, c] => Some([a, b, c]),
        _ => None,
    }
}
