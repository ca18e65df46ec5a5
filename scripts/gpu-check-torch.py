#!/usr/bin/env python3
"""The same primitives in PyTorch, as a yardstick for `director bench` (torch.sort of a GPU is CUB's radix sort).

Usage: gpu-check-torch.py --out FILE.json --table FILE.md [--bench bench.json] [--quick]
Exit codes: 0 measured, 77 there is no PyTorch or no CUDA device (without --quick), 1 something failed.
"""

import argparse
import json
import statistics
import sys
import time

NOT_TRIED = 77


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--table", required=True)
    parser.add_argument("--bench")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    try:
        import torch
    except ImportError:
        print("python3 has no PyTorch here, so nothing is compared with it")
        return NOT_TRIED
    cuda = torch.cuda.is_available()
    if not cuda and not args.quick:
        print("PyTorch finds no CUDA device here, so nothing is compared with it")
        return NOT_TRIED
    device = torch.device("cuda" if cuda else "cpu")
    # f32 as it is written, not its shorter kin.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(7)
    found = {
        "format": 1,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "device": torch.cuda.get_device_name(0) if cuda else "the processor",
        "entries": [],
    }

    def wait():
        if cuda:
            torch.cuda.synchronize()

    def measure(stage, size, unit, units, work):
        """Median of some runs after one that warms up; the document is written after each."""
        try:
            work()
            wait()
            times, begun = [], time.perf_counter()
            while len(times) < 15 and (len(times) < 3 or time.perf_counter() - begun < 1.0):
                start = time.perf_counter()
                work()
                wait()
                times.append(time.perf_counter() - start)
                if args.quick:
                    break
            seconds = statistics.median(times)
            entry = {"seconds": seconds, "repeats": len(times), "rate": units / seconds}
        except RuntimeError as error:
            entry = {"note": str(error).splitlines()[0]}
        found["entries"].append({"stage": stage, "size": size, "unit": unit, **entry})
        with open(args.out, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)

    mib = 16 if args.quick else 256
    a = torch.empty(mib << 20, dtype=torch.uint8, device=device)
    b = torch.empty_like(a)

    def copies():
        for _ in range(16):
            b.copy_(a)

    measure("copy", f"{mib} MiB", "bytes", 2 * 16 * (mib << 20), copies)
    del a, b
    for log2 in [20] if args.quick else [20, 22, 24, 26]:
        n = 1 << log2
        # PyTorch sorts no unsigned words; the work of signed ones is the same. Its values are indices of 64 bits.
        keys = torch.randint(-(2**31), 2**31 - 1, (n,), dtype=torch.int32, device=device)
        measure("sort", f"2^{log2}", "pairs", n, lambda: torch.sort(keys, stable=True))
        measure("scan", f"2^{log2}", "elements", n, lambda: torch.cumsum(keys, 0, dtype=torch.int32))
        del keys
    height, width, channels = (72, 128, 16) if args.quick else (720, 1280, 64)
    picture = torch.randn(1, channels, height, width, device=device)
    weights = torch.randn(channels, channels, 3, 3, device=device)
    flops = 2.0 * channels * channels * 9 * height * width
    size = f"3x3, {channels} channels, {width}x{height}, f32"
    measure("convolution", size, "flop", flops, lambda: torch.nn.functional.conv2d(picture, weights, padding=1))
    side = 256 if args.quick else 4096
    m, k = torch.randn(side, side, device=device), torch.randn(side, side, device=device)
    measure("matmul", f"{side}x{side}, f32", "flop", 2.0 * side**3, lambda: m @ k)
    with open(args.table, "w", encoding="utf-8") as file:
        file.write(table(found, ours(args.bench)))
    return 0


def ours(path):
    """Our rates by stage and size."""
    try:
        with open(path, encoding="utf-8") as file:
            entries = json.load(file)["entries"]
    except (OSError, TypeError, ValueError, KeyError):
        return {}
    return {(e["stage"], e["size"]): e["rate"] for e in entries if e.get("rate")}


def table(found, rates):
    cuda = f", CUDA {found['cuda']}" if found["cuda"] else ""
    lines = [
        f"PyTorch {found['torch']}{cuda} on {found['device']}; the ratio is our rate over PyTorch's.",
        "`torch.sort` gives indices of 64 bits beside the keys, ours values of 32; `cumsum` writes a second tensor, ours works in place.",
        "",
        "| | size | PyTorch | ours | ours / PyTorch |",
        "|---|---|---|---|---|",
    ]
    for entry in found["entries"]:
        theirs, rate = entry.get("rate"), rates.get((entry["stage"], entry["size"]))
        none = "none yet" if entry["stage"] in ("convolution", "matmul") else "not measured"
        cells = [
            entry["stage"],
            entry["size"],
            f"{theirs:.3g} {entry['unit']}/s" if theirs else entry["note"],
            f"{rate:.3g} {entry['unit']}/s" if rate else none,
            f"{rate / theirs:.2f}" if rate and theirs else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
