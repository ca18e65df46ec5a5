"""Random rooms, corridors and yards with true depth, ray cast in NumPy: data to pretrain the embedded network."""

import numpy as np

HEIGHT, WIDTH = 96, 160


def _hash(x, y, z, seed):
    h = (x * 73856093) ^ (y * 19349663) ^ (z * 83492791) ^ (seed * 2654435761)
    h = (h ^ (h >> 13)) * 1274126177
    return ((h ^ (h >> 16)) & 0xFFFF).astype(np.float32) / 65535.0


def _noise(p, seed):
    """Trilinear value noise in [0, 1] at points p [n, 3]."""
    cell = np.floor(p).astype(np.int64)
    f = (p - cell).astype(np.float32)
    f = f * f * (3 - 2 * f)
    out = np.zeros(len(p), np.float32)
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                w = np.where(dx, f[:, 0], 1 - f[:, 0]) * np.where(dy, f[:, 1], 1 - f[:, 1])
                w = w * np.where(dz, f[:, 2], 1 - f[:, 2])
                out += w * _hash(cell[:, 0] + dx, cell[:, 1] + dy, cell[:, 2] + dz, seed)
    return out


class Shape:
    """A yawed box, a sphere or an upright capsule; `hit` answers distance and normal along rays."""

    def __init__(self, kind, centre, size, yaw):
        self.kind, self.centre, self.size = kind, np.asarray(centre, np.float32), np.asarray(size, np.float32)
        c, s = np.cos(yaw), np.sin(yaw)
        self.turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)

    def hit(self, o, d):
        if self.kind == "box":
            o, d = (o - self.centre) @ self.turn, d @ self.turn
            with np.errstate(divide="ignore", invalid="ignore"):
                a, b = (-self.size - o) / d, (self.size - o) / d
            near, far = np.minimum(a, b), np.maximum(a, b)
            t, axis = near.max(1), near.argmax(1)
            t = np.where((t < far.min(1)) & (t > 1e-3), t, np.inf)
            n = np.zeros_like(d)
            rows = np.arange(len(d))
            n[rows, axis] = -np.sign(d[rows, axis])
            return t, n @ self.turn.T
        if self.kind == "sphere":
            return _sphere(o - self.centre, d, self.size[0])
        r, half = self.size[0], self.size[1]
        o = o - self.centre
        t, n = _sphere(o - [0, half, 0], d, r)
        t2, n2 = _sphere(o + [0, half, 0], d, r)
        n = np.where((t2 < t)[:, None], n2, n)
        t = np.minimum(t, t2)
        a = d[:, 0] ** 2 + d[:, 2] ** 2 + 1e-9
        b = o[:, 0] * d[:, 0] + o[:, 2] * d[:, 2]
        q = b * b - a * (o[:, 0] ** 2 + o[:, 2] ** 2 - r * r)
        tc = (-b - np.sqrt(np.maximum(q, 0))) / a
        y = o[:, 1] + tc * d[:, 1]
        tc = np.where((q > 0) & (tc > 1e-3) & (np.abs(y) < half), tc, np.inf)
        p = o + np.where(np.isfinite(tc), tc, 0)[:, None] * d
        nc = np.stack([p[:, 0] / r, np.zeros(len(p)), p[:, 2] / r], 1)
        return np.minimum(t, tc), np.where((tc < t)[:, None], nc, n)


def _sphere(o, d, r):
    b = (o * d).sum(1)
    q = b * b - ((o * o).sum(1) - r * r)
    t = -b - np.sqrt(np.maximum(q, 0))
    t = np.where((q > 0) & (t > 1e-3), t, np.inf)
    p = o + np.where(np.isfinite(t), t, 0)[:, None] * d
    return t, p / r


def _inside(o, d, low, high):
    """Exit of an axis-aligned room from the inside: distance, inward normal, face 0..5."""
    with np.errstate(divide="ignore"):
        t = np.where(d > 0, (high - o) / d, (low - o) / d)
    t = np.where(np.isfinite(t), t, np.inf)
    axis = t.argmin(1)
    rows = np.arange(len(d))
    n = np.zeros_like(d)
    n[rows, axis] = -np.sign(d[rows, axis])
    return t[rows, axis], n, axis * 2 + (d[rows, axis] > 0)


class Material:
    """Two colours mixed by a pattern of the surface point."""

    def __init__(self, rng):
        base = rng.uniform(0.1, 0.9) + rng.normal(0, 0.15, 3)
        self.a = np.clip(base, 0.03, 1).astype(np.float32)
        self.b = np.clip(base + rng.normal(0, 0.25, 3) if rng.random() < 0.7 else rng.random(3), 0.03, 1).astype(np.float32)
        self.pattern = rng.choice(["plain", "checker", "stripes", "noise", "tiles", "noise"])
        self.scale, self.seed = rng.uniform(0.6, 5), int(rng.integers(1 << 20))
        self.grain = rng.uniform(0, 0.25)

    def colour(self, p, n):
        q = p * self.scale + 1e-3 * n
        if self.pattern == "checker":
            m = (np.floor(q).astype(np.int64).sum(1) & 1).astype(np.float32)
        elif self.pattern == "stripes":
            m = (np.sin((q[:, 0] + q[:, 2]) * 6) > 0).astype(np.float32)
        elif self.pattern == "tiles":
            f = np.abs(q - np.floor(q) - 0.5)
            m = ((f * (np.abs(n) < 0.9)).max(1) > 0.46).astype(np.float32)
        elif self.pattern == "noise":
            m = 0.6 * _noise(q * 2, self.seed) + 0.4 * _noise(q * 7, self.seed + 1)
        else:
            m = np.zeros(len(p), np.float32)
        c = self.a + (self.b - self.a) * m[:, None]
        return c * (1 + self.grain * (_noise(q * 9, self.seed + 2) - 0.5))[:, None]


def scene(rng, width=WIDTH, height=HEIGHT):
    """One picture: rgb [h, w, 3] f32 in [0, 1] (sRGB) and z-depth [h, w] f32 in metres (inf for sky)."""
    kind = rng.choice(["room", "room", "corridor", "yard"])
    if kind == "room":
        size = np.array([rng.uniform(3.5, 12), rng.uniform(2.4, 4), rng.uniform(3.5, 14)])
    elif kind == "corridor":
        size = np.array([rng.uniform(1.8, 4), rng.uniform(2.3, 3.5), rng.uniform(8, 30)])
    else:
        size = np.array([200.0, 200.0, 200.0])
    low, high = np.array([-size[0] / 2, 0, -size[2] / 2]), np.array([size[0] / 2, size[1], size[2] / 2])
    reach = np.minimum(size / 2 - 0.3, 9)
    eye = np.array([rng.uniform(-1, 1) * reach[0] * 0.7, rng.uniform(0.7, min(2.2, size[1] - 0.4)), rng.uniform(-1, 1) * reach[2] * 0.9])
    target = np.array([rng.uniform(-1, 1) * reach[0] * 0.7, rng.uniform(0.2, 1.8), rng.uniform(-1, 1) * reach[2]])
    if kind == "corridor":
        eye[2], target[2] = -abs(eye[2]), reach[2]
    look = target - eye
    yaw = np.arctan2(look[0], look[2])
    pitch = np.clip(np.arctan2(look[1], np.hypot(look[0], look[2])), -0.55, 0.25) + rng.normal(0, 0.04)
    shapes, materials = [], [Material(rng) for _ in range(6)]
    for _ in range(int(rng.integers(0, 9)) + (4 if kind == "yard" else 0)):
        what = rng.choice(["box", "box", "sphere", "capsule"])
        at = eye + np.array([np.sin(yaw + rng.normal(0, 0.6)), 0, np.cos(yaw + rng.normal(0, 0.6))]) * rng.uniform(1.2, 14 if kind == "yard" else max(2.5, size[2] * 0.7))
        at = np.clip(at, low + 0.2, high - 0.2)
        if np.hypot(at[0] - eye[0], at[2] - eye[2]) < 0.9:
            continue
        if what == "box":
            half = np.exp(rng.normal(-1.1, 0.6, 3)) * (rng.uniform(1, 5) if kind == "yard" and rng.random() < 0.5 else 1)
            at[1] = half[1]
            if np.hypot(at[0] - eye[0], at[2] - eye[2]) < np.hypot(half[0], half[2]) + 0.3:
                continue
        elif what == "sphere":
            half = np.full(3, rng.uniform(0.12, 0.6))
            at[1] = half[0]
        else:
            r = rng.uniform(0.1, 0.35)
            half = np.array([r, rng.uniform(0.2, 0.8), r])
            at[1] = half[1] + r
        shapes.append(Shape(what, at, half, rng.uniform(0, np.pi)))
        materials.append(Material(rng))
    fov = np.radians(rng.uniform(45, 85))
    f = width / 2 / np.tan(fov / 2)
    x = (np.arange(width) + 0.5 - width / 2) / f
    y = (np.arange(height) + 0.5 - height / 2) / f * rng.uniform(0.9, 1.1)
    gx, gy = np.meshgrid(x, y)
    rays = np.stack([gx, -gy, np.ones_like(gx)], -1).reshape(-1, 3)
    cp, sp, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    tilt = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    spin = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    roll = rng.normal(0, 0.02)
    bank = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    world = rays @ (spin @ tilt @ bank).T
    length = np.linalg.norm(world, axis=1)
    d = (world / length[:, None]).astype(np.float32)
    o = np.broadcast_to(eye.astype(np.float32), d.shape)
    t, n, which = _inside(o, d, low, high)
    sky = np.zeros(len(d), bool)
    if kind == "yard":
        sky = which != 2
    for i, shape in enumerate(shapes):
        ts, ns = shape.hit(o, d)
        near = ts < t
        t, n, which = np.where(near, ts, t), np.where(near[:, None], ns, n), np.where(near, 6 + i, which)
        sky &= ~near
    p = o + d * t[:, None]
    lamp = np.array([rng.uniform(-1, 1) * reach[0], min(size[1] * 0.95, 30), rng.uniform(-1, 1) * reach[2]])
    to = lamp - p
    far = np.linalg.norm(to, axis=1)
    to = (to / far[:, None]).astype(np.float32)
    lit = np.clip((n * to).sum(1), 0, 1)
    shade = np.ones(len(d), np.float32)
    for shape in shapes:
        ts, _ = shape.hit((p + n * 0.01).astype(np.float32), to)
        shade = np.where(ts < far - 0.02, rng.uniform(0.2, 0.5), shade)
    fall = 1 / (1 + (far / (size[1] * 1.5)) ** 2) if kind != "yard" else 1.0
    ambient = rng.uniform(0.25, 0.6)
    light = ambient + rng.uniform(0.6, 1.6) * lit * shade * fall
    colour = np.zeros((len(d), 3), np.float32)
    for i, material in enumerate(materials):
        mine = (which == i) & ~sky
        if mine.any():
            colour[mine] = material.colour(p[mine], n[mine])
    colour *= light[:, None] * (1 + rng.normal(0, 0.06, 3))
    if kind == "yard":
        top, bottom = rng.uniform(0.3, 1, 3), rng.uniform(0.5, 1, 3)
        up = np.clip(d[:, 1:2] * 2, 0, 1)
        haze = np.exp(-t * rng.uniform(0, 0.02))[:, None]
        colour = colour * haze + bottom * (1 - haze)
        colour[sky] = (bottom + (top - bottom) * up)[sky]
    picture = np.clip(colour, 0, 1) ** (1 / rng.uniform(1.6, 2.4)) + rng.normal(0, rng.uniform(0, 0.03), colour.shape)
    z = np.where(sky, np.inf, t / length)
    shape2 = (height, width)
    return np.clip(picture, 0, 1).astype(np.float32).reshape(*shape2, 3), z.astype(np.float32).reshape(shape2)
