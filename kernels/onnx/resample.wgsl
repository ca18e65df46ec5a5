// Resampling along one axis: each place of the result is made of so many weighted places of the input. One thread an element.
struct Params {
    count: u32,     // elements of the result
    inputs: u32,    // places along the axis
    outputs: u32,
    inner: u32,     // elements from place to place
    taps: u32,      // inputs of a place of the result
    first: u32,     // first element of x
    pad0: u32,
    pad1: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if i >= params.count {
        return;
    }
    let inside = i % params.inner;
    let line = i / params.inner;
    let place = line % params.outputs;
    let begin = params.first + (line / params.outputs) * params.inputs * params.inner + inside;
    var sum = 0.0;
    for (var k = 0u; k < params.taps; k++) {
        let tap = place * params.taps + k;
        // What has no weight does not count, whatever it holds.
        if weight[tap] != 0.0 {
            sum += weight[tap] * x[begin + index[tap] * params.inner];
        }
    }
    y[i] = sum;
}
