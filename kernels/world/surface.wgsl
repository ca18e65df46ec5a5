// Points with normals from a depth image. On a plane inverse depth is linear in the pixel, so its second difference
// tells edges from grazing surfaces. Output: camera-space unit normal towards the camera, depth along z in w.
// Normal 0 marks an edge or the sky, whose w is the smallest depth around it (it only carves); w = 0 means nothing was seen.
struct Params {
    intrinsics: vec4<f32>,
    width: u32,
    height: u32,
    first: u32,
    edge: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> depth: array<f32>;
@group(0) @binding(2) var<storage, read> alpha: array<f32>;
@group(0) @binding(3) var<storage, read_write> surface: array<vec4<f32>>;

// Depth of the sky: nothing stands within sight, and the whole ray is free.
const SKY: f32 = 1e30;

// 0 where the pixel is outside, transparent, not positive or no number.
fn seen(x: i32, y: i32) -> f32 {
    if (x < 0 || y < 0 || x >= i32(params.width) || y >= i32(params.height)) {
        return 0.0;
    }
    let i = params.first + u32(y) * params.width + u32(x);
    let d = depth[i];
    if (bitcast<u32>(d) == 0x7f800000u && alpha[i] > 0.5) {
        return SKY;
    }
    let finite = (bitcast<u32>(d) & 0x7f800000u) != 0x7f800000u;
    if (finite && d > 0.0 && alpha[i] > 0.5) {
        return d;
    }
    return 0.0;
}

fn point(x: i32, y: i32, d: f32) -> vec3<f32> {
    let k = params.intrinsics;
    return vec3<f32>((f32(x) + 0.5 - k.z) / k.x * d, (f32(y) + 0.5 - k.w) / k.y * d, d);
}

fn bent(a: f32, b: f32, c: f32) -> bool {
    let r = 1.0 / b;
    return abs(1.0 / a - 2.0 * r + 1.0 / c) > params.edge * r;
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let x = i32(id.x);
    let y = i32(id.y);
    let d = seen(x, y);
    let l = seen(x - 1, y);
    let r = seen(x + 1, y);
    let t = seen(x, y - 1);
    let b = seen(x, y + 1);
    var answer = vec4<f32>(0.0, 0.0, 0.0, d);
    if (d > 0.0) {
        var least = d;
        for (var dy = -1; dy <= 1; dy++) {
            for (var dx = -1; dx <= 1; dx++) {
                let n = seen(x + dx, y + dy);
                if (n > 0.0) {
                    least = min(least, n);
                }
            }
        }
        answer.w = least;
        if (d < SKY && l > 0.0 && r > 0.0 && t > 0.0 && b > 0.0) {
            if (!bent(l, d, r) && !bent(t, d, b)) {
                let n = cross(point(x, y + 1, b) - point(x, y - 1, t), point(x + 1, y, r) - point(x - 1, y, l));
                let size = length(n);
                if (size > 0.0) {
                    answer = vec4<f32>(n / size, d);
                }
            }
        }
    }
    surface[params.first + id.y * params.width + id.x] = answer;
}
