"""Trains the embedded depth network on takes of the mock provider and writes it as ONNX.

    pip install numpy pillow av torch onnx
    python models/mock_takes.py TAKES --director target/release/director
    python models/train_depth.py TAKES --seconds 7200                       # CPU seconds of all threads

The network answers inverse depth up to scale and shift for pictures of 320x192. Takes of tuning seeds are trained on, those of held-out seeds
are reported: AbsRel and delta1 after the scale and shift of each picture, by place; `director eval depth` judges the file that is written.
A checkpoint beside it is written every five minutes and at the end, and `--resume` goes on from there. Takes have the faults that the mock
provider plants, as in any run. 2000 pictures take 1.6 GB of memory.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from mock_takes import PLACES

W, H = 320, 192
MEAN, STD = 0.5, 0.25
STAGES = [32, 64, 128, 192]  # Channels at 1/4, 1/8, 1/16 and 1/32; 16 at 1/2.
FAR = 65.0  # The truth's 16 bits of millimetres end there.


# --- network ---------------------------------------------------------------------------------------------
# One description serves PyTorch and the ONNX file: a list of (op, output, inputs, attributes).


def network():
    g = []

    def conv(x, name, cin, cout, k, stride=1, relu=True):
        g.append(("conv", name, [x], dict(cin=cin, cout=cout, k=k, stride=stride, relu=relu)))
        return name

    def residual(x, name, c):
        y = conv(conv(x, name + "a", c, c, 3), name + "b", c, c, 3)
        g.append(("add", name, [x, y], {}))
        return name

    x = conv("image", "stem", 3, 16, 5, 2)
    skips, c = [x], 16
    for i, n in enumerate(STAGES):
        x = conv(x, f"down{i}a", c, n, 3, 2)
        y = conv(x, f"down{i}b", n, n, 3)
        g.append(("add", f"down{i}", [x, y], {}))
        x, c = f"down{i}", n
        if i == 2:
            g.append(("place", "place", [x], dict(shape=(n, H // 16, W // 16))))
            x = "place"
        skips.append(x)
    g.append(("pool", "pool", [x], {}))
    g.append(("add", "whole", [x, conv("pool", "context", c, c, 1)], {}))
    x = residual("whole", "deep", c)
    for i, n in reversed(list(enumerate([16] + STAGES[:-1]))):
        x = conv(x, f"up{i}a", c, n, 1)
        g.append(("double", f"up{i}b", [x], {}))
        g.append(("add", f"up{i}c", [f"up{i}b", skips[i]], {}))
        x = conv(f"up{i}c", f"up{i}d", n, n, 3)
        c = n
    # Four values for each place of half the size are the four pixels there: edges need no finer features.
    conv(x, "head", 16, 4, 3, relu=False)
    g.append(("shuffle", "depth", ["head"], {}))
    return g


def initial(seed):
    torch.manual_seed(seed)
    params = {}
    for op, name, _, a in network():
        if op == "conv":
            gain = 0.5 if name.endswith("b") or name == "context" else 1.0
            fan = a["cin"] * a["k"] ** 2
            params[name + ".weight"] = torch.randn(a["cout"], a["cin"], a["k"], a["k"]) * gain * (2 / fan) ** 0.5
            params[name + ".bias"] = torch.zeros(a["cout"])
        elif op == "place":
            params[name + ".bias"] = torch.zeros(a["shape"])
    return params


def forward(params, image):
    v = {"image": image}
    for op, name, ins, a in network():
        x = v[ins[0]]
        if op == "conv":
            y = F.conv2d(x, params[name + ".weight"], params[name + ".bias"], a["stride"], a["k"] // 2)
            v[name] = F.relu(y) if a["relu"] else y
        elif op == "add":
            v[name] = x + v[ins[1]]
        elif op == "place":
            bias = params[name + ".bias"][None]
            v[name] = x + (bias if bias.shape[2:] == x.shape[2:] else F.interpolate(bias, x.shape[2:], mode="area"))
        elif op == "pool":
            v[name] = x.mean((2, 3), keepdim=True)
        elif op == "double":
            v[name] = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        elif op == "shuffle":
            v[name] = F.pixel_shuffle(x, 2)
    return v["depth"][:, 0]


def export(params, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights = [], []

    def integers(name, values):
        weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def half(name):
        array = params[name].detach().numpy().astype(np.float16)
        weights.append(numpy_helper.from_array(array, name + ".half"))
        nodes.append(helper.make_node("Cast", [name + ".half"], [name], name + ".cast", to=TensorProto.FLOAT))
        return name

    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    for op, name, ins, a in network():
        if op == "conv":
            out = name + ".linear" if a["relu"] else name
            read = [ins[0], half(name + ".weight"), half(name + ".bias")]
            shape = dict(kernel_shape=[a["k"]] * 2, pads=[a["k"] // 2] * 4, strides=[a["stride"]] * 2)
            nodes.append(helper.make_node("Conv", read, [out], name, **shape))
            if a["relu"]:
                nodes.append(helper.make_node("Relu", [out], [name], name + ".relu"))
        elif op == "add":
            nodes.append(helper.make_node("Add", ins, [name], name))
        elif op == "place":
            nodes.append(helper.make_node("Add", [ins[0], half(name + ".bias")], [name], name))
        elif op == "pool":
            nodes.append(helper.make_node("GlobalAveragePool", ins, [name], name))
        elif op == "double":
            how = dict(mode="linear", coordinate_transformation_mode="half_pixel")
            nodes.append(helper.make_node("Resize", [ins[0], "", "twice"], [name], name, **how))
        elif op == "shuffle":
            # DepthToSpace in steps that the device has kernels for.
            split = integers(name + ".shape", [1, 2, 2, H // 2, W // 2])
            nodes.append(helper.make_node("Reshape", [ins[0], split], [name + ".split"], name + ".split"))
            nodes.append(helper.make_node("Transpose", [name + ".split"], [name + ".pixels"], name + ".pixels", perm=[0, 3, 1, 4, 2]))
            nodes.append(helper.make_node("Reshape", [name + ".pixels", integers(name + ".sides", [1, 1, H, W])], [name], name))
    nodes = [n for n in nodes if n.op_type == "Cast"] + [n for n in nodes if n.op_type != "Cast"]
    graph = helper.make_graph(
        nodes, "depth_small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, H, W])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, 1, H, W])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="sora-director")
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)


# --- data ------------------------------------------------------------------------------------------------


def take(folder):
    """Frames [n, 3, H, W] as bytes and inverse depth [n, H, W] of one take; 0 where nothing stands."""
    import av
    from PIL import Image

    with av.open(str(folder / "take.mp4")) as video:
        frames = [np.asarray(f.to_image().resize((W, H), Image.BOX)) for f in video.decode(video=0)]
    depth = []
    for file in sorted((folder / "truth" / "depth").glob("*.png"))[: len(frames)]:
        metres = np.asarray(Image.open(file).resize((W, H), Image.NEAREST)).astype(np.float32) / 1000
        depth.append(np.where(metres > 0, 1 / np.maximum(metres, 0.05), 0))
    return np.stack(frames[: len(depth)]).transpose(0, 3, 1, 2), np.stack(depth).astype(np.float16)


def takes(folder):
    """All takes of a folder of `mock_takes.py`, and which place each frame is of."""
    images, inverse, place = [], [], []
    for at in sorted(folder.iterdir()):
        for clip in sorted(p.parent for p in at.glob("[!.]*/take.mp4")):
            a, b = take(clip)
            images.append(a)
            inverse.append(b)
            place += [PLACES.index((at / "place").read_text())] * len(a)
    return torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(inverse)), np.array(place)


def fed(images):
    return (images.float() / 255 - MEAN) / STD


def augmented(rng, images, inverse):
    """Mirrored, cropped by up to a third, and in other light and colours."""
    if rng.random() < 0.5:
        images, inverse = images.flip(3), inverse.flip(2)
    x, t = images.float() / 255, inverse.float()
    if rng.random() < 0.5:
        share = rng.uniform(0.67, 1)
        h, w = int(H * share), int(W * share)
        y0, x0 = rng.integers(0, H - h + 1), rng.integers(0, W - w + 1)
        cut = (slice(y0, y0 + h), slice(x0, x0 + w))
        x = F.interpolate(x[:, :, *cut], (H, W), mode="bilinear", align_corners=False)
        t = F.interpolate(t[:, None, *cut], (H, W), mode="nearest")[:, 0]
    n = len(x)

    def draw(low, high, channels=1):
        return torch.tensor(rng.uniform(low, high, (n, channels, 1, 1)), dtype=torch.float32)

    x = x * draw(0.7, 1.3) * draw(0.85, 1.15, 3)
    grey = x.mean(1, keepdim=True)
    x = (grey + (x - grey) * draw(0, 1.3)).clamp(0, 1) ** draw(0.7, 1.4)
    x = x + torch.randn_like(x) * draw(0, 0.03)
    return (x - MEAN) / STD, t


# --- training and evaluation -----------------------------------------------------------------------------


def aligned(p, t, known):
    """Each picture's answer by the least-squares scale and shift to the true inverse depth where it is known."""
    p, w = p.flatten(1), known.flatten(1).float()
    t = t.flatten(1)
    n = w.sum(1, keepdim=True).clamp(min=1)
    mp, mt = (w * p).sum(1, keepdim=True) / n, (w * t).sum(1, keepdim=True) / n
    scale = (w * (p - mp) * (t - mt)).sum(1, keepdim=True) / ((w * (p - mp) ** 2).sum(1, keepdim=True) + 1e-6)
    return ((p - mp) * scale + mt).clamp(min=1 / FAR), t, w, n


def loss(p, t):
    """L1 to the inverse depth of median 0 and mean deviation 1, and to its steps at three scales (Ranftl et al. 2022, section 5, without
    trimming); and the mean logarithm by which depth is off once it is aligned, where something stands."""
    flat = t.flatten(1)
    middle = flat.median(1).values[:, None, None]
    spread = (flat - middle[:, :, 0]).abs().mean(1)[:, None, None].clamp(min=1e-4)
    r = p - ((t - middle) / spread).clamp(-5, 12)
    total = r.abs().mean()
    for step in (1, 2, 4):
        s = r[:, ::step, ::step]
        total = total + 0.4 * (s.diff(dim=1).abs().mean() + s.diff(dim=2).abs().mean())
    got, true, w, n = aligned(p, t, t > 1 / FAR)
    off = (got.log() - true.clamp(min=1 / FAR).log()).abs().clamp(max=2)
    return total + ((w * off).sum(1) / n[:, 0]).mean()


def report(params, images, inverse, place):
    with torch.no_grad():
        p = torch.cat([forward(params, fed(images[i : i + 16])) for i in range(0, len(images), 16)])
    t = inverse.float()
    got, true, w, n = aligned(p, t, t > 1 / FAR)
    ratio = got / true.clamp(min=1 / FAR)
    rel = ((1 / ratio - 1).abs() * w).sum(1) / n[:, 0]
    near = ((torch.maximum(ratio, 1 / ratio) < 1.25) * w).sum(1) / n[:, 0]
    told = n[:, 0].numpy() >= 100
    rows = [("all", told)] + [(name, told & (place == i)) for i, name in enumerate(PLACES)]
    return "; ".join(f"{name} {rel[k].mean():.3f} {near[k].mean():.3f}" for name, k in ((a, torch.tensor(b)) for a, b in rows) if k.any())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("takes", type=Path)
    parser.add_argument("--out", type=Path, default=Path("models/depth_small.onnx"))
    parser.add_argument("--seconds", type=float, default=7200, help="CPU seconds of training")
    parser.add_argument("--coarse", type=float, default=0.35, help="share of the training that is done with pictures of half the size")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint beside the output")
    args = parser.parse_args()
    params = initial(args.seed)
    # What would fail after hours fails now.
    export(params, args.out.with_suffix(".untrained.onnx"))
    args.out.with_suffix(".untrained.onnx").unlink()
    print("parameters:", sum(p.numel() for p in params.values()), flush=True)
    images, inverse, _ = takes(args.takes / "train")
    held = takes(args.takes / "held-out")
    print(len(images), "pictures,", len(held[0]), "held out", flush=True)
    params = {k: v.requires_grad_() for k, v in params.items()}
    opt = torch.optim.AdamW(params.values(), args.rate, weight_decay=1e-4)
    checkpoint, before, done = args.out.with_suffix(".pt"), 0.0, 0
    if args.resume:
        saved = torch.load(checkpoint)
        for k, v in params.items():
            v.data.copy_(saved["params"][k])
        opt.load_state_dict(saved["opt"])
        before, done = saved["spent"], saved["done"]
    rng = np.random.default_rng(args.seed + done)
    # CPU seconds, of all threads: other work on the machine must not make the training shorter.
    start, kept, recent = time.process_time(), time.time(), []

    def keep():
        torch.save(dict(params=params, opt=opt.state_dict(), spent=spent, done=done), checkpoint)

    while (spent := before + time.process_time() - start) < args.seconds:
        # One cosine over the time given, after a short warm-up.
        for group in opt.param_groups:
            group["lr"] = float(args.rate * min(1, (done + 1) / 200) * (0.5 + 0.5 * np.cos(np.pi * spent / args.seconds)) + 1e-6)
        pick = torch.tensor(rng.integers(0, len(images), args.batch))
        x, t = augmented(rng, images[pick], inverse[pick])
        if spent < args.coarse * args.seconds:
            # A quarter of the pixels, four times the steps: what stands where is learned first.
            x, t = F.avg_pool2d(x, 2), t[:, ::2, ::2]
        opt.zero_grad()
        value = loss(forward(params, x), t)
        value.backward()
        torch.nn.utils.clip_grad_norm_(params.values(), 1.0)
        opt.step()
        recent.append(value.item())
        done += 1
        if done % 100 == 0:
            print(f"step {done}, {spent:.0f} s, loss {np.mean(recent[-100:]):.4f}", flush=True)
        if time.time() - kept > 300:
            kept = time.time()
            keep()
            before_report = time.process_time()
            print("held out:", report(params, *held), flush=True)
            start += time.process_time() - before_report
    keep()
    print(f"{done} steps of {args.batch} in {spent:.0f} CPU s; held out: {report(params, *held)}")
    export(params, args.out)
    print(f"wrote {args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
