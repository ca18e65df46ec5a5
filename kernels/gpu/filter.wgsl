// One pass of a separable filter over a single-channel image, along rows or columns, edges repeated.
struct Params { width: u32, height: u32, taps: u32, down: u32, weights: array<vec4<f32>, 8> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.height {
        return;
    }
    let down = params.down != 0u;
    let along = i32(select(id.x, id.y, down));
    let end = i32(select(params.width, params.height, down)) - 1;
    let step = select(1u, params.width, down);
    let start = select(id.y * params.width, id.x, down);
    let reach = i32(params.taps / 2u);
    var sum = 0.0;
    for (var k = 0u; k < params.taps; k++) {
        let at = u32(clamp(along + i32(k) - reach, 0, end));
        sum += params.weights[k / 4u][k % 4u] * src[start + at * step];
    }
    dst[id.y * params.width + id.x] = sum;
}
