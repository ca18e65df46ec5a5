//! CPU twins of the kernels under `kernels/depth/`.

pub mod channels;
