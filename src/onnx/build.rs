//! From a file's bytes to a plan: weights decoded, nodes built, constants folded.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::Tensor;
use candle_onnx::onnx::{FunctionProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use prost::Message;

use super::node::{Node, Run};
use super::plan::{About, Plan, Port, Step};
use super::room::{self, Budget};
use super::{
    OnnxError, content, device, external, front, fuse, group, mend, plan, proto, table, wire,
};

impl Plan {
    /// Reads and translates a file, with the files beside it that its weights lie in.
    ///
    /// # Errors
    /// The file's own, or as [`Plan::decode`].
    pub fn read(path: &Path) -> Result<Self, OnnxError> {
        let bytes = std::fs::read(path).map_err(OnnxError::Read)?;
        Self::decode_in(&bytes, path.parent().unwrap_or(Path::new("")))
    }

    /// Translates the bytes of an ONNX file whose weights are all in it.
    ///
    /// # Errors
    /// [`OnnxError::Foreign`], [`OnnxError::Cut`] and [`OnnxError::Decode`] for other or truncated bytes,
    /// [`OnnxError::External`] for weights that are elsewhere, else as [`Plan::build`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OnnxError> {
        decode(bytes, None)
    }

    /// As [`Plan::decode`]; weights may lie in files of `folder`.
    ///
    /// # Errors
    /// As [`Plan::decode`].
    pub fn decode_in(bytes: &[u8], folder: &Path) -> Result<Self, OnnxError> {
        decode(bytes, Some(folder))
    }

    /// Translates a parsed model: decodes weights, folds constants, builds the steps.
    ///
    /// # Errors
    /// [`OnnxError::Unsupported`] and [`OnnxError::Node`] name the node; [`OnnxError::Weight`] a weight;
    /// [`OnnxError::Graph`] a faulty graph.
    pub fn build(model: ModelProto) -> Result<Self, OnnxError> {
        let size = model.encoded_len();
        build(model, size)
    }
}

fn decode(bytes: &[u8], folder: Option<&Path>) -> Result<Plan, OnnxError> {
    if let Some(what) = content::foreign(bytes) {
        return Err(OnnxError::Foreign(what.into_owned()));
    }
    wire::check(bytes)?;
    let mut model = ModelProto::decode(bytes).map_err(|e| OnnxError::Decode(e.to_string()))?;
    let files = external::inline(&mut model, folder)?;
    let mut plan = build(model, bytes.len())?;
    plan.files = files;
    Ok(plan)
}

/// `size` is the file's, by which the memory for constants is measured.
fn build(mut model: ModelProto, size: usize) -> Result<Plan, OnnxError> {
    let opsets: HashMap<&str, i64> = model
        .opset_import
        .iter()
        .map(|o| (o.domain.as_str(), o.version))
        .collect();
    let default = opsets.get("").or(opsets.get("ai.onnx")).copied();
    let opset = default.unwrap_or(0);
    let Some(graph) = model.graph.take() else {
        return Err(OnnxError::Decode("it holds no graph".into()));
    };
    if opset == 0 && graph.node.iter().any(|n| is_standard(&n.domain)) {
        return Err(OnnxError::Graph("it does not say its opset".into()));
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(OnnxError::Graph("sparse weights are not supported".into()));
    }
    for node in &graph.node {
        let domain = node.domain.as_str();
        let of = if is_standard(domain) {
            opset
        } else {
            opsets.get(domain).copied().unwrap_or(0)
        };
        supported(node, of, &model.functions)?;
    }
    let about = About {
        graph: graph.name,
        description: [model.doc_string, graph.doc_string].join("\n"),
        metadata: model
            .metadata_props
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect(),
    };
    let nodes = fuse::fused(&graph.node, &graph.initializer, &graph.output);
    let mut building = Building {
        opset,
        budget: Budget::new(size),
        by_name: HashMap::new(),
        constants: Vec::new(),
    };
    let inputs = building.inputs(&graph.input, &graph.initializer)?;
    building.weights(graph.initializer, &graph.node, &graph.output)?;
    let mut steps = Vec::new();
    for node in &nodes {
        if let Some(step) = building.step(node)? {
            steps.push(step);
        }
    }
    let outputs = building.outputs(&graph.output)?;
    let constant = |name: &str| {
        let slot = *building.by_name.get(name)?;
        building.constants[slot].as_ref()
    };
    let front = inputs.first().map(|port| {
        let nodes: Vec<&NodeProto> = nodes.iter().map(AsRef::as_ref).collect();
        front::read(&port.name, &nodes, opset, constant)
    });
    group::find(&mut steps, &building.constants, &outputs);
    static PLANS: AtomicU64 = AtomicU64::new(0);
    let mut plan = Plan {
        id: PLANS.fetch_add(1, Ordering::Relaxed),
        opset,
        inputs,
        outputs,
        front: front.unwrap_or_default(),
        constants: building.constants,
        steps,
        about,
        files: Vec::new(),
    };
    plan.plan_frees();
    Ok(plan)
}

fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// Refuses an operator that is not in the table, or not for this opset.
fn supported(node: &NodeProto, opset: i64, functions: &[FunctionProto]) -> Result<(), OnnxError> {
    let standard = is_standard(&node.domain);
    let known = table::find(&node.op_type).filter(|_| standard);
    let hint = match known {
        Some(operator) if operator.opsets.contains(&opset) => return Ok(()),
        Some(operator) => {
            let (first, last) = operator.opsets.clone().into_inner();
            format!(" (opsets {first} to {last} are)")
        }
        None => String::new(),
    };
    let domain = if standard {
        String::new()
    } else {
        format!("{}.", node.domain)
    };
    Err(OnnxError::Unsupported {
        node: Node { proto: node, opset }.title(),
        operator: format!("{domain}{}", node.op_type),
        opset,
        hint,
        mend: mend::mend(node, opset, functions),
    })
}

/// Names to slots, and what they hold, while the graph is read.
struct Building {
    opset: i64,
    budget: Budget,
    by_name: HashMap<String, usize>,
    constants: Vec<Option<Tensor>>,
}

/// An operator's values where its inputs are all known and it is worth it.
enum Folded {
    Values(Vec<Tensor>),
    Later,
}

impl Building {
    fn add(&mut self, name: &str, value: Option<Tensor>) -> Result<usize, OnnxError> {
        let slot = self.constants.len();
        if self.by_name.insert(name.to_owned(), slot).is_some() {
            return Err(OnnxError::Graph(format!("two values are called '{name}'")));
        }
        self.constants.push(value);
        Ok(slot)
    }

    fn inputs(
        &mut self,
        inputs: &[ValueInfoProto],
        weights: &[TensorProto],
    ) -> Result<Vec<Port>, OnnxError> {
        // Old files list the weights among the inputs.
        let weights: HashSet<&str> = weights.iter().map(|w| w.name.as_str()).collect();
        inputs
            .iter()
            .filter(|input| !weights.contains(input.name.as_str()))
            .map(|input| {
                let slot = self.add(&input.name, None)?;
                Ok(proto::port(input, slot))
            })
            .collect()
    }

    /// Decodes the weights that something reads; each is let go in its stored form at once.
    fn weights(
        &mut self,
        weights: Vec<TensorProto>,
        nodes: &[NodeProto],
        outputs: &[ValueInfoProto],
    ) -> Result<(), OnnxError> {
        let read = nodes.iter().flat_map(|n| &n.input);
        let read: HashSet<&str> = read
            .chain(outputs.iter().map(|o| &o.name))
            .map(String::as_str)
            .collect();
        for weight in weights {
            if read.contains(weight.name.as_str()) {
                let value = proto::tensor(&weight).map_err(|reason| OnnxError::Weight {
                    weight: weight.name.clone(),
                    reason,
                })?;
                self.add(&weight.name, Some(value))?;
            }
        }
        Ok(())
    }

    fn outputs(&self, outputs: &[ValueInfoProto]) -> Result<Vec<Port>, OnnxError> {
        if outputs.is_empty() {
            return Err(OnnxError::Graph("it has no outputs".into()));
        }
        outputs
            .iter()
            .map(|output| match self.by_name.get(&output.name) {
                Some(&slot) => Ok(proto::port(output, slot)),
                None => Err(OnnxError::Graph(format!(
                    "nothing makes output '{}'",
                    output.name
                ))),
            })
            .collect()
    }

    fn fail(&self, node: &Node, reason: String) -> OnnxError {
        OnnxError::Node {
            node: node.title(),
            operator: node.proto.op_type.clone(),
            opset: self.opset,
            reason,
        }
    }

    /// Builds one node; `None` if it could be computed from constants at once.
    fn step(&mut self, proto: &NodeProto) -> Result<Option<Step>, OnnxError> {
        let node = Node {
            proto,
            opset: self.opset,
        };
        let build = match (proto.domain.as_str(), proto.op_type.as_str()) {
            (fuse::DOMAIN, fuse::NAN_TO_ZERO) => fuse::nan_to_zero,
            (_, name) => match table::find(name) {
                Some(operator) => operator.build,
                None => return Err(self.fail(&node, "it is not supported".into())),
            },
        };
        let run = build(&node).map_err(|reason| self.fail(&node, reason))?;
        let inputs = proto
            .input
            .iter()
            .map(|name| match name.as_str() {
                "" => Ok(None),
                name => self.by_name.get(name).copied().map(Some).ok_or_else(|| {
                    OnnxError::Graph(format!(
                        "node '{}' reads '{name}', which nothing before it makes",
                        node.title()
                    ))
                }),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let known: Option<Vec<Option<Tensor>>> = inputs
            .iter()
            .map(|slot| match slot {
                None => Some(None),
                Some(slot) => self.constants[*slot].clone().map(Some),
            })
            .collect();
        if let Some(args) = known
            && let Folded::Values(values) = self.fold(&node, &run, &args)?
        {
            let mut values = values.into_iter();
            for name in &proto.output {
                let value = values.next();
                if !name.is_empty() {
                    let reason = || format!("its output '{name}' is not supported");
                    let value = value.ok_or_else(|| self.fail(&node, reason()))?;
                    self.add(name, Some(value))?;
                }
            }
            return Ok(None);
        }
        let outputs = proto
            .output
            .iter()
            .map(|name| match name.as_str() {
                "" => Ok(None),
                name => self.add(name, None).map(Some),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Step {
            title: node.title(),
            operator: proto.op_type.clone(),
            run,
            device: device::build(&node),
            kind: group::kind(&node),
            group: None,
            waits: None,
            inputs,
            outputs,
            free: Vec::new(),
        }))
    }

    /// Computes a node from constants, unless that takes more than the budget: it then waits for the run.
    fn fold(
        &mut self,
        node: &Node,
        run: &Run,
        args: &[Option<Tensor>],
    ) -> Result<Folded, OnnxError> {
        let product = || {
            let counts = args.iter().flatten().map(Tensor::elem_count);
            counts.fold(1usize, usize::saturating_mul)
        };
        let heavy = match node.proto.op_type.as_str() {
            "Conv" | "ConvTranspose" | "MaxPool" | "AveragePool" | "Attention" | "GridSample" => {
                true
            }
            "MatMul" | "Gemm" | "Einsum" => product() > room::MAX_CONSTANT,
            _ => false,
        };
        let Some(most) = self.budget.room(args).filter(|_| !heavy) else {
            return Ok(Folded::Later);
        };
        let (values, asked) = room::within(most, || run(args));
        match (values, asked) {
            (_, Some(asked)) if asked > room::MAX_CONSTANT => Err(self.fail(
                node,
                "a constant of more than 2^26 values, which no depth network has; the file is damaged or faulty"
                    .into(),
            )),
            (Err(_), Some(_)) => Ok(Folded::Later),
            (Err(error), None) => Err(self.fail(node, plan::words(&error))),
            (Ok(values), _) => {
                self.budget.charge(args, &values);
                Ok(Folded::Values(values))
            }
        }
    }
}
