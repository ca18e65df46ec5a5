// Image gradient by the five-point derivative [1 -8 0 8 -1]/12, edges repeated.
struct Params { width: u32, height: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<vec2<f32>>;

fn at(x: i32, y: i32) -> f32 {
  let cx = clamp(x, 0, i32(params.width) - 1);
  let cy = clamp(y, 0, i32(params.height) - 1);
  return image[u32(cy) * params.width + u32(cx)];
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let x = i32(id.x);
  let y = i32(id.y);
  let gx = (8.0 * (at(x + 1, y) - at(x - 1, y)) - (at(x + 2, y) - at(x - 2, y))) / 12.0;
  let gy = (8.0 * (at(x, y + 1) - at(x, y - 1)) - (at(x, y + 2) - at(x, y - 2))) / 12.0;
  gradient[id.y * params.width + id.x] = vec2<f32>(gx, gy);
}
