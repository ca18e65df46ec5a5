// A gain on sRGB levels: one for the frame, times one that changes smoothly over the picture.
struct Params {
  size: vec2<u32>,  // pixels
  gain: f32,        // of the frame, 0 to 4; 1 leaves it
  depth: f32,       // standard deviation of the gain over the picture, 0 to 1
  cell: f32,        // side of a cell of the smooth gain in pixels, 1 to 65536
  seed: u32,        // of the smooth gain; another for each frame
  pad0: u32,
  pad1: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if ((id.x >= params.size.x) | (id.y >= params.size.y)) {
    return;
  }
  let at = id.y * params.size.x + id.x;
  let p = image[at];
  let local = smooth_noise(vec2<f32>(id.xy) / usable(params.cell, 1.0, 65536.0), params.seed).x;
  let gain = usable(params.gain, 0.0, 4.0) * (1.0 + usable(params.depth, 0.0, 1.0) * local);
  rgba[at] = packed(gain * colour(p), p);
}
