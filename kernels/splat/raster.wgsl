// Blends each tile's splats front to back: Kerbl et al., "3D Gaussian splatting", SIGGRAPH 2023, equation 3.
// A lane owns a column of a tile of 8x8 and loads every splat itself, the same as its neighbours: for devices without
// subgroups of eight. splat/raster_lanes is the same with the loads shared.

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
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
    var s = blend_start();
    for (var i = range.x; i < range.y && !blend_done(s.t0, s.t1); i++) {
        let splat = projected[owners[values[i]]];
        blend(&s, at, splat.centre, splat.conic, splat.colour.xyz);
    }
    write_column(tile, column, row, s);
}
