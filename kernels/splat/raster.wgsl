// Blends each tile's splats front to back: Kerbl et al., "3D Gaussian splatting", SIGGRAPH 2023, equation 3.
// A lane owns a column of a tile of 8x8 and loads every splat itself, the same as its neighbours: for devices without
// subgroups of eight. splat/raster_lanes is the same with the loads shared.

struct Params { size: vec2<u32>, tiles: u32, pad: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> values: array<u32>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read> projected: array<Projected>;
@group(0) @binding(5) var<storage, read_write> image: array<vec4<f32>>; // RGB before the background, transmittance
@group(0) @binding(6) var<storage, read_write> depth: array<f32>;       // sum of weight * z

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
    if tile >= params.tiles || column >= params.size.x {
        return;
    }
    for (var k = 0u; k < 4u; k++) {
        let upper = (row + k) * params.size.x + column;
        if row + k < params.size.y {
            image[upper] = vec4<f32>(s.r0[k], s.g0[k], s.b0[k], s.t0[k]);
            depth[upper] = s.d0[k];
        }
        let lower = upper + 4u * params.size.x;
        if row + k + 4u < params.size.y {
            image[lower] = vec4<f32>(s.r1[k], s.g1[k], s.b1[k], s.t1[k]);
            depth[lower] = s.d1[k];
        }
    }
}
