#!/usr/bin/env bash
# Alpha of VP8 and VP9 in WebM is lost without a word unless FFmpeg's libvpx decoders are asked for by name.
# Seen with PyAV 18.1.0 (its own FFmpeg, CPU): a clip of yuva420p, left half opaque, right half clear. The stream says
# yuv420p and is opened with FFmpeg's own decoder; frames are yuv420p, alpha 255 in both halves, no error and no
# warning. Its only trace is the tag alpha_mode=1. The decoder libvpx-vp9 (libvpx) gives yuva420p, alpha 255 and 0,
# from the same packets. VP8's encoder takes yuva420p only with auto-alt-ref=0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet av==18.1.0 numpy==2.3.5
cat >"$work/alpha.py" <<'PY'
import sys

import av
import numpy as np

path = sys.argv[1]


def make(codec, options):
    with av.open(path, "w") as out:
        stream = out.add_stream(codec, rate=8, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        pixels = np.zeros((48, 64, 4), np.uint8)
        pixels[..., 0] = 255
        pixels[:, :32, 3] = 255
        for _ in range(8):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format="yuva420p")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def halves(frame):
    pixels = frame.to_ndarray(format="rgba")
    return frame.format.name, int(pixels[24, 8, 3]), int(pixels[24, 56, 3])


def plain():
    with av.open(path) as clip:
        stream = clip.streams.video[0]
        context = stream.codec_context
        told = stream.metadata.get("alpha_mode") or stream.metadata.get("ALPHA_MODE")
        return context.pix_fmt, context.codec.name, told, halves(next(clip.decode(video=0)))


def named(decoder):
    with av.open(path) as clip:
        context = av.CodecContext.create(decoder, "r")
        for packet in clip.demux(video=0):
            for frame in context.decode(packet if packet.size else None):
                return halves(frame)


try:
    make("libvpx", {})
    refused = False
except av.error.ArgumentError:
    refused = True
assert refused, "VP8 with alpha is encoded without auto-alt-ref=0"
for codec, own, options in (("libvpx-vp9", "vp9", {}), ("libvpx", "vp8", {"auto-alt-ref": "0"})):
    make(codec, options)
    seen, asked = plain(), named(codec)
    print(f"{own}: pixel format, decoder, alpha_mode, frame {seen}; by {codec}: {asked}")
    assert seen == ("yuv420p", own, "1", ("yuv420p", 255, 255)), seen
    assert asked == ("yuva420p", 255, 0), asked
PY
"$work/venv/bin/python" "$work/alpha.py" "$work/clip.webm"
