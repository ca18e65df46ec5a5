"""Graphs of depth and feature networks as their Python packages export them, with random weights, and what ONNX Runtime answers.

Needs torch, transformers, onnx, onnxscript and onnxruntime. Small where sizes can be chosen; the operators are those of the published networks.
    python benches/onnx_graphs.py FOLDER [NAME...]
    DIRECTOR_TEST_GRAPHS=FOLDER cargo test --test it graphs_of_other_networks -- --ignored --nocapture
Each file holds its input and output as initializers `in/NAME` and `out/NAME`, as those of tests/golden do. Exporters: torch's tracer (opset 14
and 17, height and width dynamic where the model allows it) and torch.export (18 and 23).
"""

import pathlib
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import transformers as t
from onnx import numpy_helper

warnings.filterwarnings("ignore")
t.logging.set_verbosity_error()

DINO = dict(
    hidden_size=96, num_hidden_layers=4, num_attention_heads=3, image_size=518, patch_size=14
)
STAGES = dict(
    out_features=["stage1", "stage2", "stage3", "stage4"],
    reshape_hidden_states=False,
)
NECK = dict(neck_hidden_sizes=[16, 32, 64, 64], fusion_hidden_size=32)


def depth(model):
    return model, lambda m, x: m(pixel_values=x).predicted_depth


def anything(metric):
    backbone = t.Dinov2Config(**DINO, **STAGES, apply_layernorm=True)
    kind = dict(depth_estimation_type="metric", max_depth=20) if metric else {}
    config = t.DepthAnythingConfig(
        backbone_config=backbone, **NECK, reassemble_hidden_size=96, **kind
    )
    return *depth(t.DepthAnythingForDepthEstimation(config)), (1, 3, 140, 196), True


def dpt():
    config = t.DPTConfig(
        hidden_size=96, num_hidden_layers=4, num_attention_heads=3, intermediate_size=192,
        image_size=128, backbone_out_indices=[0, 1, 2, 3], is_hybrid=False, **NECK,
    )
    return *depth(t.DPTForDepthEstimation(config)), (1, 3, 128, 128), False


def glpn():
    return *depth(t.GLPNForDepthEstimation(t.GLPNConfig())), (1, 3, 96, 128), True


def zoe():
    backbone = t.BeitConfig(
        hidden_size=96, num_hidden_layers=4, num_attention_heads=3, intermediate_size=192,
        image_size=128, use_relative_position_bias=True, **STAGES,
    )
    config = t.ZoeDepthConfig(backbone_config=backbone, bottleneck_features=32, **NECK)
    return *depth(t.ZoeDepthForDepthEstimation(config)), (1, 3, 128, 128), False


def features(model, config):
    return model(config), lambda m, x: m(pixel_values=x).last_hidden_state


NETWORKS = {
    "depth_anything_v2": lambda: anything(False),
    "depth_anything_v2_metric": lambda: anything(True),
    "dpt (MiDaS 3)": dpt,
    "glpn": glpn,
    "zoedepth": zoe,
    "dinov2": lambda: (*features(t.Dinov2Model, t.Dinov2Config(**DINO)), (1, 3, 140, 196), True),
    "dinov2_registers": lambda: (
        *features(t.Dinov2WithRegistersModel, t.Dinov2WithRegistersConfig(**DINO)),
        (1, 3, 140, 196), True,
    ),
    "segformer": lambda: (
        t.SegformerForSemanticSegmentation(t.SegformerConfig(num_labels=3)),
        lambda m, x: m(pixel_values=x).logits, (1, 3, 128, 128), True,
    ),
    "swinv2": lambda: (
        *features(
            t.Swinv2Model,
            t.Swinv2Config(image_size=64, depths=[2, 2], num_heads=[2, 4], embed_dim=32, window_size=4),
        ),
        (1, 3, 64, 64), False,
    ),
}
EXPORTERS = {
    "tracer 14": dict(opset_version=14, dynamo=False),
    "tracer 17": dict(opset_version=17, dynamo=False),
    "export 18": dict(opset_version=18, dynamo=True),
    "export 23": dict(opset_version=23, dynamo=True),
}


class Wrapped(torch.nn.Module):
    def __init__(self, model, call):
        super().__init__()
        self.model, self.call = model, call

    def forward(self, x):
        return self.call(self.model, x)


def export(folder, name, exporter):
    torch.manual_seed(0)
    model, call, shape, dynamic = NETWORKS[name]()
    model = Wrapped(model, call).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # As they begin, weights are so small that nothing comes out.
            if parameter.dim() > 1:
                parameter.mul_(2.0)
    x = torch.randn(*shape)
    options = dict(EXPORTERS[exporter])
    if dynamic and not options["dynamo"]:
        options["dynamic_axes"] = {"pixel_values": {2: "height", 3: "width"}}
    with tempfile.TemporaryDirectory() as rest, torch.no_grad():
        plain = pathlib.Path(rest) / "plain.onnx"
        torch.onnx.export(
            model, (x,), str(plain), input_names=["pixel_values"], output_names=["y"], **options
        )
        graph = onnx.load(str(plain))
        session = onnxruntime.InferenceSession(str(plain), providers=["CPUExecutionProvider"])
        y = session.run(None, {"pixel_values": x.numpy()})[0]
    for label, value in (("in/pixel_values", x.numpy()), ("out/y", y)):
        graph.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), label))
    onnx.save(graph, str(folder / f"{name}, {exporter}.onnx"))
    return y


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or NETWORKS:
        for exporter in EXPORTERS:
            try:
                y = export(folder, name, exporter)
                print(f"{name}, {exporter}: {y.shape}, deviation {y.std():.3g}", flush=True)
            except Exception as error:  # What a package cannot export is told, and the rest goes on.
                words = str(error).strip().splitlines() or [""]
                print(f"{name}, {exporter}: not exported: {type(error).__name__}: {words[0][:140]}", flush=True)


if __name__ == "__main__":
    main()
