//! Recognises GELU, which exporters before opset 20 write as Div, Erf, Add, Mul and Mul, and what puts zeros where a softmax is NaN.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use candle_onnx::onnx::{NodeProto, TensorProto, ValueInfoProto};

use super::node::{Built, Node};
use super::{ops, proto};

/// Domain of the nodes made here, which no file can ask for by accident.
pub(super) const DOMAIN: &str = "director.fused";

/// Name of the node that is 0 where its input is NaN.
pub(super) const NAN_TO_ZERO: &str = "NanToZero";

/// Builds the node of that name.
pub(super) fn nan_to_zero(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let zero = |x: f32| if x.is_nan() { 0.0 } else { x };
        Ok(vec![ops::unary::map(ops::need(args, 0)?, zero)?])
    }))
}

/// The graph's nodes with every `0.5 x (1 + erf(x / sqrt 2))` replaced by one Gelu node, and every `Where(IsNaN(x), 0, x)` by one that says
/// so.
pub(super) fn fused<'n>(
    nodes: &'n [NodeProto],
    weights: &[TensorProto],
    outputs: &[ValueInfoProto],
) -> Vec<Cow<'n, NodeProto>> {
    let view = View::of(nodes, weights, outputs);
    let mut gone = HashSet::new();
    let mut made = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        let found = match node.op_type.as_str() {
            "Erf" => view.match_gelu(i),
            "IsNaN" => view.match_guard(i),
            _ => None,
        };
        if let Some((parts, fused)) = found {
            let last = parts.iter().copied().max().unwrap_or(i);
            gone.extend(parts);
            made.insert(last, fused);
        }
    }
    nodes
        .iter()
        .enumerate()
        .filter_map(|(i, node)| match made.remove(&i) {
            Some(fused) => Some(Cow::Owned(fused)),
            None if gone.contains(&i) => None,
            None => Some(Cow::Borrowed(node)),
        })
        .collect()
}

struct View<'a> {
    nodes: &'a [NodeProto],
    maker: HashMap<&'a str, usize>,
    readers: HashMap<&'a str, Vec<usize>>,
    outputs: HashSet<&'a str>,
    scalars: HashMap<&'a str, f32>,
    /// Those of one side at most.
    flat: HashSet<&'a str>,
}

impl<'a> View<'a> {
    fn of(
        nodes: &'a [NodeProto],
        weights: &'a [TensorProto],
        outputs: &'a [ValueInfoProto],
    ) -> Self {
        let mut view = View {
            nodes,
            maker: HashMap::new(),
            readers: HashMap::new(),
            outputs: outputs.iter().map(|o| o.name.as_str()).collect(),
            scalars: HashMap::new(),
            flat: HashSet::new(),
        };
        let scalar = |t: Option<candle_core::Tensor>| {
            t.filter(|t| t.elem_count() == 1)
                .and_then(|t| ops::float_vec(&t).ok())
                .map(|v| v[0])
        };
        for weight in weights.iter().filter(|w| w.dims.iter().all(|&d| d == 1)) {
            if let Some(v) = scalar(proto::tensor(weight).ok()) {
                view.scalars.insert(&weight.name, v);
                if weight.dims.len() < 2 {
                    view.flat.insert(&weight.name);
                }
            }
        }
        for (i, node) in nodes.iter().enumerate() {
            for name in &node.output {
                view.maker.insert(name, i);
            }
            for name in &node.input {
                view.readers.entry(name).or_default().push(i);
            }
            let [output] = node.output.as_slice() else {
                continue;
            };
            match node.op_type.as_str() {
                "Constant" => {
                    let value = Node {
                        proto: node,
                        opset: 0,
                    }
                    .tensor("value")
                    .ok()
                    .flatten();
                    let flat = value.as_ref().is_some_and(|t| t.rank() < 2);
                    if let Some(v) = scalar(value) {
                        view.scalars.insert(output, v);
                        if flat {
                            view.flat.insert(output);
                        }
                    }
                }
                // Weights kept in half precision stand behind a Cast.
                "Cast" => {
                    if let Some(&v) = node
                        .input
                        .first()
                        .and_then(|n| view.scalars.get(n.as_str()))
                    {
                        view.scalars.insert(output, v);
                        if node
                            .input
                            .first()
                            .is_some_and(|n| view.flat.contains(n.as_str()))
                        {
                            view.flat.insert(output);
                        }
                    }
                }
                _ => {}
            }
        }
        view
    }

    /// The other input of a two-input node, if one input is the number `value`.
    fn beside(&self, i: usize, value: f32) -> Option<&'a str> {
        let [a, b] = self.nodes[i].input.as_slice() else {
            return None;
        };
        let is = |name: &str| {
            let near = |v: &f32| (v - value).abs() < 1e-3 * value;
            // Of more sides it might give the result more.
            self.flat.contains(name) && self.scalars.get(name).is_some_and(near)
        };
        if is(b) {
            Some(a)
        } else if is(a) {
            Some(b)
        } else {
            None
        }
    }

    /// The only reader of node `i`'s output, if it is of type `op`.
    fn sole_reader(&self, i: usize, op: &str) -> Option<usize> {
        let output = self.nodes[i].output.first()?.as_str();
        match self.readers.get(output)?.as_slice() {
            &[reader] if self.nodes[reader].op_type == op && !self.outputs.contains(output) => {
                Some(reader)
            }
            _ => None,
        }
    }

    /// The nodes of what puts zeros where the IsNaN at `ask` finds something, and the node to put in their place.
    fn match_guard(&self, ask: usize) -> Option<(Vec<usize>, NodeProto)> {
        let x = self.nodes[ask].input.first()?;
        let choose = self.sole_reader(ask, "Where")?;
        let [asked, zero, other] = self.nodes[choose].input.as_slice() else {
            return None;
        };
        // Of more sides it might give the result more.
        let flat = self.flat.contains(zero.as_str());
        let is_zero = flat && self.scalars.get(zero.as_str()) == Some(&0.0);
        if self.nodes[ask].output.first() != Some(asked) || !is_zero || other != x {
            return None;
        }
        let fused = NodeProto {
            name: self.nodes[choose].name.clone(),
            op_type: NAN_TO_ZERO.into(),
            domain: DOMAIN.into(),
            input: vec![x.clone()],
            output: self.nodes[choose].output.clone(),
            ..NodeProto::default()
        };
        Some((vec![ask, choose], fused))
    }

    /// The nodes of a GELU around the Erf at `erf`, and the node to put in their place.
    fn match_gelu(&self, erf: usize) -> Option<(Vec<usize>, NodeProto)> {
        let before = *self.maker.get(self.nodes[erf].input.first()?.as_str())?;
        let x = match self.nodes[before].op_type.as_str() {
            // The dividend, not the divisor, must be x.
            "Div" => self
                .beside(before, std::f32::consts::SQRT_2)
                .filter(|x| self.nodes[before].input[0] == **x)?,
            "Mul" => self.beside(before, std::f32::consts::FRAC_1_SQRT_2)?,
            _ => return None,
        };
        if self.sole_reader(before, "Erf") != Some(erf) {
            return None;
        }
        let add = self.sole_reader(erf, "Add")?;
        self.beside(add, 1.0)?;
        let mul = self.sole_reader(add, "Mul")?;
        let added = self.nodes[add].output.first()?;
        let other = self.nodes[mul].input.iter().find(|n| *n != added)?;
        let (parts, end) = if other == x {
            // x (1 + erf), then 0.5.
            let half = self.sole_reader(mul, "Mul")?;
            self.beside(half, 0.5)?;
            (vec![before, erf, add, mul, half], half)
        } else {
            // 0.5 x first, then (1 + erf).
            let half = *self.maker.get(other.as_str())?;
            let halved = self.nodes[half].op_type == "Mul" && self.beside(half, 0.5) == Some(x);
            if !halved || self.sole_reader(half, "Mul") != Some(mul) {
                return None;
            }
            (vec![before, erf, add, half, mul], mul)
        };
        let fused = NodeProto {
            name: self.nodes[erf].name.clone(),
            op_type: "Gelu".into(),
            domain: DOMAIN.into(),
            input: vec![x.to_owned()],
            output: self.nodes[end].output.clone(),
            ..NodeProto::default()
        };
        Some((parts, fused))
    }
}
