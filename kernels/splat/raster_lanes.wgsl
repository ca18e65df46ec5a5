// splat/raster for devices with subgroups of eight lanes or more: eight neighbouring lanes share a tile of 8x8. A lane
// owns a column and loads every eighth splat, the others take it by shuffle. No barrier, no workgroup memory.

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
    let at = column_of(column, row);
    var s = blend_start();
    let n = range.y - range.x;
    let most = subgroupMax(n);
    for (var first = 0u; first < most; first += 8u) {
        var mine: Projected;
        mine.conic.w = -1.0;
        if first + lane < n {
            mine = projected[owners[values[range.x + first + lane]]];
        }
        for (var k = 0u; k < 8u; k++) {
            let centre = subgroupShuffle(mine.centre, base + k);
            let conic = subgroupShuffle(mine.conic, base + k);
            let colour = subgroupShuffle(mine.colour.xyz, base + k);
            blend(&s, at, centre, conic, colour);
        }
        if subgroupAll(blend_done(s.t0, s.t1)) {
            break;
        }
    }
    write_column(tile, column, row, s);
}
