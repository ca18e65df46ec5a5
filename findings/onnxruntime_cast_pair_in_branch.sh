#!/usr/bin/env bash
# ONNX Runtime cannot run a valid network in which a branch of an If reads what a pair of Casts gave: to a wider type and back.
# Seen with onnxruntime 1.32.0 (CPU), onnx 1.23.2, opset 17, at every level of graph optimisation, also with optimisation disabled: the session
# is made without a word, and each run fails with "Missing Input: c". The checker of onnx takes the network, and its reference evaluator
# answers. As if the pair were taken out for doing nothing, for the nodes around the If only. float32 -> float64 -> float32 does it, as
# does bool -> float32 -> bool (a condition that a tracer converted); a node between the Casts, one Cast alone, or readers
# outside of branches only, and it runs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.3.5
cat >"$work/pair.py" <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T, helper as h
from onnx.reference import ReferenceEvaluator


def scalar(name, kind):
    return h.make_tensor_value_info(name, kind, [])


def network(between=(), kinds=(T.FLOAT, T.DOUBLE)):
    """y = -c or c by a condition; c is x, widened and brought back."""
    narrow, wide = kinds
    op = "Not" if narrow == T.BOOL else "Neg"
    branches = [
        h.make_graph([h.make_node(kind, ["c"], [f"o{i}"])], f"branch{i}", [], [scalar(f"o{i}", narrow)])
        for i, kind in enumerate((op, "Identity"))
    ]
    nodes = [
        h.make_node("Cast", ["x"], ["p"], to=wide),
        *between,
        h.make_node("Cast", ["q" if between else "p"], ["c"], to=narrow),
        h.make_node("If", ["condition"], ["y"], then_branch=branches[0], else_branch=branches[1]),
    ]
    graph = h.make_graph(nodes, "pair", [scalar("x", narrow), scalar("condition", T.BOOL)], [scalar("y", narrow)])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def answers(model, x):
    feed = {"x": x, "condition": np.array(True)}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    found = []
    for level in (onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options.graph_optimization_level = level
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        try:
            found.append(session.run(None, feed)[0].item())
        except Exception as error:
            found.append(str(error).strip().split(" ", 1)[-1][-16:])
    return ReferenceEvaluator(model).run(None, feed)[0].item(), found


print("onnxruntime", onnxruntime.__version__)
missing = ["Missing Input: c"] * 2
floats = answers(network(), np.array(2, np.float32))
bools = answers(network(kinds=(T.BOOL, T.FLOAT)), np.array(True))
apart = answers(network([h.make_node("Abs", ["p"], ["q"])]), np.array(2, np.float32))
for name, found in (("float32, float64, float32", floats), ("bool, float32, bool", bools), ("with Abs between", apart)):
    print(f"{name}: by the reference {found[0]}; by ONNX Runtime {found[1]}")
assert floats == (-2.0, missing), floats
assert bools == (False, missing), bools
assert apart == (-2.0, [-2.0, -2.0]), apart
PY
"$work/venv/bin/python" "$work/pair.py"
