// Chroma (Cb, Cr of BT.601, in grey levels) at a small size: the mean of every `step`-th pixel, both ways, of each
// small pixel's share of the frame.
struct Params { src_width: u32, src_height: u32, width: u32, height: u32, step: u32, at: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rgba: array<u32>;
@group(0) @binding(2) var<storage, read_write> tint: array<vec2<f32>>;

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let x0 = id.x * params.src_width / params.width;
  let y0 = id.y * params.src_height / params.height;
  let x1 = max((id.x + 1u) * params.src_width / params.width, x0 + 1u);
  let y1 = max((id.y + 1u) * params.src_height / params.height, y0 + 1u);
  var sum = vec3<f32>(0.0);
  var n = 0.0;
  for (var y = y0; y < y1; y += params.step) {
    for (var x = x0; x < x1; x += params.step) {
      let c = rgba[y * params.src_width + x];
      sum += vec3<f32>(f32(c & 255u), f32((c >> 8u) & 255u), f32((c >> 16u) & 255u));
      n += 1.0;
    }
  }
  let c = sum / n;
  let luma = 0.299 * c.x + 0.587 * c.y + 0.114 * c.z;
  tint[id.y * params.width + id.x] = vec2<f32>(0.564 * (c.z - luma), 0.713 * (c.x - luma));
}
