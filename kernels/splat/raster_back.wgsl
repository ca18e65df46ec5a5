// Gradient of splat/raster: each splat's sums over the pixels of one tile, written to that instance's own slot.
// Front to back like the forward pass: what lies behind a splat is the final dot product less what came before, so
// no division recovers the transmittance. The 8 lanes of a tile add up in a fixed order: two runs agree to the bit.
// For devices without subgroups of eight: what lanes give one another lies in workgroup memory. splat/raster_back_lanes
// is the same by shuffles.

// Of the lanes, what the eight splats of a turn get.
var<workgroup> parts_a: array<vec4<f32>, 256>;
var<workgroup> parts_b: array<vec4<f32>, 256>;
var<workgroup> parts_c: array<vec4<f32>, 256>;
// Splats of the longest of the four tiles, and whether any pixel of them is not done.
var<workgroup> longest: atomic<u32>;
var<workgroup> alive: array<atomic<u32>, 2>;
// What the two were when all lanes had written them.
var<workgroup> seen: u32;

// The tree that shuffles by 1, 2 and 4 make.
fn tree(v: array<vec4<f32>, 8>) -> vec4<f32> {
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    if params.first > 0u && counts[params.count_at] <= params.first {
        return;
    }
    let lane = local & 7u;
    let tile = (wg.y * groups.x + wg.x) * 4u + local / 8u;
    var range = vec2<u32>(0u, 0u);
    if tile < params.tiles {
        range = ranges[tile];
    }
    let tiles_x = (params.size.x + TILE - 1u) / TILE;
    let column = (tile % tiles_x) * TILE + lane;
    let row = (tile / tiles_x) * TILE;
    let at = column_of(column, row);
    var p = start(tile, column, row);
    let n = range.y - range.x;
    atomicMax(&longest, n);
    workgroupBarrier();
    if local == 0u {
        seen = atomicLoad(&longest);
    }
    let most = workgroupUniformLoad(&seen);
    var first = 0u;
    var turn = 0u;
    for (; first < most; first += 8u) {
        for (var k = 0u; k < 8u; k++) {
            var splat: Projected;
            splat.conic.w = -1.0;
            if first + k < n {
                splat = projected[owners[values[range.x + first + k]]];
            }
            let part = blend_back(&p, at, splat.centre, splat.conic, splat.colour.xyz);
            parts_a[k * 32u + local] = part.a;
            parts_b[k * 32u + local] = part.b;
            parts_c[k * 32u + local] = part.c;
        }
        // One of two words, so that the other can be cleared without a race.
        if !blend_done(p.t0, p.t1) {
            atomicOr(&alive[turn & 1u], 1u);
        }
        workgroupBarrier();
        if first + lane < n {
            let from_at = lane * 32u + local - lane;
            var a: array<vec4<f32>, 8>;
            var b: array<vec4<f32>, 8>;
            var c: array<vec4<f32>, 8>;
            for (var k = 0u; k < 8u; k++) {
                a[k] = parts_a[from_at + k];
                b[k] = parts_b[from_at + k];
                c[k] = parts_c[from_at + k];
            }
            put(values[range.x + first + lane], Moments(tree(a), tree(b), tree(c)));
        }
        if local == 0u {
            seen = atomicLoad(&alive[turn & 1u]);
            atomicStore(&alive[(turn + 1u) & 1u], 0u);
        }
        turn++;
        if workgroupUniformLoad(&seen) == 0u {
            first += 8u;
            break;
        }
    }
    // Splats behind what is done have no gradient.
    for (; first < most; first += 8u) {
        if first + lane < n {
            put(values[range.x + first + lane], Moments());
        }
    }
}
