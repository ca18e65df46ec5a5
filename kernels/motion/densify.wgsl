// Dense flow from overlapping patches: their mean, weighted by how well each explains the pixel and itself
// (Kroeger et al. 2016, eq. 3).
struct Params { width: u32, height: u32, patches_x: u32, patches_y: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> patches: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> flow: array<vec2<f32>>;

fn inside(x: f32, last: f32) -> f32 { return select(0.0, min(x, last), x > 0.0); }

// Place of pixel (x, y) in the quads of a picture.
fn place(x: u32, y: u32) -> u32 { return y * (params.width + 16u) + x + 8u; }

fn sample_b(x: f32, y: f32) -> f32 {
  let cx = inside(x, f32(params.width - 1u));
  let cy = inside(y, f32(params.height - 1u));
  let x0 = u32(cx);
  let y0 = u32(cy);
  let top = unpack2x16unorm(b[place(x0, y0)].x);
  let low = unpack2x16unorm(b[place(x0, min(y0 + 1u, params.height - 1u))].x);
  let row = mix(top, low, cy - f32(y0));
  return 255.0 * mix(row.x, row.y, cx - f32(x0));
}

// (u, v, 1) of one patch by its weight at pixel (x, y) of this value.
fn vote(i: u32, j: u32, x: f32, y: f32, value: f32) -> vec3<f32> {
  let one = patches[min(j, params.patches_y - 1u) * params.patches_x + min(i, params.patches_x - 1u)].xyz;
  let px = x + one.x;
  let py = y + one.y;
  let seen = px >= 0.0 && px <= f32(params.width - 1u) && py >= 0.0 && py <= f32(params.height - 1u);
  let d = select(20.0, abs(sample_b(px, py) - value), seen);
  let w = 1.0 / (max(d, 1.0) * (1.0 + sqrt(max(one.z, 0.0))));
  let known = i < params.patches_x && j < params.patches_y && abs(px) < 1e6 && abs(py) < 1e6;
  return select(vec3<f32>(0.0), w * vec3<f32>(one.xy, 1.0), known);
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let x = f32(id.x);
  let y = f32(id.y);
  let value = 255.0 * unpack2x16unorm(a[place(id.x, id.y)].x).x;
  // Patch i begins at pixel 4 i - 2. Before the first one the index wraps around to more than there are.
  let i = (id.x + 2u) / 4u;
  let j = (id.y + 2u) / 4u;
  let sum = vote(i - 1u, j - 1u, x, y, value) + vote(i, j - 1u, x, y, value)
    + vote(i - 1u, j, x, y, value) + vote(i, j, x, y, value);
  flow[id.y * params.width + id.x] = select(vec2<f32>(0.0), sum.xy / max(sum.z, 1e-12), sum.z > 0.0);
}
