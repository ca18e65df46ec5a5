// The candidate of least cost at each pixel, between candidates by a parabola; leaving the prior costs.
// picked: inverse depth; cost at the floor's plane; least cost of what lies under the floor; least cost of all. The plane lies
// between two candidates: the better one counts, so that a match that is missed between them speaks for the floor.
struct Params {
    width: u32,
    height: u32,
    candidates: u32, // at most 64
    zero: u32, // the one that changes nothing
    penalty: f32, // of a change of `far` and more
    far: f32,
    apart: f32, // what is deeper than the floor by a lesser share is not under it
    hopeless: f32, // a least cost above it keeps the prior
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> changes: array<f32>;
@group(0) @binding(2) var<storage, read> cost: array<f32>;
@group(0) @binding(3) var<storage, read> prior: array<f32>;
@group(0) @binding(4) var<storage, read> floor_plane: array<f32>; // its inverse depth; not positive where there is none
@group(0) @binding(5) var<storage, read_write> picked: array<vec4<f32>>;

const NONE: f32 = 1e9;
// Changes this near to another are the same, whatever rounding makes of them.
const SAME: f32 = 1e-3;

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let pixels = params.width * params.height;
    let i = id.y * params.width + id.x;
    var best = params.zero;
    var least = cost[params.zero * pixels + i];
    let plane = floor_plane[i];
    // The change that leads to the plane.
    let level = plane / prior[i] - 1.0;
    var at_plane = NONE;
    var under = NONE;
    var any = NONE;
    for (var k = 0u; k < 64u; k++) {
        if (k >= params.candidates) {
            break;
        }
        let change = changes[k];
        let c = cost[k * pixels + i];
        any = min(any, c);
        if (plane > 0.0 && prior[i] > 0.0) {
            if (prior[i] * (1.0 + change) <= plane * (1.0 - params.apart)) {
                under = min(under, c);
            }
            if (abs(level - change) <= SAME) {
                at_plane = min(at_plane, c);
            } else if (k + 1u < params.candidates && change + SAME < level && level < changes[k + 1u] - SAME) {
                at_plane = min(at_plane, min(c, cost[(k + 1u) * pixels + i]));
            }
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
    picked[i] = vec4<f32>(prior[i] * (1.0 + change), at_plane, under, any);
}
