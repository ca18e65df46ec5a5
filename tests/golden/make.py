"""Makes the golden graphs of the ONNX operators.

    pip install numpy onnx onnxruntime
    python tests/golden/make.py [NAME...]

Each file is a graph of many small nodes, every one an output of its own. Inputs and ONNX Runtime's outputs are
kept in the same file as weights that no node reads, called `in/NAME` and `out/NAME`.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent


class Golden:
    def __init__(self, name, opset, seed=1):
        self.name, self.opset, self.rng = name, opset, np.random.default_rng(seed)
        self.inputs, self.weights, self.nodes, self.outputs = {}, [], [], []

    def x(self, name, *shape, low=-2.0, high=2.0):
        self.inputs[name] = self.rng.uniform(low, high, shape).astype(np.float32)
        return name

    def i(self, name, values):
        self.inputs[name] = np.array(values, np.int64)
        return name

    def b(self, name, values):
        self.inputs[name] = np.array(values, bool)
        return name

    def w(self, values, kind=np.float32):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def r(self, *shape):
        return self.w(self.rng.uniform(-1, 1, shape))

    def ints(self, *values):
        return self.w(values, np.int64)

    def op(self, op, *inputs, outputs=1, label="", hidden=False, **attributes):
        names = [f"{len(self.nodes)}_{op}{label}" + (f"_{k}" if outputs > 1 else "") for k in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, names[0], **attributes))
        if not hidden:
            self.outputs += names
        return names[0]

    def save(self):
        kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64, np.dtype(bool): TensorProto.BOOL}
        ports = [helper.make_tensor_value_info(k, kinds[v.dtype], v.shape) for k, v in self.inputs.items()]
        ends = [onnx.ValueInfoProto(name=n) for n in self.outputs]
        graph = helper.make_graph(self.nodes, self.name, ports, ends, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = max(8, helper.find_min_ir_version_for(model.opset_import))
        inferred = onnx.shape_inference.infer_shapes(model)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(inferred.SerializeToString(), options)
        results = session.run(self.outputs, self.inputs)
        extra = [numpy_helper.from_array(v, "in/" + k) for k, v in self.inputs.items()]
        extra += [numpy_helper.from_array(np.asarray(v), "out/" + k) for k, v in zip(self.outputs, results)]
        model.graph.initializer.extend(extra)
        path = HERE / f"{self.name}.onnx"
        path.write_bytes(model.SerializeToString())
        print(f"{path.name}: {len(self.outputs)} outputs, {path.stat().st_size} bytes")


def arith():
    g = Golden("arith", 17)
    x, y, row, one = g.x("x", 2, 3, 4), g.x("y", 2, 3, 4), g.x("row", 4), g.x("one")
    p, side = g.x("p", 2, 3, 4, low=0.1), g.x("side", 3, 1)
    i, j = g.i("i", [[7, -7, 5], [0, 3, -2]]), g.i("j", [2, -3, 4])
    b, c = g.b("b", [[[True]], [[False]]]), g.b("c", [True, False, True, False])
    for op in ["Add", "Sub", "Mul", "Div"]:
        for other in [y, row, one, side]:
            g.op(op, x, other)
        g.op(op, row, x)
        g.op(op, i, j)
    for e in [2.0, 0.5, 3.0, -1.0]:
        g.op("Pow", p, g.w(e))
    g.op("Pow", p, y)
    g.op("Pow", x, g.w(2, np.int64))
    g.op("Pow", i, g.w(3, np.int64))
    g.op("Mod", i, j)
    g.op("Mod", i, j, fmod=1)
    g.op("Mod", x, y, fmod=1)
    g.op("PRelu", x, g.r(3, 1))
    for op in ["Sum", "Min", "Max"]:
        g.op(op, x, y, row)
        g.op(op, x)
    g.op("Max", i, j)
    for op in ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]:
        g.op(op, x, row)
        g.op(op, i, g.w([7, 3, -2], np.int64))
    g.op("And", b, c), g.op("Or", b, c), g.op("Not", c)
    g.op("Where", b, x, row)
    g.op("Where", c, one, y)
    for to in [TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL]:
        g.op("Cast", g.op("Cast", x, to=to), to=TensorProto.FLOAT)
    g.op("Cast", i, to=TensorProto.FLOAT), g.op("Cast", i, to=TensorProto.BOOL), g.op("Cast", c, to=TensorProto.FLOAT)
    g.op("Clip", x, g.w(-0.5), g.w(0.7))
    g.op("Clip", x, "", g.w(0.7))
    g.op("Clip", x, g.w(-0.5))
    g.op("Clip", i, g.w(-1, np.int64), g.w(4, np.int64))
    g.save()


def unary():
    g = Golden("unary", 20)
    x, p = g.x("x", 3, 7, low=-4.0, high=4.0), g.x("p", 3, 7, low=0.05)
    half = g.i("i", [-3, 0, 2])
    halves = g.w([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    for op in "Abs Neg Relu Exp Sin Cos Floor Ceil Tanh Sigmoid Erf Softplus Elu LeakyRelu HardSigmoid HardSwish Gelu Identity Round".split():
        g.op(op, x)
    g.op("Round", halves)
    for op in ["Sqrt", "Log", "Reciprocal"]:
        g.op(op, p)
    g.op("Elu", x, alpha=0.3), g.op("LeakyRelu", x, alpha=0.2), g.op("HardSigmoid", x, alpha=0.3, beta=0.4)
    g.op("Gelu", x, approximate="tanh")
    g.op("Abs", half), g.op("Neg", half)
    g.save()


def gelu():
    g = Golden("gelu", 17)
    x = g.x("x", 4, 9, low=-5.0, high=5.0)
    e = g.op("Erf", g.op("Div", x, g.w(np.sqrt(2.0)), hidden=True), hidden=True)
    g.op("Mul", g.op("Mul", x, g.op("Add", e, g.w(1.0), hidden=True), hidden=True), g.w(0.5))
    e = g.op("Erf", g.op("Mul", x, g.w(np.sqrt(0.5)), hidden=True), hidden=True)
    g.op("Mul", g.op("Mul", g.w(0.5), x, hidden=True), g.op("Add", g.w(1.0), e, hidden=True))
    # Almost a GELU: another factor, and a part that is read elsewhere.
    e = g.op("Erf", g.op("Div", x, g.w(np.sqrt(2.0)), hidden=True), hidden=True)
    g.op("Mul", g.op("Mul", x, g.op("Add", e, g.w(1.0), hidden=True), hidden=True), g.w(0.7))
    e = g.op("Erf", g.op("Div", x, g.w(np.sqrt(2.0)), hidden=True))
    g.op("Mul", g.op("Mul", x, g.op("Add", e, g.w(1.0), hidden=True), hidden=True), g.w(0.5))
    g.save()


def shape():
    g = Golden("shape", 17)
    x, s = g.x("x", 2, 3, 4), g.x("s", 1, 3, 1, 2)
    img = g.x("img", 1, 8, 2, 3)
    g.op("Constant", value_floats=[1.0, 2.5])
    g.op("Constant", value=numpy_helper.from_array(np.array([1.5, -2.0], np.float16).astype(np.float32)))
    g.op("ConstantOfShape", g.ints(2, 3), value=numpy_helper.from_array(np.array([7], np.int64)))
    g.op("ConstantOfShape", g.ints(2))
    g.op("Shape", x), g.op("Shape", x, start=1), g.op("Shape", x, start=-2, end=-1), g.op("Size", x)
    g.op("Dropout", x)
    g.op("Reshape", x, g.ints(0, -1)), g.op("Reshape", x, g.ints(4, 3, 2)), g.op("Reshape", x, g.ints(-1))
    for axis in [0, 1, 2, 3, -1]:
        g.op("Flatten", x, axis=axis)
    g.op("Squeeze", s), g.op("Squeeze", s, g.ints(0)), g.op("Squeeze", s, g.ints(-2, 0))
    g.op("Unsqueeze", x, g.ints(0)), g.op("Unsqueeze", x, g.ints(0, -1)), g.op("Unsqueeze", x, g.ints(3, 1))
    g.op("Transpose", x), g.op("Transpose", x, perm=[1, 0, 2]), g.op("Transpose", x, perm=[2, 0, 1])
    g.op("Expand", s, g.ints(2, 1, 4, 1)), g.op("Expand", x, g.ints(1))
    g.op("Tile", x, g.ints(2, 1, 3))
    g.op("Range", g.w(2, np.int64), g.w(11, np.int64), g.w(3, np.int64))
    g.op("Range", g.w(3.0), g.w(-1.0), g.w(-0.75))
    g.op("DepthToSpace", img, blocksize=2), g.op("DepthToSpace", img, blocksize=2, mode="CRD")
    g.save()


def index():
    g = Golden("index", 17)
    x, y, i = g.x("x", 3, 4, 5), g.x("y", 3, 2, 5), g.i("i", [[0, -1], [2, 1]])
    g.op("Concat", x, y, axis=1), g.op("Concat", x, x, x, axis=-1)
    g.op("Split", x, outputs=2, axis=1), g.op("Split", x, g.ints(1, 4), outputs=2, axis=2)
    for axis in [0, 1, -1]:
        g.op("Gather", x, i, axis=axis)
    g.op("Gather", x, g.w(1, np.int64)), g.op("Gather", x, g.w(-2, np.int64), axis=1)
    g.op("Gather", i, g.w([1, 0], np.int64), axis=1)
    g.op("Slice", x, g.ints(1), g.ints(3)), g.op("Slice", x, g.ints(0, -3), g.ints(9223372036854775807, -1), g.ints(0, 2))
    g.op("Slice", x, g.ints(0), g.ints(5), g.ints(2), g.ints(2)), g.op("Slice", x, g.ints(-1), g.ints(-9223372036854775807), g.ints(1), g.ints(-1))
    g.op("Slice", x, g.ints(4), g.ints(0), g.ints(2), g.ints(-2)), g.op("Slice", x, g.ints(2), g.ints(1))
    pads = g.ints(0, 1, 2, 1, 0, 1)
    for mode in ["constant", "reflect", "edge"]:
        g.op("Pad", x, pads, mode=mode)
    g.op("Pad", x, pads, g.w(3.5)), g.op("Pad", x, g.ints(0, -1, 1, 0, 0, -2))
    g.save()


def linear():
    g = Golden("linear", 17)
    m, n, v = g.x("m", 3, 4), g.x("n", 4, 5), g.x("v", 4)
    a, b, c = g.x("a", 2, 3, 4), g.x("b", 2, 4, 2), g.x("c", 2, 1, 3, 4)
    for pair in [(m, n), (m, v), (v, n), (v, v), (a, n), (a, b), (a, v), (v, b), (c, b), (m, b), (g.r(4, 4), n)]:
        g.op("MatMul", *pair)
    g.op("MatMul", a, g.op("Transpose", g.r(5, 4), perm=[1, 0], hidden=True))
    g.op("MatMul", a, g.op("Transpose", a, perm=[0, 2, 1], hidden=True))
    g.op("MatMul", g.op("Transpose", b, perm=[0, 2, 1], hidden=True), b)
    g.op("Gemm", m, n), g.op("Gemm", m, n, g.r(5)), g.op("Gemm", m, n, g.r(3, 1), alpha=0.5, beta=2.0)
    g.op("Gemm", n, m, transA=1, transB=1), g.op("Gemm", m, m, g.r(3, 3), transB=1)
    g.save()


def norm():
    g = Golden("norm", 17)
    x, img = g.x("x", 2, 3, 6), g.x("img", 2, 4, 3, 3)
    g.op("LayerNormalization", x, g.r(6), g.r(6), epsilon=1e-6), g.op("LayerNormalization", x, g.r(6))
    g.op("LayerNormalization", x, g.r(3, 6), g.r(3, 6), axis=1)
    g.op("InstanceNormalization", img, g.r(4), g.r(4))
    g.op("BatchNormalization", img, g.r(4), g.r(4), g.r(4), g.w([0.5, 1.0, 2.0, 0.1]), epsilon=1e-3)
    for axis in [-1, 0, 1]:
        g.op("Softmax", x, axis=axis)
    g.save()


def conv():
    g = Golden("conv", 17)
    x, y = g.x("x", 1, 4, 7, 9), g.x("y", 2, 4, 5, 6)
    k = dict(kernel_shape=[3, 3])
    g.op("Conv", x, g.r(5, 4, 1, 1), g.r(5)), g.op("Conv", x, g.r(3, 4, 3, 3), pads=[1, 1, 1, 1], **k)
    g.op("Conv", x, g.r(3, 4, 3, 3), g.r(3), strides=[2, 2], pads=[1, 1, 1, 1], **k)
    g.op("Conv", x, g.r(3, 4, 3, 3), strides=[2, 1], pads=[0, 2, 1, 0], **k)
    g.op("Conv", x, g.r(2, 4, 2, 3), g.r(2), strides=[1, 3], dilations=[2, 1], pads=[2, 0, 1, 3])
    g.op("Conv", x, g.r(4, 1, 3, 3), g.r(4), group=4, pads=[1, 1, 1, 1], **k), g.op("Conv", x, g.r(8, 1, 3, 3), group=4, strides=[2, 2], **k)
    g.op("Conv", x, g.r(6, 2, 3, 3), g.r(6), group=2, pads=[1, 1, 1, 1], **k), g.op("Conv", y, g.r(3, 4, 3, 3), g.r(3), **k)
    g.op("Conv", x, g.r(3, 4, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2], **k), g.op("Conv", x, g.r(3, 4, 2, 2), auto_pad="SAME_LOWER")
    g.op("ConvTranspose", x, g.r(4, 3, 2, 2), g.r(3), strides=[2, 2]), g.op("ConvTranspose", y, g.r(4, 2, 3, 3), strides=[3, 3])
    g.op("ConvTranspose", y, g.r(4, 2, 2, 3), strides=[2, 3])
    g.op("ConvTranspose", x, g.r(4, 3, 3, 3), g.r(3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    g.op("MaxPool", x, strides=[2, 2], pads=[1, 1, 1, 1], **k), g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    g.op("AveragePool", x, strides=[2, 2], pads=[1, 1, 1, 1], **k), g.op("AveragePool", x, pads=[1, 1, 1, 1], count_include_pad=1, **k)
    g.op("GlobalAveragePool", y), g.op("GlobalMaxPool", y)
    g.save()


def resize():
    g = Golden("resize", 17)
    x = g.x("x", 1, 2, 5, 6)
    modes = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    for coordinates in modes:
        for mode in ["linear", "cubic"]:
            g.op("Resize", x, "", "", g.ints(1, 2, 8, 11), mode=mode, coordinate_transformation_mode=coordinates, label=coordinates)
            g.op("Resize", x, "", "", g.ints(1, 2, 3, 4), mode=mode, coordinate_transformation_mode=coordinates, label=coordinates)
        g.op("Resize", x, "", g.w([1, 1, 2, 1.5]), mode="linear", coordinate_transformation_mode=coordinates, label=coordinates)
        for nearest in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
            g.op("Resize", x, "", g.w([1, 1, 2, 2]), mode="nearest", nearest_mode=nearest, coordinate_transformation_mode=coordinates, label=nearest)
    g.op("Resize", x, "", g.w([1, 1, 1.7, 2.3]), mode="linear"), g.op("Resize", x, "", g.w([1, 1, 1.7, 2.3]), mode="cubic", cubic_coeff_a=-0.5)
    g.op("Resize", x, "", g.w([1, 1, 2, 2]), mode="cubic", exclude_outside=1)
    g.save()
    g = Golden("resize_antialias", 18)
    x = g.x("x", 1, 2, 9, 14)
    for mode in ["linear", "cubic"]:
        for coordinates in ["half_pixel", "align_corners", "asymmetric"]:
            for sizes in [(4, 5), (9, 13), (12, 6), (3, 20)]:
                g.op("Resize", x, "", "", g.ints(1, 2, *sizes), mode=mode, antialias=1, coordinate_transformation_mode=coordinates, label=coordinates)
            g.op("Resize", x, "", "", g.ints(1, 2, 4, 9), mode=mode, antialias=1, exclude_outside=1, coordinate_transformation_mode=coordinates, label=coordinates)
        g.op("Resize", x, "", g.w([1, 1, 0.45, 0.7]), mode=mode, antialias=1), g.op("Resize", x, "", g.w([1, 1, 0.45, 1.7]), mode=mode, antialias=1, exclude_outside=1)
    g.save()
    g = Golden("resize_axes", 19)
    x = g.x("x", 1, 2, 5, 6)
    spot = g.op("Div", x, g.op("Relu", x, hidden=True), hidden=True)
    g.op("Resize", spot, "", "", g.ints(10, 12), axes=[2, 3], mode="nearest")
    g.op("Resize", x, "", "", g.ints(9, 7), axes=[2, 3], mode="linear"), g.op("Resize", x, "", g.w([1.5, 2.0]), axes=[-1, 2], mode="cubic")
    g.op("Resize", x, "", g.w([1.3, 1.7]), axes=[2, 3], mode="linear", coordinate_transformation_mode="half_pixel_symmetric")
    g.save()


def reduce():
    for opset in [17, 18]:
        g = Golden(f"reduce_{opset}", opset)
        x = g.x("x", 2, 3, 4)
        for op in ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2"]:
            for axes in [[-1], [0, 2], [1]]:
                for keep in [0, 1]:
                    if opset == 18 or op == "ReduceSum":
                        g.op(op, x, g.ints(*axes), keepdims=keep)
                    else:
                        g.op(op, x, axes=axes, keepdims=keep)
            g.op(op, x)
        if opset == 18:
            g.op("ReduceMean", x, noop_with_empty_axes=1)
        g.save()


def old():
    g = Golden("old_9", 9)
    x, s = g.x("x", 2, 3, 4), g.x("s", 1, 3, 1, 2)
    img = g.x("img", 1, 2, 3, 4)
    g.op("Clip", x, min=-0.5, max=0.75), g.op("Slice", x, starts=[1, -3], ends=[2, 9], axes=[0, 2])
    g.op("Softmax", x), g.op("Softmax", x, axis=2), g.op("Squeeze", s, axes=[0, 2]), g.op("Unsqueeze", x, axes=[0, 2])
    g.op("Pad", x, pads=[0, 1, 0, 0, 0, 2], value=1.5), g.op("Split", x, outputs=2, axis=2, split=[1, 3])
    g.op("ReduceSum", x, axes=[1]), g.op("ReduceMean", x, axes=[0, 2], keepdims=0)
    for mode in ["nearest", "linear"]:
        g.op("Upsample", img, g.w([1, 1, 2, 2]), mode=mode)
    g.save()
    g = Golden("old_10", 10)
    img = g.x("img", 1, 2, 3, 4)
    for mode in ["nearest", "linear"]:
        g.op("Resize", img, g.w([1, 1, 2, 2]), mode=mode)
    g.op("Slice", img, g.ints(1), g.ints(3), g.ints(3))
    g.save()


def half():
    g = Golden("half_weights", 17)
    x = g.x("x", 2, 4)
    w = g.op("Cast", g.w(g.rng.uniform(-1, 1, (4, 3)), np.float16), to=TensorProto.FLOAT, hidden=True)
    b = g.op("Cast", g.w(g.rng.uniform(-1, 1, 3), np.float16), to=TensorProto.FLOAT, hidden=True)
    g.op("Add", g.op("MatMul", x, w, hidden=True), b)
    g.op("Reshape", x, g.op("Concat", g.op("Unsqueeze", g.op("Gather", g.op("Shape", x, hidden=True), g.w(1, np.int64), hidden=True), g.ints(0), hidden=True), g.ints(-1), axis=0, hidden=True))
    g.save()


def ints():
    g = Golden("ints", 17)
    i = g.i("i", np.arange(-7, 17).reshape(2, 3, 4) * 9999)
    for axes in [[-1], [0, 2], [1]]:
        for keep in [0, 1]:
            g.op("ReduceSum", i, g.ints(*axes), keepdims=keep)
            g.op("ReduceMax", i, axes=axes, keepdims=keep)
    g.op("ReduceSum", i)
    g.op("ReduceMin", g.op("Expand", g.w([[5]], np.int64), g.ints(1, 1), hidden=True), axes=[0])
    for to in [TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16, TensorProto.UINT32]:
        g.op("Cast", g.op("Cast", i, to=to, hidden=True), to=TensorProto.INT64)
    g.save()


def elements():
    g = Golden("elements", 18)
    x, y, i = g.x("x", 3, 7), g.x("y", 3, 7), g.i("i", [-3, 0, 2])
    for op in "Sign Tan Atan Sinh Cosh Asinh Softsign Mish Selu Celu ThresholdedRelu".split():
        g.op(op, x)
    g.op("Sign", i), g.op("Sign", g.w([0.0, -0.0, np.nan, 3.0, -np.inf]))
    inner = g.op("Clip", x, g.w(-0.9), g.w(0.9), hidden=True)
    for op in ["Asin", "Acos", "Atanh"]:
        g.op(op, inner)
    g.op("Acosh", g.op("Add", g.op("Abs", x, hidden=True), g.w(1.1), hidden=True))
    g.op("Selu", x, alpha=1.5, gamma=0.8), g.op("Celu", x, alpha=0.7), g.op("ThresholdedRelu", x, alpha=0.4)
    odd = g.w([1.0, np.nan, np.inf, -np.inf, 0.0])
    # By an input, so that it is not folded at load.
    odd = g.op("Add", odd, g.op("ReduceSum", g.op("Mul", x, g.w(0.0), hidden=True), keepdims=0, hidden=True), hidden=True)
    g.op("IsNaN", odd), g.op("IsInf", odd), g.op("IsInf", odd, detect_negative=0), g.op("IsInf", odd, detect_positive=0)
    g.op("Mean", x, y), g.op("Mean", x, y, g.r(7)), g.op("Xor", g.b("b", [[True], [False]]), g.b("c", [True, False]))
    g.op("CastLike", i, x), g.op("CastLike", x, i), g.op("CastLike", x, "b")
    for axis in [-1, 0]:
        g.op("LogSoftmax", x, axis=axis), g.op("LpNormalization", x, axis=axis), g.op("LpNormalization", x, axis=axis, p=1)
    img = g.x("img", 1, 3, 4, 6)
    g.op("SpaceToDepth", img, blocksize=2)
    g.save()
    g = Golden("elements_21", 21)
    img = g.x("img", 2, 6, 3, 4)
    g.op("GroupNormalization", img, g.r(6), g.r(6), num_groups=3), g.op("GroupNormalization", img, g.r(6), g.r(6), num_groups=1, epsilon=1e-3)
    for pads in [[0, 0, 1, 2, 0, 0, 2, 1], [0, 1, 0, -1, 0, 0, 3, 0]]:
        g.op("Pad", img, g.ints(*pads), mode="wrap")
    g.save()
    g = Golden("elements_24", 24)
    x = g.x("x", 3, 7)
    g.op("Swish", x), g.op("Swish", x, alpha=1.7), g.op("Relu", x)
    g.save()
    g = Golden("elements_28", 28)
    x, y, d = g.x("x", 4, 6), g.x("y", 6), g.x("d", 1, 8, 2, 3)
    g.op("Mod", x, y), g.op("Mod", x, y, fmod=1), g.op("Mod", g.i("i", [7, -7, 5]), g.ints(3, 3, -3)), g.op("Range", g.w(0.0), g.w(2.0), g.w(0.3))
    g.op("Cast", x, to=TensorProto.INT64), g.op("DepthToSpace", d, blocksize=2), g.op("Reshape", x, g.ints(3, -1))
    g.save()


def scatter():
    g = Golden("scatter", 18)
    x, i = g.x("x", 3, 4, 5), g.i("i", np.arange(60).reshape(3, 4, 5) * 7 % 31)
    for data in [x, i]:
        g.op("GatherND", data, g.w([[0, 1], [-1, -2]], np.int64)), g.op("GatherND", data, g.w([[[2, 3, -1]], [[0, 0, 0]]], np.int64))
        g.op("GatherND", data, g.w([[1], [-3], [0]], np.int64), batch_dims=1), g.op("GatherND", data, g.w([2], np.int64))
        g.op("GatherND", data, g.w([[[1, 0], [0, -1]], [[2, 2], [3, 3]], [[0, 0], [-1, 4]]], np.int64), batch_dims=1)
        for axis, at in [(0, [[[0, -1, 2], [1, 1, 0]]]), (2, [[[4, 0, -5, 2]], [[1, 1, 1, 1]]]), (-2, [[[3], [-4], [0], [1], [2]]])]:
            g.op("GatherElements", data, g.w(at, np.int64), axis=axis)
    rows, whole = g.w([[0, 1], [-1, -2]], np.int64), g.w([[1], [1]], np.int64)
    for reduction in ["none", "add", "mul", "max", "min"]:
        g.op("ScatterND", x, rows, g.r(2, 5), reduction=reduction)
        g.op("ScatterElements", x, g.w([[[0, -1, 2], [1, 1, 0]]], np.int64), g.r(1, 2, 3), axis=0, reduction=reduction)
        g.op("ScatterElements", i, g.w([[[0, -1, 3]]], np.int64), g.w([[[5, 6, 7]]], np.int64), axis=-1, reduction=reduction)
    g.op("ScatterND", x, whole, g.r(2, 4, 5), reduction="add"), g.op("ScatterND", i, g.w([[0, 0, 0]], np.int64), g.w([9], np.int64))
    g.op("ScatterND", g.b("b", [True, False, True]), g.w([[1], [2]], np.int64), g.w([True, False], bool))
    g.op("OneHot", g.i("k", [0, 2, -1, 7]), g.w(3, np.int64), g.w([0.5, 2.0]))
    g.op("OneHot", g.w([[0, 1], [1, -2]], np.int64), g.w([2], np.int64), g.w([0, 1], np.int64), axis=1)
    g.op("NonZero", g.op("Mul", x, g.op("Cast", g.op("Greater", x, g.w(1.0), hidden=True), to=TensorProto.FLOAT, hidden=True), hidden=True))
    g.op("NonZero", i), g.op("NonZero", "b")
    for axis in [-1, 0, 1]:
        for largest in [0, 1]:
            g.op("TopK", x, g.ints(2), outputs=2, axis=axis, largest=largest)
    g.op("TopK", i, g.ints(3), outputs=2)
    for axis in [0, -1]:
        for exclusive in [0, 1]:
            for reverse in [0, 1]:
                g.op("CumSum", x, g.w(axis, np.int64), exclusive=exclusive, reverse=reverse)
    g.op("CumSum", i, g.w(1, np.int64)), g.op("CumSum", i, g.w(1, np.int64), exclusive=1, reverse=1)
    for upper in [0, 1]:
        for k in [0, 1, -2]:
            g.op("Trilu", x, g.w(k, np.int64), upper=upper)
    g.op("Trilu", i)
    for op in ["ArgMax", "ArgMin"]:
        for axis, keep in [(0, 1), (-1, 0)]:
            g.op(op, x, axis=axis, keepdims=keep)
        g.op(op, g.w([[2.0, 5.0, 5.0, 2.0]]), axis=1), g.op(op, g.w([[2.0, 5.0, 5.0, 2.0]]), axis=1, select_last_index=1)
    p = g.op("Abs", x, hidden=True)
    for op in ["ReduceL1", "ReduceProd", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"]:
        for axes in [[-1], [0, 2]]:
            for keep in [0, 1]:
                g.op(op, p if op == "ReduceLogSum" else x, g.ints(*axes), keepdims=keep)
    g.op("ReduceProd", i, g.ints(1))
    one, ends = g.x("one"), g.x("ends", 3, 4)
    for op in ["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceSum"]:
        g.op(op, one), g.op(op, x, noop_with_empty_axes=1)
    g.op("ReduceLogSum", p, noop_with_empty_axes=1)
    inf = lambda sign: g.op("Mul", g.op("Add", g.op("Abs", ends, hidden=True), g.w(1.0), hidden=True), g.w(sign * np.inf), hidden=True)
    g.op("ReduceLogSumExp", inf(-1), g.ints(1)), g.op("ReduceLogSumExp", g.op("Concat", inf(1), ends, axis=1, hidden=True), g.ints(1))
    # Where neighbours are one as doubles.
    whole = g.op("Add", g.i("whole", [0, 1, -1]), g.w(2**53, np.int64), hidden=True)
    g.op("ArgMax", whole), g.op("ArgMin", whole), g.op("TopK", whole, g.ints(3), outputs=2)
    g.op("Celu", g.op("Sub", inf(1), inf(1), hidden=True))
    g.save()


def einsum():
    g = Golden("einsum", 17)
    a, b, q, k = g.x("a", 3, 4), g.x("b", 4, 5), g.x("q", 2, 6, 3, 4), g.x("k", 2, 7, 3, 4)
    for equation, *operands in [
        ("ij,jk->ik", a, b), ("ij,jk", a, b), ("ij->ji", a), ("ij->i", a), ("ij->", a), ("ij,ij->i", a, a), ("i,j->ij", g.r(3), g.r(4)),
        ("bqhd,bkhd->bhqk", q, k), (" b q h d , b q h d -> b q h ", q, q), ("bhqk,bkhd->bqhd", g.r(2, 3, 6, 7), k), ("ij,jk,kl->il", a, b, g.r(5, 2)),
        ("bqhd,rhd->bqr", q, g.r(5, 3, 4)), ("ij,kl->jl", a, b), ("ij,j->ji", a, g.r(4)),
    ]:
        g.op("Einsum", *operands, equation=equation)
    g.save()


def grid():
    g = Golden("grid", 20)
    x, at = g.x("x", 2, 3, 5, 6), g.x("at", 2, 4, 3, 2, low=-1.9, high=1.9)
    for mode in ["linear", "nearest", "cubic"]:
        for padding in ["zeros", "border", "reflection"]:
            for corners in [0, 1]:
                g.op("GridSample", x, at, mode=mode, padding_mode=padding, align_corners=corners, label=f"{mode}{padding}{corners}")
    g.op("GridSample", g.w([[[[1.0, 2.0]]]]), g.w([[[[-2.0, 0.0], [2.0, 0.0], [1e20, -1e20], [3e38, 1.0]]]]), mode="nearest", padding_mode="reflection")
    g.save()
    g = Golden("grid_16", 16)
    x, at = g.x("x", 1, 2, 4, 4), g.x("at", 1, 3, 3, 2, low=-1.2, high=1.2)
    for mode in ["bilinear", "bicubic"]:
        g.op("GridSample", x, at, mode=mode)
    g.save()


def sides():
    """Numbers of more sides than what stands beside them, which what is replaced by one node must keep."""
    g = Golden("sides", 20)
    x = g.x("x", 2, 3)
    three = lambda v: g.w([[[v]]])
    g.op("Where", g.op("IsNaN", x, hidden=True), three(0.0), x)
    e = g.op("Erf", g.op("Div", x, three(np.sqrt(2.0)), hidden=True), hidden=True)
    g.op("Mul", g.op("Mul", x, g.op("Add", e, g.w(1.0), hidden=True), hidden=True), g.w(0.5))
    soft = g.op("Softmax", g.op("Mul", g.op("MatMul", g.r(2, 3, 4), g.r(2, 4, 5), hidden=True), g.w([[[[0.5]]]]), hidden=True), hidden=True)
    g.op("MatMul", soft, g.r(1, 2, 5, 3))
    g.save()


def attention():
    g = Golden("attention", 23)
    q, k, v = g.x("q", 2, 4, 5, 8), g.x("k", 2, 4, 7, 8), g.x("v", 2, 4, 7, 6)
    flat, few = g.x("flat", 2, 5, 12), g.x("few", 2, 2, 7, 8)
    mask = g.b("mask", (np.arange(35).reshape(5, 7) % 3) > 0)
    g.op("Attention", q, k, v), g.op("Attention", q, k, v, scale=0.2), g.op("Attention", q, k, v, g.r(5, 7)), g.op("Attention", q, k, v, mask)
    g.op("Attention", q, k, v, g.r(2, 1, 5, 7), softcap=1.5), g.op("Attention", q, q, q, is_causal=1)
    g.op("Attention", flat, flat, flat, q_num_heads=3, kv_num_heads=3), g.op("Attention", q, few, g.op("Slice", v, g.ints(0), g.ints(2), g.ints(1), hidden=True))
    g.op("Attention", q, k, v, "", g.r(2, 4, 2, 8), g.r(2, 4, 2, 6), outputs=3)
    g.op("RMSNormalization", q, g.r(8)), g.op("RMSNormalization", q, g.r(5, 1), axis=2, epsilon=1e-3)
    cos, sin, at = g.r(9, 4), g.r(9, 4), g.w(np.arange(10).reshape(2, 5) % 9, np.int64)
    for interleaved in [0, 1]:
        g.op("RotaryEmbedding", q, cos, sin, at, interleaved=interleaved), g.op("RotaryEmbedding", q, g.r(2, 5, 4), g.r(2, 5, 4), interleaved=interleaved)
        g.op("RotaryEmbedding", flat, g.r(9, 2), g.r(9, 2), at, interleaved=interleaved, num_heads=2, rotary_embedding_dim=4)
    g.save()


def groups():
    """What runs as one: products with bias, function, scale and residual, convolutions with a function, attention; and what almost does."""
    g = Golden("groups", 20)
    x, more, image = g.x("x", 2, 5, 8), g.x("more", 2, 5, 6), g.x("image", 1, 3, 6, 7)
    biased = lambda: g.op("Add", g.r(6), g.op("MatMul", x, g.r(8, 6), hidden=True), hidden=True)
    g.op("Add", g.op("MatMul", x, g.r(8, 6), hidden=True), g.r(6)), g.op("Gelu", biased()), g.op("Relu", biased())
    g.op("Add", more, g.op("Mul", g.op("Gelu", biased(), hidden=True), g.r(6), hidden=True)), g.op("Add", biased(), more)
    g.op("Mul", g.op("MatMul", x, g.r(8, 6), hidden=True), g.r(6)), g.op("Add", g.op("MatMul", x, g.r(8, 6), hidden=True), more)
    # A residual of another shape, a value that something else reads or that is an output, two products added up.
    g.op("Add", biased(), g.r(5, 1)), g.op("Add", g.op("MatMul", x, g.r(8, 6)), g.r(6))
    read = biased()
    g.op("Mul", g.op("Relu", read, hidden=True), read), g.op("Add", biased(), biased())
    g.op("Add", g.op("MatMul", x, g.op("Transpose", x, perm=[0, 2, 1], hidden=True), hidden=True), g.r(5))
    g.op("Relu", g.op("Conv", image, g.r(4, 3, 3, 3), g.r(4), pads=[1, 1, 1, 1], hidden=True))
    g.op("Gelu", g.op("Conv", image, g.r(4, 3, 1, 1), hidden=True)), g.op("Relu", g.op("Conv", image, g.r(2, 3, 2, 2), strides=[2, 2], hidden=True))
    g.op("Relu", g.op("Conv", image, g.r(6, 1, 3, 3), g.r(6), group=3, hidden=True))
    q, k, v, flat = g.x("q", 1, 2, 5, 4), g.x("k", 1, 2, 4, 7), g.x("v", 1, 2, 7, 3), g.x("flat", 2, 7, 4)
    scores = lambda: g.op("MatMul", q, k, hidden=True)
    soft = lambda of, axis=-1: g.op("Softmax", of, axis=axis, hidden=True)
    g.op("MatMul", soft(scores()), v), g.op("MatMul", soft(scores(), 3), v), g.op("MatMul", soft(g.op("Mul", scores(), g.w(0.4), hidden=True)), v)
    g.op("MatMul", soft(g.op("Div", scores(), g.w([2.5]), hidden=True)), v), g.op("MatMul", soft(scores(), 2), v)
    turned = lambda x, *perm: g.op("Transpose", x, perm=perm, hidden=True)
    g.op("MatMul", soft(g.op("MatMul", flat, turned(flat, 0, 2, 1), hidden=True)), flat)
    g.op("MatMul", soft(g.op("MatMul", turned(k, 0, 1, 3, 2), turned(q, 0, 1, 3, 2), hidden=True)), g.r(1, 2, 5, 3))
    for lowest in [0.0, -np.inf]:
        masked = g.op("Add", scores(), g.w(np.array([[lowest] * 7] + [[0.0] * 7] * 4)), hidden=True) if lowest else scores()
        weights = soft(masked)
        g.op("MatMul", g.op("Where", g.op("IsNaN", weights, hidden=True), g.w(0.0), weights, hidden=True), v)
    g.op("MatMul", g.op("Softmax", scores()), v), g.op("MatMul", soft(scores()), g.r(7, 3)), g.op("MatMul", v, soft(g.op("MatMul", g.r(1, 2, 3, 4), k, hidden=True)))
    g.save()


def branch():
    g = Golden("branch", 17)
    x, y, yes, no, pair = g.x("x", 2, 3), g.x("y", 2, 3), g.b("yes", True), g.b("no", [False]), g.x("pair", 3, 1)
    w, bias, true, false = g.r(3, 4), g.r(4), g.w(True, bool), g.w([False], bool)

    def graph(name, *nodes, weights=(), outputs=("o",)):
        """A graph inside a node: what it does not make, it reads from around it."""
        nodes = [helper.make_node(op, list(i), [o], **a) for op, i, o, a in nodes]
        return helper.make_graph(nodes, name, [], [onnx.ValueInfoProto(name=o) for o in outputs], list(weights))

    def choose(condition, then, other, **more):
        return g.op("If", condition, then_branch=then, else_branch=other, **more)

    line = graph("line", ("MatMul", [x, w], "m", {}), ("Add", ["m", bias], "a", {}), ("Relu", ["a"], "o", {}))
    short = graph("short", ("MatMul", [x, w], "o", {}))
    for condition in [yes, no, true, false]:
        choose(condition, line, short)
    # Its own weight, one in each of the same name; a value that is made on the way.
    own = [numpy_helper.from_array(np.array(v, np.float32), "own") for v in [2.0, 3.0]]
    made = g.op("Mul", x, y)
    choose(yes, graph("a", ("Mul", [made, "own"], "o", {}), weights=own[:1]), graph("b", ("Mul", [made, "own"], "o", {}), weights=own[1:]))
    choose(no, graph("a", ("Mul", [made, "own"], "o", {}), weights=own[:1]), graph("b", ("Mul", [made, "own"], "o", {}), weights=own[1:]))
    # One within the other, both conditions made; the inner one reads two graphs out.
    larger = g.op("Greater", g.op("ReduceSum", x, keepdims=0), g.w(0.0))
    inner = helper.make_node("If", [yes], ["o"], then_branch=graph("deep", ("Sub", [made, y], "o", {})), else_branch=graph("flat", ("Neg", [y], "o", {})))
    outer = helper.make_graph([inner], "outer", [], [onnx.ValueInfoProto(name="o")])
    choose(larger, outer, graph("neg", ("Neg", [x], "o", {})))
    choose(g.op("Not", larger), outer, graph("neg", ("Neg", [x], "o", {})))
    # Other sides a branch, as a squeeze of what has a side of one; a weight alone; several results; the condition itself.
    thin = g.op("Equal", g.op("Gather", g.op("Shape", pair), g.w(1, np.int64)), g.w(1, np.int64))
    choose(thin, graph("squeeze", ("Squeeze", [pair, g.ints(1)], "o", {})), graph("same", ("Identity", [pair], "o", {})))
    choose(yes, graph("none", weights=[numpy_helper.from_array(np.arange(3, dtype=np.float32), "o")]), graph("same", ("Identity", [pair], "o", {})))
    two = graph("two", ("Exp", [x], "o", {}), ("Neg", [y], "p", {}), outputs=("o", "p"))
    choose(yes, two, graph("swapped", ("Neg", [y], "o", {}), ("Exp", [x], "p", {}), outputs=("o", "p")), outputs=2)
    choose(no, graph("not", ("Not", [no], "o", {})), graph("same", ("Identity", [no], "o", {})))
    # The value that a graph inside reads is not only the GELU's around it.
    half = g.op("Div", x, g.w(np.float32(np.sqrt(2))), hidden=True)
    erf = g.op("Erf", half, hidden=True)
    one = g.op("Add", erf, g.w(1.0), hidden=True)
    g.op("Mul", g.op("Mul", x, one, hidden=True), g.w(0.5))
    choose(yes, graph("reads", ("Neg", [erf], "o", {})), graph("same", ("Identity", [x], "o", {})))
    g.save()


def depth_anything():
    """Every 14th value of the real network's answer to a drawn floor and wall, where its file is at hand."""
    path = HERE.parents[2] / "shared" / "models" / "depth_anything_v2_small_294x518.onnx"
    if not path.exists():
        return print(f"skipped: {path} is not here")
    y, x = np.mgrid[0:294, 0:518]
    wall = 60 + x * 120 // 517
    floor = 90 + (x // np.maximum(1, 1 + (y - 140) // 8) + y // 16) % 2 * 100
    shade = np.where(y < 147, wall, floor)
    shade = np.where((abs(x - 300) < 60) & (abs(y - 160) < 70), 230 - y // 2, shade)
    rgb = np.stack([shade, shade * 9 // 10, shade * 8 // 10]).astype(np.float32) / np.float32(255)
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    image = (rgb - mean[:, None, None]) / std[:, None, None]
    answer = onnxruntime.InferenceSession(path).run(None, {"pixel_values": image[None]})[0][0]
    answer[::14, ::14].astype("<f4").tofile(HERE / "depth_anything_v2_small_294x518.f32")
    print(f"depth_anything: {answer.min():.3f} to {answer.max():.3f}")


ALL = [arith, unary, gelu, shape, index, linear, norm, conv, resize, reduce, old, half, ints, elements, scatter, einsum, grid, sides, attention, groups, branch, depth_anything]

if __name__ == "__main__":
    for make in ALL:
        if not sys.argv[1:] or make.__name__ in sys.argv[1:]:
            make()
