// One stored frame of eight-bit planar 4:2:0 to packed sRGB, upright and at its own size: what nearly every video
// is. Gives what video/convert gives for it, to rounding; see there for the sources of matrix, range and siting.
//
// An invocation makes sixteen by two pixels from whole words: on a CPU's software adapter a load costs more than the
// arithmetic on what it brings.

// The same memory three times, by the width of a load.
@group(0) @binding(1) var<storage, read> src: array<u32>;
@group(0) @binding(2) var<storage, read> src2: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> src4: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> dst: array<vec4<u32>>;

// Ten chroma samples: the one before, the eight beside sixteen pixels, the one after.
struct Ten {
    before: f32,
    low: vec4<f32>,
    high: vec4<f32>,
    after: f32,
}

fn bytes(word: u32) -> vec4<f32> {
    return vec4<f32>(unpack4xU8(word));
}

// Samples 8 g - 1 to 8 g + 8 of row y of component c; edges are repeated.
fn ten(c: u32, g: u32, y: i32) -> Ten {
    let half = vec2<i32>((params.stored + 1u) >> vec2<u32>(1u));
    let row = params.base[c] + clamp(y, 0, half.y - 1) * params.stride[c];
    let first = i32(g) * 8;
    let pair = src2[u32(row + first) >> 3u];
    let left = max(first - 1, 0);
    let right = min(first + 8, half.x - 1);
    let a = src[u32(row + left) >> 2u] >> (u32(left & 3) * 8u);
    let b = src[u32(row + right) >> 2u] >> (u32(right & 3) * 8u);
    let last = half.x - 1 - first;
    let edge = f32(b & 255u);
    // Past the last sample lies padding.
    let at = vec4<i32>(0, 1, 2, 3);
    let low = select(vec4<f32>(edge), bytes(pair.x), at <= vec4<i32>(last));
    let high = select(vec4<f32>(edge), bytes(pair.y), at + 4 <= vec4<i32>(last));
    return Ten(f32(a & 255u), low, high, edge);
}

fn mixed(a: Ten, b: Ten, t: f32) -> Ten {
    return Ten(mix(a.before, b.before, t), mix(a.low, b.low, t), mix(a.high, b.high, t), mix(a.after, b.after, t));
}

// Four pixels side by side from the four chroma samples around them.
fn across(c: vec4<f32>) -> vec4<f32> {
    let even = 1.0 - params.chroma_at.x / 2.0;
    let odd = (1.0 - params.chroma_at.x) / 2.0;
    return mix(c.xyyz, c.yzzw, vec4<f32>(even, odd, even, odd));
}

fn four(luma: u32, cb: vec4<f32>, cr: vec4<f32>) -> vec4<u32> {
    let y = bytes(luma);
    let b = across(cb);
    let r = across(cr);
    return packed4(y, b, r);
}

fn sixteen(g: u32, y: u32, cb: Ten, cr: Ten) {
    if (y >= params.size.y) {
        return;
    }
    let luma = src4[u32(params.base.x + i32(y) * params.stride.x + i32(g) * 16) >> 4u];
    let width = params.size.x / 4u;
    let at = y * width + g * 4u;
    let count = width - g * 4u;
    dst[at] = four(luma.x, vec4<f32>(cb.before, cb.low.xyz), vec4<f32>(cr.before, cr.low.xyz));
    if (count > 1u) {
        dst[at + 1u] = four(luma.y, vec4<f32>(cb.low.yzw, cb.high.x), vec4<f32>(cr.low.yzw, cr.high.x));
    }
    if (count > 2u) {
        dst[at + 2u] = four(luma.z, vec4<f32>(cb.low.w, cb.high.xyz), vec4<f32>(cr.low.w, cr.high.xyz));
    }
    if (count > 3u) {
        dst[at + 3u] = four(luma.w, vec4<f32>(cb.high.yzw, cb.after), vec4<f32>(cr.high.yzw, cr.after));
    }
}

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x * 16u >= params.size.x || id.y * 2u >= params.size.y) {
        return;
    }
    let j = i32(id.y);
    let even = 1.0 - params.chroma_at.y / 2.0;
    let odd = (1.0 - params.chroma_at.y) / 2.0;
    let cb = ten(1u, id.x, j);
    let cr = ten(2u, id.x, j);
    sixteen(id.x, id.y * 2u, mixed(ten(1u, id.x, j - 1), cb, even), mixed(ten(2u, id.x, j - 1), cr, even));
    sixteen(id.x, id.y * 2u + 1u, mixed(cb, ten(1u, id.x, j + 1), odd), mixed(cr, ten(2u, id.x, j + 1), odd));
}
