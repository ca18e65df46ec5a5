// The second picture seen along the flow: (value, 1 where the target is inside else 0).
struct Params { width: u32, height: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> warped: array<vec2<f32>>;

fn inside(x: f32, last: f32) -> f32 { return select(0.0, min(x, last), x > 0.0); }
fn at(x: i32, y: i32) -> f32 {
  let cx = clamp(x, 0, i32(params.width) - 1);
  let cy = clamp(y, 0, i32(params.height) - 1);
  return b[u32(cy) * params.width + u32(cx)];
}
// Catmull-Rom weights (Keys 1981, a = -1/2): no blur where the flow is between pixels.
fn cubic(t: f32) -> vec4<f32> {
  return 0.5 * vec4<f32>(t * (t * (2.0 - t) - 1.0), t * t * (3.0 * t - 5.0) + 2.0, t * (t * (4.0 - 3.0 * t) + 1.0), t * t * (t - 1.0));
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let here = id.y * params.width + id.x;
  let x = f32(id.x) + flow[here].x;
  let y = f32(id.y) + flow[here].y;
  let cx = inside(x, f32(params.width - 1u));
  let cy = inside(y, f32(params.height - 1u));
  let x0 = i32(cx);
  let y0 = i32(cy);
  let wx = cubic(cx - f32(x0));
  let wy = cubic(cy - f32(y0));
  var value = 0.0;
  for (var j = 0; j < 4; j++) {
    let v = y0 + j - 1;
    value += wy[j] * dot(wx, vec4<f32>(at(x0 - 1, v), at(x0, v), at(x0 + 1, v), at(x0 + 2, v)));
  }
  let seen = x >= 0.0 && x <= f32(params.width - 1u) && y >= 0.0 && y <= f32(params.height - 1u);
  warped[here] = vec2<f32>(value, select(0.0, 1.0, seen));
}
