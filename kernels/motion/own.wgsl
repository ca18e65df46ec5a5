// What moves by itself: the length, in standard pixels a span of time, of a pixel's flow that neither the plane nor parallax along
// the epipolar line explains; -1 where the flow is not consistent. Parallax may be no longer than the plane's own
// motion: a camera that stands gives none.
struct Params { width: u32, height: u32, scale: f32, pad: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read> model: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> own: array<f32>;

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let at = id.y * params.width + id.x;
  let half = 0.5 * f32(max(params.width, params.height));
  let x = (f32(id.x) - 0.5 * (f32(params.width) - 1.0)) / half;
  let y = (f32(id.y) - 0.5 * (f32(params.height) - 1.0)) / half;
  let a = model[0];
  let b = model[1];
  let e = model[2];
  let plane = vec2<f32>(a.x + a.y * x + a.z * y + b.z * x * x + b.w * x * y,
    a.w + b.x * x + b.y * y + b.z * x * y + b.w * y * y);
  let r = flow[at] * params.scale - plane;
  let to = vec2<f32>(x * e.z - e.x, y * e.z - e.y);
  let across = abs(r.x * to.y - r.y * to.x) / max(length(to), 1e-6);
  let size = length(r);
  let left = min(size, max(across, size - model[3].x));
  own[at] = select(-1.0, left, state[at] == 3u);
}
