//! Host declarations of the kernels under `kernels/onnx/`.

use crate::gpu::Kernel;
use crate::onnx::picture::CHANNELS;
use crate::{gpu_struct, kernel};

gpu_struct! {
    /// Params of `onnx/matmul`; strides count elements.
    pub struct MatmulParams {
        /// Rows, columns, terms of a sum, matrices.
        pub size: [u32; 4],
        /// First element, stride from row to row, from term to term, from matrix to matrix.
        pub a: [u32; 4],
        /// First element, stride from term to term, from column to column, from matrix to matrix.
        pub b: [u32; 4],
        /// 0: none, 1: one a column.
        pub bias: u32,
        /// Unused.
        pub pad: u32,
        /// Of the product, of the bias.
        pub scale: [f32; 2],
    }
}

gpu_struct! {
    /// Params of `onnx/conv`.
    pub struct ConvParams {
        /// Channels of a group, height, width, groups.
        pub input: [u32; 4],
        /// Channels of a group, height, width, images.
        pub output: [u32; 4],
        /// The kernel's height and width, what lies before the picture above and at its left.
        pub window: [u32; 4],
        /// Stride down and across, dilation down and across.
        pub step: [u32; 4],
        /// 0: none, 1: one a channel.
        pub bias: u32,
        /// Unused.
        pub pad0: u32,
        /// Unused.
        pub pad1: u32,
        /// Unused.
        pub pad2: u32,
    }
}

gpu_struct! {
    /// Params of `onnx/map`; strides count elements, and are 0 along what is repeated.
    pub struct MapParams {
        /// Elements of the result.
        pub count: u32,
        /// A [`What`].
        pub what: u32,
        /// 0: the second operand is `numbers[0]`, 1: `b`.
        pub second: u32,
        /// Unused.
        pub pad: u32,
        /// First elements of `a`, `b` and `y`.
        pub first: [u32; 4],
        /// What the function needs beside.
        pub numbers: [f32; 4],
        /// Sides of the result, the last ones along which neighbours lie; 1 before them.
        pub dims: [[u32; 4]; 2],
        /// Strides of `a`.
        pub a: [[u32; 4]; 2],
        /// Strides of `b`.
        pub b: [[u32; 4]; 2],
        /// Strides of `y`.
        pub y: [[u32; 4]; 2],
    }
}

/// What `onnx/map` computes of elements `u` and `v`, with `n` for its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum What {
    /// u
    Copy,
    /// u + v
    Add,
    /// u - v
    Sub,
    /// u v
    Mul,
    /// u / v
    Div,
    /// The smaller.
    Min,
    /// The larger.
    Max,
    /// u, times v where it is negative.
    PRelu,
    /// u or 0
    Relu,
    /// By the error function.
    Gelu,
    /// 1 / (1 + e^-u)
    Sigmoid,
    /// tanh u
    Tanh,
    /// e^u
    Exp,
    /// ln u
    Log,
    /// The square root.
    Sqrt,
    /// The error function.
    Erf,
    /// |u|
    Abs,
    /// -u
    Neg,
    /// Within n0 and n1.
    Clip,
    /// n0 u + n1 within 0 and 1.
    HardSigmoid,
    /// u times (u / 6 + 1/2 within 0 and 1).
    HardSwish,
    /// 1 / u
    Reciprocal,
    /// n0 (e^u - 1) where u is negative.
    Elu,
    /// u^2
    Square,
    /// u, or 0 where it is NaN.
    NanToZero,
}

gpu_struct! {
    /// Params of `onnx/softmax`.
    pub struct SoftmaxParams {
        /// Rows.
        pub rows: u32,
        /// Elements of a row.
        pub length: u32,
        /// Unused.
        pub pad0: u32,
        /// Unused.
        pub pad1: u32,
    }
}

gpu_struct! {
    /// Params of `onnx/norm`.
    pub struct NormParams {
        /// Rows.
        pub rows: u32,
        /// Elements of a row.
        pub length: u32,
        /// 0: a scale and a bias an element of the row, else one a row, again after so many rows.
        pub period: u32,
        /// Added to the variance.
        pub epsilon: f32,
    }
}

gpu_struct! {
    /// Params of `onnx/fold`.
    pub struct FoldParams {
        /// Rows.
        pub rows: u32,
        /// Elements of a row.
        pub length: u32,
        /// 0: mean, 1: the largest.
        pub what: u32,
        /// Unused.
        pub pad: u32,
    }
}

gpu_struct! {
    /// Params of `onnx/resample`.
    pub struct ResampleParams {
        /// Elements of the result.
        pub count: u32,
        /// Places of the input along the axis.
        pub inputs: u32,
        /// Places of the result.
        pub outputs: u32,
        /// Elements from place to place.
        pub inner: u32,
        /// Inputs of a place of the result.
        pub taps: u32,
        /// First element of `x`.
        pub first: u32,
        /// Unused.
        pub pad0: u32,
        /// Unused.
        pub pad1: u32,
    }
}

/// Rows and columns of the tile that a workgroup of a product makes.
pub const TILE: usize = 64;

/// Sums of a product: rounding adds up with the terms, and each term is rounded once or twice.
const SUMS: crate::gpu::agree::Agreement = crate::gpu::agree::within(1e-4, 1e-4);

/// Products of matrices.
pub static MATMUL: Kernel = kernel!(
    "onnx/matmul", shared ["shared/tile"], twin crate::onnx::twins::matmul::twin,
    workgroup [16, 16, 1], params MatmulParams,
    bind [read a: f32, read b: f32, read bias: f32, write c: f32 => SUMS]
);

/// Convolutions.
pub static CONV: Kernel = kernel!(
    "onnx/conv", shared ["shared/tile"], twin crate::onnx::twins::conv::twin,
    workgroup [16, 16, 1], params ConvParams,
    bind [read x: f32, read weights: f32, read bias: f32, write y: f32 => SUMS]
);

/// Functions of elements, and copies.
pub static MAP: Kernel = kernel!(
    "onnx/map", shared [], twin crate::onnx::twins::map::twin,
    workgroup [64, 1, 1], params MapParams,
    bind [read a: f32, read b: f32, write y: f32 => within(2e-6, 1e-5)]
);

/// Softmax of rows.
pub static SOFTMAX: Kernel = kernel!(
    "onnx/softmax", shared [], twin crate::onnx::twins::softmax::twin,
    workgroup [64, 1, 1], params SoftmaxParams,
    bind [read x: f32, write y: f32 => within(1e-6, 1e-5)]
);

/// Layer and instance normalisation.
pub static NORM: Kernel = kernel!(
    "onnx/norm", shared [], twin crate::onnx::twins::norm::twin,
    workgroup [64, 1, 1], params NormParams,
    bind [read x: f32, read scale: f32, read bias: f32, write y: f32 => within(1e-5, 1e-4)]
);

/// Mean and largest of rows.
pub static FOLD: Kernel = kernel!(
    "onnx/fold", shared [], twin crate::onnx::twins::fold::twin,
    workgroup [64, 1, 1], params FoldParams,
    bind [read x: f32, write y: f32 => SUMS]
);

/// Resampling along an axis.
pub static RESAMPLE: Kernel = kernel!(
    "onnx/resample", shared [], twin crate::onnx::twins::resample::twin,
    workgroup [64, 1, 1], params ResampleParams,
    bind [read x: f32, read index: u32, read weight: f32, write y: f32 => within(1e-6, 1e-5)]
);

/// All of them.
pub static ALL: &[&Kernel] = &[
    &MATMUL, &CONV, &MAP, &SOFTMAX, &NORM, &FOLD, &RESAMPLE, &CHANNELS,
];
