#!/usr/bin/env python3
"""What `director score` measures, in NumPy and OpenCV: the same quantities at the same sizes, for the speed.

    benches/score_numpy.py VIDEO [--threads N] [--every]

As the scores do, it glances at every frame and looks closely at one each eighth of a second; with --every it looks closely at
all of them, as the scores did until 2026-11-30.

Needs numpy and opencv-python-headless. Prints seconds (`score_s` is all but the decode, `flow_s` the flow's part of it)
and the components behind the six scores by the names that `director score --json` gives them, so that the two can be
compared. Flow is OpenCV's DIS, so they agree roughly. Left out: objects, worst moments, components that enter no score,
and the last formulas, a few exponentials. Lengths are in standard pixels (short side 160).
"""

import argparse
import functools
import itertools
import json
import time

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MAX_SIDE, MOTION_SIDE, LIFE, LIVE, AGES, QUALITY, SPAN = 1280, 256, 2.0, 4, 8, 0.25, 0.125
SCALES = (1e6, 16, 8, 4, 2, 1, 0.7, 0.5, 0.5)
# What of the eight parameters of a plane's motion multiplies 1 x y x^2 xy y^2 in u and v (Longuet-Higgins 1984).
PLANE = np.zeros((2, 6, 8), np.float32)
PLANE[0, [0, 1, 2, 3, 4], [0, 1, 2, 6, 7]] = PLANE[1, [0, 1, 2, 4, 5], [3, 4, 5, 6, 7]] = 1
sample = functools.partial(cv2.remap, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
resized = functools.partial(cv2.resize, interpolation=cv2.INTER_AREA)


def fitted(size, most):
    return tuple(max(int(side * min(most / max(size), 1) + 0.5), 1) for side in size)


def shrink(image):
    """Half size with [1 3 3 1]/8: the 3x3 binomial, then the mean of two by two."""
    return resized(cv2.GaussianBlur(image, (3, 3), 0), tuple((side + 1) // 2 for side in image.shape[::-1]))


class View:
    """Sizes and grids that all frames of one clip share."""

    def __init__(self, size):
        self.frame = fitted(size, MAX_SIDE)
        self.size = width, height = fitted(self.frame, MOTION_SIDE)
        self.tint_size = tuple(-(-side // 4) for side in self.size)
        self.scale, self.last = 160 / min(self.size), np.array([width - 1, height - 1], np.float32)
        self.x, self.y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        self.terms = self.terms_at(self.x, self.y)
        self.stride = (slice(None, None, int(np.ceil(max((width * height / 2500) ** 0.5, 1)))),) * 2
        self.fit_terms = self.terms[(..., *self.stride)].reshape(6, -1)
        self.design = np.einsum("cmp,mn->cnp", PLANE, self.fit_terms)
        cell = self.cell = max((min(self.size) + 8) // 16, 4)
        # Sums over cells are two products with what says which row and column is of which cell.
        self.down, across = ((np.arange(n) // cell == np.arange(-(-n // cell))[:, None]).astype(np.float32)
                             for n in (height, width))
        self.across, self.pixels = across.T.copy(), np.outer(self.down.sum(1), across.sum(1))
        middles = [of @ np.arange(of.shape[1]) / of.sum(1) for of in (across, self.down)]
        self.points = np.stack(np.meshgrid(*middles), -1).reshape(-1, 2).astype(np.float32)
        self.patch = np.stack(np.meshgrid(*[0.25 * cell * np.arange(-4, 5, dtype=np.float32)] * 2), -1).reshape(81, 2)
        self.fields = np.empty((17, height, width), np.float32)

    def terms_at(self, x, y):
        """1 x y x^2 xy y^2 along a new first axis, from the centre in halves of the long side."""
        x, y = ((c - 0.5 * last) / (0.5 * max(self.size)) for c, last in zip((x, y), self.last))
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def camera(view, flow, good):
    """The plane's eight parameters, the epipole of what it leaves, the mean length of its motion."""
    seen = good[view.stride].ravel()
    if seen.sum() < 16:
        return np.zeros(8, np.float32), np.full(3, 0.577, np.float32), 0.0
    q = flow[(..., *view.stride)].reshape(2, -1)[:, seen]
    a, p = view.design[:, seen], np.zeros(8, np.float32)
    for scale in SCALES:
        w = (scale**2 / (scale**2 + ((q - a @ p) ** 2).sum(0))) ** 2
        weighted = (a * w[:, None]).reshape(-1, 8)
        normal = (weighted.T @ a.reshape(-1, 8)).astype(float) + (1e-4 * w.sum() + 1e-6) * np.eye(8)
        p = np.linalg.solve(normal, weighted.T @ q.ravel()).astype(np.float32)
    (u, v), (x, y) = q - a @ p, view.fit_terms[1:3, seen]
    lines = np.stack([v, -u, u * y - v * x])
    w = near = 1 / (1 + 0.05 * (u * u + v * v))
    for scale in (*SCALES[3:], 1):  # The weights of the next round; the last ones are not used.
        e = np.linalg.eigh(((lines * w) @ lines.T).astype(float))[1][:, 0].astype(np.float32)
        reach = np.maximum(np.hypot(x * e[2] - e[0], y * e[2] - e[1]), 0.02)
        w = (scale**2 / (scale**2 + (e @ lines / reach) ** 2)) ** 2 * near / reach**2
    return p, e, np.linalg.norm(view.design @ p, axis=0).mean()


def measure_step(view, a, b, flow, backward, before):
    """Cells (13, down, across), the camera's parameters, where the flow is consistent; `before`: last `backward`."""
    u, v = cv2.split(flow)
    to_x, to_y = view.x + u, view.y + v
    inside = (to_x >= 0) & (to_x <= view.last[0]) & (to_y >= 0) & (to_y <= view.last[1])
    bu, bv = cv2.split(sample(backward, to_x, to_y))
    good = inside & ((u + bu) ** 2 + (v + bv) ** 2 < 0.01 * (u * u + v * v + bu * bu + bv * bv) + 0.5)
    standard = np.stack([u, v]) * view.scale
    p, e, moved = camera(view, standard, good)
    # Own motion is what neither the plane nor parallax along the epipolar lines, no longer than its motion, explains.
    left, line = standard - np.tensordot(PLANE @ p, view.terms, 1), view.terms[1:3] * e[2] - e[:2, None, None]
    size = cv2.magnitude(*left)
    across = np.abs(left[0] * line[1] - left[1] * line[0]) / np.maximum(cv2.magnitude(*line), 1e-6)
    own = np.minimum(size, np.maximum(across, size - moved))
    gradient = cv2.magnitude(np.diff(a, axis=1, append=a[:, -1:]), np.diff(a, axis=0, append=a[-1:]))
    change = np.minimum(cv2.magnitude(u + before[..., 0], v + before[..., 1]) * view.scale, 8)
    q = sample(b, to_x, to_y)
    i, g, r = inside.astype(np.float32), good.astype(np.float32), q - a
    gr, ia, iq = g * r, i * a, i * q
    np.stack([i, g, i * np.minimum(np.abs(r), 48), gr, gr * r, gradient, np.abs(b - a), ia, ia * a, iq, iq * q, ia * q,
              *standard, cv2.magnitude(*standard), g * own, change], out=view.fields)
    i, g, off, r1, r2, gradient, still, ia, iaa, iq, iqq, iaq, *rest = view.down @ view.fields @ view.across
    (u, v, speed, moving, change), n, m, k = rest, view.pixels, np.maximum(i, 1), np.maximum(g, 1)
    ma, mq = ia / m, iq / m
    va, vq, both = np.maximum(iaa / m - ma**2, 0), np.maximum(iqq / m - mq**2, 0), iaq / m - ma * mq
    ssim = (2 * ma * mq + 6.5025) * (2 * both + 58.5225) / ((ma**2 + mq**2 + 6.5025) * (va + vq + 58.5225))
    deviation = np.sqrt(np.maximum(r2 / k - (r1 / k) ** 2, 0))
    return np.stack([i / n, g / m, off / m, r1 / k, gradient / n, deviation, still / n, np.where(i > 0, ssim, 1),
                     u / n, v / n, speed / n, moving / k, change / n]), p, good


class Generation:
    """Points of the cell grid that are followed from one frame on, and how they looked there."""

    def __init__(self, view, start, now):
        self.start, self.places, self.ends = start, [view.points], [np.zeros(len(view.points), np.int8)]
        self.key, self.hue = self.look(*now)

    def look(self, view, half, tint):
        """9x9 samples of each point's patch on the luma of half size, and the mean chroma of four spots in it."""
        spots = (self.places[-1][:, None] + view.patch + 0.5) * 0.5 - 0.5
        size = np.array(tint.shape[1::-1])
        inner = (self.places[-1][:, None] + view.patch[[20, 24, 56, 60]] + 0.5) * (size / view.size)
        x, y = np.moveaxis(np.clip(inner, 0, size - 1).astype(int), -1, 0)
        return sample(half, spots[..., 0], spots[..., 1]), tint[y, x].mean(1)

    def follow(self, view, flow, good):
        """One step; `ends` is 0 for a point that goes on, 1 for a lost one, 2 for one that left the picture."""
        at, end = self.places[-1], self.ends[-1]
        to = at + sample(flow, at[:, :1], at[:, 1:])[:, 0]
        x, y = (at + 0.5).astype(int).T
        within = (np.abs(to - 0.5 * view.last) <= 0.5 * (view.last - view.cell) + 1).all(1)
        now = np.where(end > 0, end, np.where(within, np.where(good[y, x], 0, 1), 2))
        self.places.append(np.where((now == 0)[:, None], to, at))
        self.ends.append(now)

    def compare(self, now, hue):
        """Points that are followed and have texture, their mean likeness and its P10."""
        mx, my, dx, dy = self.key.mean(1), now.mean(1), self.key.std(1), now.std(1)
        alike = np.clip(((self.key * now).mean(1) - mx * my + 29.26) / (dx * dy + 29.26), 0, 1)
        contrast = (2 * dx * dy + 58.52) / (dx**2 + dy**2 + 58.52)
        like = alike * np.exp(-np.linalg.norm(hue - self.hue, axis=1) / 12) * contrast
        like = like[(dx > 4) & (self.ends[-1] == 0)]
        return [len(like), like.mean(), np.percentile(like, 10)] if len(like) else [0, 0, 0]

    def paths(self, view, models):
        """Weight, then median jerk, P75 own jerk, share of jumps, share lost in eight steps."""
        at, on = np.stack(self.places), np.stack(self.ends)[1:] == 0
        step = np.diff(at, axis=0) * view.scale
        planes = np.stack(models[self.start:self.start + len(step)]) @ PLANE.transpose(0, 2, 1)
        plane = np.einsum("ckm,mkn->knc", planes, view.terms_at(at[:-1, :, 0], at[:-1, :, 1]))
        faster = np.diff(np.stack([step, step - plane]), axis=1)
        jerk = (np.linalg.norm(np.diff(faster, axis=1), axis=-1) * on[2:]).sum(1)
        steps, lost = on.sum(0), (self.ends[-1] == 1).sum()
        speed = (np.linalg.norm(step, axis=-1) * on).sum(0) / np.maximum(steps, 1)
        jerk = (jerk / (np.maximum(steps - 2, 1) * (speed + 0.5)))[:, steps >= 3]
        jumps = ((np.linalg.norm(faster[0], axis=-1) > 3) & on[1:]).sum() / max(np.maximum(steps - 1, 0).sum(), 1)
        lost = 1 - (1 - lost / max(steps.sum() + lost, 1)) ** 8
        weight = jerk.shape[1] * len(step)
        return [weight, np.median(jerk[0]), np.percentile(jerk[1], 75), jumps, lost] if weight else [0] * 5


def details(image):
    """Fine detail |x - B x|, B the 3x3 binomial, and diagonal second difference of some 240 rows, which come after."""
    step = (image.shape[0] // 240) | 1
    top, mid, low = image[:-2:step], image[1:-1:step], image[2::step]
    c, sides = mid[:, 1:-1], top + low
    edge, corner = mid[:, :-2] + mid[:, 2:] + sides[:, 1:-1], sides[:, :-2] + sides[:, 2:]
    return np.abs(0.75 * c - 0.125 * edge - 0.0625 * corner), np.abs(4 * c - 2 * edge + corner), mid, top, step


def below(values, share, most):
    """The value below which a share of the values lies, from a histogram of 512 bins up to `most`."""
    sums = np.cumsum(cv2.calcHist([values], [0], None, [512], [0, most]))
    return np.interp(share * sums[-1], sums, np.arange(1, 513) * most / 512)


def quality(frame):
    """Detail, noise, body, blocks, share clipped and contrast of one frame at its own size."""
    luma = cv2.cvtColor(frame.astype(np.float32), cv2.COLOR_BGR2GRAY)
    detail, diagonal, mid, top, step = details(luma)
    body = below(details(shrink(shrink(luma)))[0], 0.97, 128)
    c, blocks = mid[:, 1:-1], 0
    for axis, gradient, phase in ((0, np.abs(c - mid[:, :-2]), 1 + np.arange(c.shape[1])),
                                  (1, np.abs(c - top[:, 1:-1]), 1 + step * np.arange(c.shape[0]))):
        means = np.bincount(phase & 7, gradient.mean(axis), 8) / np.maximum(np.bincount(phase & 7, minlength=8), 1)
        blocks += 0.5 * max(means.max() / (gradient.mean() + 0.0625) - 1, 0)
    noise = below(diagonal, 0.2, 256) / (0.2533 * 6)
    return [below(detail, 0.97, 128), noise, body, blocks, ((c < 3) | (c >= 253)).mean(), c.std()]


def windows(cells, outside):
    """The 3x3 neighbourhoods of all cells; `outside` is one of the ways of `np.pad`."""
    return sliding_window_view(np.pad(cells, [(0, 0)] * (cells.ndim - 2) + [(1, 1)] * 2, outside), (3, 3), (-2, -1))


def conclude(cells, models, looks, paths, qualities):
    """Components from (steps, 13, down, across) cells and the records of points and frames."""
    inside, good, off, r, gradient, spread, still, ssim, u, v, speed, own, change = np.moveaxis(cells, 1, 0)
    axes = (-2, -1)
    signal = np.minimum(off / (gradient + 4), 2) + (1 - good) * inside
    near = np.pad(windows(signal, "constant").max(axes), ((1, 1), (0, 0), (0, 0)))
    impulse = signal - np.maximum(near[:-2], near[2:])
    impulse = np.clip(impulse - np.maximum(np.median(impulse, axis=axes, keepdims=True), 0), 0, 2)
    event = (windows(impulse, "constant").sum(axes) / windows(np.ones_like(impulse), "constant").sum(axes)).max(axes)
    bend = windows(np.diff(np.stack([u, v]), axis=1), "edge")
    du, dv = bend[..., 1, 2] - bend[..., 1, 0], bend[..., 2, 1] - bend[..., 0, 1]
    strain = np.sqrt(du[0] ** 2 + dv[1] ** 2 + (0.5 * (du[1] + dv[0])) ** 2)
    fine, block = ((of * good).sum(axes) / np.maximum(good.sum(axes), 1e-3) for of in (spread, np.abs(r)))
    consistent = (inside * good).sum(axes) / np.maximum(inside.sum(axes), 1e-3)
    pace, stills, p = speed.mean(axes), still.mean(axes), models.T
    shape = np.stack([p[0], p[3], 0.5 * (p[4] - p[2]), 0.5 * (p[1] + p[5])], 1)
    turn = np.linalg.norm(np.diff(shape, 2, axis=0), axis=1).mean() / (np.linalg.norm(shape, axis=1).mean() + 0.5)
    look, path = (np.average(r[:, 1:], 0, np.maximum(r[:, 0], 1e-9)) for r in map(np.array, (looks, paths)))
    found = {
        "clip": {"duplicates": (stills < max(0.15, 0.12 * np.percentile(stills, 75))).mean()},
        "identity_persistence": {"mean": look[0], "p10": look[1]},
        "path_realism": {"jerk": path[0], "camera_jerk": turn, "jumps": path[2]},
        "physics_plausibility": {"own_jerk": path[1], "lost": path[3], "event": event.max(), "own": own.mean(),
                                 "usual_event": np.median(event), "strain_change": strain.mean() / (pace.mean() + 0.5)},
        "visual_quality": dict(zip("detail noise body blocks clipped contrast".split(), np.mean(qualities, 0))),
        "motion_smoothness": {"speed": pace.mean(), "change": change[1:].mean() / (pace.mean() + 0.5),
                              "jerk": np.abs(np.diff(pace, 2)).mean() / (pace.mean() + 0.15)},
        "temporal_coherence": {"warp_error": fine.mean() / (gradient.mean() + 1), "flicker": block.mean(),
                               "inconsistent": 1 - consistent.mean(), "ssim": ssim.mean()},
    }
    return {f"{metric}.{name}": round(float(v), 5) for metric, values in found.items() for name, v in values.items()}


class Glances:
    """What small pictures of all frames tell: repetitions, how the whole picture goes, pops, disorder."""

    def __init__(self, shape):
        scale = 48 / min(shape)
        self.size, self.last, self.records = tuple(max(int(s * scale + 0.5), 1) for s in shape[::-1]), [], []

    def add(self, frame):
        now = cv2.cvtColor(resized(frame, self.size), cv2.COLOR_BGR2GRAY).astype(np.float32)
        self.last = [*self.last[-3:], now]
        if len(self.last) < 2:
            return
        pairs = [cv2.blur(cv2.absdiff(a, b), (3, 3)) for a, b in itertools.pairwise(self.last)]
        (u, v), _ = cv2.phaseCorrelate(self.last[-2], now)
        record = [u, v, pairs[-1].mean(), pairs[-1].max()]
        if len(pairs) == 3:
            impulse = pairs[1] - cv2.dilate(np.maximum(pairs[0], pairs[2]), np.ones((9, 9)))
            impulse = np.clip(impulse - max(np.median(impulse), 0), 0, 48)
            back = np.maximum(np.maximum(*pairs[1:]) - cv2.blur(cv2.absdiff(self.last[-3], now), (3, 3)), 0)
            record += [cv2.blur(impulse, (9, 9)).max(), impulse.sum(), back.mean()]
        self.records.append(record)


def score(capture, every):
    """The report of a clip."""
    fps = capture.get(cv2.CAP_PROP_FPS) or 24
    stride = 1 if every else max(round(SPAN * fps - 0.01), 1)
    pace = stride / fps
    life = int(np.clip(np.round(LIFE / pace), 8, 48))
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    view = luma = small = backward = None
    cells, models, generations, looks, qualities, glances = [], [], [], [], [], None
    begun, decode_s, flow_s = time.perf_counter(), 0.0, 0.0
    for number in itertools.count():
        start = time.perf_counter()
        ok, frame = capture.read()
        decode_s += time.perf_counter() - start
        if not ok:
            break
        glances = glances or Glances(frame.shape[:2])
        glances.add(frame)
        index, between = divmod(number, stride)
        if between:
            continue
        view = view or View(frame.shape[1::-1])
        if frame.shape[1::-1] != view.frame:
            frame = resized(frame, view.frame)
        last, last_small, before = luma, small, backward
        luma = resized(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32), view.size)
        small = np.rint(luma).astype(np.uint8)
        if index % max(round(QUALITY / pace), 1) == 0:
            qualities.append(quality(frame))
        live = [g for g in generations if index - g.start <= life]
        if index > 0:
            start = time.perf_counter()
            forward, backward = dis.calc(last_small, small, None), dis.calc(small, last_small, None)
            flow_s += time.perf_counter() - start
            step, p, good = measure_step(view, last, luma, forward, backward, backward if before is None else before)
            cells.append(step)
            models.append(p)
            for generation in live:
                generation.follow(view, forward, good)
        due = [g for g in live if (index - g.start) % (life // AGES) == 0]
        if due or index % (life // LIVE) == 0:
            tint = cv2.cvtColor(resized(frame, view.tint_size), cv2.COLOR_BGR2YCrCb)[..., 1:].astype(np.float32)
            now = (view, shrink(luma), tint)
            looks += [g.compare(*g.look(*now)) for g in due]
        if index % (life // LIVE) == 0:
            generations.append(Generation(view, index, now))
    paths = [g.paths(view, models) for g in generations if len(g.ends) > 1]
    components = conclude(np.stack(cells), np.stack(models), looks, paths, qualities)
    total = time.perf_counter() - begun
    return {"frames": number, "looked_at": len(models) + 1, "decode_s": decode_s, "flow_s": flow_s, "score_s": total - decode_s,
            "frames_per_s": number / total, "components": components}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video")
    parser.add_argument("--threads", type=int, default=2, help="of OpenCV and of the decoder")
    parser.add_argument("--every", action="store_true", help="look closely at every frame")
    args = parser.parse_args()
    cv2.setNumThreads(args.threads)
    capture = cv2.VideoCapture(args.video, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, args.threads])
    if not capture.isOpened():
        parser.error(f"'{args.video}' is no video that can be read")
    print(json.dumps(score(capture, args.every), indent=1))


if __name__ == "__main__":
    main()
