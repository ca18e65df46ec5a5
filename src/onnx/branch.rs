//! `If`: graphs inside a node, each a plan of its own that reads values of the graph around it.

use std::collections::HashSet;

use candle_core::{DType, Tensor};
use candle_onnx::onnx::{GraphProto, NodeProto};

use super::OnnxError;
use super::node::Run;
use super::ops::need;
use super::plan::Plan;

/// Names of the two graphs: of a condition that holds, and of one that does not.
pub(super) const BRANCHES: [&str; 2] = ["then_branch", "else_branch"];

/// Values that the graphs inside the nodes of one file may read from around them; a network's read dozens.
const MOST_CAPTURED: usize = 1 << 16;

/// Adds to each node's inputs what the graphs inside it read from around it, so that whoever asks who reads a value is told.
///
/// # Errors
/// [`OnnxError::Graph`] where they read more than any network does.
pub(super) fn capture(nodes: &mut [NodeProto]) -> Result<(), OnnxError> {
    let mut left = MOST_CAPTURED;
    capture_within(nodes, &mut left)
}

fn capture_within(nodes: &mut [NodeProto], left: &mut usize) -> Result<(), OnnxError> {
    for node in nodes {
        let mut there: HashSet<String> = HashSet::new();
        let mut more = Vec::new();
        for graph in node.attribute.iter_mut().filter_map(|a| a.g.as_mut()) {
            capture_within(&mut graph.node, left)?;
            for name in free(graph) {
                if !there.contains(name) {
                    *left = left.checked_sub(1).ok_or_else(|| {
                        OnnxError::Graph(format!(
                            "the graphs inside its nodes read more than {MOST_CAPTURED} values from around them"
                        ))
                    })?;
                    there.insert(name.to_owned());
                    more.push(name.to_owned());
                }
            }
        }
        node.input.extend(more);
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
/// In words, where it is not one value.
pub(super) fn holds(condition: &Tensor) -> candle_core::Result<bool> {
    if condition.elem_count() != 1 {
        candle_core::bail!(
            "its condition has shape {:?}, and not one value",
            condition.dims()
        );
    }
    let value = condition.to_dtype(DType::F32)?.flatten_all()?;
    Ok(value.to_vec1::<f32>()? != [0.0])
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
