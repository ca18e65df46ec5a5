// One pass of a separable Gaussian over sRGB values, along x or y; past the edge the edge is repeated. Alpha stays.
// A sigma that is not finite is none, and none copies.
struct Params {
  size: vec2<u32>,  // pixels
  step: vec2<i32>,  // (1, 0) or (0, 1)
  source: u32,      // first pixel in the input
  base: u32,        // first pixel in the output
  sigma: f32,       // pixels, 0 to 16
  pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

const REACH = 48u;

var<workgroup> weights: array<f32, 64>;

fn usable(v: f32, most: f32) -> f32 {
  let finite = (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
  return select(0.0, clamp(v, 0.0, most), finite);
}

fn colour(p: u32) -> vec3<f32> {
  return vec3<f32>((vec3<u32>(p) >> vec3<u32>(0u, 8u, 16u)) & vec3<u32>(255u));
}

fn at(place: vec2<i32>) -> vec3<f32> {
  let p = vec2<u32>(clamp(place, vec2<i32>(0), vec2<i32>(params.size) - 1));
  return colour(image[params.source + p.y * params.size.x + p.x]);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let sigma = usable(params.sigma, 16.0);
  let away = f32(lane) / max(sigma, 1.0e-3);
  weights[lane] = select(exp(-0.5 * away * away), 1.0, lane == 0u);
  workgroupBarrier();
  let inside = (id.x < params.size.x) & (id.y < params.size.y);
  if (inside) {
    let here = vec2<i32>(id.xy);
    let own = image[params.source + id.y * params.size.x + id.x];
    // A bound of each lane's own: a software adapter compiles anew for each that is uniform.
    let radius = select(0u, min(u32(ceil(3.0 * sigma)), REACH), inside);
    var sum = colour(own);
    var total = 1.0;
    for (var k = 1u; k <= radius; k++) {
      let w = weights[k];
      let way = i32(k) * params.step;
      sum += w * (at(here - way) + at(here + way));
      total += 2.0 * w;
    }
    let c = vec3<u32>(sum / total + 0.5);
    rgba[params.base + id.y * params.size.x + id.x] =
      c.x | (c.y << 8u) | (c.z << 16u) | (own & 0xff000000u);
  }
}
