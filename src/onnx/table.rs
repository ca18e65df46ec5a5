//! The supported operators: name, opsets, builder.

use std::ops::RangeInclusive;

use super::node::{Built, Node};
use super::ops::{arith, conv, index, linear, norm, pool, reduce, resize, shape, unary};

/// The newest opset whose operators were read against the table.
pub const LATEST_OPSET: i64 = 22;

/// A supported operator.
#[derive(Clone, Debug)]
pub struct Operator {
    /// ONNX name, default domain.
    pub name: &'static str,
    /// Model opsets under which its behaviour is known.
    pub opsets: RangeInclusive<i64>,
    pub(super) build: fn(&Node) -> Built,
}

const fn since(first: i64, name: &'static str, build: fn(&Node) -> Built) -> Operator {
    Operator {
        name,
        opsets: first..=LATEST_OPSET,
        build,
    }
}

/// All supported operators, by name. Before opset 7 broadcasting was another, so nothing older is taken.
pub fn operators() -> &'static [Operator] {
    OPERATORS
}

static OPERATORS: &[Operator] = &[
    since(7, "Abs", unary::abs),
    since(7, "Add", arith::add),
    since(7, "And", arith::and),
    since(7, "AveragePool", pool::average),
    since(7, "BatchNormalization", norm::batch),
    since(7, "Cast", arith::cast),
    since(7, "Ceil", unary::ceil),
    since(7, "Clip", arith::clip),
    since(7, "Concat", index::concat),
    since(7, "Constant", shape::constant),
    since(9, "ConstantOfShape", shape::constant_of_shape),
    since(7, "Conv", conv::conv),
    since(7, "ConvTranspose", conv::transpose),
    since(7, "Cos", unary::cos),
    since(7, "DepthToSpace", shape::depth_to_space),
    since(7, "Div", arith::div),
    since(7, "Dropout", shape::identity),
    since(7, "Elu", unary::elu),
    since(7, "Equal", arith::equal),
    since(9, "Erf", unary::erf_op),
    since(7, "Exp", unary::exp),
    since(8, "Expand", shape::expand),
    since(7, "Flatten", shape::shaping),
    since(7, "Floor", unary::floor),
    since(7, "Gather", index::gather),
    since(20, "Gelu", unary::gelu),
    since(7, "Gemm", linear::gemm),
    since(7, "GlobalAveragePool", pool::global_average),
    since(7, "GlobalMaxPool", pool::global_max),
    since(7, "Greater", arith::greater),
    since(12, "GreaterOrEqual", arith::greater_or_equal),
    since(7, "HardSigmoid", unary::hard_sigmoid),
    since(14, "HardSwish", unary::hard_swish),
    since(7, "Identity", shape::identity),
    since(7, "InstanceNormalization", norm::instance),
    since(17, "LayerNormalization", norm::layer),
    since(7, "LeakyRelu", unary::leaky_relu),
    since(7, "Less", arith::less),
    since(12, "LessOrEqual", arith::less_or_equal),
    since(7, "Log", unary::log),
    since(7, "MatMul", linear::matmul),
    since(8, "Max", arith::max),
    since(7, "MaxPool", pool::max),
    since(8, "Min", arith::min),
    since(10, "Mod", arith::modulo),
    since(7, "Mul", arith::mul),
    since(7, "Neg", unary::neg),
    since(7, "Not", unary::not),
    since(7, "Or", arith::or),
    since(7, "PRelu", arith::prelu),
    since(7, "Pad", index::pad),
    since(7, "Pow", arith::pow),
    since(11, "Range", shape::range),
    since(7, "Reciprocal", unary::reciprocal),
    since(7, "ReduceL2", reduce::l2),
    since(7, "ReduceMax", reduce::max),
    since(7, "ReduceMean", reduce::mean),
    since(7, "ReduceMin", reduce::min),
    since(7, "ReduceSum", reduce::sum),
    since(7, "Relu", unary::relu),
    since(7, "Reshape", shape::shaping),
    since(10, "Resize", resize::resize),
    since(11, "Round", unary::round),
    since(7, "Shape", shape::shape),
    since(7, "Sigmoid", unary::logistic),
    since(7, "Sin", unary::sin),
    since(7, "Size", shape::size),
    since(7, "Slice", index::slice),
    since(7, "Softmax", norm::softmax),
    since(7, "Softplus", unary::softplus),
    since(7, "Split", index::split),
    since(7, "Sqrt", unary::sqrt),
    since(7, "Squeeze", shape::shaping),
    since(7, "Sub", arith::sub),
    since(8, "Sum", arith::sum),
    since(7, "Tanh", unary::tanh),
    since(7, "Tile", shape::tile),
    since(7, "Transpose", shape::transpose),
    since(7, "Unsqueeze", shape::shaping),
    Operator {
        name: "Upsample",
        opsets: 7..=9,
        build: resize::resize,
    },
    since(9, "Where", arith::select),
];

/// The operator of this name, whatever its opsets.
pub(super) fn find(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|op| op.name == name)
}
