//! Twins of `kernels/video/`.

pub mod convert;
pub mod convert_420;
pub mod convert_hdr;
pub mod luma;
pub mod planes;
pub mod shrink_420;
pub mod split;
pub mod undistort;
