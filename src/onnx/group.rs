//! Steps that the host runs as one: a product with its bias, function and residual, a convolution with its function, attention.
//!
//! What lies between them is never written out. A device runs each step by itself.

use std::collections::{HashMap, HashSet};

use candle_core::{DType, Result, Tensor};

use super::cpu::{self, Line, Then};
use super::fuse;
use super::node::{Args, Node};
use super::ops::attention::attend;
use super::ops::conv::Convolution;
use super::ops::linear::linear;
use super::ops::{need, with_floats};
use super::plan::{Port, Step};

/// What a step is to a group.
pub(super) enum Kind {
    MatMul,
    Conv(Convolution),
    Add,
    Mul,
    Div,
    Relu,
    Gelu,
    /// Along this axis, by opset 13's rule.
    Softmax(i64),
    NanToZero,
    Other,
}

/// What a node is to a group.
pub(super) fn kind(node: &Node) -> Kind {
    match node.proto.op_type.as_str() {
        "MatMul" => Kind::MatMul,
        "Conv" => Convolution::of(node).map_or(Kind::Other, Kind::Conv),
        "Add" => Kind::Add,
        "Mul" => Kind::Mul,
        "Div" => Kind::Div,
        "Relu" => Kind::Relu,
        "Gelu" if node.text("approximate", "none").is_ok_and(|a| a == "none") => Kind::Gelu,
        "Softmax" if node.opset >= 13 => node.int("axis", -1).map_or(Kind::Other, Kind::Softmax),
        fuse::NAN_TO_ZERO => Kind::NanToZero,
        _ => Kind::Other,
    }
}

/// The result of a group, or `None` where its steps must run one by one.
type Run = Box<dyn Fn(Args) -> Result<Option<Tensor>> + Send + Sync>;

/// Steps that run as one, where the last of them stands.
pub(super) struct Group {
    /// The last one is the step that has the group.
    pub members: Vec<usize>,
    pub inputs: Vec<Option<usize>>,
    pub run: Run,
}

/// Who reads what.
struct Readers<'a> {
    steps: &'a [Step],
    constants: &'a [Option<Tensor>],
    of: HashMap<usize, Vec<usize>>,
    outputs: HashSet<usize>,
    /// Steps that are in a group.
    taken: HashSet<usize>,
}

impl<'a> Readers<'a> {
    fn of(steps: &'a [Step], constants: &'a [Option<Tensor>], outputs: &[Port]) -> Self {
        let mut of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (i, step) in steps.iter().enumerate() {
            for slot in step.inputs.iter().flatten() {
                of.entry(*slot).or_default().push(i);
            }
        }
        let outputs = outputs.iter().map(|port| port.slot).collect();
        Self {
            steps,
            constants,
            of,
            outputs,
            taken: HashSet::new(),
        }
    }

    /// The one result of step `i`.
    fn made(&self, i: usize) -> Option<usize> {
        match self.steps[i].outputs.as_slice() {
            &[Some(slot)] => Some(slot),
            _ => None,
        }
    }

    /// The steps that read what step `i` makes, if nothing else does.
    fn next(&self, i: usize) -> &[usize] {
        match self.made(i) {
            Some(slot) if !self.outputs.contains(&slot) => {
                self.of.get(&slot).map_or(&[], Vec::as_slice)
            }
            _ => &[],
        }
    }

    /// The only step that reads what step `i` makes, if it is in no group yet.
    fn sole(&self, i: usize) -> Option<usize> {
        match self.next(i) {
            &[next] if !self.taken.contains(&next) => Some(next),
            _ => None,
        }
    }

    /// What step `i` reads beside the value of `slot`.
    fn beside(&self, i: usize, slot: usize) -> Option<usize> {
        match *self.steps[i].inputs.as_slice() {
            [Some(a), Some(b)] if a == slot => Some(b),
            [Some(a), Some(b)] if b == slot => Some(a),
            _ => None,
        }
    }

    fn constant(&self, slot: usize) -> Option<&'a Tensor> {
        self.constants[slot]
            .as_ref()
            .filter(|t| t.dtype() == DType::F32)
    }

    /// A constant vector that step `i` reads beside what step `before` made.
    fn vector(&self, i: usize, before: usize) -> Option<usize> {
        let slot = self.beside(i, self.made(before)?)?;
        let constant = self.constant(slot)?;
        (constant.rank() == 1 && constant.elem_count() > 1).then_some(slot)
    }

    /// A constant number that step `i` reads beside what step `before` made.
    fn number(&self, i: usize, before: usize) -> Option<f32> {
        let constant = self.constant(self.beside(i, self.made(before)?)?)?;
        // Of more sides it would give the result more.
        let one = constant.elem_count() == 1 && constant.rank() <= 3;
        one.then(|| constant.flatten_all().ok()?.get(0).ok()?.to_scalar().ok())?
    }

    /// `a b`, then as many as there are of: a bias, a function, a scale of each column, and what is added at last.
    fn line(&self, first: usize) -> Option<Group> {
        let mut members = vec![first];
        let mut inputs = self.steps[first].inputs.clone();
        if inputs.len() != 2 {
            return None;
        }
        let last = |members: &[usize]| members.last().copied().unwrap_or(first);
        let mut vector = |members: &mut Vec<usize>, of: fn(&Kind) -> bool| {
            let before = last(members);
            let next = self.sole(before).filter(|&i| of(&self.steps[i].kind));
            let slot = next.and_then(|i| self.vector(i, before));
            if let (Some(i), Some(_)) = (next, slot) {
                members.push(i);
            }
            inputs.push(slot);
        };
        vector(&mut members, |kind| matches!(kind, Kind::Add));
        let mut then = Then::Keep;
        if let Some(next) = self.sole(last(&members)) {
            then = match self.steps[next].kind {
                Kind::Relu => Then::Relu,
                Kind::Gelu => Then::Gelu,
                _ => Then::Keep,
            };
            if then != Then::Keep {
                members.push(next);
            }
        }
        vector(&mut members, |kind| matches!(kind, Kind::Mul));
        let before = last(&members);
        let added = self
            .sole(before)
            .filter(|&i| matches!(self.steps[i].kind, Kind::Add));
        let residual = added.and_then(|i| self.beside(i, self.made(before)?));
        if let (Some(i), Some(_)) = (added, residual) {
            members.push(i);
        }
        inputs.push(residual);
        let run: Run = Box::new(move |args| {
            let (a, b) = (need(args, 0)?, need(args, 1)?);
            let vector = |i: usize| match &args[i] {
                Some(t) => t.to_vec1::<f32>().map(Some),
                None => Ok(None),
            };
            let (bias, scale) = (vector(2)?, vector(3)?);
            let n = b.dims().last().copied().unwrap_or(0);
            let wrong = |v: &Option<Vec<f32>>| v.as_ref().is_some_and(|v| v.len() != n);
            if a.rank() < 2 || b.rank() < 2 || wrong(&bias) || wrong(&scale) {
                return Ok(None);
            }
            let mut dims = a.dims().to_vec();
            let last = dims.len() - 1;
            dims[last] = n;
            let line = Line {
                bias: bias.as_deref(),
                then,
                scale: scale.as_deref(),
                residual: None,
            };
            match &args[4] {
                None => linear(a, b, line).map(Some),
                Some(more)
                    if b.rank() == 2 && more.dims() == dims && more.dtype() == DType::F32 =>
                {
                    with_floats(more, |residual| {
                        let residual = Some(residual);
                        linear(a, b, Line { residual, ..line }).map(Some)
                    })
                }
                Some(_) => Ok(None),
            }
        });
        Some(Group {
            members,
            inputs,
            run,
        })
    }

    /// `softmax(q k, perhaps scaled) v`, perhaps with zeros where the softmax is NaN.
    fn attention(&self, first: usize) -> Option<Group> {
        let [Some(q), Some(k)] = *self.steps[first].inputs.as_slice() else {
            return None;
        };
        let mut members = vec![first];
        let mut scale = 1.0;
        let mut next = self.sole(first)?;
        if let Some(number) = self.number(next, first) {
            scale = match self.steps[next].kind {
                Kind::Mul => number,
                Kind::Div if self.steps[next].inputs[0] == self.made(first) => 1.0 / number,
                _ => return None,
            };
            members.push(next);
            next = self.sole(next)?;
        }
        let Kind::Softmax(axis) = self.steps[next].kind else {
            return None;
        };
        members.push(next);
        let guard = self
            .sole(next)
            .filter(|&i| matches!(self.steps[i].kind, Kind::NanToZero));
        let guarded = guard.is_some();
        members.extend(guard);
        let end = guard.unwrap_or(next);
        let last = self.sole(end)?;
        let (Kind::MatMul, [of, Some(v)]) =
            (&self.steps[last].kind, self.steps[last].inputs.as_slice())
        else {
            return None;
        };
        if *of != self.made(end) {
            return None;
        }
        members.push(last);
        let inputs = vec![Some(q), Some(k), Some(*v)];
        let run: Run = Box::new(move |args| {
            let (q, k, v) = (need(args, 0)?, need(args, 1)?, need(args, 2)?);
            let rank = q.rank();
            let along = axis == -1 || axis == rank as i64 - 1;
            let floats = [q, k, v].iter().all(|t| t.dtype() == DType::F32);
            if !along || !floats || rank < 3 || [k.rank(), v.rank()] != [rank; 2] {
                return Ok(None);
            }
            let lead = &q.dims()[..rank - 2];
            if [k, v].iter().any(|t| t.dims()[..rank - 2] != *lead) {
                return Ok(None);
            }
            attend(q, k, v, scale, guarded)
        });
        Some(Group {
            members,
            inputs,
            run,
        })
    }

    /// A convolution and a function.
    fn conv(&self, first: usize) -> Option<Vec<usize>> {
        let next = self.sole(first)?;
        matches!(self.steps[next].kind, Kind::Relu | Kind::Gelu).then(|| vec![first, next])
    }
}

/// Gives the steps that end a group their group, and marks the others as waiting for it.
pub(super) fn find(steps: &mut [Step], constants: &[Option<Tensor>], outputs: &[Port]) {
    if !cpu::have() {
        return;
    }
    let mut readers = Readers::of(steps, constants, outputs);
    let mut found: Vec<Group> = Vec::new();
    let mut convs: Vec<Vec<usize>> = Vec::new();
    for i in 0..steps.len() {
        if readers.taken.contains(&i) {
            continue;
        }
        let members = match &steps[i].kind {
            Kind::MatMul => {
                let group = readers.attention(i).or_else(|| readers.line(i));
                group.filter(|group| group.members.len() > 1).map(|group| {
                    let members = group.members.clone();
                    found.push(group);
                    members
                })
            }
            Kind::Conv(_) => readers
                .conv(i)
                .inspect(|members| convs.push(members.clone())),
            _ => None,
        };
        readers.taken.extend(members.into_iter().flatten());
    }
    for members in convs {
        let [first, last] = *members.as_slice() else {
            continue;
        };
        let then = match steps[last].kind {
            Kind::Gelu => Then::Gelu,
            _ => Then::Relu,
        };
        let Kind::Conv(conv) = std::mem::replace(&mut steps[first].kind, Kind::Other) else {
            continue;
        };
        found.push(Group {
            inputs: steps[first].inputs.clone(),
            members,
            run: Box::new(move |args| conv.run(args, then).map(Some)),
        });
    }
    for group in found {
        let Some((&last, before)) = group.members.split_last() else {
            continue;
        };
        for &i in before {
            steps[i].waits = Some(last);
        }
        steps[last].group = Some(group);
    }
}
