// One stored frame of any planar or packed integer format to packed sRGB at the working size.
//
// Matrix and range: ITU-R BT.601-7 2.5, BT.709-6 3.2 to 3.5, BT.2020-2 tables 4 and 5, folded by the host into
// three affine rows over raw sample values. Chroma: bilinear at the siting of ITU-T H.273 8.7. Scaling: area
// average with exact integer overlaps; the transform is affine, so raw samples are averaged and transformed once.
// Colour is weighted by alpha; a pixel without any alpha is 0.
//
// Components 0, 1, 2 are Y Cb Cr or R G B, 3 is alpha; one sample is `(bytes >> shift) & mask`, little-endian, of
// one byte, or of two at an even address where shift and mask reach past eight bits. An absent component has mask 0.

struct Params {
    row_r: vec4<f32>,
    row_g: vec4<f32>,
    row_b: vec4<f32>,
    base: vec4<i32>,
    stride: vec4<i32>,
    step: vec4<i32>,
    shift: vec4<u32>,
    mask: vec4<u32>,
    stored: vec2<u32>,
    size: vec2<u32>,
    chroma_log2: vec2<u32>,
    chroma_at: vec2<f32>,
    orient: u32,
    alpha_scale: f32,
    pad: vec2<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

fn sample(c: u32, x: i32, y: i32) -> f32 {
    let at = u32(params.base[c] + y * params.stride[c] + x * params.step[c]);
    let word = src[at >> 2u] >> ((at & 3u) * 8u);
    return f32((word >> params.shift[c]) & params.mask[c]);
}

// Cb and Cr at a luma position, between the four chroma samples around it; edges are repeated.
fn chroma(x: i32, y: i32) -> vec2<f32> {
    let log2 = params.chroma_log2;
    if (log2.x == 0u && log2.y == 0u) {
        return vec2<f32>(sample(1u, x, y), sample(2u, x, y));
    }
    let last = vec2<i32>((params.stored + (vec2<u32>(1u) << log2) - 1u) >> log2) - 1;
    let at = (vec2<f32>(f32(x), f32(y)) - params.chroma_at) / vec2<f32>(vec2<u32>(1u) << log2);
    let whole = floor(at);
    let part = at - whole;
    let low = clamp(vec2<i32>(whole), vec2<i32>(0), last);
    let high = clamp(vec2<i32>(whole) + 1, vec2<i32>(0), last);
    var value = vec2<f32>(0.0);
    for (var i = 0u; i < 2u; i++) {
        let c = i + 1u;
        let top = mix(sample(c, low.x, low.y), sample(c, high.x, low.y), part.x);
        let bottom = mix(sample(c, low.x, high.y), sample(c, high.x, high.y), part.x);
        value[i] = mix(top, bottom, part.y);
    }
    return value;
}

fn byte(value: f32) -> u32 {
    return u32(clamp(value, 0.0, 1.0) * 255.0 + 0.5);
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.size.x || id.y >= params.size.y) {
        return;
    }
    // Orientation bits: 1 rows become columns, 2 stored x runs backwards, 4 stored y runs backwards.
    let swap = (params.orient & 1u) != 0u;
    let shown = select(params.stored, params.stored.yx, swap);
    // This pixel covers [low, low + shown) in units of one source pixel over `size`.
    let low = id.xy * shown;
    let high = low + shown;
    let first = low / params.size;
    let end = (high + params.size - 1u) / params.size;
    var sum = vec3<f32>(0.0);
    var total = 0.0;
    for (var y = first.y; y < end.y; y++) {
        let rows = min((y + 1u) * params.size.y, high.y) - max(y * params.size.y, low.y);
        for (var x = first.x; x < end.x; x++) {
            let columns = min((x + 1u) * params.size.x, high.x) - max(x * params.size.x, low.x);
            var at = select(vec2<u32>(x, y), vec2<u32>(y, x), swap);
            if ((params.orient & 2u) != 0u) {
                at.x = params.stored.x - 1u - at.x;
            }
            if ((params.orient & 4u) != 0u) {
                at.y = params.stored.y - 1u - at.y;
            }
            let p = vec2<i32>(at);
            var weight = (f32(rows) / f32(shown.y)) * (f32(columns) / f32(shown.x));
            if (params.mask.w != 0u) {
                weight *= sample(3u, p.x, p.y) * params.alpha_scale;
            }
            sum += weight * vec3<f32>(sample(0u, p.x, p.y), chroma(p.x, p.y));
            total += weight;
        }
    }
    var packed = 0u;
    if (total > 0.0) {
        let mean = vec4<f32>(sum / total, 1.0);
        packed = byte(dot(params.row_r, mean))
            | (byte(dot(params.row_g, mean)) << 8u)
            | (byte(dot(params.row_b, mean)) << 16u)
            | (byte(total) << 24u);
    }
    dst[id.y * params.size.x + id.x] = packed;
}
