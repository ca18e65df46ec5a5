"""Trains the embedded depth network and writes it as ONNX.

    pip install numpy pillow jax optax onnx
    models/mock_takes.sh TAKES target/debug/director
    python models/train_depth.py --takes TAKES/train/*/* --held-out TAKES/held-out/*/*

Pretrains on the random rooms of rooms.py, then fine-tunes on takes of the mock provider if any are given: a
take is a folder with `take.mp4` and `truth/depth/*.png` (16-bit millimetres, 0 = unknown or sky), one PNG a
frame. `ffmpeg` must be on the path then. Prints the error on held-out pictures beside a row ramp's.
"""

import argparse
import subprocess
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import rooms

H, W = rooms.HEIGHT, rooms.WIDTH
MEAN, STD = np.array([0.5, 0.5, 0.5], np.float32), np.array([0.25, 0.25, 0.25], np.float32)
STAGES = [32, 64, 96, 128]  # channels at 1/4, 1/8, 1/16 and 1/32; 16 at 1/2


# --- network ---------------------------------------------------------------------------------------------
# One description serves JAX and the ONNX export: a list of (op, output, inputs, attributes).


def network():
    g = []

    def conv(x, name, cin, cout, k, stride=1, relu=True):
        g.append(("conv", name, [x], dict(cin=cin, cout=cout, k=k, stride=stride, relu=relu)))
        return name

    x = skip0 = conv("image", "stem", 3, 16, 5, 2)
    skips, c = [skip0], 16
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
    x = "whole"
    for i, n in reversed(list(enumerate([16] + STAGES[:-1]))):
        x = conv(x, f"up{i}a", c, n, 1)
        g.append(("double", f"up{i}b", [x], {}))
        g.append(("add", f"up{i}c", [f"up{i}b", skips[i]], {}))
        x = conv(f"up{i}c", f"up{i}d", n, n, 3)
        c = n
    x = conv(x, "head", 16, 1, 3, relu=False)
    g.append(("double", "depth", [x], {}))
    return g


def initial(graph, key):
    params = {}
    for op, name, _, a in graph:
        if op == "conv":
            key, sub = jax.random.split(key)
            fan = a["cin"] * a["k"] ** 2
            gain = 0.5 if name.endswith("b") or name == "context" else 1.0
            params[name] = (
                jax.random.normal(sub, (a["cout"], a["cin"], a["k"], a["k"])) * gain * np.sqrt(2 / fan),
                jnp.zeros(a["cout"]),
            )
        elif op == "place":
            params[name] = (jnp.zeros(a["shape"]),)
    return params


def doubled(n):
    """Matrix [2n, n] of a linear resize by two at half-pixel centres, clamped at the ends."""
    m = np.zeros((2 * n, n), np.float32)
    for i in range(2 * n):
        x = min(max((i + 0.5) / 2 - 0.5, 0), n - 1)
        lo = int(x)
        m[i, lo] += 1 - (x - lo)
        m[i, min(lo + 1, n - 1)] += x - lo
    return m


def forward(params, images, graph=tuple(map(lambda r: (r[0], r[1], tuple(r[2]), r[3]), network()))):
    v = {"image": images}
    for op, name, ins, a in graph:
        x = v[ins[0]]
        if op == "conv":
            w, b = params[name]
            p = a["k"] // 2
            y = jax.lax.conv_general_dilated(x, w, (a["stride"],) * 2, [(p, p)] * 2, dimension_numbers=("NCHW", "OIHW", "NCHW"))
            y = y + b[None, :, None, None]
            v[name] = jax.nn.relu(y) if a["relu"] else y
        elif op == "add":
            v[name] = x + v[ins[1]]
        elif op == "place":
            v[name] = x + params[name][0]
        elif op == "pool":
            v[name] = x.mean((2, 3), keepdims=True)
        elif op == "double":
            v[name] = jnp.einsum("Hh,nchw,Ww->ncHW", doubled(x.shape[2]), x, doubled(x.shape[3]))
    return v["depth"][:, 0]


def export(params, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights = [], []

    def constant(name, array):
        weights.append(numpy_helper.from_array(np.asarray(array, np.float16), name + ".half"))
        nodes.append(helper.make_node("Cast", [name + ".half"], [name], name + ".cast", to=TensorProto.FLOAT))
        return name

    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    for op, name, ins, a in network():
        if op == "conv":
            w, b = params[name]
            p = a["k"] // 2
            out = name + ".linear" if a["relu"] else name
            nodes.append(
                helper.make_node(
                    "Conv", [ins[0], constant(name + ".weight", w), constant(name + ".bias", b)], [out], name,
                    kernel_shape=[a["k"]] * 2, pads=[p] * 4, strides=[a["stride"]] * 2,
                )
            )
            if a["relu"]:
                nodes.append(helper.make_node("Relu", [out], [name], name + ".relu"))
        elif op == "add":
            nodes.append(helper.make_node("Add", ins, [name], name))
        elif op == "place":
            nodes.append(helper.make_node("Add", [ins[0], constant(name + ".bias", params[name][0])], [name], name))
        elif op == "pool":
            nodes.append(helper.make_node("GlobalAveragePool", ins, [name], name))
        elif op == "double":
            nodes.append(
                helper.make_node("Resize", [ins[0], "", "twice"], [name], name, mode="linear", coordinate_transformation_mode="half_pixel")
            )
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


def random_rooms(count, seed):
    pictures = [rooms.scene(np.random.default_rng((seed, i))) for i in range(count)]
    return np.stack([p for p, _ in pictures]), np.stack([z for _, z in pictures])


def take(folder, every=1):
    """Frames [n, H, W, 3] in [0, 1] and depth [n, H, W] in metres (inf where unknown) of one take."""
    from PIL import Image

    folder = Path(folder)
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(folder / "take.mp4"), "-vf", f"scale={W}:{H}:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True, capture_output=True,
    ).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, H, W, 3)[::every].astype(np.float32) / 255
    files = sorted((folder / "truth" / "depth").glob("*.png"))[::every]
    depth = []
    for file in files[: len(frames)]:
        z = np.asarray(Image.open(file)).astype(np.float32) / 1000
        ys = ((np.arange(H) + 0.5) * z.shape[0] / H).astype(int)
        xs = ((np.arange(W) + 0.5) * z.shape[1] / W).astype(int)
        z = z[ys][:, xs]
        depth.append(np.where(z > 0, z, np.inf))
    return frames[: len(depth)], np.stack(depth)


def normalised(depth):
    """Inverse depth with median 0 and mean absolute deviation 1, each picture on its own."""
    inverse = 1 / np.maximum(depth, 0.05)
    flat = inverse.reshape(len(inverse), -1)
    middle = np.median(flat, 1)[:, None, None]
    spread = np.abs(flat - middle[:, :, 0]).mean(1)[:, None, None]
    return np.clip((inverse - middle) / np.maximum(spread, 1e-4), -5, 12).astype(np.float32)


def augmented(rng, images, targets):
    flip = rng.random(len(images)) < 0.5
    images = np.where(flip[:, None, None, None], images[:, :, ::-1], images)
    targets = np.where(flip[:, None, None], targets[:, :, ::-1], targets)
    n = (len(images), 1, 1, 1)
    images = images * rng.uniform(0.7, 1.3, n) * rng.uniform(0.85, 1.15, (len(images), 1, 1, 3))
    grey = images.mean(3, keepdims=True)
    images = np.clip(grey + (images - grey) * rng.uniform(0, 1.3, n), 0, 1) ** rng.uniform(0.7, 1.4, n)
    images = images + rng.normal(0, 1, images.shape) * rng.uniform(0, 0.03, n)
    x = ((images - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray(x), np.ascontiguousarray(targets)


# --- training and evaluation -----------------------------------------------------------------------------


def loss(params, x, target):
    """L1 to the scale-and-shift-normalised inverse depth, and to its gradients at three scales."""
    r = forward(params, x) - target
    total = jnp.abs(r).mean()
    for step in (1, 2, 4):
        s = r[:, ::step, ::step]
        total += 0.4 * (jnp.abs(s[:, 1:] - s[:, :-1]).mean() + jnp.abs(s[:, :, 1:] - s[:, :, :-1]).mean())
    return total


def train(params, images, targets, seconds, rate, batch, seed, label):
    rng = np.random.default_rng(seed)
    opt = optax.chain(optax.clip_by_global_norm(1.0), optax.inject_hyperparams(optax.adamw)(rate, weight_decay=1e-4))
    state = opt.init(params)

    @jax.jit
    def step(params, state, x, t):
        value, grads = jax.value_and_grad(loss)(params, x, t)
        updates, state = opt.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    # CPU seconds, of all threads: other work on the machine must not make the training shorter.
    start, done, recent = time.process_time(), 0, []
    while (spent := time.process_time() - start) < seconds:
        # One cosine over the time given, after a short warm-up: the budget is minutes, not steps.
        state[1].hyperparams["learning_rate"] = jnp.asarray(rate * min(1, (done + 1) / 50) * (0.5 + 0.5 * np.cos(np.pi * spent / seconds)) + 1e-6)
        pick = rng.integers(0, len(images), batch)
        x, t = augmented(rng, images[pick], targets[pick])
        params, state, value = step(params, state, x, t)
        recent.append(float(value))
        done += 1
        if done % 100 == 0:
            print(f"{label}: step {done}, {spent:.0f} s, loss {np.mean(recent[-100:]):.4f}", flush=True)
    print(f"{label}: {done} steps of {batch} in {time.process_time() - start:.0f} CPU s")
    return params


def errors(predictions, depth):
    """Mean AbsRel and share of delta < 1.25 in depth, after the least-squares scale and shift of each picture in inverse depth."""
    rel, delta = [], []
    for p, z in zip(predictions, depth):
        ok = np.isfinite(z) & (z > 0.05) & (z < 80)
        if ok.sum() < 100:
            continue
        a = np.stack([p[ok], np.ones(ok.sum())], 1)
        fit, *_ = np.linalg.lstsq(a, 1 / z[ok], rcond=None)
        got = 1 / np.maximum(a @ fit, 1 / 80)
        rel.append(np.mean(np.abs(got - z[ok]) / z[ok]))
        delta.append(np.mean(np.maximum(got / z[ok], z[ok] / got) < 1.25))
    return np.mean(rel), np.mean(delta)


def report(label, params, images, depth):
    run = jax.jit(forward)
    out = []
    for i in range(0, len(images), 16):
        x = ((images[i : i + 16] - MEAN) / STD).transpose(0, 3, 1, 2)
        out.append(np.asarray(run(params, x)))
    ramp = np.broadcast_to(np.linspace(0, 1, H, dtype=np.float32)[:, None], (len(images), H, W))
    for name, p in (("network", np.concatenate(out)), ("row ramp", ramp)):
        rel, delta = errors(p, depth)
        print(f"{label}: {name}: AbsRel {rel:.3f}, delta<1.25 {delta:.3f} ({len(images)} pictures)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="models/depth_small.onnx")
    parser.add_argument("--rooms", type=int, default=4000, help="random rooms to pretrain on")
    parser.add_argument("--seconds", type=float, default=480, help="CPU seconds of pretraining")
    parser.add_argument("--takes", nargs="*", default=[], help="mock takes to fine-tune on")
    parser.add_argument("--tune-seconds", type=float, default=400, help="CPU seconds of fine-tuning")
    parser.add_argument("--held-out", nargs="*", default=[], help="mock takes to report on")
    parser.add_argument("--params", help="saved parameters to start from (skips pretraining)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    held = random_rooms(100, 999_983)
    params = initial(network(), jax.random.PRNGKey(args.seed))
    print("parameters:", sum(p.size for p in jax.tree.leaves(params)))
    images, depth = random_rooms(args.rooms, args.seed)
    if args.params:
        saved = np.load(args.params)
        params = {k: tuple(jnp.asarray(saved[f"{k}/{i}"]) for i in range(len(v))) for k, v in params.items()}
    else:
        params = train(params, images, normalised(depth), args.seconds, 2e-3, 16, args.seed, "rooms")
        np.savez(Path(args.out).with_suffix(".npz"), **{f"{k}/{i}": np.asarray(x) for k, v in params.items() for i, x in enumerate(v)})
    report("held-out rooms", params, *held)
    if args.takes:
        parts = [take(t) for t in args.takes]
        mock_images = np.concatenate([p[0] for p in parts])
        mock_depth = np.concatenate([p[1] for p in parts])
        # A quarter of rooms keeps what the pretraining learned.
        rest = max(1, len(mock_images) // 3)
        both = np.concatenate([mock_images, images[:rest]]), np.concatenate([mock_depth, depth[:rest]])
        params = train(params, both[0], normalised(both[1]), args.tune_seconds, 1e-3, 16, args.seed + 1, "takes")
        report("held-out rooms", params, *held)
    if args.held_out:
        parts = [take(t, 3) for t in args.held_out]
        report("held-out takes", params, np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))
    export(params, args.out)
    print(f"wrote {args.out}: {Path(args.out).stat().st_size} bytes")


if __name__ == "__main__":
    main()
