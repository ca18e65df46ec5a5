//! The plan: steps in order, each with its inputs, its outputs and the values it is the last to need.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Tensor};
use candle_onnx::onnx::{GraphProto, ModelProto, NodeProto};
use prost::Message;

use super::node::{Node, Run};
use super::{OnnxError, fuse, proto, table};

/// A network's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// Declared shape, `None` where a dimension is dynamic; empty when the graph declares none.
    pub dims: Vec<Option<usize>>,
    slot: usize,
}

struct Step {
    title: String,
    operator: String,
    run: Run,
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
    /// Slots that no later step reads.
    free: Vec<usize>,
}

/// What one run held in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Most values (weights not counted) alive at once.
    pub peak_values: usize,
    /// Values made in all.
    pub values: usize,
}

/// A network ready to run on the CPU. Runs may go on in several threads at once.
pub struct Plan {
    opset: i64,
    inputs: Vec<Port>,
    outputs: Vec<(String, usize)>,
    /// By slot: weights and folded constants.
    constants: Vec<Option<Tensor>>,
    steps: Vec<Step>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("opset", &self.opset)
            .field("inputs", &self.inputs)
            .field("steps", &self.steps.len())
            .finish_non_exhaustive()
    }
}

/// Names to slots while the graph is read.
#[derive(Default)]
struct Slots {
    by_name: HashMap<String, usize>,
    constants: Vec<Option<Tensor>>,
}

impl Slots {
    fn add(&mut self, name: &str, value: Option<Tensor>) -> Result<usize, OnnxError> {
        let slot = self.constants.len();
        if self.by_name.insert(name.to_owned(), slot).is_some() {
            return Err(OnnxError::Graph(format!("two values are called '{name}'")));
        }
        self.constants.push(value);
        Ok(slot)
    }
}

impl Plan {
    /// Reads and translates a file.
    ///
    /// # Errors
    /// The file's own, or as [`Plan::decode`].
    pub fn read(path: &Path) -> Result<Self, OnnxError> {
        let bytes = std::fs::read(path).map_err(|e| OnnxError::Decode(e.to_string()))?;
        Self::decode(&bytes)
    }

    /// Translates the bytes of an ONNX file.
    ///
    /// # Errors
    /// [`OnnxError::Decode`] for other or truncated bytes, else as [`Plan::build`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OnnxError> {
        let model = ModelProto::decode(bytes).map_err(|e| OnnxError::Decode(e.to_string()))?;
        Self::build(model)
    }

    /// Translates a parsed model: decodes weights, folds constants, builds the steps.
    ///
    /// # Errors
    /// [`OnnxError::Unsupported`] and [`OnnxError::Node`] name the node; [`OnnxError::Graph`] a faulty graph.
    pub fn build(model: ModelProto) -> Result<Self, OnnxError> {
        let opsets: HashMap<&str, i64> = model
            .opset_import
            .iter()
            .map(|o| (o.domain.as_str(), o.version))
            .collect();
        let opset = opsets
            .get("")
            .or(opsets.get("ai.onnx"))
            .copied()
            .unwrap_or(0);
        let opset_of = |domain: &str| opsets.get(domain).copied().unwrap_or(0);
        let graph = model
            .graph
            .as_ref()
            .ok_or_else(|| OnnxError::Decode("it holds no graph".into()))?;
        let mut slots = Slots::default();
        for weight in &graph.initializer {
            let value = proto::tensor(weight)
                .map_err(|why| OnnxError::Graph(format!("weight '{}': {why}", weight.name)))?;
            slots.add(&weight.name, Some(value))?;
        }
        if !graph.sparse_initializer.is_empty() {
            return Err(OnnxError::Graph("sparse weights are not supported".into()));
        }
        let mut inputs = Vec::new();
        for input in graph
            .input
            .iter()
            .filter(|i| !graph.initializer.iter().any(|w| w.name == i.name))
        {
            inputs.push(Port {
                name: input.name.clone(),
                dims: proto::declared_dims(input).unwrap_or_default(),
                slot: slots.add(&input.name, None)?,
            });
        }
        let mut steps = Vec::new();
        for node in fuse::gelu(graph) {
            let node = node.as_ref();
            if !matches!(node.domain.as_str(), "" | "ai.onnx" | fuse::DOMAIN) {
                return Err(unsupported(node, opset_of(&node.domain), String::new()));
            }
            if let Some(step) = step(node, opset, &mut slots)? {
                steps.push(step);
            }
        }
        let outputs = outputs(graph, &slots)?;
        let mut plan = Self {
            opset,
            inputs,
            outputs,
            constants: slots.constants,
            steps,
        };
        plan.plan_frees();
        Ok(plan)
    }

    /// Marks where each value is last read, and drops constants that only folding needed.
    fn plan_frees(&mut self) {
        let mut last: Vec<Option<usize>> = vec![None; self.constants.len()];
        for (i, step) in self.steps.iter().enumerate() {
            // An output that nobody reads dies where it is made.
            for &slot in step.inputs.iter().chain(&step.outputs).flatten() {
                last[slot] = Some(i);
            }
        }
        let kept: Vec<usize> = self.outputs.iter().map(|&(_, slot)| slot).collect();
        for (slot, last) in last.iter().enumerate() {
            match last {
                Some(i) if self.constants[slot].is_none() && !kept.contains(&slot) => {
                    self.steps[*i].free.push(slot);
                }
                None if !kept.contains(&slot) => self.constants[slot] = None,
                _ => {}
            }
        }
    }

    /// The model's opset of the default domain.
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// What the network is fed, in the graph's order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// Names of what it answers, in the graph's order.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// Number of steps left after folding.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Runs the network on `inputs` (in the order of [`Plan::inputs`]; floats f32, integers i64).
    ///
    /// # Errors
    /// [`OnnxError::Input`] where shapes do not fit, [`OnnxError::Node`] where an operator fails.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, OnnxError> {
        self.run_counted(inputs).map(|(outputs, _)| outputs)
    }

    /// As [`Plan::run`], and what it held in memory.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn run_counted(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Stats), OnnxError> {
        if inputs.len() != self.inputs.len() {
            let names: Vec<&str> = self.inputs.iter().map(|p| p.name.as_str()).collect();
            return Err(OnnxError::Input(format!(
                "{} given, the network takes {names:?}",
                inputs.len()
            )));
        }
        let mut values = self.constants.clone();
        for (port, input) in self.inputs.iter().zip(inputs) {
            let fits = port.dims.is_empty()
                || port.dims.len() == input.rank()
                    && port
                        .dims
                        .iter()
                        .zip(input.dims())
                        .all(|(d, &n)| d.is_none_or(|d| d == n));
            if !fits {
                return Err(OnnxError::Input(format!(
                    "'{}' takes {}, {:?} given",
                    port.name,
                    shape_words(&port.dims),
                    input.dims()
                )));
            }
            values[port.slot] = Some(input.clone());
        }
        let mut live = inputs.len();
        let mut stats = Stats {
            peak_values: live,
            values: 0,
        };
        for step in &self.steps {
            let args: Vec<Option<Tensor>> = step
                .inputs
                .iter()
                .map(|slot| slot.and_then(|slot| values[slot].clone()))
                .collect();
            let results = (step.run)(&args)
                .map_err(|e| node_error(&step.title, &step.operator, self.opset, e.to_string()))?;
            drop(args);
            for (slot, value) in step.outputs.iter().zip(results) {
                if let Some(slot) = slot {
                    values[*slot] = Some(value);
                    live += 1;
                    stats.values += 1;
                }
            }
            stats.peak_values = stats.peak_values.max(live);
            for &slot in &step.free {
                live -= usize::from(values[slot].take().is_some());
            }
        }
        let mut found = Vec::with_capacity(self.outputs.len());
        for (name, slot) in &self.outputs {
            found.push(
                values[*slot]
                    .clone()
                    .ok_or_else(|| OnnxError::Graph(format!("output '{name}' was not made")))?,
            );
        }
        Ok((found, stats))
    }
}

/// `1 x 3 x ? x ?`
pub(crate) fn shape_words(dims: &[Option<usize>]) -> String {
    let words: Vec<String> = dims
        .iter()
        .map(|d| d.map_or_else(|| "?".to_owned(), |d| d.to_string()))
        .collect();
    words.join(" x ")
}

fn unsupported(node: &NodeProto, opset: i64, hint: String) -> OnnxError {
    let domain = if node.domain.is_empty() {
        String::new()
    } else {
        format!("{}.", node.domain)
    };
    OnnxError::Unsupported {
        node: Node { proto: node, opset }.title(),
        operator: format!("{domain}{}", node.op_type),
        opset,
        hint,
    }
}

fn node_error(node: &str, operator: &str, opset: i64, reason: String) -> OnnxError {
    OnnxError::Node {
        node: node.to_owned(),
        operator: operator.to_owned(),
        opset,
        reason,
    }
}

/// Builds one node; `None` if it could be computed from constants at once.
fn step(node: &NodeProto, opset: i64, slots: &mut Slots) -> Result<Option<Step>, OnnxError> {
    let asked = Node { proto: node, opset };
    let title = asked.title();
    let Some(operator) = table::find(&node.op_type) else {
        return Err(unsupported(node, opset, String::new()));
    };
    // A fused Gelu stands for older operators, so the opset of its own definition does not matter.
    if !operator.opsets.contains(&opset) && node.domain != fuse::DOMAIN {
        let (first, last) = operator.opsets.clone().into_inner();
        return Err(unsupported(
            node,
            opset,
            format!(" (opsets {first} to {last} are)"),
        ));
    }
    let fail = |reason| node_error(&title, &node.op_type, opset, reason);
    let run = (operator.build)(&asked).map_err(fail)?;
    let inputs = node
        .input
        .iter()
        .map(|name| match name.as_str() {
            "" => Ok(None),
            name => slots.by_name.get(name).copied().map(Some).ok_or_else(|| {
                OnnxError::Graph(format!(
                    "node '{title}' reads '{name}', which nothing before it makes"
                ))
            }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let known: Option<Vec<Option<Tensor>>> = inputs
        .iter()
        .map(|slot| match slot {
            None => Some(None),
            Some(slot) => slots.constants[*slot].clone().map(Some),
        })
        .collect();
    let folded = known
        .map(|args| run(&args))
        .transpose()
        .map_err(|e| fail(e.to_string()))?;
    if let Some(values) = folded {
        let mut values = values.into_iter();
        for name in &node.output {
            let value = values.next();
            if !name.is_empty() {
                let value =
                    value.ok_or_else(|| fail(format!("its output '{name}' is not supported")))?;
                slots.add(name, Some(value))?;
            }
        }
        return Ok(None);
    }
    let outputs = node
        .output
        .iter()
        .map(|name| {
            if name.is_empty() {
                Ok(None)
            } else {
                slots.add(name, None).map(Some)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Step {
        title,
        operator: node.op_type.clone(),
        run,
        inputs,
        outputs,
        free: Vec::new(),
    }))
}

fn outputs(graph: &GraphProto, slots: &Slots) -> Result<Vec<(String, usize)>, OnnxError> {
    if graph.output.is_empty() {
        return Err(OnnxError::Graph("it has no outputs".into()));
    }
    graph
        .output
        .iter()
        .map(|output| match slots.by_name.get(&output.name) {
            Some(&slot) => Ok((output.name.clone(), slot)),
            None => Err(OnnxError::Graph(format!(
                "nothing makes output '{}'",
                output.name
            ))),
        })
        .collect()
}

/// A float tensor of `dims` on the CPU, for [`Plan::run`].
///
/// # Errors
/// [`OnnxError::Input`] when the length does not fit.
pub fn input_tensor(data: Vec<f32>, dims: &[usize]) -> Result<Tensor, OnnxError> {
    Tensor::from_vec(data, dims, &candle_core::Device::Cpu)
        .map_err(|e| OnnxError::Input(e.to_string()))
}

/// A network's output as floats in row-major order.
///
/// # Errors
/// [`OnnxError::Input`] when it holds no numbers.
pub fn output_floats(tensor: &Tensor) -> Result<Vec<f32>, OnnxError> {
    tensor
        .to_dtype(DType::F32)
        .and_then(|t| t.flatten_all()?.to_vec1())
        .map_err(|e| OnnxError::Input(e.to_string()))
}
