// splat/raster_back for devices with subgroups of eight lanes or more: the lanes of a tile take splats from one another
// by shuffle, and add up by shuffle.

struct Params {
    size: vec2<u32>,
    tiles: u32,
    first: u32,    // slot of the first of the moments
    count_at: u32, // element of counts with the number of slots
    pad: u32,
    pad2: vec2<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> values: array<u32>;
@group(0) @binding(4) var<storage, read> owners: array<u32>;
@group(0) @binding(5) var<storage, read> projected: array<Projected>;
@group(0) @binding(6) var<storage, read> image: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> depth: array<f32>;
@group(0) @binding(8) var<storage, read> image_grad: array<vec4<f32>>; // by RGB and by transmittance
@group(0) @binding(9) var<storage, read> depth_grad: array<f32>;
@group(0) @binding(10) var<storage, read_write> moments: array<Moments>; // slots from params.first on, as many as fit

fn put(slot: u32, sum: Moments) {
    // A slot before the first wraps round to one that does not fit.
    let at = slot - params.first;
    if at < arrayLength(&moments) {
        moments[at] = sum;
    }
}

fn start(tile: u32, column: u32, row: u32) -> Back {
    var gr: array<vec4<f32>, 2>;
    var gg: array<vec4<f32>, 2>;
    var gb: array<vec4<f32>, 2>;
    var gd: array<vec4<f32>, 2>;
    var rest: array<vec4<f32>, 2>;
    // A pixel outside the image starts as done.
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
    return Back(gr[0], gr[1], gg[0], gg[1], gb[0], gb[1], gd[0], gd[1], rest[0], rest[1], clear[0], clear[1]);
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) sg: u32) {
    if params.first > 0u && counts[params.count_at] <= params.first {
        return;
    }
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
    let at = column_of(column, row);
    var p = start(tile, column, row);
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
        var sum: Moments;
        for (var k = 0u; k < 8u; k++) {
            let centre = subgroupShuffle(mine.centre, base + k);
            let conic = subgroupShuffle(mine.conic, base + k);
            let colour = subgroupShuffle(mine.colour.xyz, base + k);
            var part = blend_back(&p, at, centre, conic, colour);
            for (var step = 1u; step < 8u; step *= 2u) {
                part.a += subgroupShuffleXor(part.a, step);
                part.b += subgroupShuffleXor(part.b, step);
                part.c += vec4<f32>(subgroupShuffleXor(part.c.xyz, step), 0.0);
            }
            if k == lane {
                sum = part;
            }
        }
        if first + lane < n {
            put(slot, sum);
        }
        if subgroupAll(blend_done(p.t0, p.t1)) {
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
