//! `If`: graphs inside a node, each a plan of its own that reads values of the graph around it.

use std::collections::HashSet;

use candle_core::{DType, Tensor};
use candle_onnx::onnx::{GraphProto, NodeProto};

use super::OnnxError;
use super::build::is_standard;
use super::node::{Run, title};
use super::ops::need;
use super::plan::Plan;

/// Names of the two graphs: of a condition that holds, and of one that does not.
pub(super) const BRANCHES: [&str; 2] = ["then_branch", "else_branch"];

/// Bytes of names that the graphs inside the nodes of one file may read from around them; a network's are thousands.
const MOST_CAPTURED: usize = 8 << 20;

/// Graphs inside one another at most.
const DEEPEST: usize = 11;

/// Whether the node holds graphs that are read.
fn branches(node: &NodeProto) -> bool {
    node.op_type == "If" && is_standard(&node.domain)
}

/// Adds to the inputs of each `If` what the graphs inside it read from around it, so that whoever asks who reads a value is told.
///
/// # Errors
/// [`OnnxError::Graph`] where they read or lie deeper than any network does, and where one has not one input.
pub(super) fn capture(nodes: &mut [NodeProto]) -> Result<(), OnnxError> {
    let mut left = MOST_CAPTURED;
    capture_within(nodes, &mut left, DEEPEST)
}

fn capture_within(
    nodes: &mut [NodeProto],
    left: &mut usize,
    deeper: usize,
) -> Result<(), OnnxError> {
    for node in nodes.iter_mut().filter(|node| branches(node)) {
        if node.input.len() != 1 || node.input[0].is_empty() {
            return Err(OnnxError::Graph(format!(
                "node '{}' chooses by {} values, and not by one",
                title(node),
                node.input.iter().filter(|name| !name.is_empty()).count()
            )));
        }
        if deeper == 0 {
            return Err(OnnxError::Graph(format!(
                "more than {DEEPEST} graphs lie inside one another"
            )));
        }
        let mut captured: Vec<String> = Vec::new();
        for name in BRANCHES {
            let held = node.attribute.iter_mut().find(|a| a.name == name);
            let Some(graph) = held.and_then(|a| a.g.as_mut()) else {
                continue;
            };
            capture_within(&mut graph.node, left, deeper - 1)?;
            let known: HashSet<&str> = captured.iter().map(String::as_str).collect();
            let mut new = free(graph);
            new.retain(|name| !known.contains(name));
            let bytes: usize = new
                .iter()
                .map(|name| name.len() + size_of::<String>())
                .sum();
            *left = left.checked_sub(bytes).ok_or_else(|| {
                OnnxError::Graph(
                    "the graphs inside its nodes read too much from around them".into(),
                )
            })?;
            let new: Vec<String> = new.into_iter().map(str::to_owned).collect();
            captured.extend(new);
        }
        node.input.extend(captured);
    }
    Ok(())
}

/// What a graph reads and does not make, each once, in the order of reading.
pub(super) fn free(graph: &GraphProto) -> Vec<&str> {
    let mut known: HashSet<&str> = graph
        .input
        .iter()
        .map(|i| i.name.as_str())
        .chain(graph.initializer.iter().map(|w| w.name.as_str()))
        .chain(
            graph
                .node
                .iter()
                .flat_map(|n| &n.output)
                .map(String::as_str),
        )
        .collect();
    // A left out input.
    known.insert("");
    graph
        .node
        .iter()
        .flat_map(|n| &n.input)
        .chain(graph.output.iter().map(|o| &o.name))
        .map(String::as_str)
        .filter(|name| known.insert(name))
        .collect()
}

/// One of the two graphs.
pub(super) struct Branch {
    pub plan: Plan,
    /// For each of the plan's inputs, which of the node's it is.
    pub reads: Vec<usize>,
}

/// Whether a condition holds.
///
/// # Errors
/// In words, where it is not one boolean.
pub(super) fn holds(condition: &Tensor) -> candle_core::Result<bool> {
    if condition.elem_count() != 1 || condition.dtype() != DType::U8 {
        candle_core::bail!(
            "its condition, {:?} of shape {:?}, is not one boolean",
            condition.dtype(),
            condition.dims()
        );
    }
    Ok(condition.flatten_all()?.to_vec1::<u8>()? != [0])
}

/// Runs the branch that the condition asks for; one that is known not to be asked for is not there.
pub(super) fn run(branches: [Option<Branch>; 2]) -> Run {
    Box::new(move |args| {
        let at = usize::from(!holds(need(args, 0)?)?);
        let Some(branch) = &branches[at] else {
            candle_core::bail!("its condition changed since the network was read");
        };
        let fed = branch.reads.iter().map(|&i| need(args, i).cloned());
        let fed = fed.collect::<candle_core::Result<Vec<_>>>()?;
        let made = branch.plan.ran(&fed);
        let (made, _) = made.map_err(|e| candle_core::Error::Msg(e.to_string()))?;
        Ok(made)
    })
}
