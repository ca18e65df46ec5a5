// How a stored frame lies in memory and becomes colour: what the conversion kernels share.

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
    hlg: u32,
    peak: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn bytes4(k: vec4<f32>, y: vec4<f32>, cb: vec4<f32>, cr: vec4<f32>) -> vec4<u32> {
    let value = k.x * y + k.y * cb + k.z * cr + k.w;
    return vec4<u32>(clamp(value, vec4<f32>(0.0), vec4<f32>(1.0)) * 255.0 + 0.5);
}

// Four opaque pixels, packed, from their raw samples.
fn packed4(y: vec4<f32>, cb: vec4<f32>, cr: vec4<f32>) -> vec4<u32> {
    return bytes4(params.row_r, y, cb, cr) | (bytes4(params.row_g, y, cb, cr) << vec4<u32>(8u))
        | (bytes4(params.row_b, y, cb, cr) << vec4<u32>(16u)) | vec4<u32>(0xff000000u);
}
