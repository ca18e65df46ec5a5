//! ONNX networks on candle: the file is translated at load into a plan of candle-core operations.
//!
//! Floats of any width compute in f32, integers in i64, booleans as u8. Weights are decoded once, what can be
//! computed from constants is computed at load, and a value is freed after its last use.

mod fuse;
mod node;
mod ops;
mod plan;
mod proto;
mod table;

pub use ops::taps::Taps;
pub(crate) use plan::shape_words;
pub use plan::{Plan, Port, Stats, input_tensor, output_floats};
pub use table::{LATEST_OPSET, Operator, operators};

/// Why a network cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The bytes are not an ONNX model.
    #[error("not a whole ONNX file ({0}); it may be cut short: fetch it again")]
    Decode(String),
    /// The graph is not one that can be run.
    #[error("faulty graph: {0}; export it again")]
    Graph(String),
    /// An operator is not in the table for this opset.
    #[error(
        "node '{node}': operator {operator} of opset {opset} is not supported{hint}; export with opset 17, \
         or take another network"
    )]
    Unsupported {
        /// Node name, or its first output.
        node: String,
        /// Operator, with its domain if not the default.
        operator: String,
        /// The model's opset for that domain.
        opset: i64,
        /// Which opsets are, if any.
        hint: String,
    },
    /// An operator is supported, but not as this node uses it.
    #[error("node '{node}': {operator} of opset {opset}: {reason}")]
    Node {
        /// Node name, or its first output.
        node: String,
        /// Operator.
        operator: String,
        /// The model's opset.
        opset: i64,
        /// What is wrong.
        reason: String,
    },
    /// What was fed does not fit the network's inputs.
    #[error("network input: {0}")]
    Input(String),
}
