// Blends each tile's splats front to back: Kerbl et al., "3D Gaussian splatting", SIGGRAPH 2023, equation 3.
// Eight neighbouring lanes share a tile of 8x8: a lane owns a column and loads every eighth splat, the others take
// it by shuffle. No barrier, no workgroup memory. A pixel is done once its transmittance is under 1e-4.

struct Params { size: vec2<u32>, tiles: u32, pad: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> values: array<u32>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read> projected: array<Projected>;
@group(0) @binding(5) var<storage, read_write> image: array<vec4<f32>>; // RGB before the background, transmittance
@group(0) @binding(6) var<storage, read_write> depth: array<f32>;       // sum of weight * z

fn alphas(q: vec4<f32>, cutoff: f32, opacity: f32, clear: vec4<f32>) -> vec4<f32> {
    let alpha = min(opacity * exp(-0.5 * q), vec4<f32>(0.99));
    return select(vec4<f32>(0.0), alpha, (q <= vec4<f32>(cutoff)) & (clear >= vec4<f32>(1e-4)));
}

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
    var t0 = vec4<f32>(1.0);
    var t1 = vec4<f32>(1.0);
    var r0 = vec4<f32>(0.0);
    var r1 = vec4<f32>(0.0);
    var g0 = vec4<f32>(0.0);
    var g1 = vec4<f32>(0.0);
    var b0 = vec4<f32>(0.0);
    var b1 = vec4<f32>(0.0);
    var d0 = vec4<f32>(0.0);
    var d1 = vec4<f32>(0.0);
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
            let dx = x - centre.x;
            let dy0 = y0 - centre.y;
            let dy1 = y1 - centre.y;
            let q0 = conic.x * dx * dx + dy0 * (2.0 * conic.y * dx + conic.z * dy0);
            let q1 = conic.x * dx * dx + dy1 * (2.0 * conic.y * dx + conic.z * dy1);
            let w0 = t0 * alphas(q0, conic.w, centre.w, t0);
            let w1 = t1 * alphas(q1, conic.w, centre.w, t1);
            t0 -= w0;
            t1 -= w1;
            r0 += w0 * colour.x;
            r1 += w1 * colour.x;
            g0 += w0 * colour.y;
            g1 += w1 * colour.y;
            b0 += w0 * colour.z;
            b1 += w1 * colour.z;
            d0 += w0 * centre.z;
            d1 += w1 * centre.z;
        }
        if subgroupAll(all(max(t0, t1) < vec4<f32>(1e-4))) {
            break;
        }
    }
    if tile >= params.tiles || column >= params.size.x {
        return;
    }
    for (var k = 0u; k < 4u; k++) {
        let upper = (row + k) * params.size.x + column;
        if row + k < params.size.y {
            image[upper] = vec4<f32>(r0[k], g0[k], b0[k], t0[k]);
            depth[upper] = d0[k];
        }
        let lower = upper + 4u * params.size.x;
        if row + k + 4u < params.size.y {
            image[lower] = vec4<f32>(r1[k], g1[k], b1[k], t1[k]);
            depth[lower] = d1[k];
        }
    }
}
