//! The supported operators: name, opsets, builder.

use std::ops::RangeInclusive;

use super::node::{Built, Node};
use super::ops::{
    arith, attention, conv, index, linear, norm, pool, reduce, resize, sample, scatter, shape,
    unary,
};

/// The newest opset whose operators were read against the table.
pub const LATEST_OPSET: i64 = 28;

/// A supported operator.
#[derive(Clone, Debug)]
pub struct Operator {
    /// ONNX name, default domain.
    pub name: &'static str,
    /// Model opsets under which its behaviour is known.
    pub opsets: RangeInclusive<i64>,
    /// `None` where the node holds graphs, which are read with the one around it.
    pub(super) build: Option<fn(&Node) -> Built>,
}

const fn since(first: i64, name: &'static str, build: fn(&Node) -> Built) -> Operator {
    Operator {
        name,
        opsets: first..=LATEST_OPSET,
        build: Some(build),
    }
}

/// All supported operators, by name. Before opset 7 broadcasting was another, so nothing older is taken.
pub fn operators() -> &'static [Operator] {
    OPERATORS
}

static OPERATORS: &[Operator] = &[
    since(7, "Abs", unary::abs),
    since(7, "Acos", unary::acos),
    since(9, "Acosh", unary::acosh),
    since(7, "Add", arith::add),
    since(7, "And", arith::and),
    since(7, "ArgMax", reduce::arg),
    since(7, "ArgMin", reduce::arg),
    since(7, "Asin", unary::asin),
    since(9, "Asinh", unary::asinh),
    since(7, "Atan", unary::atan),
    since(9, "Atanh", unary::atanh),
    since(23, "Attention", attention::attention),
    since(7, "AveragePool", pool::average),
    since(7, "BatchNormalization", norm::batch),
    since(7, "Cast", arith::cast),
    since(15, "CastLike", arith::cast_like),
    since(7, "Ceil", unary::ceil),
    since(12, "Celu", unary::celu),
    since(7, "Clip", arith::clip),
    since(7, "Concat", index::concat),
    since(7, "Constant", shape::constant),
    since(9, "ConstantOfShape", shape::constant_of_shape),
    since(7, "Conv", conv::conv),
    since(7, "ConvTranspose", conv::transpose),
    since(7, "Cos", unary::cos),
    since(9, "Cosh", unary::cosh),
    since(11, "CumSum", scatter::cum_sum),
    since(7, "DepthToSpace", shape::depth_to_space),
    since(7, "Div", arith::div),
    since(7, "Dropout", shape::identity),
    since(12, "Einsum", linear::einsum),
    since(7, "Elu", unary::elu),
    since(7, "Equal", arith::equal),
    since(9, "Erf", unary::erf_op),
    since(7, "Exp", unary::exp),
    since(8, "Expand", shape::expand),
    since(7, "Flatten", shape::shaping),
    since(7, "Floor", unary::floor),
    since(7, "Gather", index::gather),
    since(11, "GatherElements", scatter::gather_elements),
    since(11, "GatherND", scatter::gather_nd),
    since(20, "Gelu", unary::gelu),
    since(7, "Gemm", linear::gemm),
    since(7, "GlobalAveragePool", pool::global_average),
    since(7, "GlobalMaxPool", pool::global_max),
    since(7, "Greater", arith::greater),
    since(12, "GreaterOrEqual", arith::greater_or_equal),
    since(16, "GridSample", sample::grid_sample),
    since(18, "GroupNormalization", norm::group),
    since(7, "HardSigmoid", unary::hard_sigmoid),
    since(14, "HardSwish", unary::hard_swish),
    since(7, "Identity", shape::identity),
    Operator {
        name: "If",
        opsets: 7..=LATEST_OPSET,
        build: None,
    },
    since(7, "InstanceNormalization", norm::instance),
    since(10, "IsInf", unary::is_inf),
    since(9, "IsNaN", unary::is_nan),
    since(17, "LayerNormalization", norm::layer),
    since(7, "LeakyRelu", unary::leaky_relu),
    since(7, "Less", arith::less),
    since(12, "LessOrEqual", arith::less_or_equal),
    since(7, "Log", unary::log),
    since(7, "LogSoftmax", norm::softmax),
    since(7, "LpNormalization", norm::lp),
    since(7, "MatMul", linear::matmul),
    since(8, "Max", arith::max),
    since(7, "MaxPool", pool::max),
    since(8, "Mean", arith::mean),
    since(8, "Min", arith::min),
    since(18, "Mish", unary::mish),
    since(10, "Mod", arith::modulo),
    since(7, "Mul", arith::mul),
    since(7, "Neg", unary::neg),
    since(9, "NonZero", scatter::non_zero),
    since(7, "Not", unary::not),
    since(9, "OneHot", scatter::one_hot),
    since(7, "Or", arith::or),
    since(7, "PRelu", arith::prelu),
    since(7, "Pad", index::pad),
    since(7, "Pow", arith::pow),
    since(23, "RMSNormalization", norm::rms),
    since(11, "Range", shape::range),
    since(7, "Reciprocal", unary::reciprocal),
    since(7, "ReduceL1", reduce::l1),
    since(7, "ReduceL2", reduce::l2),
    since(7, "ReduceLogSum", reduce::log_sum),
    since(7, "ReduceLogSumExp", reduce::log_sum_exp),
    since(7, "ReduceMax", reduce::max),
    since(7, "ReduceMean", reduce::mean),
    since(7, "ReduceMin", reduce::min),
    since(7, "ReduceProd", reduce::prod),
    since(7, "ReduceSum", reduce::sum),
    since(7, "ReduceSumSquare", reduce::sum_square),
    since(7, "Relu", unary::relu),
    since(7, "Reshape", shape::shaping),
    since(10, "Resize", resize::resize),
    since(23, "RotaryEmbedding", attention::rotary),
    since(11, "Round", unary::round),
    since(11, "ScatterElements", scatter::scatter_elements),
    since(11, "ScatterND", scatter::scatter_nd),
    since(7, "Selu", unary::selu),
    since(7, "Shape", shape::shape),
    since(7, "Sigmoid", unary::logistic),
    since(9, "Sign", unary::sign),
    since(7, "Sin", unary::sin),
    since(9, "Sinh", unary::sinh),
    since(7, "Size", shape::size),
    since(7, "Slice", index::slice),
    since(7, "Softmax", norm::softmax),
    since(7, "Softplus", unary::softplus),
    since(7, "Softsign", unary::softsign),
    since(7, "SpaceToDepth", shape::space_to_depth),
    since(7, "Split", index::split),
    since(7, "Sqrt", unary::sqrt),
    since(7, "Squeeze", shape::shaping),
    since(7, "Sub", arith::sub),
    since(8, "Sum", arith::sum),
    since(24, "Swish", unary::swish),
    since(7, "Tan", unary::tan),
    since(7, "Tanh", unary::tanh),
    since(10, "ThresholdedRelu", unary::thresholded_relu),
    since(7, "Tile", shape::tile),
    since(7, "TopK", scatter::top_k),
    since(7, "Transpose", shape::transpose),
    since(14, "Trilu", scatter::trilu),
    since(7, "Unsqueeze", shape::shaping),
    Operator {
        name: "Upsample",
        opsets: 7..=9,
        build: Some(resize::resize),
    },
    since(9, "Where", arith::select),
    since(7, "Xor", arith::xor),
];

/// The operator of this name, whatever its opsets.
pub(super) fn find(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|op| op.name == name)
}
