// What splat/raster_back and splat/raster_back_lanes share: bindings, what a lane starts with, and where a sum goes.

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
