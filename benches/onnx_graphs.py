"""Graphs of depth and feature networks as their Python packages export them, with random weights, and what ONNX Runtime answers.

Needs torch, torchvision, transformers, onnx, onnxscript and onnxruntime; some networks need a package that their function names, and are
left out where it is missing. Small where sizes can be chosen; the operators are those of the published networks.
    python benches/onnx_graphs.py FOLDER [NAME...]
    DIRECTOR_TEST_GRAPHS=FOLDER cargo test --test it graphs_of_other_networks -- --ignored --nocapture
Each file holds its inputs and output as initializers `in/NAME` and `out/NAME`, as those of tests/golden do. Exporters: torch's tracer (opset 14,
17 and 20, height and width dynamic where the model allows it) and torch.export (18, 23 and 25, the newest it writes for all; ONNX Runtime runs 28).
"""

import functools
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
torch._C._jit_set_onnx_log_enabled(False)  # The tracer prints the whole graph where it fails.

# As wide as a layer of this size has its weights; with the configurations' own the blocks hardly add anything.
SPREAD = dict(initializer_range=0.08)
DINO = dict(
    hidden_size=96, num_hidden_layers=4, num_attention_heads=3, image_size=518, patch_size=14, **SPREAD
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


def prompt():
    backbone = t.Dinov2Config(**DINO, **STAGES, apply_layernorm=True)
    config = t.PromptDepthAnythingConfig(
        backbone_config=backbone, **NECK, reassemble_hidden_size=96, max_depth=20
    )
    return (
        t.PromptDepthAnythingForDepthEstimation(config),
        lambda m, x, known: m(pixel_values=x, prompt_depth=known).predicted_depth,
        {"pixel_values": (1, 3, 140, 196), "prompt_depth": (1, 1, 24, 32)}, True,
    )


def pro():
    vit = t.Dinov2Config(**DINO | dict(image_size=128, patch_size=16))
    config = t.DepthProConfig(
        patch_size=128, merge_padding_value=1, fusion_hidden_size=32, use_fov_model=True,
        intermediate_hook_ids=[3, 1], intermediate_feature_dims=[32, 32],
        scaled_images_feature_dims=[64, 64, 32],
        image_model_config=vit, patch_model_config=vit, fov_model_config=vit,
    )

    def call(model, x):
        found = model(pixel_values=x)
        return found.predicted_depth * found.field_of_view[:, None, None]

    return t.DepthProForDepthEstimation(config), call, (1, 3, 512, 512), False


def midas():
    """Packages atoolkitdpt (MIT), the code of MiDaS, and timm, that of the backbone it would fetch."""
    import timm
    from atoolkitdpt.midas import blocks, midas_net_custom

    def backbone(*_, **__):
        network = timm.create_model("tf_efficientnet_lite3")
        network.act1 = torch.nn.Identity()
        return blocks._make_efficientnet_backbone(network)

    blocks._make_pretrained_efficientnet_lite3 = backbone
    model = midas_net_custom.MidasNet_small(features=16)
    return model, lambda m, x: m(x), (1, 3, 128, 160), False


def anything_3(several):
    """Package depth-anything-3 (Apache 2); addict, einops, omegaconf and opencv are what it needs here.

    Two of its steps cannot be exported as they are: how many positions there are it reads off the positions, and it fills the sky
    in by a quantile after the network. The first is written here without that, the second is left out.
    """
    from depth_anything_3.model import da3, dpt, dualdpt
    from depth_anything_3.model.dinov2.dinov2 import DinoV2
    from depth_anything_3.model.dinov2.layers import rope
    from depth_anything_3.model.dinov2.vision_transformer import DinoVisionTransformer

    def places(self, batch, height, width, device):
        grid = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        return torch.stack(grid, -1).view(1, height * width, 2).expand(batch, -1, -1)

    def rotate(self, tokens, positions):
        half = tokens.shape[-1] // 2
        waves = self._compute_frequency_components(half, 64, tokens.device, tokens.dtype)
        parts = enumerate(tokens.chunk(2, -1))
        return torch.cat([self._apply_1d_rope(x, positions[..., i], *waves) for i, x in parts], -1)

    rope.PositionGetter.__call__, rope.RotaryPositionEmbedding2D.forward = places, rotate
    da3.DepthAnything3Net._process_mono_sky_estimation = lambda self, found: found
    alternating = dict(alt_start=1, qknorm_start=1, rope_start=1) if several else {}
    net = DinoV2("vits", out_layers=[0, 1, 2, 3], cat_token=several, **alternating)
    net.pretrained = DinoVisionTransformer(
        img_size=518, patch_size=14, embed_dim=96, depth=4, num_heads=3, init_values=1.0,
        cat_token=several, **alternating,
    )
    sizes = dict(features=32, out_channels=[16, 32, 64, 64])
    if several:
        head = dualdpt.DualDPT(dim_in=192, output_dim=2, **sizes)
    else:
        head = dpt.DPT(dim_in=96, output_dim=1, **sizes)

    def call(model, x):
        found = model(x)
        return torch.cat([found.depth.flatten(), (found.ray if several else found.sky).flatten()])

    views = 2 if several else 1
    return da3.DepthAnything3Net(net, head), call, {"image": (1, views, 3, 140, 196)}, False


def moge(tokens):
    """Package dlr-moge (MIT); dlr-utils3d is what it needs here. The published graphs take the number of tokens as an input."""
    from moge.model import v2
    from moge.model.dinov2.hub import backbones
    from moge.model.dinov2.layers import MemEffAttention, NestedTensorBlock
    from moge.model.dinov2.models.vision_transformer import DinoVisionTransformer

    backbones.little = lambda pretrained: DinoVisionTransformer(
        img_size=518, patch_size=14, embed_dim=96, depth=4, num_heads=3, init_values=1.0,
        block_chunks=0, interpolate_offset=0.1,
        block_fn=functools.partial(NestedTensorBlock, attn_class=MemEffAttention),
    )
    dims = [64, 64, 32, 32, 16]
    common = dict(
        dim_res_blocks=dims, res_block_in_norm="none", res_block_hidden_norm="none",
        resamplers=["conv_transpose", "conv_transpose", "conv_transpose", "bilinear"],
    )
    head = lambda n: dict(
        common, dim_in=dims, dim_out=[None, None, None, None, n], num_res_blocks=[0, 1, 1, 1, 0]
    )
    model = v2.MoGeModel(
        encoder=dict(backbone="little", intermediate_layers=[0, 1, 2, 3], dim_out=64),
        neck=dict(common, dim_in=[66, 2, 2, 2, 2], dim_out=None, num_res_blocks=[0, 2, 2, 2, 0]),
        points_head=head(3), normal_head=head(3), mask_head=head(1),
        scale_head=dict(dims=[96, 64, 64, 1]), remap_output="exp",
    )
    model.onnx_compatible_mode = True

    def call(model, x, n=100):
        found = model(x, num_tokens=n)
        parts = found["points"] * found["metric_scale"], found["normal"], found["mask"][..., None]
        return torch.cat(parts, -1)

    inputs = {"image": (1, 3, 120, 160)} | ({"num_tokens": torch.tensor(100)} if tokens else {})
    return model, call, inputs, tokens


PAIR = {"image1": (1, 3, 128, 160), "image2": (1, 3, 128, 160)}


def raft(model):
    from torchvision.models import optical_flow

    model = getattr(optical_flow, model)(weights=None)
    return model, lambda m, a, b: m(a, b, num_flow_updates=4)[-1], PAIR, False


def ptlflow(model, **options):
    """Package ptlflow (Apache 2, BSD and MIT for these models); lightning, jsonargparse and loguru are what it needs here."""
    from ptlflow import models

    model = getattr(models, model)(**options)
    return model, lambda m, a, b: m({"images": torch.stack([a, b], 1)})["flows"][:, 0], PAIR, False


def features(model, config):
    return model(config), lambda m, x: m(pixel_values=x).last_hidden_state


VIT = dict(
    hidden_size=96, num_hidden_layers=4, num_attention_heads=3, intermediate_size=192, **SPREAD
)


NETWORKS = {
    "depth_anything_v2": lambda: anything(False),
    "depth_anything_v2_metric": lambda: anything(True),
    "dpt (MiDaS 3)": dpt,
    "glpn": glpn,
    "zoedepth": zoe,
    "prompt_depth_anything": prompt,
    "depth_pro": pro,
    "midas 2.1 small": midas,
    "depth_anything_3 (one view)": lambda: anything_3(False),
    "depth_anything_3 (two views)": lambda: anything_3(True),
    "moge 2": lambda: moge(False),
    "moge 2 (tokens an input)": lambda: moge(True),
    "raft_small": lambda: raft("raft_small"),
    "raft_large": lambda: raft("raft_large"),
    "sea_raft": lambda: ptlflow("sea_raft_s", block_dims=[64, 128, 256], iters=2),
    "gmflow": lambda: ptlflow("gmflow", num_transformer_layers=2),
    "neuflow 2": lambda: ptlflow("neuflow2", iters_s8=2),
    "dinov2": lambda: (*features(t.Dinov2Model, t.Dinov2Config(**DINO)), (1, 3, 140, 196), True),
    "dinov2_registers": lambda: (
        *features(t.Dinov2WithRegistersModel, t.Dinov2WithRegistersConfig(**DINO)),
        (1, 3, 140, 196), True,
    ),
    "dinov3": lambda: (
        *features(t.DINOv3ViTModel, t.DINOv3ViTConfig(**VIT, num_register_tokens=4)),
        (1, 3, 128, 160), True,
    ),
    "dinov3_convnext": lambda: (
        *features(
            t.DINOv3ConvNextModel,
            t.DINOv3ConvNextConfig(hidden_sizes=[16, 32, 64, 96], depths=[1, 1, 2, 1], **SPREAD),
        ),
        (1, 3, 128, 160), True,
    ),
    "siglip": lambda: (
        *features(t.SiglipVisionModel, t.SiglipVisionConfig(**VIT, image_size=64)),
        (1, 3, 64, 64), False,
    ),
    "clip": lambda: (
        *features(t.CLIPVisionModel, t.CLIPVisionConfig(**VIT, image_size=64, patch_size=16)),
        (1, 3, 64, 64), False,
    ),
    "segformer": lambda: (
        t.SegformerForSemanticSegmentation(t.SegformerConfig(num_labels=3, **SPREAD)),
        lambda m, x: m(pixel_values=x).logits, (1, 3, 128, 128), True,
    ),
    "swinv2": lambda: (
        *features(
            t.Swinv2Model,
            t.Swinv2Config(
                image_size=64, depths=[2, 2], num_heads=[2, 4], embed_dim=32, window_size=4, **SPREAD
            ),
        ),
        (1, 3, 64, 64), False,
    ),
}
EXPORTERS = {
    "tracer 14": dict(opset_version=14, dynamo=False),
    "tracer 17": dict(opset_version=17, dynamo=False),
    "tracer 20": dict(opset_version=20, dynamo=False),
    "export 18": dict(opset_version=18, dynamo=True),
    "export 23": dict(opset_version=23, dynamo=True),
    "export 25": dict(opset_version=25, dynamo=True),
}


class Wrapped(torch.nn.Module):
    def __init__(self, model, call):
        super().__init__()
        self.model, self.call = model, call

    def forward(self, *x):
        return self.call(self.model, *x)


def wake(model, inputs):
    """Raises the weights until the output varies: as they begin, what comes out is nearly the same everywhere."""
    for _ in range(12):
        y = model(*inputs)
        if y.std() > max(0.05 * y.abs().max(), 1e-3):
            return
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(1.3)
    raise ValueError("the output does not vary")


def export(folder, name, exporter):
    torch.manual_seed(0)
    model, call, inputs, dynamic = NETWORKS[name]()
    if not isinstance(inputs, dict):
        inputs = {"pixel_values": inputs}
    model = Wrapped(model, call).eval()
    inputs = {n: torch.randn(*x) if isinstance(x, tuple) else x for n, x in inputs.items()}
    with torch.no_grad():
        wake(model, inputs.values())
    options = dict(EXPORTERS[exporter])
    if dynamic and not options["dynamo"]:
        options["dynamic_axes"] = {n: {2: "height", 3: "width"} for n, x in inputs.items() if x.dim() == 4}
    with tempfile.TemporaryDirectory() as rest, torch.no_grad():
        plain = pathlib.Path(rest) / "plain.onnx"
        torch.onnx.export(
            model, tuple(inputs.values()), str(plain), input_names=list(inputs), output_names=["y"],
            verbose=False, **options
        )
        graph = onnx.load(str(plain))
        session = onnxruntime.InferenceSession(str(plain), providers=["CPUExecutionProvider"])
        stored = {n: x.numpy() for n, x in inputs.items()}
        y = session.run(None, stored)[0]
    for label, value in [*((f"in/{n}", x) for n, x in stored.items()), ("out/y", y)]:
        graph.graph.initializer.append(numpy_helper.from_array(np.asarray(value, order="C"), label))
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
