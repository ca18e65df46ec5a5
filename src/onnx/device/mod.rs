//! A plan on a GPU: floats stay in its memory from step to step, integers and shapes are computed on the host.
//!
//! A step whose operator has no kernel, or is not used as its kernel can, runs on the host with its values read back; so every plan
//! runs, and [`Ran::on_host`] tells what it cost.

mod kernels;
mod ops;
mod view;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Tensor};

pub use kernels::{
    ALL as KERNELS, CONV, ConvParams, FOLD, FoldParams, MAP, MATMUL, MapParams, MatmulParams, NORM,
    NormParams, RESAMPLE, ResampleParams, SOFTMAX, SoftmaxParams, TILE, What,
};
pub(super) use ops::{Op, build};
pub use view::View;

use super::plan::{Plan, Step, words};
use super::{OnnxError, Taps, made, output_floats};
use crate::gpu::{AnyBuffer, Buffer, Gpu, GpuError, GpuType, Kernel};

/// Bytes that recorded work may make before it is submitted, and what no later step reads is handed out again.
const AHEAD: u64 = 128 << 20;

/// A value of a run.
#[derive(Clone, Debug)]
pub enum Value {
    /// On the host: integers, booleans, and floats that no kernel made.
    Host(Tensor),
    /// Floats on the device.
    Device(View),
}

impl Value {
    /// Its sides.
    pub fn dims(&self) -> &[usize] {
        match self {
            Self::Host(tensor) => tensor.dims(),
            Self::Device(view) => &view.dims,
        }
    }
}

/// What a run answered.
#[derive(Debug)]
pub struct Ran {
    /// In the order of the plan's outputs.
    pub outputs: Vec<Value>,
    /// Steps that ran on the host with floats that had to be read back, by operator.
    pub on_host: Vec<String>,
}

/// What resampling along an axis takes.
#[derive(Clone, Debug)]
pub(super) struct Resampler {
    index: Buffer<u32>,
    weight: Buffer<f32>,
    /// Of the result.
    places: usize,
    /// Inputs of a place.
    each: usize,
}

/// The weights of one [`Plan`] on one GPU.
#[derive(Debug)]
pub struct Weights {
    gpu: Gpu,
    /// By slot.
    made: Mutex<HashMap<usize, View>>,
    /// By what they are for.
    taps: Mutex<HashMap<String, Resampler>>,
    /// Zeros, where a bias is left out, by how many.
    zeros: Mutex<HashMap<usize, Buffer<f32>>>,
    /// Of the plan whose they are.
    plan: u64,
}

impl Weights {
    /// None of `plan`'s yet: each is uploaded when it is first read.
    pub fn new(gpu: &Gpu, plan: &Plan) -> Self {
        Self {
            gpu: gpu.clone(),
            made: Mutex::default(),
            taps: Mutex::default(),
            zeros: Mutex::default(),
            plan: plan.id,
        }
    }

    /// The GPU that they are on.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }
}

/// Work as it is recorded.
pub(super) struct Tape<'a> {
    weights: &'a Weights,
    recorder: crate::gpu::Recorder,
    ahead: u64,
}

impl<'a> Tape<'a> {
    fn new(weights: &'a Weights) -> Self {
        Self {
            weights,
            recorder: weights.gpu.recorder(),
            ahead: 0,
        }
    }

    fn gpu(&self) -> &'a Gpu {
        &self.weights.gpu
    }

    /// Memory for a result that a kernel writes in full.
    fn room(&mut self, dims: &[usize]) -> Result<View, GpuError> {
        let count: usize = dims.iter().product();
        self.ahead += 4 * count as u64;
        Ok(View::whole(self.gpu().scratch(count)?, dims))
    }

    fn run<P: GpuType>(
        &mut self,
        kernel: &'static Kernel,
        params: &P,
        buffers: &[&dyn AnyBuffer],
        groups: [u32; 3],
    ) -> Result<(), GpuError> {
        self.recorder.run(kernel, params, buffers, groups)?;
        if self.ahead > AHEAD {
            self.submit()?;
        }
        Ok(())
    }

    fn submit(&mut self) -> Result<(), GpuError> {
        self.ahead = 0;
        self.recorder.submit()
    }

    /// So many zeros.
    fn zeros(&self, count: usize) -> Result<Buffer<f32>, GpuError> {
        let zeros = &self.weights.zeros;
        let mut zeros = zeros.lock().unwrap_or_else(PoisonError::into_inner);
        match zeros.get(&count) {
            Some(buffer) => Ok(buffer.clone()),
            None => Ok(zeros
                .entry(count)
                .or_insert(self.gpu().alloc(count)?)
                .clone()),
        }
    }

    /// Workgroups as a dispatch takes them; `None` where they are more than the device has along an axis.
    fn groups(&self, counts: [usize; 3]) -> Option<[u32; 3]> {
        let most = self.gpu().caps().workgroups as usize;
        counts
            .iter()
            .all(|n| *n <= most)
            .then(|| counts.map(|n| n as u32))
    }

    /// What `key` names, made where it is not there.
    fn taps(
        &self,
        taps: impl FnOnce() -> Option<Taps>,
        key: String,
    ) -> Result<Option<Resampler>, GpuError> {
        let kept = &self.weights.taps;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = kept.get(&key) {
            return Ok(Some(there.clone()));
        }
        let Some(taps) = taps() else {
            return Ok(None);
        };
        let (index, weight) = taps.lists();
        let made = Resampler {
            index: self.gpu().upload(index)?,
            weight: self.gpu().upload(weight)?,
            places: taps.len(),
            each: taps.each(),
        };
        Ok(Some(kept.entry(key).or_insert(made).clone()))
    }

    /// A tensor of floats on the device; `slot` where it is a weight, which stays there.
    fn upload(&self, tensor: &Tensor, slot: Option<usize>) -> Result<View, OnnxError> {
        let mut made = self
            .weights
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = slot.and_then(|slot| made.get(&slot)) {
            return Ok(view.clone());
        }
        let view = View::whole(self.gpu().upload(&output_floats(tensor)?)?, tensor.dims());
        if let Some(slot) = slot {
            made.insert(slot, view.clone());
        }
        Ok(view)
    }

    /// What a view holds, on the host.
    fn read(&mut self, view: &View) -> Result<Tensor, OnnxError> {
        let whole = ops::contiguous(self, view)?;
        self.submit()?;
        let count = whole.count();
        let values = self.gpu().read_range(&whole.buffer, whole.first, count)?;
        made(values, &whole.dims).map_err(|e| OnnxError::Input(words(&e)))
    }
}

/// What a step is fed.
pub(super) struct Fed<'a> {
    values: Vec<Option<&'a Value>>,
    /// Of each the slot, where it is a weight.
    weights: Vec<Option<usize>>,
}

impl Fed<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn has(&self, i: usize) -> bool {
        self.values.get(i).is_some_and(Option::is_some)
    }

    fn dims(&self, i: usize) -> Option<&[usize]> {
        Some(self.values.get(i).copied()??.dims())
    }

    /// Input `i` where it is on the host.
    fn host(&self, i: usize) -> Option<&Tensor> {
        match self.values.get(i).copied()?? {
            Value::Host(tensor) => Some(tensor),
            Value::Device(_) => None,
        }
    }

    /// Input `i` where it is one number on the host.
    fn number(&self, i: usize) -> Option<f32> {
        let tensor = self.host(i).filter(|t| t.elem_count() == 1)?;
        output_floats(tensor).ok()?.first().copied()
    }

    /// Input `i` where it is one number on the host and has no more sides than input `beside`, whose sides are then those of what comes.
    fn number_beside(&self, i: usize, beside: usize) -> Option<f32> {
        let rank = self.dims(beside)?.len();
        self.number(i)
            .filter(|_| self.dims(i).is_some_and(|dims| dims.len() <= rank))
    }

    /// Input `i` on the device; `None` where it is not there or no floats.
    fn view(&self, tape: &Tape<'_>, i: usize) -> Result<Option<View>, OnnxError> {
        Ok(match self.values.get(i).copied().flatten() {
            Some(Value::Device(view)) => Some(view.clone()),
            Some(Value::Host(tensor)) if tensor.dtype() == DType::F32 => {
                Some(tape.upload(tensor, self.weights[i])?)
            }
            _ => None,
        })
    }

    /// As the host's operators take them; what is on the device is left out.
    fn on_host(&self) -> Vec<Option<Tensor>> {
        (0..self.len()).map(|i| self.host(i).cloned()).collect()
    }
}

impl Plan {
    /// Runs the network on the GPU of `weights`, which are of this plan, on `inputs` (in the order of [`Plan::inputs`]). The answers are as
    /// those of [`Plan::run`] within rounding: sums are in another order, and the exponential is the device's.
    ///
    /// # Errors
    /// As [`Plan::run`], and [`OnnxError::Gpu`].
    pub fn run_on(&self, weights: &Weights, inputs: Vec<Value>) -> Result<Ran, OnnxError> {
        if weights.plan != self.id {
            return Err(OnnxError::Input("weights of another network".to_owned()));
        }
        let dims: Vec<&[usize]> = inputs.iter().map(Value::dims).collect();
        self.check_inputs(&dims)?;
        let mut values: Vec<Option<Value>> = vec![None; self.constants.len()];
        for (slot, constant) in self.constants.iter().enumerate() {
            values[slot] = constant.clone().map(Value::Host);
        }
        for (port, input) in self.inputs.iter().zip(inputs) {
            values[port.slot] = Some(input);
        }
        let mut tape = Tape::new(weights);
        let mut on_host = Vec::new();
        for step in &self.steps {
            let made = self.step_on(step, &mut tape, &values, &mut on_host)?;
            for (slot, value) in step.outputs.iter().zip(made) {
                if let Some(slot) = slot {
                    values[*slot] = Some(value);
                }
            }
            for &slot in &step.free {
                values[slot] = None;
            }
        }
        tape.submit()?;
        let outputs = self
            .outputs
            .iter()
            .map(|port| {
                values[port.slot]
                    .clone()
                    .ok_or_else(|| OnnxError::Graph(format!("output '{}' was not made", port.name)))
            })
            .collect::<Result<_, _>>()?;
        Ok(Ran { outputs, on_host })
    }

    /// One step, by kernels where its operator has them and floats are on the device, else on the host.
    fn step_on(
        &self,
        step: &Step,
        tape: &mut Tape<'_>,
        values: &[Option<Value>],
        on_host: &mut Vec<String>,
    ) -> Result<Vec<Value>, OnnxError> {
        let fed = Fed {
            values: step
                .inputs
                .iter()
                .map(|slot| values[(*slot)?].as_ref())
                .collect(),
            weights: step
                .inputs
                .iter()
                .map(|slot| slot.filter(|slot| self.constants[*slot].is_some()))
                .collect(),
        };
        let mut given = fed.values.iter().flatten();
        let floats = given.any(|v| matches!(v, Value::Device(_)));
        if let Some(op) = step.device.as_ref().filter(|_| floats)
            && let Some(made) = op(tape, &fed)?
        {
            return Ok(made);
        }
        if floats {
            on_host.push(step.operator.clone());
        }
        let mut args = Vec::with_capacity(fed.len());
        for value in &fed.values {
            args.push(match value {
                None => None,
                Some(Value::Host(tensor)) => Some(tensor.clone()),
                Some(Value::Device(view)) => Some(tape.read(view)?),
            });
        }
        let made = (step.run)(&args).map_err(|e| self.failed(step, &e))?;
        Ok(made.into_iter().map(Value::Host).collect())
    }
}

/// The floats of a value in row-major order.
///
/// # Errors
/// [`OnnxError::Gpu`], and [`OnnxError::Input`] when it holds no numbers.
pub fn floats(weights: &Weights, value: &Value) -> Result<Vec<f32>, OnnxError> {
    match value {
        Value::Host(tensor) => output_floats(tensor),
        Value::Device(view) => output_floats(&Tape::new(weights).read(view)?),
    }
}

/// A view resampled by [`Taps::area`] along sides (which, from so many places, to so many), then with other sides.
///
/// # Errors
/// [`OnnxError::Gpu`].
pub fn resampled(
    weights: &Weights,
    view: &View,
    sides: &[(usize, usize, usize)],
    dims: &[usize],
) -> Result<Value, OnnxError> {
    let mut tape = Tape::new(weights);
    let mut made = view.clone();
    for &(axis, from, to) in sides {
        let taps = || Some(Taps::area(from, to));
        made = match ops::along(&mut tape, &made, axis, taps, format!("area {from} {to}"))? {
            Some(made) => made,
            None => return Err(OnnxError::Input("a picture without pixels".to_owned())),
        };
    }
    tape.submit()?;
    Ok(Value::Device(made.shaped(dims)))
}

/// A tensor of floats on the device; what is not of floats stays on the host.
///
/// # Errors
/// [`OnnxError::Gpu`].
pub fn uploaded(weights: &Weights, tensor: &Tensor) -> Result<Value, OnnxError> {
    match tensor.dtype() {
        DType::F32 => Ok(Value::Device(Tape::new(weights).upload(tensor, None)?)),
        _ => Ok(Value::Host(tensor.clone())),
    }
}
