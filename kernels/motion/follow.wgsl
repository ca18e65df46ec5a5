// Carries points one step along the consistent flow. A point is (x, y, end, own), own the most that it has moved by
// itself so far, in standard pixels a span of time: end 0 goes on, 1 is lost (the flow
// failed the forward-backward test), 2 left the picture or came within the margin of its border. Ended points stay.
struct Params { width: u32, height: u32, count: u32, margin: f32, from_at: u32, to_at: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read> own: array<f32>;
@group(0) @binding(4) var<storage, read_write> points: array<vec4<f32>>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.count) { return; }
  let q = points[params.from_at + id.x];
  let right = f32(params.width) - 1.0;
  let low = f32(params.height) - 1.0;
  let x = clamp(q.x, 0.0, right);
  let y = clamp(q.y, 0.0, low);
  let x0 = u32(x);
  let y0 = u32(y);
  let x1 = min(x0 + 1u, params.width - 1u);
  let y1 = min(y0 + 1u, params.height - 1u);
  let top = mix2(flow[y0 * params.width + x0], flow[y0 * params.width + x1], x - f32(x0));
  let bottom = mix2(flow[y1 * params.width + x0], flow[y1 * params.width + x1], x - f32(x0));
  let to = vec2<f32>(x, y) + mix2(top, bottom, y - f32(y0));
  let at = u32(y + 0.5) * params.width + u32(x + 0.5);
  let seen = state[at] == 3u;
  let moved = max(q.w, own[at]);
  let inside = to.x >= params.margin && to.x <= right - params.margin
    && to.y >= params.margin && to.y <= low - params.margin;
  var next = vec4<f32>(q.xy, select(select(2.0, 1.0, inside), 0.0, inside && seen), moved);
  if (next.z == 0.0) { next = vec4<f32>(to, 0.0, moved); }
  if (q.z != 0.0) { next = q; }
  points[params.to_at + id.x] = next;
}
