// Plane sweep (Collins 1996): each pixel of the reference picture is put at each candidate depth, looked up in each
// neighbour, and compared. One layer a candidate and neighbour: layer = candidate + candidates * neighbour.
struct Neighbour {
    row0: vec4<f32>, // from the reference camera's space to the neighbour's
    row1: vec4<f32>,
    row2: vec4<f32>,
    intrinsics: vec4<f32>,
    size: vec4<u32>, // width, height, first element in the textures, unused
}
struct Params {
    intrinsics: vec4<f32>,
    width: u32,
    height: u32,
    base: u32, // first element of the reference in the textures
    candidates: u32, // of this dispatch
    first: u32, // the first of them
    layers: u32,
    pad0: u32,
    pad1: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> neighbours: array<Neighbour>;
@group(0) @binding(2) var<storage, read> texture: array<f32>;
@group(0) @binding(3) var<storage, read> prior: array<f32>;
@group(0) @binding(4) var<storage, read> changes: array<f32>;
@group(0) @binding(5) var<storage, read_write> difference: array<f32>;

// Of a pixel that cannot be looked up; textures differ by at most MOST.
const UNSEEN: f32 = 1.2;
const MOST: f32 = 2.0;

fn compare(i: u32, x: u32, y: u32, layer: u32) -> f32 {
    let view = neighbours[layer / params.candidates];
    let inverse = prior[i] * (1.0 + changes[params.first + layer % params.candidates]);
    if (!(inverse > 1e-6)) {
        return UNSEEN;
    }
    let k = params.intrinsics;
    let p = vec4<f32>((f32(x) + 0.5 - k.z) / k.x / inverse, (f32(y) + 0.5 - k.w) / k.y / inverse, 1.0 / inverse, 1.0);
    let z = dot(view.row2, p);
    if (!(z > 1e-6)) {
        return UNSEEN;
    }
    let u = view.intrinsics.x * dot(view.row0, p) / z + view.intrinsics.z - 0.5;
    let v = view.intrinsics.y * dot(view.row1, p) / z + view.intrinsics.w - 0.5;
    if (!(u >= 0.0 && v >= 0.0 && u < f32(view.size.x - 1u) && v < f32(view.size.y - 1u))) {
        return UNSEEN;
    }
    let fx = u - floor(u);
    let fy = v - floor(v);
    let at = view.size.z + u32(v) * view.size.x + u32(u);
    let top = mix1(texture[at], texture[at + 1u], fx);
    let bottom = mix1(texture[at + view.size.x], texture[at + view.size.x + 1u], fx);
    return min(abs(mix1(top, bottom, fy) - texture[params.base + i]), MOST);
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.width || id.y >= params.height || id.z >= params.layers) {
        return;
    }
    let i = id.y * params.width + id.x;
    difference[id.z * params.width * params.height + i] = compare(i, id.x, id.y, id.z);
}
