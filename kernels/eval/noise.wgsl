// Gaussian noise, independent from pixel to pixel; most of it is the same in the three channels, as a sensor's is.
struct Params {
  size: vec2<u32>,  // pixels
  sigma: f32,       // levels, 0 to 128
  seed: u32,        // another for each frame
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

// Standard deviation of the sum of four uniform numbers of 16 bits.
const SPREAD: f32 = 37837.2f;
// Roots of the share of the variance that is common, and of the rest.
const COMMON: f32 = 0.8944272f;
const OWN: f32 = 0.4472136f;

// Near a Gaussian of standard deviation 1: four uniform numbers, summed about their mean.
fn bell(hash: u32) -> f32 {
  let b = scramble(hash + 0x9e3779b9u);
  let sum = (hash & 0xffffu) + (hash >> 16u) + (b & 0xffffu) + (b >> 16u);
  return f32(i32(sum) - 131070) / SPREAD;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if ((id.x >= params.size.x) | (id.y >= params.size.y)) {
    return;
  }
  let at = id.y * params.size.x + id.x;
  let p = image[at];
  let h = hashed(id.x, id.y, params.seed);
  let own = vec3<f32>(
    bell(scramble(h + 0xc2b2ae3du)), bell(scramble(h + 0x85655c7au)), bell(scramble(h + 0x48180ab7u)));
  let grain = usable(params.sigma, 0.0, 128.0) * (COMMON * bell(h) + OWN * own);
  rgba[at] = packed(colour(p) + grain, p);
}
