// A disc of a frame shows other content of an image: some of its own bent smoothly, some of that at an offset.
// Only the pixels of a box about the disc are visited.
struct Params {
  size: vec2<u32>,    // pixels
  origin: vec2<u32>,  // first pixel of the box
  extent: vec2<u32>,  // pixels of the box
  centre: vec2<f32>,  // of the disc in pixels
  offset: vec2<f32>,  // from a pixel to the other content in pixels
  radius: f32,        // of the disc in pixels, 0 to 65536
  edge: f32,          // width of its soft edge, inside the radius, in pixels, at least 0.001
  share: f32,         // of the other content, 0 to 1
  bend: f32,          // standard deviation of the bend along each axis in pixels, 0 to 1024
  cell: f32,          // side of a cell of the bend in pixels, 1 to 65536
  seed: u32,          // of the bend, which sticks to the disc
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

fn place(v: vec2<f32>) -> vec2<f32> {
  return vec2<f32>(usable(v.x, -65536.0, 65536.0), usable(v.y, -65536.0, 65536.0));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let at = params.origin + id.xy;
  if (any(id.xy >= params.extent) | any(at >= params.size)) {
    return;
  }
  let centre = place(params.centre);
  let radius = usable(params.radius, 0.0, 65536.0);
  let edge = usable(params.edge, 0.001, 65536.0);
  let here = vec2<f32>(at);
  let cover = 1.0 - smoothstep(radius - edge, radius, distance(here, centre));
  let bend = smooth_noise((here - centre) / usable(params.cell, 1.0, 65536.0), params.seed);
  let source = here + usable(params.bend, 0.0, 1024.0) * cover * bend;
  let content = mix(sampled(source), sampled(source + place(params.offset)), usable(params.share, 0.0, 1.0));
  let i = at.y * params.size.x + at.x;
  let p = rgba[i];
  rgba[i] = packed(mix(colour(p), content, cover), p);
}
