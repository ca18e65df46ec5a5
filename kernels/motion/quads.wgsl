// A picture in which one load gives four neighbours of a row: each element holds the pixels x to x + 3, edges repeated, as
// 16-bit fractions of 255. Rows begin at x = -8 and end at width + 7.
struct Params { width: u32, height: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<f32>;
@group(0) @binding(2) var<storage, read_write> quads: array<vec2<u32>>;

// NaN becomes 0.
fn at(x: i32, row: u32) -> f32 {
  let v = image[row + u32(clamp(x, 0, i32(params.width) - 1))] / 255.0;
  return select(0.0, min(v, 1.0), v > 0.0);
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width + 16u || id.y >= params.height) { return; }
  let x = i32(id.x) - 8;
  let row = id.y * params.width;
  quads[id.y * (params.width + 16u) + id.x] = vec2<u32>(
    pack2x16unorm(vec2<f32>(at(x, row), at(x + 1, row))), pack2x16unorm(vec2<f32>(at(x + 2, row), at(x + 3, row))));
}
