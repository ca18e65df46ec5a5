// Dense flow from overlapping patches: their mean, weighted by how well each explains the pixel and itself
// (Kroeger et al. 2016, eq. 3).
struct Params { width: u32, height: u32, patches_x: u32, patches_y: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> patches: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> flow: array<vec2<f32>>;

fn inside(x: f32, last: f32) -> f32 { return select(0.0, min(x, last), x > 0.0); }

fn sample_b(x: f32, y: f32) -> f32 {
  let cx = inside(x, f32(params.width - 1u));
  let cy = inside(y, f32(params.height - 1u));
  let x0 = u32(cx);
  let y0 = u32(cy);
  let x1 = min(x0 + 1u, params.width - 1u);
  let y1 = min(y0 + 1u, params.height - 1u);
  let top = mix(b[y0 * params.width + x0], b[y0 * params.width + x1], cx - f32(x0));
  let low = mix(b[y1 * params.width + x0], b[y1 * params.width + x1], cx - f32(x0));
  return mix(top, low, cy - f32(y0));
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let here = id.y * params.width + id.x;
  let value = a[here];
  let x = i32(id.x);
  let y = i32(id.y);
  var sum = vec2<f32>(0.0);
  var total = 0.0;
  for (var j = max((y - 2) >> 2u, 0); j <= min((y + 2) >> 2u, i32(params.patches_y) - 1); j++) {
    for (var i = max((x - 2) >> 2u, 0); i <= min((x + 2) >> 2u, i32(params.patches_x) - 1); i++) {
      let patch_ = patches[u32(j) * params.patches_x + u32(i)];
      let px = f32(x) + patch_.x;
      let py = f32(y) + patch_.y;
      if (!(abs(px) < 1e6 && abs(py) < 1e6)) { continue; }
      let seen = px >= 0.0 && px <= f32(params.width - 1u) && py >= 0.0 && py <= f32(params.height - 1u);
      let d = select(20.0, abs(sample_b(px, py) - value), seen);
      let w = 1.0 / (max(d, 1.0) * (1.0 + sqrt(max(patch_.z, 0.0))));
      sum += w * patch_.xy;
      total += w;
    }
  }
  flow[here] = select(vec2<f32>(0.0), sum / max(total, 1e-12), total > 0.0);
}
