"""Casts the rays that `benches/rays.rs` left in a folder with Embree on one thread, and compares where they hit.

In an environment of its own: pip install "embreex==2.17.7" "numpy<2"; python rays_embree.py FOLDER
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh


def best(run):
    """Fewest seconds of several runs, and the seconds of cores that one took."""
    run()
    begin, cores, runs, fewest = time.perf_counter(), time.process_time(), 0, float("inf")
    while time.perf_counter() - begin < 1.0:
        start = time.perf_counter()
        run()
        runs += 1
        fewest = min(fewest, time.perf_counter() - start)
    return [fewest, (time.process_time() - cores) / runs]


def main(folder):
    world = json.loads((folder / "world.json").read_text())
    voxel, dims = world["voxel"], np.array(world["dims"])
    triangles = np.fromfile(folder / "triangles.f32", np.float32).reshape(-1, 3, 3)
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, triangles)
    out = {"voxel": voxel, "triangles": len(triangles)}
    for name in ("random", "camera"):
        rays = np.fromfile(folder / f"{name}.rays", np.float32).reshape(-1, 8)
        hits = np.fromfile(folder / f"{name}.hits", np.float32).reshape(-1, 4)
        state = hits.view(np.uint32)[:, 1]
        origin, direction = rays[:, :3].copy(), rays[:, 4:7].copy()
        row = {"rays": len(rays)}
        for query in ("INTERSECT", "OCCLUDED"):
            seconds = best(lambda: scene.run(origin, direction, query=query))
            row[f"embree_{query.lower()}"] = [len(rays) / s / 1e6 for s in seconds]
        distance = scene.run(origin, direction, query="DISTANCE")
        both = (state == 1) & (distance < 1e9)
        # Rays that start within a solid voxel have no way before them.
        both &= hits.view(np.uint32)[:, 3] < 6
        length = np.linalg.norm(direction, axis=1)
        off = (hits[:, 0] - distance) * length / voxel
        # Along the surface's normal it is what a voxel is; along a ray that grazes it, as long as one likes.
        a, b, c = (triangles[:, k].astype(np.float64) for k in range(3))
        hit = scene.run(origin, direction, query="INTERSECT")
        normal = np.cross(b - a, c - a)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
        cosine = np.abs(np.sum(normal[hit] * direction, axis=1)) / length
        across = np.abs(off * cosine)[both]
        # A solid voxel is one that the surface passes: how far from its middle?
        index = hits.view(np.uint32)[:, 2].astype(np.int64)
        cell = np.stack([index % dims[0], index // dims[0] % dims[1], index // dims[0] // dims[1]], 1)
        middle = np.array(world["origin"]) + (cell + 0.5) * voxel
        apart = np.abs(np.sum(normal[hit] * (middle - a[hit]), axis=1))[both] / voxel
        met, theirs = (state == 1), distance < 1e9
        row |= {
            "both_hit": int(both.sum()),
            "only_voxels": int((met & ~theirs).sum()),
            "only_embree": int((theirs & ~met).sum()),
            "across_p50": float(np.percentile(across, 50)),
            "across_p95": float(np.percentile(across, 95)),
            "across_within_half_a_voxel": float((across <= 0.5).mean()),
            "middle_p50": float(np.percentile(apart, 50)),
            "middle_within_half_a_voxel": float((apart <= 0.5).mean()),
            "middle_within_half_a_diagonal": float((apart <= 0.8661).mean()),
            "along_p50": float(np.percentile(np.abs(off[both]), 50)),
        }
        out[name] = row
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
