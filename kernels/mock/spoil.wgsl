// What a poor encoder and a poor sensor do to an image: blocks that lose their detail, then noise. Alpha stays.
// One workgroup a block. Levels are counted in 256ths and every sum is of integers, so that any adapter gives the
// same bits. A number that is not finite is 0.
struct Params {
  size: vec2<u32>,  // pixels
  source: u32,      // first pixel in the input
  base: u32,        // first pixel in the output
  block: u32,       // side of a block in pixels, at most 16
  mix: f32,         // how much of a pixel's deviation from its block's mean goes, 0 to 1
  step: f32,        // levels that what is left of it comes in multiples of; 0: any
  sigma: f32,       // noise in levels, 0 to 80
  seed: u32,        // of the noise
  pad0: u32,
  pad1: u32,
  pad2: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

// Standard deviation of the sum of four uniform numbers of 16 bits.
const SPREAD: f32 = 37837.2f;

var<workgroup> sums: array<atomic<u32>, 3>;

fn usable(v: f32, most: f32) -> f32 {
  let finite = (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
  return select(0.0, clamp(v, 0.0, most), finite);
}

fn colour(p: u32) -> vec3<u32> {
  return (vec3<u32>(p) >> vec3<u32>(0u, 8u, 16u)) & vec3<u32>(255u);
}

// Integer hash: the multiply-xorshift finaliser "lowbias32" (Wellons, public domain).
fn scramble(v: vec3<u32>) -> vec3<u32> {
  var h = v;
  h = (h ^ (h >> vec3<u32>(16u))) * 0x7feb352du;
  h = (h ^ (h >> vec3<u32>(15u))) * 0x846ca68bu;
  return h ^ (h >> vec3<u32>(16u));
}

// Four uniform numbers a channel, summed about their mean: near a Gaussian of standard deviation SPREAD.
fn bell(x: u32, y: u32) -> vec3<f32> {
  let seed = scramble(vec3<u32>(params.seed));
  let a = scramble(seed + x * 0x9e3779b1u + y * 0x85ebca77u + vec3<u32>(0u, 1u, 2u) * 0xc2b2ae3du);
  let b = scramble(a + 0x9e3779b9u);
  let sum = (a & vec3<u32>(0xffffu)) + (a >> vec3<u32>(16u)) + (b & vec3<u32>(0xffffu)) + (b >> vec3<u32>(16u));
  return vec3<f32>(vec3<i32>(sum) - 131070);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_id) own: vec3<u32>) {
  let block = clamp(params.block, 1u, 16u);
  let first = wg.xy * block;
  let end = min(first + block, params.size);
  let corner = first + own.xy;
  var sum = vec3<u32>(0u);
  for (var y = corner.y; y < end.y; y += 8u) {
    for (var x = corner.x; x < end.x; x += 8u) {
      sum += colour(image[params.source + y * params.size.x + x]);
    }
  }
  atomicAdd(&sums[0], sum.x);
  atomicAdd(&sums[1], sum.y);
  atomicAdd(&sums[2], sum.z);
  workgroupBarrier();

  let count = max((end.x - min(first.x, end.x)) * (end.y - min(first.y, end.y)), 1u);
  let all = vec3<u32>(atomicLoad(&sums[0]), atomicLoad(&sums[1]), atomicLoad(&sums[2]));
  let mean = vec3<i32>((256u * all + count / 2u) / count);
  let keep = 1.0 - usable(params.mix, 1.0);
  let step = max(i32(round(256.0 * usable(params.step, 255.0))), 1);
  let noise = usable(params.sigma, 80.0) * (256.0f / SPREAD);
  for (var y = corner.y; y < end.y; y += 8u) {
    for (var x = corner.x; x < end.x; x += 8u) {
      let at = y * params.size.x + x;
      let p = image[params.source + at];
      let left = vec3<i32>(round(keep * vec3<f32>(256 * vec3<i32>(colour(p)) - mean)));
      let steps = (abs(left) + step / 2) / step * step;
      let value = mean + sign(left) * steps + vec3<i32>(round(noise * bell(x, y)));
      let c = vec3<u32>(clamp((value + 128) >> vec3<u32>(8u), vec3<i32>(0), vec3<i32>(255)));
      rgba[params.base + at] = c.x | (c.y << 8u) | (c.z << 16u) | (p & 0xff000000u);
    }
  }
}
