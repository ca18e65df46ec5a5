// What splat/raster and splat/raster_lanes share: bindings, and how a lane writes its column.

struct Params { size: vec2<u32>, tiles: u32, pad: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> values: array<u32>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read> projected: array<Projected>;
@group(0) @binding(5) var<storage, read_write> image: array<vec4<f32>>; // RGB before the background, transmittance
@group(0) @binding(6) var<storage, read_write> depth: array<f32>;       // sum of weight * z

// The column of a tile, from its first row down, as far as it lies in the image.
fn write_column(tile: u32, column: u32, row: u32, s: Blend) {
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
