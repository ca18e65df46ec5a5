// A stored frame of any planar or packed integer format: its samples, and their mean over the area of a pixel.
//
// Components 0, 1, 2 are Y Cb Cr or R G B, 3 is alpha; one sample is `(bytes >> shift) & mask`, little-endian, of
// one byte, or of two at an even address where shift and mask reach past eight bits. An absent component has mask 0.
// Subsampled chroma is averaged over its own samples, at the siting of ITU-T H.273 8.7.

@group(0) @binding(1) var<storage, read> src: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

fn sample(c: u32, x: i32, y: i32) -> f32 {
    let at = u32(params.base[c] + y * params.stride[c] + x * params.step[c]);
    let word = src[at >> 2u] >> ((at & 3u) * 8u);
    return f32((word >> params.shift[c]) & params.mask[c]);
}

// How much of [lo, hi) sample `i` of `last + 1` covers; the first and the last reach out for ever.
fn cover(i: i32, last: i32, lo: f32, hi: f32) -> f32 {
    let left = select(f32(i), -1e9, i == 0);
    let right = select(f32(i + 1), 1e9, i == last);
    return max(min(right, hi) - max(left, lo), 0.0);
}

// Mean Cb and Cr over the area of pixel `id`, which is widened to one chroma sample where it is smaller: between
// samples that is bilinear interpolation.
fn chroma_of(id: vec2<u32>) -> vec2<f32> {
    let swap = (params.orient & 1u) != 0u;
    let unit = vec2<f32>(vec2<u32>(1u) << params.chroma_log2);
    let stored = vec2<f32>(params.stored);
    let scale = select(stored, stored.yx, swap) / vec2<f32>(params.size);
    let shown = (vec2<f32>(id) + 0.5) * scale;
    // Centre and size in stored pixels.
    var centre = select(shown, shown.yx, swap);
    let flip = vec2<bool>((params.orient & 2u) != 0u, (params.orient & 4u) != 0u);
    centre = select(centre, stored - centre, flip);
    let half = max(select(scale, scale.yx, swap), unit) * 0.5;
    // Sample i is centred on luma sample `unit i + chroma_at`.
    let offset = (unit - 1.0) * 0.5 - params.chroma_at;
    let lo = (centre - half + offset) / unit;
    let hi = (centre + half + offset) / unit;
    let last = vec2<i32>((params.stored + (vec2<u32>(1u) << params.chroma_log2) - 1u) >> params.chroma_log2) - 1;
    let first = clamp(vec2<i32>(floor(lo)), vec2<i32>(0), last);
    let end = clamp(vec2<i32>(ceil(hi)) - 1, vec2<i32>(0), last);
    var sum = vec2<f32>(0.0);
    for (var y = first.y; y <= end.y; y++) {
        let rows = cover(y, last.y, lo.y, hi.y);
        for (var x = first.x; x <= end.x; x++) {
            sum += rows * cover(x, last.x, lo.x, hi.x) * vec2<f32>(sample(1u, x, y), sample(2u, x, y));
        }
    }
    let size = hi - lo;
    return sum / (size.x * size.y);
}

struct Mean {
    // Components 0, 1, 2, weighted by alpha (subsampled chroma is not).
    raw: vec3<f32>,
    // Share of the pixel that is covered, 0 to 1.
    alpha: f32,
}

// The area average over pixel `id` of the working size, with exact integer overlaps, in the orientation shown.
fn mean_of(id: vec2<u32>) -> Mean {
    // Orientation bits: 1 rows become columns, 2 stored x runs backwards, 4 stored y runs backwards.
    let swap = (params.orient & 1u) != 0u;
    let shown = select(params.stored, params.stored.yx, swap);
    // This pixel covers [low, low + shown) in units of one source pixel over `size`.
    let low = id * shown;
    let high = low + shown;
    let first = low / params.size;
    let end = (high + params.size - 1u) / params.size;
    let whole = (params.chroma_log2.x | params.chroma_log2.y) == 0u;
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
            var raw = vec3<f32>(sample(0u, p.x, p.y), 0.0, 0.0);
            if (whole) {
                raw = vec3<f32>(raw.x, sample(1u, p.x, p.y), sample(2u, p.x, p.y));
            }
            sum += weight * raw;
            total += weight;
        }
    }
    var mean = select(vec3<f32>(0.0), sum / total, total > 0.0);
    if (!whole) {
        mean = vec3<f32>(mean.x, chroma_of(id));
    }
    return Mean(mean, total);
}

// R'G'B' in nominal 0 to 1 from raw samples.
fn nonlinear(raw: vec3<f32>) -> vec3<f32> {
    let mean = vec4<f32>(raw, 1.0);
    return vec3<f32>(dot(params.row_r, mean), dot(params.row_g, mean), dot(params.row_b, mean));
}

fn byte(value: f32) -> u32 {
    return u32(clamp(value, 0.0, 1.0) * 255.0 + 0.5);
}

fn store(id: vec2<u32>, colour: vec3<f32>, alpha: f32) {
    let packed = byte(colour.x) | (byte(colour.y) << 8u) | (byte(colour.z) << 16u) | (byte(alpha) << 24u);
    // A pixel without any alpha is 0.
    dst[id.y * params.size.x + id.x] = select(0u, packed, alpha > 0.0);
}
