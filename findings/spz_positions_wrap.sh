#!/usr/bin/env bash
# SPZ files that common tools write hold a far splat at another place, without a word.
# Seen with splat-transform 3.7.0, which packs by Niantic's code (@adobe/spz 0.2.3): a PLY of two splats, at x = 3 and x = 3000, written as .spz
# and read again by the same tool. 3 comes back as 3; 3000 comes back as -1096: positions have 24 bits, 12 of them behind the point, and what does not fit
# wraps round. The number of bits behind the point stands in each file's header and every reader obeys it, but the writer never lowers it. gsply 0.4.6
# clamps the same splat to 2048. So a scene of more than 2 km to a side (or in centimetres, 20 m) is torn.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit @playcanvas/splat-transform@3.7.0
python3 -m venv venv
venv/bin/pip install --quiet gsply==0.4.6 numpy==2.3.5
cat >make.py <<'PY'
import struct

names = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
head = "ply\nformat binary_little_endian 1.0\nelement vertex 2\n" + "".join(f"property float {n}\n" for n in names) + "end_header\n"
rows = [[x, 0, 0, 0.5, 0.5, 0.5, 2, -3, -3, -3, 1, 0, 0, 0] for x in (3.0, 3000.0)]
open("two.ply", "wb").write(head.encode() + b"".join(struct.pack("<14f", *row) for row in rows))
PY
python3 make.py
node_modules/.bin/splat-transform -q -w two.ply two.spz
node_modules/.bin/splat-transform -q -w two.spz again.ply
cat >look.py <<'PY'
import gsply
import gsply.spz

went_in = gsply.plyread("two.ply")
read = {"splat-transform": sorted(float(x) for x in gsply.plyread("again.ply").means[:, 0])}
gsply.spz.write_spz("gsply.spz", went_in, version=3)
read["gsply"] = sorted(float(x) for x in gsply.spz.read_spz("gsply.spz").means[:, 0])
print(read)
assert [round(x) for x in read["splat-transform"]] == [-1096, 3], read
assert [round(x) for x in read["gsply"]] == [3, 2048], read
PY
venv/bin/python look.py
