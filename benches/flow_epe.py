#!/usr/bin/env python3
"""Our flow against OpenCV's DIS on the same frames at the same size: end-point errors and times, as a table.

    cargo bench --bench flow -- --dump DIR TAKE...
    benches/flow_epe.py DIR

Needs numpy and opencv-python-headless. DIS sees the luma that our flow saw, rounded to bytes. Its times are of both
directions of a pair, on as many threads as OpenCV takes by itself.
"""

import pathlib
import sys
import time

import cv2
import numpy

PRESETS = {
    "DIS ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "DIS fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "DIS medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


def errors(flow, truth):
    """Mean error in pixels and the shares over 1 and 3 px, of the pixels that are seen in both frames."""
    seen = truth[..., 2] > 0
    error = numpy.linalg.norm(flow - truth[..., :2], axis=-1)[seen]
    return numpy.array([error.mean(), 100 * (error > 1).mean(), 100 * (error > 3).mean()])


def dis(preset, luma):
    """Forward flows of all pairs of neighbours, and milliseconds a pair for both directions."""
    method = cv2.DISOpticalFlow_create(preset)
    flows = []
    start = time.perf_counter()
    for a, b in zip(luma, luma[1:]):
        flows.append(method.calc(a, b, None))
        method.calc(b, a, None)
    return numpy.stack(flows), 1e3 * (time.perf_counter() - start) / len(flows)


def consistent(forward, backward, truth):
    """Mean error of ours where both flows agree."""
    height, width = forward.shape[1:3]
    x, y = numpy.meshgrid(numpy.arange(width, dtype=numpy.float32), numpy.arange(height, dtype=numpy.float32))
    kept = truth.copy()
    for f, b, t in zip(forward, backward, kept):
        back = cv2.remap(b, x + f[..., 0], y + f[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        e = ((f + back) ** 2).sum(-1)
        t[..., 2] *= e < 0.01 * ((f**2).sum(-1) + (back**2).sum(-1)) + 0.5
    return errors(forward, kept)[0]


def main(folder):
    print(f"OpenCV {cv2.__version__}, {cv2.getNumThreads()} threads")
    print("| take | method | EPE px | over 1 px % | over 3 px % | EPE where consistent px | ms a pair |")
    print("|---|---|---|---|---|---|---|")
    rows = {}
    for take in sorted(p for p in pathlib.Path(folder).iterdir() if p.is_dir()):
        luma = numpy.load(take / "luma.npy")[..., 0]
        truth, forward, backward = (numpy.load(take / f"{n}.npy") for n in ("truth", "forward", "backward"))
        bytes_ = numpy.clip(numpy.rint(luma), 0, 255).astype(numpy.uint8)
        found = {"ours": (*errors(forward, truth), consistent(forward, backward, truth), numpy.nan)}
        for name, preset in PRESETS.items():
            dis(preset, bytes_[:2])
            flow, ms = dis(preset, bytes_)
            found[name] = (*errors(flow, truth), numpy.nan, ms)
        for name, row in found.items():
            rows.setdefault(name, []).append(row)
            print(line(take.name, name, row))
    for name, all_ in rows.items():
        print(line("mean", name, numpy.mean(all_, axis=0)))


def line(take, name, row):
    epe, one, three, kept, ms = row
    cells = [f"{epe:.3f}", f"{one:.2f}", f"{three:.2f}"]
    cells += ["" if numpy.isnan(v) else f"{v:.{d}f}" for v, d in ((kept, 3), (ms, 1))]
    return f"| {take} | {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
