// Each pixel shows the image elsewhere: a shift of the whole, and a smooth random field.
struct Params {
  size: vec2<u32>,   // pixels
  shift: vec2<f32>,  // pixels
  amount: f32,       // standard deviation of the field along each axis in pixels, 0 to 1024
  cell: f32,         // side of a cell of the field in pixels, 1 to 65536
  seed: u32,         // of the field; another for each frame
  pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if ((id.x >= params.size.x) | (id.y >= params.size.y)) {
    return;
  }
  let here = vec2<f32>(id.xy);
  let shift = vec2<f32>(usable(params.shift.x, -65536.0, 65536.0), usable(params.shift.y, -65536.0, 65536.0));
  let field = smooth_noise(here / usable(params.cell, 1.0, 65536.0), params.seed);
  let at = id.y * params.size.x + id.x;
  rgba[at] = packed(sampled(here + shift + usable(params.amount, 0.0, 1024.0) * field), image[at]);
}
