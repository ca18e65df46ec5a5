// One stored frame of eight-bit planar 4:2:0 to packed sRGB at a smaller working size, upright. Gives what
// video/convert gives for it, to rounding; see there for the sources.
//
// An invocation makes four pixels side by side from whole words, columns first: a load costs more than the arithmetic
// on what it brings.

@group(0) @binding(1) var<storage, read> src: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

// How much of [lo, hi) each of four samples from `i` on covers; the first and the last reach out for ever.
fn cover(i: i32, last: i32, lo: f32, hi: f32) -> vec4<f32> {
    let at = vec4<i32>(i) + vec4<i32>(0, 1, 2, 3);
    let left = select(vec4<f32>(at), vec4<f32>(-1e9), at == vec4<i32>(0));
    let right = select(vec4<f32>(at + 1), vec4<f32>(1e9), at == vec4<i32>(last));
    let width = max(min(right, vec4<f32>(hi)) - max(left, vec4<f32>(lo)), vec4<f32>(0.0));
    return select(width, vec4<f32>(0.0), at > vec4<i32>(last));
}

// Means of component c of four areas: in samples, the first is `size` large from `lo` on, each next one `step` on.
fn means(c: u32, lo: vec2<f32>, size: vec2<f32>, step: f32, last: vec2<i32>) -> vec4<f32> {
    let top = clamp(i32(floor(lo.y)), 0, last.y);
    let bottom = clamp(i32(ceil(lo.y + size.y)) - 1, 0, last.y);
    let first = clamp(i32(floor(lo.x)), 0, last.x) >> 2u;
    let end = clamp(i32(ceil(lo.x + 3.0 * step + size.x)) - 1, 0, last.x) >> 2u;
    var sum = vec4<f32>(0.0);
    for (var w = first; w <= end; w++) {
        var column = vec4<f32>(0.0);
        for (var y = top; y <= bottom; y++) {
            let above = select(f32(y), -1e9, y == 0);
            let below = select(f32(y + 1), 1e9, y == last.y);
            let rows = max(min(below, lo.y + size.y) - max(above, lo.y), 0.0);
            column += rows * vec4<f32>(unpack4xU8(src[u32((params.base[c] + y * params.stride[c]) / 4 + w)]));
        }
        for (var k = 0u; k < 4u; k++) {
            let at = lo.x + f32(k) * step;
            sum[k] += dot(column, cover(w * 4, last.x, at, at + size.x));
        }
    }
    return sum / (size.x * size.y);
}

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x * 4u >= params.size.x || id.y >= params.size.y) {
        return;
    }
    let scale = vec2<f32>(params.stored) / vec2<f32>(params.size);
    let low = vec2<f32>(f32(id.x * 4u), f32(id.y)) * scale;
    let y = means(0u, low, scale, scale.x, vec2<i32>(params.stored) - 1);
    // As in shared/stored: at least one chroma sample large, sample i centred on luma sample 2 i + chroma_at.
    let size = max(scale, vec2<f32>(2.0)) * 0.5;
    let lo = (low + scale * 0.5 + 0.5 - params.chroma_at) * 0.5 - size * 0.5;
    let last = vec2<i32>((params.stored + 1u) >> vec2<u32>(1u)) - 1;
    let cb = means(1u, lo, size, scale.x * 0.5, last);
    let cr = means(2u, lo, size, scale.x * 0.5, last);
    let packed = packed4(y, cb, cr);
    let at = id.y * params.size.x + id.x * 4u;
    for (var k = 0u; k < min(params.size.x - id.x * 4u, 4u); k++) {
        dst[at + k] = packed[k];
    }
}
