// The candidate of least cost at each pixel, between candidates by a parabola; leaving the prior costs.
// picked: inverse depth, cost of the prior, least cost of what is deeper than it and of what is nearer.
struct Params {
    width: u32,
    height: u32,
    candidates: u32, // at most 64
    zero: u32, // the one that changes nothing
    penalty: f32, // of a change of `far` and more
    far: f32,
    apart: f32, // changes below it are neither deeper nor nearer
    hopeless: f32, // a least cost above it keeps the prior
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> changes: array<f32>;
@group(0) @binding(2) var<storage, read> cost: array<f32>;
@group(0) @binding(3) var<storage, read> prior: array<f32>;
@group(0) @binding(4) var<storage, read_write> picked: array<vec4<f32>>;

const NONE: f32 = 1e9;

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let pixels = params.width * params.height;
    let i = id.y * params.width + id.x;
    var best = params.zero;
    let own = cost[params.zero * pixels + i];
    var least = own;
    var deeper = NONE;
    var nearer = NONE;
    for (var k = 0u; k < 64u; k++) {
        if (k >= params.candidates) {
            break;
        }
        let change = changes[k];
        let c = cost[k * pixels + i];
        if (change <= -params.apart) {
            deeper = min(deeper, c);
        }
        if (change >= params.apart) {
            nearer = min(nearer, c);
        }
        let all = c + params.penalty * min(abs(change) / params.far, 1.0);
        if (all < least) {
            least = all;
            best = k;
        }
    }
    var change = 0.0;
    if (least <= params.hopeless) {
        change = changes[best];
        if (best > 0u && best + 1u < params.candidates) {
            let a = cost[(best - 1u) * pixels + i];
            let b = cost[best * pixels + i];
            let c = cost[(best + 1u) * pixels + i];
            let bend = a - 2.0 * b + c;
            if (bend > 1e-4) {
                let off = clamp(0.5 * (a - c) / bend, -0.5, 0.5);
                let side = changes[select(best + 1u, best - 1u, off < 0.0)];
                change += abs(off) * (side - change);
            }
        }
    }
    picked[i] = vec4<f32>(prior[i] * (1.0 + change), own, deeper, nearer);
}
