// How much the patch around each point still looks as it did on the key frame: SSIM's structure term of 9x9 samples
// over two cells, and the distance of the chroma. The luma is of half the size of the points' pixels (or the same),
// so that a point that drifts by a pixel still looks alike. A vector a point: (structure times
// SSIM's contrast term, in [0, 1]; distance of the chroma; deviation of the key patch; change of its mean luma), in grey
// levels; a point that has ended is (0, 0, deviation, 0).
struct Params {
  width: u32, height: u32, count: u32, at: u32,
  tint_width: u32, tint_height: u32, spacing: f32, ratio: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> key: array<f32>;
@group(0) @binding(2) var<storage, read> now: array<f32>;
@group(0) @binding(3) var<storage, read> key_tint: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> now_tint: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> points: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> looks: array<vec4<f32>>;

// Size of the luma.
fn size() -> vec2<u32> {
  return vec2<u32>(u32(ceil(f32(params.width) * params.ratio)), u32(ceil(f32(params.height) * params.ratio)));
}
fn spot(p: vec2<f32>, last: vec2<u32>) -> vec4<f32> {
  let x = clamp((p.x + 0.5) * params.ratio - 0.5, 0.0, f32(last.x) - 1.0);
  let y = clamp((p.y + 0.5) * params.ratio - 0.5, 0.0, f32(last.y) - 1.0);
  return vec4<f32>(floor(x), floor(y), x - floor(x), y - floor(y));
}
fn bilinear(s: vec4<f32>, area: vec2<u32>, k: u32) -> f32 {
  let x0 = u32(s.x);
  let x1 = min(x0 + 1u, area.x - 1u);
  let top = u32(s.y) * area.x;
  let low = min(u32(s.y) + 1u, area.y - 1u) * area.x;
  if (k == 0u) {
    return mix1(mix1(key[top + x0], key[top + x1], s.z), mix1(key[low + x0], key[low + x1], s.z), s.w);
  }
  return mix1(mix1(now[top + x0], now[top + x1], s.z), mix1(now[low + x0], now[low + x1], s.z), s.w);
}
// Mean chroma of four spots a quarter of the patch off.
fn hue(p: vec2<f32>, k: u32) -> vec2<f32> {
  let f = vec2<f32>(f32(params.tint_width) / f32(params.width), f32(params.tint_height) / f32(params.height));
  var sum = vec2<f32>(0.0);
  for (var i = 0u; i < 4u; i++) {
    let off = 2.0 * params.spacing * vec2<f32>(select(-1.0, 1.0, (i & 1u) != 0u), select(-1.0, 1.0, i > 1u));
    let q = (p + off + 0.5) * f;
    let x = u32(clamp(q.x, 0.0, f32(params.tint_width) - 1.0));
    let y = u32(clamp(q.y, 0.0, f32(params.tint_height) - 1.0));
    let at = y * params.tint_width + x;
    if (k == 0u) { sum += key_tint[at]; } else { sum += now_tint[at]; }
  }
  return 0.25 * sum;
}

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.count) { return; }
  let p = points[id.x].xy;
  let q = points[params.at + id.x];
  let area = size();
  var s: array<f32, 5>;
  for (var i = 0u; i < 5u; i++) { s[i] = 0.0; }
  for (var j = 0u; j < 9u; j++) {
    for (var i = 0u; i < 9u; i++) {
      let off = params.spacing * vec2<f32>(f32(i) - 4.0, f32(j) - 4.0);
      let x = bilinear(spot(p + off, area), area, 0u);
      let y = bilinear(spot(q.xy + off, area), area, 1u);
      s[0] += x;
      s[1] += y;
      s[2] += x * x;
      s[3] += y * y;
      s[4] += x * y;
    }
  }
  let mx = s[0] / 81.0;
  let my = s[1] / 81.0;
  let dx = sqrt(max(s[2] / 81.0 - mx * mx, 0.0));
  let dy = sqrt(max(s[3] / 81.0 - my * my, 0.0));
  // C3 of SSIM: (.03 * 255)^2 / 2.
  let alike = clamp((s[4] / 81.0 - mx * my + 29.26) / (dx * dy + 29.26), 0.0, 1.0);
  let contrast = (2.0 * dx * dy + 58.52) / (dx * dx + dy * dy + 58.52);
  let tint = length(hue(p, 0u) - hue(q.xy, 1u));
  looks[id.x] = select(vec4<f32>(0.0, 0.0, dx, 0.0), vec4<f32>(alike * contrast, tint, dx, my - mx), q.z == 0.0);
}
