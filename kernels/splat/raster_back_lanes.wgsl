// splat/raster_back for devices with subgroups of eight lanes or more: the lanes of a tile take splats from one another
// by shuffle, and add up by shuffle.

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
