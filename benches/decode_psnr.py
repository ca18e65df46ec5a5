#!/usr/bin/env python3
"""Our RGB against ffmpeg's accurate conversion: counts, times and mean PSNR, clip by clip, as a table.

    benches/decode_psnr.py DIRECTOR CLIP...

Needs numpy, Pillow, ffmpeg and ffprobe. Two references: ffmpeg's converter as it comes, which takes chroma to lie in the
centre whatever the file says, and the same told where it lies ("sited").
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
from PIL import Image

FLAGS = "accurate_rnd+full_chroma_int+full_chroma_inp"


def run(*command):
    return subprocess.run(command, capture_output=True, check=False, timeout=600)


def times(clip):
    """Of each frame that ffmpeg decodes, in seconds; and whether the file says that its chroma lies left."""
    out = run("ffprobe", "-v", "quiet", "-select_streams", "v:0", "-show_entries",
              "frame=best_effort_timestamp_time,pict_type,chroma_location", "-of", "json", clip)
    frames = json.loads(out.stdout or b"{}").get("frames", [])
    stamps = [float(f["best_effort_timestamp_time"]) for f in frames if "best_effort_timestamp_time" in f]
    left = bool(frames) and frames[0].get("chroma_location", "left") in ("left", "unspecified")
    return stamps, left


def reference(clip, size, siting):
    """All frames as packed RGB, from ffmpeg's own converter."""
    scale = f"scale={size[0]}:{size[1]}:flags={FLAGS}{siting}"
    out = run("ffmpeg", "-nostdin", "-v", "quiet", "-i", clip, "-map", "0:v:0", "-fps_mode", "passthrough",
              "-sws_flags", FLAGS, "-vf", scale, "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    count = len(out.stdout) // (size[0] * size[1] * 3)
    data = numpy.frombuffer(out.stdout[:count * size[0] * size[1] * 3], numpy.uint8)
    return data.reshape(count, size[1], size[0], 3)


def psnr(ours, theirs):
    values = []
    for a, b in zip(ours, theirs):
        error = numpy.mean((numpy.asarray(Image.open(a).convert("RGB"), numpy.float64) - b) ** 2)
        values.append(99.0 if error == 0 else min(99.0, 10 * numpy.log10(255 * 255 / error)))
    return f"{numpy.mean(values):.1f}" if values else "-"


def main(director, *clips):
    print("| clip | frames: ours, ffmpeg | times apart at most | PSNR dB | sited dB | told |")
    print("|---|---|---|---|---|---|")
    for clip in clips:
        name = pathlib.Path(clip).name
        with tempfile.TemporaryDirectory() as folder:
            out = run(director, "frames", clip, "-o", f"{folder}/f", "--max-side", "16384", "--json", "-q")
            if out.returncode:
                words = out.stderr.decode(errors="replace").strip().splitlines()[-1].replace(clip, name)
                print(f"| {name} | | | | | {words} |", flush=True)
                continue
            found = json.loads(out.stdout)
            ours = [frame["file"] for frame in found["frames"]]
            stamps, left = times(clip)
            size = (found["width"], found["height"])
            apart = max((abs(f["time"] - t) for f, t in zip(found["frames"], stamps)), default=0)
            plain = reference(clip, size, "")
            sited = psnr(ours, reference(clip, size, ":in_h_chr_pos=0:in_v_chr_pos=128")) if left else "-"
            told = "; ".join(found["faults"])
            if (found["source"]["sample_aspect"] or 1) != 1:
                told = "; ".join(filter(None, [told, "scaled to square pixels"]))
            print(f"| {name} | {len(ours)}, {len(plain)} | {apart * 1e3:.2f} ms | {psnr(ours, plain)} | {sited} | {told} |",
                  flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
