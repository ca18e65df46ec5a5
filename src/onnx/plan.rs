//! The plan: steps in order, each with its inputs, its outputs and the values it is the last to need.

use candle_core::{DType, Tensor};

use super::device::Op;
use super::front::Front;
use super::group::{Group, Kind};
use super::node::Run;
use super::room;
use super::{Element, OnnxError};

/// A network's input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// Declared shape, `None` where a dimension is dynamic; empty when the graph declares none.
    pub dims: Vec<Option<usize>>,
    /// The names that dynamic dimensions have in the graph, such as `height` or `14*h`; empty where they have none.
    pub symbols: Vec<String>,
    /// Declared element type.
    pub element: Element,
    pub(super) slot: usize,
}

impl Port {
    /// What a graph inside a node reads from around it: of any type and shape.
    pub(super) fn inner(name: &str, slot: usize) -> Self {
        Self {
            name: name.to_owned(),
            dims: Vec::new(),
            symbols: Vec::new(),
            element: Element::default(),
            slot,
        }
    }
}

/// What the file says of itself in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The graph's name.
    pub graph: String,
    /// Descriptions of the model and its graph.
    pub description: String,
    /// Keys and values that whoever made it added.
    pub metadata: Vec<(String, String)>,
}

pub(super) struct Step {
    pub title: String,
    pub operator: String,
    pub run: Run,
    /// What kernels do for it; `None` where there are none.
    pub device: Option<Op>,
    /// What it is to a group.
    pub kind: Kind,
    /// The steps that the host runs as one where this one stands.
    pub group: Option<Group>,
    /// The step with which the host runs this one.
    pub waits: Option<usize>,
    pub inputs: Vec<Option<usize>>,
    pub outputs: Vec<Option<usize>>,
    /// Slots that no later step reads.
    pub free: Vec<usize>,
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
    /// Its own, so that weights on a device are known for its.
    pub(super) id: u64,
    pub(super) opset: i64,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
    /// By slot: weights and folded constants.
    pub(super) constants: Vec<Option<Tensor>>,
    pub(super) steps: Vec<Step>,
    pub(super) about: About,
    pub(super) front: Front,
    pub(super) files: Vec<(String, String)>,
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

impl Plan {
    /// Marks where each value is last read, and drops constants that only folding needed.
    pub(super) fn plan_frees(&mut self) {
        let mut last: Vec<Option<usize>> = vec![None; self.constants.len()];
        for (i, step) in self.steps.iter().enumerate() {
            // An output that nobody reads dies where it is made.
            let at = step.waits.unwrap_or(i);
            for &slot in step.inputs.iter().chain(&step.outputs).flatten() {
                last[slot] = last[slot].max(Some(at));
            }
        }
        let mut kept = vec![false; self.constants.len()];
        for output in &self.outputs {
            kept[output.slot] = true;
        }
        for (slot, last) in last.iter().enumerate() {
            match last {
                Some(i) if self.constants[slot].is_none() && !kept[slot] => {
                    self.steps[*i].free.push(slot);
                }
                None if !kept[slot] => self.constants[slot] = None,
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
        self.outputs.iter().map(|port| port.name.as_str())
    }

    /// Number of steps left after folding.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// What the file says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What the network does to its first input.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// Files beside the network's own that weights were read from: name and SHA-256.
    pub fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// Runs the network on `inputs` (in the order of [`Plan::inputs`]; floats f32, integers i64).
    ///
    /// # Errors
    /// [`OnnxError::Input`] where shapes do not fit, [`OnnxError::Node`] where an operator fails.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, OnnxError> {
        self.run_counted(inputs).map(|(outputs, _)| outputs)
    }

    /// Refuses inputs of these sides where they are not those of the network.
    pub(super) fn check_inputs(&self, inputs: &[&[usize]]) -> Result<(), OnnxError> {
        if inputs.len() != self.inputs.len() {
            let names: Vec<&str> = self.inputs.iter().map(|p| p.name.as_str()).collect();
            return Err(OnnxError::Input(format!(
                "{} given, the network takes {names:?}",
                inputs.len()
            )));
        }
        for (port, dims) in self.inputs.iter().zip(inputs) {
            let mut each = port.dims.iter().zip(*dims);
            let fits = port.dims.is_empty()
                || port.dims.len() == dims.len() && each.all(|(d, &n)| d.is_none_or(|d| d == n));
            if !fits {
                return Err(OnnxError::Input(format!(
                    "'{}' takes {}, {dims:?} given",
                    port.name,
                    shape_words(&port.dims),
                )));
            }
        }
        Ok(())
    }

    /// That a step failed on the host.
    pub(super) fn failed(&self, step: &Step, error: &candle_core::Error) -> OnnxError {
        OnnxError::Node {
            node: step.title.clone(),
            operator: step.operator.clone(),
            opset: self.opset,
            reason: words(error),
        }
    }

    /// As [`Plan::run`], and what it held in memory.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn run_counted(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Stats), OnnxError> {
        let dims: Vec<&[usize]> = inputs.iter().map(Tensor::dims).collect();
        self.check_inputs(&dims)?;
        // In the pool, so that its threads need not be woken for every step.
        rayon::scope(|_| room::within(room::MAX_ELEMENTS, || self.ran(inputs)).0)
    }

    /// As [`Plan::run_counted`], on this thread, of inputs that fit.
    pub(super) fn ran(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Stats), OnnxError> {
        let mut values = self.constants.clone();
        for (port, input) in self.inputs.iter().zip(inputs) {
            values[port.slot] = Some(input.clone());
        }
        let mut live = inputs.len();
        let mut stats = Stats {
            peak_values: live,
            values: 0,
        };
        let fed = |values: &[Option<Tensor>], slots: &[Option<usize>]| -> Vec<Option<Tensor>> {
            let value = |slot: &Option<usize>| slot.and_then(|slot| values[slot].clone());
            slots.iter().map(value).collect()
        };
        for (i, step) in self.steps.iter().enumerate() {
            if step.waits.is_some() {
                continue;
            }
            let as_one = match &step.group {
                // What is wrong with it, its steps find the words for.
                Some(group) => (group.run)(&fed(&values, &group.inputs)).ok().flatten(),
                None => None,
            };
            let one_by_one: &[usize] = match (&as_one, &step.group) {
                (Some(_), _) => &[],
                (None, Some(group)) => &group.members,
                (None, None) => &[i],
            };
            let mut keep = |values: &mut [Option<Tensor>], step: &Step, made: Vec<Tensor>| {
                for (slot, value) in step.outputs.iter().zip(made) {
                    if let Some(slot) = slot {
                        values[*slot] = Some(value);
                        live += 1;
                        stats.values += 1;
                    }
                }
                stats.peak_values = stats.peak_values.max(live);
            };
            if let Some(value) = as_one {
                keep(&mut values, step, vec![value]);
            }
            for &i in one_by_one {
                let step = &self.steps[i];
                let args = fed(&values, &step.inputs);
                let made = (step.run)(&args).map_err(|e| self.failed(step, &e))?;
                drop(args);
                keep(&mut values, step, made);
            }
            for &slot in &step.free {
                live -= usize::from(values[slot].take().is_some());
            }
        }
        let mut found = Vec::with_capacity(self.outputs.len());
        for port in &self.outputs {
            found.push(
                values[port.slot].clone().ok_or_else(|| {
                    OnnxError::Graph(format!("output '{}' was not made", port.name))
                })?,
            );
        }
        Ok((found, stats))
    }
}

/// An operator's error in one line, without the backtrace that candle may add.
pub(super) fn words(error: &candle_core::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// `1 x 3 x ? x ?`
pub(crate) fn shape_words(dims: &[Option<usize>]) -> String {
    let words: Vec<String> = dims
        .iter()
        .map(|d| d.map_or_else(|| "?".to_owned(), |d| d.to_string()))
        .collect();
    words.join(" x ")
}

/// A float tensor of `dims` on the CPU, for [`Plan::run`].
///
/// # Errors
/// [`OnnxError::Input`] when the length does not fit.
pub fn input_tensor(data: Vec<f32>, dims: &[usize]) -> Result<Tensor, OnnxError> {
    Tensor::from_vec(data, dims, &candle_core::Device::Cpu).map_err(|e| OnnxError::Input(words(&e)))
}

/// A tensor of bytes of `dims` on the CPU, for an input of [`Element::Uint8`].
///
/// # Errors
/// [`OnnxError::Input`] when the length does not fit.
pub fn input_bytes(data: &[u8], dims: &[usize]) -> Result<Tensor, OnnxError> {
    let data: Vec<i64> = data.iter().map(|&x| x.into()).collect();
    Tensor::from_vec(data, dims, &candle_core::Device::Cpu).map_err(|e| OnnxError::Input(words(&e)))
}

/// A network's output as floats in row-major order.
///
/// # Errors
/// [`OnnxError::Input`] when it holds no numbers.
pub fn output_floats(tensor: &Tensor) -> Result<Vec<f32>, OnnxError> {
    tensor
        .to_dtype(DType::F32)
        .and_then(|t| t.flatten_all()?.to_vec1())
        .map_err(|e| OnnxError::Input(words(&e)))
}
