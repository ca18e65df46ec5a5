// How much the patch around each point still looks as it did on the key frame: SSIM's structure term of 9x9 samples
// over two cells, and the distance of the chroma. A vector a point: (structure in [0, 1], chroma distance in grey
// levels, deviation of the key patch, ratio of the deviations in (0, 1]); a point that has ended is (0, 0, deviation, 0).
struct Params {
  width: u32, height: u32, count: u32, at: u32,
  tint_width: u32, tint_height: u32, spacing: f32, pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> key: array<f32>;
@group(0) @binding(2) var<storage, read> now: array<f32>;
@group(0) @binding(3) var<storage, read> key_tint: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> now_tint: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> points: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> looks: array<vec4<f32>>;

fn spot(p: vec2<f32>, width: u32, height: u32) -> vec4<f32> {
  let x = clamp(p.x, 0.0, f32(width) - 1.0);
  let y = clamp(p.y, 0.0, f32(height) - 1.0);
  return vec4<f32>(floor(x), floor(y), x - floor(x), y - floor(y));
}
fn bilinear(s: vec4<f32>, k: u32) -> f32 {
  let x0 = u32(s.x);
  let y0 = u32(s.y);
  let x1 = min(x0 + 1u, params.width - 1u);
  let row = min(y0 + 1u, params.height - 1u) * params.width;
  if (k == 0u) {
    return mix(mix(key[y0 * params.width + x0], key[y0 * params.width + x1], s.z), mix(key[row + x0], key[row + x1], s.z), s.w);
  }
  return mix(mix(now[y0 * params.width + x0], now[y0 * params.width + x1], s.z), mix(now[row + x0], now[row + x1], s.z), s.w);
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
  var s: array<f32, 5>;
  for (var i = 0u; i < 5u; i++) { s[i] = 0.0; }
  for (var j = 0u; j < 9u; j++) {
    for (var i = 0u; i < 9u; i++) {
      let off = params.spacing * vec2<f32>(f32(i) - 4.0, f32(j) - 4.0);
      let x = bilinear(spot(p + off, params.width, params.height), 0u);
      let y = bilinear(spot(q.xy + off, params.width, params.height), 1u);
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
  looks[id.x] = select(vec4<f32>(0.0, 0.0, dx, 0.0), vec4<f32>(alike, tint, dx, contrast), q.z == 0.0);
}
