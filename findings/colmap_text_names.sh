#!/usr/bin/env bash
# COLMAP does not read back the names of its own text models where they hold a space.
# Seen with pycolmap 4.2.1 (CPU): a model with images "a b.png" and "plain.png", made in memory, written as text and as binary, read again.
# The text file holds the whole name; what is read of it is "a", without an error. The binary model gives "a b.png". So a tool that matches
# images by name loses those of a text model, and two names that begin alike become one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pycolmap==4.2.1 numpy==2.3.5
cat >"$work/names.py" <<'PY'
import pathlib
import sys

import pycolmap

work = pathlib.Path(sys.argv[1])
names = ["a b.png", "plain.png"]
model = pycolmap.Reconstruction()
camera = pycolmap.Camera.create_from_model_name(1, "SIMPLE_PINHOLE", 500.0, 640, 480)
model.add_camera_with_trivial_rig(camera)
for number, name in enumerate(names, 1):
    image = pycolmap.Image(name=name, camera_id=1, image_id=number)
    model.add_image_with_trivial_frame(image, pycolmap.Rigid3d())
read = {}
for kind in ("text", "binary"):
    folder = work / kind
    folder.mkdir()
    getattr(model, f"write_{kind}")(folder)
    again = pycolmap.Reconstruction(folder)
    read[kind] = sorted(image.name for image in again.images.values())
written = (work / "text" / "images.txt").read_text()
print(pycolmap.__version__, read)
assert "a b.png" in written, written
assert read["binary"] == names, read
assert read["text"] == ["a", "plain.png"], read
PY
"$work/venv/bin/python" "$work/names.py" "$work"
