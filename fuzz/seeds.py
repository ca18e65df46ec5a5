#!/usr/bin/env python3
"""Writes first inputs for the fuzz targets into FOLDER/<target>/: small files of each kind that the readers know.

Usage: fuzz/seeds.py FOLDER
"""
import gzip
import io
import json
import math
import pathlib
import struct
import sys
import zipfile
import zlib

ROOT = pathlib.Path(sys.argv[1])


def put(target, name, content):
    folder = ROOT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


# PLY: name, type and the value of the n-th splat for each property.
STRUCT = {"char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I", "float": "f", "double": "d"}


def splat_properties(kind="float", colour="f_dc", scales=3, rest=0, normals=False):
    names = [(n, kind) for n in "xyz"]
    if normals:
        names += [(n, kind) for n in ("nx", "ny", "nz")]
    if colour == "f_dc":
        names += [(f"f_dc_{i}", kind) for i in range(3)]
    else:
        names += [(n, "uchar") for n in ("red", "green", "blue")]
    names += [(f"f_rest_{i}", kind) for i in range(rest)]
    names += [("opacity", kind)] + [(f"scale_{i}", kind) for i in range(scales)] + [(f"rot_{i}", kind) for i in range(4)]
    return names


def splat_values(properties, n):
    def value(name):
        if name in "xyz":
            return 0.25 * n + 0.1 * "xyz".index(name)
        if name.startswith("scale"):
            return -3.0
        if name == "rot_0":
            return 1.0
        if name in ("red", "green", "blue"):
            return 200
        return 0.5 if name == "opacity" else 0.0

    return [value(name) for name, _ in properties]


def ply(properties, form="binary_little_endian", end="\n", count=2, before="", after="", before_data=b"", after_data=b"", comment=b""):
    head = f"ply{end}format {form} 1.0{end}".encode() + comment + before.encode()
    head += f"element vertex {count}{end}".encode()
    head += "".join(f"property {kind} {name}{end}" for name, kind in properties).encode()
    head += (after + f"end_header{end}").encode()
    order = ">" if form == "binary_big_endian" else "<"
    body = b""
    for n in range(count):
        values = splat_values(properties, n)
        if form == "ascii":
            body += (" ".join(f"{v:g}" for v in values) + end).encode()
        else:
            for (_, kind), v in zip(properties, values):
                body += struct.pack(order + STRUCT[kind], v)
    return head + before_data + body + after_data


def all_ply():
    plain = splat_properties()
    put("ply", "plain", ply(plain))
    put("ply", "crlf", ply(plain, end="\r\n"))
    put("ply", "ascii", ply(plain, form="ascii"))
    put("ply", "big_endian", ply(plain, form="binary_big_endian"))
    put("ply", "double", ply(splat_properties("double", normals=True)))
    put("ply", "degree1", ply(splat_properties(rest=9), comment=b"comment \xe9\xff made by hand\nobj_info 7\n"))
    put("ply", "degree3", ply(splat_properties(rest=45), count=1))
    put("ply", "rgb", ply(splat_properties(colour="rgb")))
    put("ply", "flat", ply(splat_properties(scales=2)))
    put("ply", "faces", ply(plain, after="element face 1\nproperty list uchar int vertex_indices\n", after_data=struct.pack("<B3i", 3, 0, 1, 1)))
    put(
        "ply",
        "around",
        ply(
            plain,
            before="element camera 1\nproperty float fx\nproperty list uint float dist\n",
            before_data=struct.pack("<fI2f", 60.0, 2, 0.1, 0.2),
            after="element extrinsic 16\nproperty float extrinsic\nelement image_size 2\nproperty uint image_size\n",
            after_data=bytes(64 + 8),
        ),
    )
    chunk = "".join(f"property float {m}_{n}\n" for n in ("x", "y", "z", "scale_x", "scale_y", "scale_z") for m in ("min", "max"))
    packed = "".join(f"property uint packed_{n}\n" for n in ("position", "rotation", "scale", "color"))
    head = f"ply\nformat binary_little_endian 1.0\nelement chunk 1\n{chunk}element vertex 2\n{packed}end_header\n"
    bounds = struct.pack("<12f", -1, -1, -1, 1, 1, 1, -4, -4, -4, -2, -2, -2)
    put("ply", "packed", head.encode() + bounds + struct.pack("<8I", 0x12345678, 0xC0000000, 0x40404040, 0xFFFFFF80, 0x7FFFFFFF, 0x3FFFFFFF, 0, 0xFF))
    put("ply", "many", b"ply\nformat binary_little_endian 1.0\nelement vertex 4000000000\nproperty float x\nend_header\n")


def all_splat():
    def one(n):
        return struct.pack("<6f4B4B", 0.1 * n, 0.2, 0.3, 0.05, 0.04, 0.03, 200, 100, 50, 255 - n, 255, 128, 128, 128)

    put("splat", "one", one(0))
    put("splat", "three", one(0) + one(1) + one(2))
    put("splat", "nan", struct.pack("<6f4B4B", math.nan, math.inf, 0, 0, -1, 1e30, 0, 0, 0, 0, 0, 0, 0, 0))
    put("splat", "short", one(0) + b"abc")


def all_transforms():
    def matrix(x):
        return [[1, 0, 0, x], [0, 1, 0, 0.5], [0, 0, 1, 2], [0, 0, 0, 1]]

    def frames(names, **more):
        return [{"file_path": n, "transform_matrix": matrix(i), **more} for i, n in enumerate(names)]

    names = ["images/a.png", "images/b.png", "./images/c"]
    lens = {"fl_x": 60, "fl_y": 62, "cx": 31, "cy": 25, "w": 64, "h": 48}
    put("transforms", "nerfstudio", json.dumps({"camera_model": "OPENCV", **lens, "k1": -0.3, "k2": 0.1, "p1": 0.002, "p2": -0.003, "frames": frames(names)}))
    put("transforms", "blender", json.dumps({"camera_angle_x": 0.9, "camera_angle_y": 0.6, "frames": frames(["./images/a", "./images/b"], rotation=0.01)}))
    put("transforms", "own", json.dumps({"frames": frames(["c.png", "a.png"], **lens), "applied_transform": matrix(0)[:3], "ply_file_path": "sparse.ply"}))
    put("transforms", "mark", "\ufeff" + json.dumps({**lens, "frames": frames(names[:1], depth_file_path="a.depth.png")}, indent=1))
    put("transforms", "fisheye", json.dumps({"camera_model": "OPENCV_FISHEYE", **lens, "k1": 0.1, "k2": 0.1, "k3": 0.1, "k4": 0.1, "frames": frames(names)}))
    put("transforms", "zero", json.dumps({**lens, "w": 0, "h": 0, "camera_angle_x": 51.5, "frames": frames(names)}))


MANIFESTS = {
    "c": [
        'id,prompt,takes,seconds,size,fps,seed,tags,priority,mood\na,"A robot, walking",2,4.5,640x360,24,7,"x;y",3,calm\nb,"two\nlines ""quoted""",,,,,,,,\n',
        "\ufeffprompt,iterations,provider,model,reference_image\r\na room,3,mock,m,p.png\r\n\r\n,,,,\r\n",
        "video\nclips/*.mp4\nclip [1].mp4\n",
        "sep=;\nid;prompt;seconds\na;a room;2,5\nb;a hall\n",
        ",id,prompt,takes,seed\n0,a,A room,4.0,11.0\n1,b,A hall,,nan\n",
        "Prompt\tTakes\tsize\nx\t1e3\t['640', \"360\"]\n",
        "prompt,id,seed\nx,'1,1.8E+19\nid,02-Jan,\"=\"\"7\"\"\"\nprompt,id,seed\n",
    ],
    "j": [
        '{"prompt":"a room","size":[640,360],"tags":["a","b"],"seed":18446744073709551615}\n{"video":"x.mp4","fps":29.97,"mood":{"deep":[null,1]}}\n',
        '[\n {"id":"a","prompt":"\\u00e4 \\ud83d\\ude00","takes":1e2,\n "priority":-5},\n {"prompt":"x","takes":NaN}]',
        '{"prompt":{"0":"a","1":"b"}}\n{"prompts":[{"prompt":"a"}]}\n{"columns":["prompt"],"data":[["a"]]}\n',
        '{"prompt":"a",\n{"prompt":"b"},\n{"prompt":None}\n',
    ],
    "t": [
        "[[prompt]]\nprompt = \"a room\"\ntakes = 4\ntags = [\"night\", 'robot']\nsize = [640, 360]\n\n[[prompt]]\nprompt = '''\nlines\n'''\nseconds = 4.5\nseed = 0xff\n",
        '[[prompt]]\nvideo = "a.mp4"\nmood = { a = 1979-05-27T07:32:00Z }\n',
    ],
    "v": ["prompt\tmood\na, b\t\"c\td\"\n"],
}


def all_manifests():
    for mark, texts in MANIFESTS.items():
        for i, text in enumerate(texts):
            put("manifest", f"{mark}{i}", mark.encode() + text.encode())


# ONNX: protocol buffers by hand. Field numbers are those of onnx.proto.
def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, dims, floats=None, integers=None, raw=None):
    out = b"".join(field(1, d) for d in dims) + field(8, name)
    if floats is not None:
        return out + field(2, 1) + field(4, struct.pack(f"<{len(floats)}f", *floats))
    if integers is not None:
        return out + field(2, 7) + b"".join(field(7, i) for i in integers)
    return out + field(2, 1) + field(9, raw)


def port(name, dims, kind=1):
    shape = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def attribute(name, value):
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    if isinstance(value, bytes):
        return field(1, name) + field(5, value) + field(20, 4)
    return field(1, name) + b"".join(field(8, v) for v in value) + field(20, 7)


def node(kind, inputs, outputs, domain="", **attributes):
    out = b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs)
    out += field(3, "n") + field(4, kind) + b"".join(field(5, attribute(k, v)) for k, v in attributes.items())
    return out + (field(7, domain) if domain else b"")


def model(nodes, weights=(), inputs=(("image", (1, 3, 4, 4)),), outputs=(("depth", (1, 1, 4, 4)),), opset=17):
    graph = b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, w) for w in weights)
    graph += b"".join(field(11, port(*i)) for i in inputs) + b"".join(field(12, port(*o)) for o in outputs)
    return field(1, 8) + field(2, "fuzz") + field(7, graph) + field(8, field(1, "") + field(2, opset))


def all_onnx():
    weight = tensor("w", (1, 3, 1, 1), floats=[0.1, 0.2, 0.3])
    bias = tensor("b", (1,), raw=struct.pack("<f", 0.5))
    put("onnx", "conv", model([node("Conv", ["image", "w", "b"], ["c"], kernel_shape=[1, 1], pads=[0, 0, 0, 0], strides=[1, 1]), node("Relu", ["c"], ["depth"])], [weight, bias]))
    put("onnx", "resize", model([node("Resize", ["image", "", "s"], ["r"], mode="linear", coordinate_transformation_mode="half_pixel"), node("ReduceMean", ["r"], ["depth"], axes=[1], keepdims=1)], [tensor("s", (4,), floats=[1.0, 1.0, 2.0, 2.0])]))
    shape = [
        node("Shape", ["image"], ["shape"]),
        node("Gather", ["shape", "two"], ["h"], axis=0),
        node("Unsqueeze", ["h", "zero"], ["h1"]),
        node("Concat", ["one", "h1"], ["to"], axis=0),
        node("Reshape", ["image", "to"], ["depth"]),
    ]
    put("onnx", "shapes", model(shape, [tensor("two", (), integers=[2]), tensor("zero", (1,), integers=[0]), tensor("one", (1,), integers=[-1])]))
    fold = [
        node("ConstantOfShape", ["n"], ["ones"], value=tensor("v", (1,), floats=[1.0])),
        node("Range", ["lo", "hi", "by"], ["r"]),
        node("Cast", ["r"], ["f"], to=1),
        node("Expand", ["f", "n"], ["e"]),
        node("Mul", ["ones", "e"], ["m"]),
        node("Add", ["image", "m"], ["depth"]),
    ]
    scalars = [tensor(n, (), integers=[v]) for n, v in (("lo", 0), ("hi", 4), ("by", 1))]
    put("onnx", "fold", model(fold, [tensor("n", (2,), integers=[4, 4]), *scalars]))
    pieces = [
        node("Constant", [], ["k"], value=tensor("v", (4, 4), floats=[0.5] * 16)),
        node("MatMul", ["image", "k"], ["a"]),
        node("Softmax", ["a"], ["b"], axis=-1),
        node("Transpose", ["b"], ["c"], perm=[0, 1, 3, 2]),
        node("Slice", ["c", "lo", "hi", "ax"], ["d"]),
        node("Pad", ["d", "pads"], ["e"], mode="reflect"),
        node("Tile", ["e", "times"], ["depth"]),
    ]
    numbers = [("lo", [0]), ("hi", [1]), ("ax", [1]), ("pads", [0, 0, 1, 1, 0, 0, 1, 1]), ("times", [1, 1, 2, 2])]
    put("onnx", "pieces", model(pieces, [tensor(n, (len(v),), integers=v) for n, v in numbers]))
    put("onnx", "foreign", model([node("FusedConv", ["image", "w"], ["depth"], domain="com.microsoft")], [weight]))
    put("onnx", "bytes", model([node("Identity", ["image"], ["depth"])], inputs=(("image", (1, "h", "w", 3), 2),)))
    put("onnx", "pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n")


def all_spz():
    def arrays(version, degree, count=2):
        position = bytes(6) if version == 1 else b"\x00\x10\x00\x00\x00\x00\xff\xff\xff"
        rotation = bytes([128, 128, 128]) if version < 3 else struct.pack("<I", 3 << 30)
        harmonics = bytes([128, 140, 116] * ((degree + 1) ** 2 - 1))
        return [count * part for part in (position, b"\xc0", b"\x80\x60\x40", b"\x50\x50\x50", rotation, harmonics)]

    for version, degree in ((1, 0), (2, 1), (3, 2), (3, 3)):
        head = struct.pack("<4sIIBBBB", b"NGSP", version, 2, degree, 12, 0, 0)
        raw = head + b"".join(arrays(version, degree))
        put("spz", f"v{version}d{degree}", gzip.compress(raw, mtime=0))
        put("spz", f"raw{version}d{degree}", raw)
    axes = struct.pack("<III", 0xADBE0003, 4, 7)
    put("spz", "axes", gzip.compress(struct.pack("<4sIIBBBB", b"NGSP", 3, 2, 0, 12, 2, 0) + b"".join(arrays(3, 0)) + axes, mtime=0))

    def frame(raw):
        # One zstd frame with a block that is not packed.
        return b"\x28\xb5\x2f\xfd\x20" + bytes([len(raw)]) + struct.pack("<I", len(raw) << 3 | 1)[:3] + raw

    streams = [(frame(a), len(a)) for a in arrays(3, 1)]
    table = b"".join(struct.pack("<QQ", len(packed), raw) for packed, raw in streams)
    head = struct.pack("<4sIIBBBBI12x", b"NGSP", 4, 2, 1, 12, 0, len(streams), 32)
    put("spz", "v4", head + table + b"".join(packed for packed, _ in streams))


def png(width, height, pixels, channels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[y * width * channels:(y + 1) * width * channels] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def all_sog():
    codebook = [0.1 * k for k in range(256)]

    def archive(document, files, folder="", packed=zipfile.ZIP_STORED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", packed) as z:
            for name, data in [("meta.json", json.dumps(document).encode()), *files]:
                z.writestr(zipfile.ZipInfo(folder + name), data)
        return out.getvalue()

    three = bytes(range(0, 48 * 3))[: 16 * 3]
    four = bytes([10, 20, 30, 252] * 16)
    files = [(n, png(4, 4, three, 3)) for n in ("means_l.webp", "means_u.webp", "scales.webp", "shN_labels.webp")]
    files += [(n, png(4, 4, four, 4)) for n in ("quats.webp", "sh0.webp")]
    files += [("shN_centroids.webp", png(192, 1, bytes(192 * 3), 3))]
    part = lambda *names: {"files": [f"{n}.webp" for n in names]}
    two = {
        "version": 2, "count": 3,
        "means": {"mins": [-1, -1, -1], "maxs": [1, 1, 1], **part("means_l", "means_u")},
        "scales": {"codebook": codebook, **part("scales")}, "quats": part("quats"), "sh0": {"codebook": codebook, **part("sh0")},
        "shN": {"count": 64, "bands": 1, "codebook": codebook, **part("shN_centroids", "shN_labels")},
    }
    put("sog", "two", archive(two, files))
    put("sog", "folder", archive(two, files, "scene/", zipfile.ZIP_DEFLATED))
    one = {
        "means": {"shape": [3, 3], "mins": [-1, -1, -1], "maxs": [1, 1, 1], **part("means_l", "means_u")},
        "scales": {"mins": [-6, -6, -6], "maxs": [-2, -2, -2], **part("scales")},
        "quats": {"encoding": "quaternion_packed", **part("quats")},
        "sh0": {"mins": [-1, -1, -1, -5], "maxs": [1, 1, 1, 5], **part("sh0")},
    }
    put("sog", "one", archive(one, files))


def all_glb():
    count = 2
    names = ["POSITION", "ROTATION", "SCALE", "OPACITY", "SH_DEGREE_0_COEF_0"]
    widths = {"POSITION": 3, "ROTATION": 4, "SCALE": 3, "OPACITY": 1, "SH_DEGREE_0_COEF_0": 3}
    binary, views, accessors, attributes = b"", [], [], {}
    for at, name in enumerate(names):
        data = struct.pack(f"<{count * widths[name]}f", *([0.5] * (count * widths[name])))
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(data)})
        accessors.append({"bufferView": at, "componentType": 5126, "count": count, "type": {1: "SCALAR", 3: "VEC3", 4: "VEC4"}[widths[name]]})
        attributes[name if at == 0 else f"KHR_gaussian_splatting:{name}"] = at
        binary += data
    extension = {"KHR_gaussian_splatting": {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}}
    document = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0, "translation": [1, 2, 3]}],
        "extensionsUsed": ["KHR_gaussian_splatting"], "buffers": [{"byteLength": len(binary)}], "bufferViews": views, "accessors": accessors,
        "meshes": [{"primitives": [{"mode": 0, "attributes": attributes, "extensions": extension}]}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    put("glb", "splats", struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)


all_ply()
all_splat()
all_spz()
all_sog()
all_glb()
all_transforms()
all_manifests()
all_onnx()
