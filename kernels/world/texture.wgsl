// Locally normalised luma of a picture: (a - mean) / (deviation + 4), over 9x9 pixels, so that two pictures of one
// surface compare whatever their exposure.
struct Params {
    width: u32,
    height: u32,
    base: u32, // first element of the picture in both buffers
    pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> colour: array<u32>;
@group(0) @binding(2) var<storage, read_write> texture: array<f32>;

const RADIUS: i32 = 4;

fn luma(i: u32) -> f32 {
    let c = colour[i];
    return 0.299 * f32(c & 255u) + 0.587 * f32(c >> 8u & 255u) + 0.114 * f32(c >> 16u & 255u);
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let at = params.base + id.y * params.width + id.x;
    let own = luma(at);
    var sum = 0.0;
    var squares = 0.0;
    var count = 0.0;
    for (var dy = -RADIUS; dy <= RADIUS; dy++) {
        for (var dx = -RADIUS; dx <= RADIUS; dx++) {
            let x = i32(id.x) + dx;
            let y = i32(id.y) + dy;
            if (x >= 0 && y >= 0 && x < i32(params.width) && y < i32(params.height)) {
                // About the pixel's own luma, so that the squares do not cancel.
                let a = luma(params.base + u32(y) * params.width + u32(x)) - own;
                sum += a;
                squares += a * a;
                count += 1.0;
            }
        }
    }
    let mean = sum / count;
    texture[at] = -mean / (sqrt(max(squares / count - mean * mean, 0.0)) + 4.0);
}
