"""COLMAP's incremental and global mapper on the takes of `director eval cameras`, beside the cameras that it solved.

Needs pycolmap 4.2 and numpy. First: director eval cameras --half held-out --depth network --network FILE -o FOLDER. Then:
    python benches/cameras_colmap.py DIRECTOR FOLDER [CASE...]
DIRECTOR is the program, which also takes the clips apart. Each take's views go through SIFT features, exhaustive matching and both
mappers, with one shared SIMPLE_PINHOLE camera, on two threads. A line of JSON a take: share of the views registered, root mean square
error of the centres after a similarity as a share of the path, focal length over the true one less 1, seconds.
Clips without truth: python benches/cameras_colmap.py DIRECTOR --clips OUTPUT CLIP... (24 views spread over each).
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import pycolmap

THREADS = 2


def similarity(a, b):
    """The similarity that takes points `a` nearest to `b` (Umeyama 1991)."""
    middle_a, middle_b = a.mean(0), b.mean(0)
    from_, to = a - middle_a, b - middle_b
    u, s, vt = np.linalg.svd(to.T @ from_ / len(a))
    sign = np.diag([1, 1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(s) @ sign) / max((from_**2).sum() / len(a), 1e-12)
    return scale, rotation, middle_b - scale * rotation @ middle_a


def mapped(images, work):
    """The largest model of each mapper, and its seconds with those of features and matching."""
    begun = time.time()
    database = work / "database.db"
    pycolmap.set_random_seed(0)
    extraction = pycolmap.FeatureExtractionOptions()
    matching = pycolmap.FeatureMatchingOptions()
    extraction.num_threads = matching.num_threads = THREADS
    extraction.use_gpu = matching.use_gpu = False
    pycolmap.extract_features(
        database,
        images,
        camera_mode=pycolmap.CameraMode.SINGLE,
        reader_options=pycolmap.ImageReaderOptions(camera_model="SIMPLE_PINHOLE"),
        extraction_options=extraction,
    )
    pycolmap.match_exhaustive(database, matching_options=matching)
    matched = time.time() - begun
    for name, mapper in [("incremental", pycolmap.incremental_mapping), ("global", pycolmap.global_mapping)]:
        begun = time.time()
        out = work / name
        out.mkdir()
        try:
            models = mapper(database, images, out)
        except Exception as error:  # A mapper that gives up says so by raising.
            print(f"{name}: {error}", file=sys.stderr)
            models = {}
        model = max(models.values(), key=lambda m: m.num_reg_images(), default=None)
        yield name, model, matched + time.time() - begun


def compared(director, video, times, truth):
    """One clip: `times` of its views in seconds, `truth` their centres, path and focal over width, or None."""
    row = {}
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        every = work / "all"
        subprocess.run([director, "frames", video, "-o", every, "--max-side", "640", "-q"], check=True)
        pictures = sorted(every.glob("*.png"))
        images = work / "images"
        images.mkdir()
        for index in times(len(pictures)):
            shutil.copy(pictures[index], images / pictures[index].name)
        names = sorted(p.name for p in images.iterdir())
        for name, model, seconds in mapped(images, work):
            found = {"registered": 0.0, "seconds": seconds}
            row[name] = found
            if model is None:
                continue
            posed = sorted((i.name, i.projection_center()) for i in model.images.values() if i.has_pose)
            found["registered"] = len(posed) / len(names)
            camera = next(iter(model.cameras.values()))
            found["focal"] = camera.params[0] / camera.width
            if truth is None or len(posed) < 3:
                continue
            centres, path, focal = truth
            a = np.array([centre for _, centre in posed])
            b = np.array([centres[names.index(n)] for n, _ in posed])
            scale, rotation, shift = similarity(a, b)
            off = b - (scale * a @ rotation.T + shift)
            found["ate"] = float(np.sqrt((off**2).sum(1).mean()) / path)
            found["focal_error"] = found["focal"] / focal - 1
    return row


def main():
    director, folder, *names = sys.argv[1:]
    pycolmap.logging.minloglevel = 2
    if folder == "--clips":
        out, *clips = names
        with open(out, "a", encoding="utf8") as file:
            for clip in clips:
                spread = lambda count: np.unique(np.linspace(0, count - 1, 24).round().astype(int))
                line = {"clip": os.path.basename(clip), **compared(director, clip, spread, None)}
                print(json.dumps(line), file=file, flush=True)
                print(json.dumps(line), flush=True)
        return
    folder = pathlib.Path(folder)
    ours = {}
    for text in (folder / "cameras.jsonl").read_text().splitlines():
        line = json.loads(text)
        if line["settings"]["depth"] == "network":
            ours[line["case"]["name"]] = line
    with open(folder / "colmap.jsonl", "a", encoding="utf8") as file:
        for name in names or sorted(ours):
            case = folder / "cases" / name
            cameras = json.loads((case / "cameras.json").read_text())["cameras"]
            centres = np.array([c["pose"]["position"] for c in cameras])
            path = float(np.linalg.norm(np.diff(centres, axis=0), axis=1).sum())
            lens = cameras[0]["intrinsics"]
            # The mock world films 24 frames a second.
            frames = [round(c["time"] * 24) for c in cameras]
            own = ours.get(name)
            line = {"case": name}
            if own:
                solved = own["outcome"]
                line["ours"] = {"seconds": sum(own["seconds"])}
                if solved["result"] == "solved":
                    line["ours"] |= {
                        "registered": solved["registered"],
                        "ate": solved["ate"] / max(path, 1e-9),
                        "focal_error": solved["focal_error"],
                        "way": solved["way"],
                    }
            truth = (centres, max(path, 1e-9), lens["fx"] / lens["width"])
            line |= compared(director, case / "take.mp4", lambda count: [min(f, count - 1) for f in frames], truth)
            print(json.dumps(line), file=file, flush=True)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
