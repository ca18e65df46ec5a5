// Convolution in two dimensions as a product of matrices: the weights of the output's channels by the windows of the output's
// places, whose values are read where they lie. One workgroup a tile of 64 channels by 64 places of one group of one image.
struct Params {
    input: vec4<u32>,    // channels of a group, height, width, groups
    output: vec4<u32>,   // channels of a group, height, width, images
    window: vec4<u32>,   // kernel's height and width, what lies before the picture above and at its left
    step: vec4<u32>,     // stride down and across, dilation down and across
    bias: u32,           // 0: none, 1: one a channel
    pad0: u32,
    pad1: u32,
    pad2: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) thread: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
    let size = params.input.yz;
    let channels = params.output.x;
    let across = params.output.z;
    let places = params.output.y * across;
    let taps = params.window.x * params.window.y;
    let terms = params.input.x * taps;
    let top = group.y * TILE;
    let first = group.x * TILE;
    // Of image and group.
    let from_x = group.z * params.input.x * size.x * size.y;
    let channel = (group.z % params.input.w) * channels;
    var sums = array<vec4<f32>, 4>();
    // A thread fills one column of the tile.
    let place = first + index % TILE;
    let corner = vec2<u32>(place / across, place % across) * params.step.xy;
    for (var begun = 0u; begun < terms; begun += TERMS) {
        for (var part = 0u; part < 4u; part++) {
            let e = part * 256u + index;
            let row = e / TERMS;
            var term = begun + e % TERMS;
            var value = 0.0;
            if top + row < channels && term < terms {
                value = weights[(channel + top + row) * terms + term];
            }
            left[e] = value;
            term = begun + e / TILE;
            value = 0.0;
            if place < places && term < terms {
                let tap = term % taps;
                // Above and at the left of the picture it wraps round to far outside.
                let at = corner + vec2<u32>(tap / params.window.y, tap % params.window.y) * params.step.zw - params.window.zw;
                if at.x < size.x && at.y < size.y {
                    value = x[from_x + ((term / taps) * size.x + at.x) * size.y + at.y];
                }
            }
            right[e] = value;
        }
        workgroupBarrier();
        add_terms(&sums, thread.xy);
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let row = top + 4u * thread.y + i;
        for (var j = 0u; j < 4u; j++) {
            let column = first + 4u * thread.x + j;
            if row < channels && column < places {
                var value = sums[i][j];
                if params.bias == 1u {
                    value += bias[channel + row];
                }
                y[(group.z * channels + row) * places + column] = value;
            }
        }
    }
}
