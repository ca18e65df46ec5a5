//! From a file's bytes to a plan: weights decoded, nodes built, constants folded.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::Tensor;
use candle_onnx::onnx::{
    FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
};
use prost::Message;

use super::branch::{self, Branch};
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
    let opsets: HashMap<String, i64> = std::mem::take(&mut model.opset_import)
        .into_iter()
        .map(|o| (o.domain, o.version))
        .collect();
    let default = opsets.get("").or(opsets.get("ai.onnx")).copied();
    let opset = default.unwrap_or(0);
    let Some(mut graph) = model.graph.take() else {
        return Err(OnnxError::Decode("it holds no graph".into()));
    };
    if opset == 0 && graph.node.iter().any(|n| is_standard(&n.domain)) {
        return Err(OnnxError::Graph("it does not say its opset".into()));
    }
    branch::capture(&mut graph.node)?;
    let about = About {
        graph: std::mem::take(&mut graph.name),
        description: [&*model.doc_string, &*graph.doc_string].join("\n"),
        metadata: model
            .metadata_props
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect(),
    };
    let mut building = Building {
        model: &Known {
            opset,
            opsets,
            functions: &model.functions,
        },
        budget: &mut Budget::new(size),
        outermost: true,
        certain: true,
        by_name: HashMap::new(),
        constants: Vec::new(),
    };
    let weights = std::mem::take(&mut graph.initializer);
    let inputs = building.inputs(&graph.input, &weights)?;
    let mut plan = building.plan(inputs, &graph, weights)?;
    plan.about = about;
    Ok(plan)
}

pub(super) fn is_standard(domain: &str) -> bool {
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

/// What holds for all graphs of a file.
struct Known<'m> {
    /// Of the default domain.
    opset: i64,
    /// By domain.
    opsets: HashMap<String, i64>,
    functions: &'m [FunctionProto],
}

/// Names to slots, and what they hold, while a graph is read.
struct Building<'b> {
    model: &'b Known<'b>,
    budget: &'b mut Budget,
    /// It is not a graph inside a node.
    outermost: bool,
    /// Every run needs it: what fails in it need not wait for one.
    certain: bool,
    by_name: HashMap<String, usize>,
    constants: Vec<Option<Tensor>>,
}

/// An operator's values where its inputs are all known and it is worth it.
enum Folded {
    Values(Vec<Tensor>),
    Later,
}

impl Building<'_> {
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

    /// Decodes the weights that something reads; each that is not borrowed is let go in its stored form at once.
    fn weights<W: Borrow<TensorProto>>(
        &mut self,
        weights: impl IntoIterator<Item = W>,
        graph: &GraphProto,
    ) -> Result<(), OnnxError> {
        if !graph.sparse_initializer.is_empty() {
            return Err(OnnxError::Graph("sparse weights are not supported".into()));
        }
        let read = graph.node.iter().flat_map(|n| &n.input);
        let read: HashSet<&str> = read
            .chain(graph.output.iter().map(|o| &o.name))
            .map(String::as_str)
            .collect();
        for weight in weights {
            let weight = weight.borrow();
            if read.contains(weight.name.as_str()) {
                let value = proto::tensor(weight).map_err(|reason| OnnxError::Weight {
                    weight: weight.name.clone(),
                    reason,
                })?;
                if !self.outermost {
                    // The file's form of it stays: it is a part of the node.
                    self.budget.keep(&value);
                }
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

    /// Refuses nodes that cannot be run.
    fn supported(&self, nodes: &[NodeProto]) -> Result<(), OnnxError> {
        nodes.iter().try_for_each(|node| {
            let of = match self.model.opsets.get(&node.domain) {
                _ if is_standard(&node.domain) => self.model.opset,
                Some(of) => *of,
                None => 0,
            };
            supported(node, of, self.model.functions)
        })
    }

    /// The plan of a graph with these inputs.
    fn plan<W: Borrow<TensorProto>>(
        mut self,
        inputs: Vec<Port>,
        graph: &GraphProto,
        weights: impl AsRef<[TensorProto]> + IntoIterator<Item = W>,
    ) -> Result<Plan, OnnxError> {
        self.supported(&graph.node)?;
        let nodes = fuse::fused(&graph.node, weights.as_ref(), &graph.output);
        self.weights(weights, graph)?;
        let mut steps = Vec::new();
        for node in &nodes {
            if let Some(step) = self.step(node)? {
                steps.push(step);
            }
        }
        let outputs = self.outputs(&graph.output)?;
        let constant = |name: &str| {
            let slot = *self.by_name.get(name)?;
            self.constants[slot].as_ref()
        };
        let front = inputs.first().filter(|_| self.outermost).map(|port| {
            let nodes: Vec<&NodeProto> = nodes.iter().map(AsRef::as_ref).collect();
            front::read(&port.name, &nodes, self.model.opset, constant)
        });
        group::find(&mut steps, &self.constants, &outputs);
        static PLANS: AtomicU64 = AtomicU64::new(0);
        let mut plan = Plan {
            id: PLANS.fetch_add(1, Ordering::Relaxed),
            opset: self.model.opset,
            inputs,
            outputs,
            front: front.unwrap_or_default(),
            constants: self.constants,
            steps,
            about: About::default(),
            files: Vec::new(),
        };
        plan.plan_frees();
        Ok(plan)
    }

    /// The graphs inside an `If` whose inputs, with what the graphs read from around them, lie in `slots`.
    fn branches(
        &mut self,
        node: &Node,
        slots: &[Option<usize>],
    ) -> Result<[Option<Branch>; 2], OnnxError> {
        let condition = slots.first().copied().flatten();
        let known = match condition.and_then(|slot| self.constants[slot].as_ref()) {
            Some(condition) => {
                Some(branch::holds(condition).map_err(|e| self.fail(node, plan::words(&e)))?)
            }
            None => None,
        };
        let mut made = [None, None];
        for ((name, place), asked) in branch::BRANCHES.iter().zip(&mut made).zip([true, false]) {
            if known.is_none_or(|known| known == asked) {
                *place = Some(self.branch(node, name, slots, known.is_some())?);
            }
        }
        Ok(made)
    }

    /// The graph of an `If` that its attribute `name` holds; `certain` where no other may be asked for.
    fn branch(
        &mut self,
        node: &Node,
        name: &str,
        slots: &[Option<usize>],
        certain: bool,
    ) -> Result<Branch, OnnxError> {
        let graph = node.graph(name).map_err(|reason| self.fail(node, reason))?;
        let mut inner = Building {
            model: self.model,
            budget: &mut *self.budget,
            outermost: false,
            certain: self.certain && certain,
            by_name: HashMap::new(),
            constants: Vec::new(),
        };
        let mut inputs = Vec::new();
        let mut reads = Vec::new();
        // The first is the condition; a graph may read it too.
        let given = node.proto.input.iter().map(String::as_str).zip(slots);
        let given: HashMap<&str, (usize, usize)> = given
            .enumerate()
            .filter_map(|(i, (name, slot))| Some((name, (i, (*slot)?))))
            .collect();
        for name in branch::free(graph) {
            // Else the node itself would have been refused.
            let Some(&(i, slot)) = given.get(name) else {
                continue;
            };
            let constant = self.constants[slot].clone();
            let known = constant.is_some();
            let slot = inner.add(name, constant)?;
            if !known {
                inputs.push(Port::inner(name, slot));
                reads.push(i);
            }
        }
        let plan = inner
            .plan(inputs, graph, &*graph.initializer)
            .map_err(|error| match error {
                OnnxError::Graph(reason) => {
                    OnnxError::Graph(format!("'{name}' of node '{}': {reason}", node.title()))
                }
                error => error,
            })?;
        let (wanted, there) = (node.proto.output.len(), plan.outputs.len());
        if wanted != there {
            return Err(self.fail(
                node,
                format!("its graph '{name}' has {there} outputs, and the node {wanted}"),
            ));
        }
        Ok(Branch { plan, reads })
    }

    fn fail(&self, node: &Node, reason: String) -> OnnxError {
        OnnxError::Node {
            node: node.title(),
            operator: node.proto.op_type.clone(),
            opset: self.model.opset,
            reason,
        }
    }

    /// Builds one node; `None` if it could be computed from constants at once.
    fn step(&mut self, proto: &NodeProto) -> Result<Option<Step>, OnnxError> {
        let node = Node {
            proto,
            opset: self.model.opset,
        };
        let mut inputs = proto
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
        let (run, folds) = match (proto.domain.as_str(), proto.op_type.as_str()) {
            (fuse::DOMAIN, fuse::NAN_TO_ZERO) => (fuse::nan_to_zero(&node), true),
            (_, name) => match table::find(name).map(|operator| operator.build) {
                Some(Some(build)) => (build(&node), true),
                Some(None) => {
                    let branches = self.branches(&node, &inputs)?;
                    let read: HashSet<usize> = branches
                        .iter()
                        .flatten()
                        .flat_map(|b| b.reads.iter().copied())
                        .collect();
                    // The others are constants, which the plans hold, or what only the branch reads that is left out.
                    for (i, slot) in inputs.iter_mut().enumerate().skip(1) {
                        slot.take_if(|_| !read.contains(&i));
                    }
                    let steps = branches.iter().flatten().map(|b| b.plan.steps.len());
                    let folds = steps.sum::<usize>() == 0;
                    (Ok(branch::run(branches)), folds)
                }
                None => (Err("it is not supported".into()), true),
            },
        };
        let run = run.map_err(|reason| self.fail(&node, reason))?;
        let known: Option<Vec<Option<Tensor>>> = inputs
            .iter()
            .map(|slot| match slot {
                None => Some(None),
                Some(slot) => self.constants[*slot].clone().map(Some),
            })
            .collect();
        if let Some(args) = known.filter(|_| folds)
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
            (Err(_), _) if !self.certain => Ok(Folded::Later),
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
