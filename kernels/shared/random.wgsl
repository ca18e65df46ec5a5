// Random numbers by place: hashes, and value noise that is smooth over the picture.

// Integer hash: the multiply-xorshift finaliser "lowbias32" (Wellons, public domain).
fn scramble(v: u32) -> u32 {
  var h = v;
  h = (h ^ (h >> 16u)) * 0x7feb352du;
  h = (h ^ (h >> 15u)) * 0x846ca68bu;
  return h ^ (h >> 16u);
}

fn hashed(x: u32, y: u32, seed: u32) -> u32 {
  return scramble(scramble(seed) + x * 0x9e3779b1u + y * 0x85ebca77u);
}

// Two numbers, uniform in -1 to 1.
fn lattice(place: vec2<i32>, seed: u32) -> vec2<f32> {
  let h = hashed(u32(place.x), u32(place.y), seed);
  return vec2<f32>(f32(h & 0xffffu), f32(h >> 16u)) / 32767.5 - 1.0;
}

// Two numbers of mean 0 and, over many places, variance 1 that change smoothly; `at` counts cells of the lattice.
fn smooth_noise(at: vec2<f32>, seed: u32) -> vec2<f32> {
  let corner = floor(at);
  let f = at - corner;
  let s = f * f * (3.0 - 2.0 * f);
  let c = vec2<i32>(corner);
  let top = mix(lattice(c, seed), lattice(c + vec2<i32>(1, 0), seed), s.x);
  let low = mix(lattice(c + vec2<i32>(0, 1), seed), lattice(c + vec2<i32>(1, 1), seed), s.x);
  // Over the root of 1/3 (26/35)^2: of uniform corners, mixed by s and 1 - s on both axes.
  return 2.33160 * mix(top, low, s.y);
}
