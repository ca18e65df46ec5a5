// Cost of a candidate at a pixel: the mean over five pixels of a column in each neighbour, and of these the better
// half, since what hides a point from some cameras does not from others.
struct Params {
    width: u32,
    height: u32,
    candidates: u32, // of this dispatch
    neighbours: u32, // at most 4
    first: u32, // the first of the candidates
    pad0: u32,
    pad1: u32,
    pad2: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> means: array<f32>;
@group(0) @binding(2) var<storage, read_write> cost: array<f32>;

const NONE: f32 = 1e9;

fn window(layer: u32, x: u32, y: u32) -> f32 {
    var sum = 0.0;
    var count = 0.0;
    for (var dy = -2; dy <= 2; dy++) {
        let v = i32(y) + dy;
        if (v >= 0 && v < i32(params.height)) {
            sum += means[(layer * params.height + u32(v)) * params.width + x];
            count += 1.0;
        }
    }
    return sum / count;
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.width || id.y >= params.height || id.z >= params.candidates) {
        return;
    }
    // The least and the second least.
    var least = vec2<f32>(NONE);
    for (var n = 0u; n < 4u; n++) {
        if (n < params.neighbours) {
            let c = window(id.z + params.candidates * n, id.x, id.y);
            if (c < least.x) {
                least = vec2<f32>(c, least.x);
            } else if (c < least.y) {
                least.y = c;
            }
        }
    }
    var answer = least.x;
    if (params.neighbours > 1u) {
        answer = 0.5 * (least.x + least.y);
    }
    cost[((params.first + id.z) * params.height + id.y) * params.width + id.x] = answer;
}
