//! CPU twins of the kernels under `kernels/onnx/`.

pub mod channels;
pub mod conv;
pub mod fold;
pub mod map;
pub mod matmul;
pub mod norm;
pub mod resample;
pub mod softmax;
