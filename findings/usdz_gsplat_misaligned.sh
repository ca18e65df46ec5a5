#!/usr/bin/env bash
# NVIDIA's converter of Gaussian splats writes .usdz packages that OpenUSD's own validator refuses.
# Seen with usd-convert-gsplat 0.1.15 and usd-core 26.11: a PLY of three splats converted to x.usdz. The package's layer begins at a byte that is no multiple of 64,
# where the format of packages asks for one; OpenUSD opens it all the same, and its UsdzPackageValidator reports an error of alignment. (Receivers that map a package and take
# arrays in place are what the rule is for.) The extent that it writes holds the splats' centres only, not what they reach.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet usd-convert-gsplat==0.1.15 usd-core==26.11 numpy==2.3.1
cat >make.py <<'PY'
import struct

names = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
head = "ply\nformat binary_little_endian 1.0\nelement vertex 3\n" + "".join(f"property float {n}\n" for n in names) + "end_header\n"
rows = [[float(k), 0, 0, 0.5, 0.5, 0.5, 2, -1, -1, -1, 1, 0, 0, 0] for k in range(3)]
open("x.ply", "wb").write(head.encode() + b"".join(struct.pack("<14f", *row) for row in rows))
PY
python3 make.py
venv/bin/usd-convert-gsplat -i x.ply -o x.usdz >log 2>&1 || { cat log; exit 1; }
cat >look.py <<'PY'
import zipfile

from pxr import Usd, UsdValidation

entry = zipfile.ZipFile("x.usdz").infolist()[0]
data = open("x.usdz", "rb").read()
at = entry.header_offset
begins = at + 30 + int.from_bytes(data[at + 26 : at + 28], "little") + int.from_bytes(data[at + 28 : at + 30], "little")
stage = Usd.Stage.Open("x.usdz")
prim = next(p for p in stage.Traverse() if p.GetTypeName() == "ParticleField3DGaussianSplat")
extent = [list(v) for v in prim.GetAttribute("extent").Get()]
validators = [v for v in UsdValidation.ValidationRegistry().GetOrLoadAllValidators() if "Usdz" in v.GetMetadata().name]
errors = [e.GetName() for e in UsdValidation.ValidationContext(validators).Validate(stage)]
print(f"the layer begins at byte {begins}; extent {extent}; validators of packages say {sorted(set(errors))}")
assert begins % 64 != 0, begins
assert "ByteMisalignment" in errors, errors
# Splats of a standard deviation of exp(-1) about 0, 1 and 2.
assert extent[0][0] == 0 and extent[1][0] == 2, extent
PY
venv/bin/python look.py
