//! ONNX networks on candle: the file is translated at load into a plan of operations on its tensors.
//!
//! A plan runs on the host ([`Plan::run`]) or, with kernels for what networks of pictures are made of, on a GPU ([`Plan::run_on`]).
//! Floats of any width compute in f32, integers in i64, booleans as u8. Weights are decoded once, what can be
//! computed from constants is computed at load, and a value is freed after its last use. Reading a file, whatever it
//! holds, takes no more memory than four times its length and 64 MiB.

mod branch;
mod build;
mod content;
mod cpu;
pub mod device;
mod element;
mod external;
mod front;
mod fuse;
mod group;
mod mend;
mod node;
mod ops;
pub mod picture;
mod plan;
mod proto;
mod room;
mod table;
pub mod twins;
mod wire;

use content::foreign;
use ops::made;

pub use device::KERNELS;
pub use element::Element;
pub use front::Front;
pub use ops::taps::Taps;
pub(crate) use plan::shape_words;
pub use plan::{About, Plan, Port, Stats, input_bytes, input_tensor, output_floats};
pub use table::{LATEST_OPSET, Operator, operators};

/// Why a network cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// The bytes are of another format, or stand for a file that was not fetched.
    #[error("not ONNX but {0}")]
    Foreign(String),
    /// More bytes than a protobuf message has.
    #[error("over 2 GiB, which no ONNX file is: large weights lie in a file beside it")]
    TooLarge,
    /// The file ends too early: bytes there, bytes that it must have at least.
    #[error(
        "cut short: {} bytes, and at least {} are needed; fetch it again",
        .0[0], .0[1]
    )]
    Cut([usize; 2]),
    /// The bytes are not an ONNX model.
    #[error("not an ONNX file ({0}); fetch it again, or export the network to ONNX")]
    Decode(String),
    /// Weights in a file beside the network's are not to be had.
    #[error("{0}")]
    External(String),
    /// The graph is not one that can be run.
    #[error("faulty graph: {0}; export it again")]
    Graph(String),
    /// A weight is not one that can be read.
    #[error("weight '{weight}': {reason}")]
    Weight {
        /// Its name.
        weight: String,
        /// What is wrong, with the mend.
        reason: String,
    },
    /// An operator is not in the table for this opset.
    #[error("node '{node}': operator {operator} of opset {opset} is not supported{hint}; {mend}")]
    Unsupported {
        /// Node name, or its first output.
        node: String,
        /// Operator, with its domain if not the default.
        operator: String,
        /// The model's opset for that domain.
        opset: i64,
        /// Which opsets are, if any.
        hint: String,
        /// What to do.
        mend: String,
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
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] crate::gpu::GpuError),
}
