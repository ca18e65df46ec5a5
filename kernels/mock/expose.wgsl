// A long exposure: the mean, in linear light, of images that lie one after the other. Alpha is the first image's.
struct Params {
  pixels: u32,  // of one image
  count: u32,   // images, 1 to 32
  source: u32,  // first pixel of the first image
  base: u32,    // first pixel of the result
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> images: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

const LANES = 64u;

fn colour(p: u32) -> vec3<f32> {
  return vec3<f32>((vec3<u32>(p) >> vec3<u32>(0u, 8u, 16u)) & vec3<u32>(255u)) / 255.0;
}

fn decode(c: vec3<f32>) -> vec3<f32> {
  return select(pow((c + 0.055) / 1.055, vec3<f32>(2.4)), c / 12.92, c <= vec3<f32>(0.04045));
}

fn encode(linear: vec3<f32>) -> vec3<u32> {
  let x = clamp(linear, vec3<f32>(0.0), vec3<f32>(1.0));
  let curve = 1.055 * pow(max(x, vec3<f32>(1.0e-6)), vec3<f32>(1.0 / 2.4)) - 0.055;
  return vec3<u32>(select(curve, 12.92 * x, x <= vec3<f32>(0.0031308)) * 255.0 + 0.5);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * groups.x + wg.x) * LANES + lane;
  let inside = i < params.pixels;
  // A count of each lane's own: a software adapter compiles anew for each bound that is uniform.
  let count = select(0u, clamp(params.count, 1u, 32u), inside);
  var sum = vec3<f32>(0.0);
  for (var k = 0u; k < count; k++) {
    sum += decode(colour(images[params.source + k * params.pixels + i]));
  }
  if (inside) {
    let first = images[params.source + i];
    let c = encode(sum / f32(count));
    let mean = c.x | (c.y << 8u) | (c.z << 16u) | (first & 0xff000000u);
    rgba[params.base + i] = select(mean, first, count == 1u);
  }
}
