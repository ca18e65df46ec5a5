// BT.601 luma of packed sRGB pixels, 0-255, area-averaged to the motion size (each source pixel weighs by the
// share of it that the target pixel covers).
struct Params { src_width: u32, src_height: u32, width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rgba: array<u32>;
@group(0) @binding(2) var<storage, read_write> luma: array<f32>;

fn luma_of(p: u32) -> f32 {
  return 0.299 * f32(p & 255u) + 0.587 * f32((p >> 8u) & 255u) + 0.114 * f32((p >> 16u) & 255u);
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let sx = f32(params.src_width) / f32(params.width);
  let sy = f32(params.src_height) / f32(params.height);
  let x0 = f32(id.x) * sx;
  let x1 = f32(id.x + 1u) * sx;
  let y0 = f32(id.y) * sy;
  let y1 = f32(id.y + 1u) * sy;
  var sum = 0.0;
  var total = 0.0;
  for (var j = u32(y0); j < params.src_height && f32(j) < y1; j++) {
    let wy = max(min(f32(j + 1u), y1) - max(f32(j), y0), 0.0);
    for (var i = u32(x0); i < params.src_width && f32(i) < x1; i++) {
      let w = wy * max(min(f32(i + 1u), x1) - max(f32(i), x0), 0.0);
      sum += w * luma_of(rgba[j * params.src_width + i]);
      total += w;
    }
  }
  luma[id.y * params.width + id.x] = sum / max(total, 1e-9);
}
