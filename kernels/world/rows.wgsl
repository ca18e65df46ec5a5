// Mean over five pixels of a row, those inside the picture, layer by layer.
struct Params {
    width: u32,
    height: u32,
    layers: u32,
    pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> difference: array<f32>;
@group(0) @binding(2) var<storage, read_write> means: array<f32>;

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.width || id.y >= params.height || id.z >= params.layers) {
        return;
    }
    let row = (id.z * params.height + id.y) * params.width;
    var sum = 0.0;
    var count = 0.0;
    for (var dx = -2; dx <= 2; dx++) {
        let x = i32(id.x) + dx;
        if (x >= 0 && x < i32(params.width)) {
            sum += difference[row + u32(x)];
            count += 1.0;
        }
    }
    means[row + id.x] = sum / count;
}
