// The first picture, the second seen along the flow, and that flow, side by side.
struct Params { width: u32, height: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> warped: array<vec4<f32>>;

fn inside(x: f32, last: f32) -> f32 { return select(0.0, min(x, last), x > 0.0); }
// Catmull-Rom weights (Keys 1981, a = -1/2): no blur where the flow is between pixels.
fn cubic(t: f32) -> vec4<f32> {
  return 0.5 * vec4<f32>(t * (t * (2.0 - t) - 1.0), t * t * (3.0 * t - 5.0) + 2.0, t * (t * (4.0 - 3.0 * t) + 1.0), t * t * (t - 1.0));
}
// The pixels x - 1 to x + 2 of row y, edges repeated, by their weights.
fn row(x: u32, y: i32, w: vec4<f32>) -> f32 {
  let q = b[u32(clamp(y, 0, i32(params.height) - 1)) * (params.width + 16u) + x + 7u];
  return dot(w, vec4<f32>(unpack2x16unorm(q.x), unpack2x16unorm(q.y)));
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let here = id.y * params.width + id.x;
  let u = flow[here];
  let cx = inside(f32(id.x) + u.x, f32(params.width - 1u));
  let cy = inside(f32(id.y) + u.y, f32(params.height - 1u));
  let x = u32(cx);
  let y = i32(cy);
  let wx = cubic(cx - f32(x));
  let value = dot(cubic(cy - f32(y)), vec4<f32>(row(x, y - 1, wx), row(x, y, wx), row(x, y + 1, wx), row(x, y + 2, wx)));
  let first = unpack2x16unorm(a[id.y * (params.width + 16u) + id.x + 8u].x).x;
  warped[here] = vec4<f32>(255.0 * first, 255.0 * value, u);
}
