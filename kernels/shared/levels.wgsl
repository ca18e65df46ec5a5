// Packed sRGB pixels as levels 0 to 255 and back, and numbers that are cut to a range.

// What is not finite counts as 0.
fn usable(v: f32, low: f32, high: f32) -> f32 {
  let finite = (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
  return clamp(select(0.0, v, finite), low, high);
}

fn colour(p: u32) -> vec3<f32> {
  return vec3<f32>((vec3<u32>(p) >> vec3<u32>(0u, 8u, 16u)) & vec3<u32>(255u));
}

// Rounded and cut to what a channel holds; alpha is that of another pixel.
fn packed(c: vec3<f32>, like: u32) -> u32 {
  let v = vec3<u32>(clamp(c, vec3<f32>(0.0), vec3<f32>(255.0)) + 0.5);
  return v.x | (v.y << 8u) | (v.z << 16u) | (like & 0xff000000u);
}
