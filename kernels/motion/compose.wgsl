// Flow a -> c from flows a -> b and b -> c: first, then what second says at the target (bilinear, edges repeated).
struct Params { width: u32, height: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> first: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> second: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> composed: array<vec2<f32>>;

fn inside(x: f32, last: f32) -> f32 { return select(0.0, min(x, last), x > 0.0); }

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let here = id.y * params.width + id.x;
  let u = first[here];
  let cx = inside(f32(id.x) + u.x, f32(params.width - 1u));
  let cy = inside(f32(id.y) + u.y, f32(params.height - 1u));
  let x0 = u32(cx);
  let y0 = u32(cy);
  let x1 = min(x0 + 1u, params.width - 1u);
  let y1 = min(y0 + 1u, params.height - 1u);
  let top = mix2(second[y0 * params.width + x0], second[y0 * params.width + x1], cx - f32(x0));
  let low = mix2(second[y1 * params.width + x0], second[y1 * params.width + x1], cx - f32(x0));
  composed[here] = u + mix2(top, low, cy - f32(y0));
}
