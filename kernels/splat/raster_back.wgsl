// Gradient of splat/raster: each splat's sums over the pixels of one tile, written to that instance's own slot.
// Front to back like the forward pass: what lies behind a splat is the final dot product less what came before, so
// no division recovers the transmittance. The 8 lanes of a tile add up in a fixed order: two runs agree to the bit.

struct Params { size: vec2<u32>, tiles: u32, pad: u32 }

// With s the gradient by the exponent and (dx, dy) the pixel less the splat's centre:
struct Moments {
    a: vec4<f32>, // sums of s, s dx, s dy, s dx^2
    b: vec4<f32>, // sums of s dx dy, s dy^2, weight * gradient of depth, weight
    c: vec4<f32>, // sums of weight * gradient of RGB; w is 0
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> values: array<u32>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read> projected: array<Projected>;
@group(0) @binding(5) var<storage, read> image: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> depth: array<f32>;
@group(0) @binding(7) var<storage, read> image_grad: array<vec4<f32>>; // by RGB and by transmittance
@group(0) @binding(8) var<storage, read> depth_grad: array<f32>;
@group(0) @binding(9) var<storage, read_write> moments: array<Moments>;

const ONE: vec4<f32> = vec4<f32>(1.0);

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) sg: u32) {
    let lane = sg & 7u;
    let base = sg - lane;
    let tile = (wg.y * groups.x + wg.x) * 4u + local / 8u;
    var range = vec2<u32>(0u, 0u);
    if tile < params.tiles {
        range = ranges[tile];
    }
    let tiles_x = (params.size.x + TILE - 1u) / TILE;
    let column = (tile % tiles_x) * TILE + lane;
    let row = (tile / tiles_x) * TILE;
    let x = f32(column) + 0.5;
    let y0 = f32(row) + vec4<f32>(0.5, 1.5, 2.5, 3.5);
    let y1 = y0 + 4.0;
    // Gradients by R, G, B and depth, and what is still to come of their products with the splats' values.
    var gr: array<vec4<f32>, 2>;
    var gg: array<vec4<f32>, 2>;
    var gb: array<vec4<f32>, 2>;
    var gd: array<vec4<f32>, 2>;
    var rest: array<vec4<f32>, 2>;
    var clear: array<vec4<f32>, 2>;
    for (var half = 0u; half < 2u; half++) {
        for (var k = 0u; k < 4u; k++) {
            let y = row + half * 4u + k;
            if tile < params.tiles && column < params.size.x && y < params.size.y {
                let at = y * params.size.x + column;
                let g = image_grad[at];
                let d = depth_grad[at];
                gr[half][k] = g.x;
                gg[half][k] = g.y;
                gb[half][k] = g.z;
                gd[half][k] = d;
                rest[half][k] = dot(g, image[at]) + d * depth[at];
                clear[half][k] = 1.0;
            }
        }
    }
    let gr0 = gr[0];
    let gr1 = gr[1];
    let gg0 = gg[0];
    let gg1 = gg[1];
    let gb0 = gb[0];
    let gb1 = gb[1];
    let gd0 = gd[0];
    let gd1 = gd[1];
    var rest0 = rest[0];
    var rest1 = rest[1];
    // A pixel outside the image starts as done.
    var t0 = clear[0];
    var t1 = clear[1];
    let n = range.y - range.x;
    let most = subgroupMax(n);
    var first = 0u;
    for (; first < most; first += 8u) {
        var mine: Projected;
        mine.conic.w = -1.0;
        var slot = 0u;
        if first + lane < n {
            slot = values[range.x + first + lane];
            mine = projected[owners[slot]];
        }
        var sum_a = vec4<f32>(0.0);
        var sum_b = vec4<f32>(0.0);
        var sum_c = vec4<f32>(0.0);
        for (var k = 0u; k < 8u; k++) {
            let centre = subgroupShuffle(mine.centre, base + k);
            let conic = subgroupShuffle(mine.conic, base + k);
            let colour = subgroupShuffle(mine.colour.xyz, base + k);
            let dx = x - centre.x;
            let dy0 = y0 - centre.y;
            let dy1 = y1 - centre.y;
            let q0 = conic.x * dx * dx + dy0 * (2.0 * conic.y * dx + conic.z * dy0);
            let q1 = conic.x * dx * dx + dy1 * (2.0 * conic.y * dx + conic.z * dy1);
            let raw0 = centre.w * exp(-0.5 * q0);
            let raw1 = centre.w * exp(-0.5 * q1);
            let cutoff = vec4<f32>(conic.w);
            let alpha0 = select(vec4<f32>(0.0), min(raw0, vec4<f32>(0.99)), (q0 <= cutoff) & (t0 >= vec4<f32>(1e-4)));
            let alpha1 = select(vec4<f32>(0.0), min(raw1, vec4<f32>(0.99)), (q1 <= cutoff) & (t1 >= vec4<f32>(1e-4)));
            let w0 = t0 * alpha0;
            let w1 = t1 * alpha1;
            let wv0 = w0 * (gr0 * colour.x + gg0 * colour.y + gb0 * colour.z + gd0 * centre.z);
            let wv1 = w1 * (gr1 * colour.x + gg1 * colour.y + gb1 * colour.z + gd1 * centre.z);
            rest0 -= wv0;
            rest1 -= wv1;
            t0 -= w0;
            t1 -= w1;
            let s0 = select(wv0 - rest0 * (alpha0 / (1.0 - alpha0)), vec4<f32>(0.0), raw0 > vec4<f32>(0.99));
            let s1 = select(wv1 - rest1 * (alpha1 / (1.0 - alpha1)), vec4<f32>(0.0), raw1 > vec4<f32>(0.99));
            let sy0 = s0 * dy0;
            let sy1 = s1 * dy1;
            let s = dot(s0 + s1, ONE);
            let sy = dot(sy0 + sy1, ONE);
            var a = vec4<f32>(s, dx * s, sy, dx * dx * s);
            var b = vec4<f32>(dx * sy, dot(sy0, dy0) + dot(sy1, dy1), dot(w0, gd0) + dot(w1, gd1), dot(w0 + w1, ONE));
            var c = vec3<f32>(dot(w0, gr0) + dot(w1, gr1), dot(w0, gg0) + dot(w1, gg1), dot(w0, gb0) + dot(w1, gb1));
            for (var step = 1u; step < 8u; step *= 2u) {
                a += subgroupShuffleXor(a, step);
                b += subgroupShuffleXor(b, step);
                c += subgroupShuffleXor(c, step);
            }
            if k == lane {
                sum_a = a;
                sum_b = b;
                sum_c = vec4<f32>(c, 0.0);
            }
        }
        if first + lane < n {
            moments[slot].a = sum_a;
            moments[slot].b = sum_b;
            moments[slot].c = sum_c;
        }
        if subgroupAll(all(max(t0, t1) < vec4<f32>(1e-4))) {
            first += 8u;
            break;
        }
    }
    // Splats behind what is done have no gradient.
    for (; first < most; first += 8u) {
        if first + lane < n {
            let slot = values[range.x + first + lane];
            moments[slot].a = vec4<f32>(0.0);
            moments[slot].b = vec4<f32>(0.0);
            moments[slot].c = vec4<f32>(0.0);
        }
    }
}
