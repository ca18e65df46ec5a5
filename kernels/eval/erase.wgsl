// A disc is filled from what is around it: the mean of samples on a ring, weighted by inverse square distance.
// Only the pixels of a box about the disc are visited.
struct Params {
  size: vec2<u32>,    // pixels
  origin: vec2<u32>,  // first pixel of the box
  extent: vec2<u32>,  // pixels of the box
  centre: vec2<f32>,  // of the disc in pixels
  radius: f32,        // of the disc in pixels, 0 to 65536
  edge: f32,          // width of its soft edge, inside the radius, in pixels, at least 0.001
  pad0: u32,
  pad1: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

const SAMPLES = 24u;

var<workgroup> ring: array<vec4<f32>, 24>;   // colour, and 1 where it is in the picture
var<workgroup> places: array<vec2<f32>, 24>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let size = vec2<f32>(params.size);
  let centre = vec2<f32>(usable(params.centre.x, -65536.0, 65536.0), usable(params.centre.y, -65536.0, 65536.0));
  let radius = usable(params.radius, 0.0, 65536.0);
  if (lane < SAMPLES) {
    let turn = 6.2831853 * f32(lane) / f32(SAMPLES);
    let place = centre + (1.06 * radius + 1.0) * vec2<f32>(cos(turn), sin(turn));
    let inside = all(place >= vec2<f32>(-0.5)) & all(place < size - 0.5);
    let p = vec2<u32>(clamp(place + 0.5, vec2<f32>(0.0), max(size - 1.0, vec2<f32>(0.0))));
    ring[lane] = vec4<f32>(colour(image[p.y * params.size.x + p.x]), f32(inside));
    places[lane] = place;
  }
  workgroupBarrier();
  let at = params.origin + id.xy;
  if (any(id.xy >= params.extent) | any(at >= params.size)) {
    return;
  }
  let i = at.y * params.size.x + at.x;
  let p = image[i];
  let here = vec2<f32>(at);
  var sum = vec4<f32>(0.0);
  for (var k = 0u; k < SAMPLES; k++) {
    let away = here - places[k];
    let sample = ring[k];
    let w = sample.w / max(dot(away, away), 0.25);
    sum += w * vec4<f32>(sample.xyz, 1.0);
  }
  let edge = usable(params.edge, 0.001, 65536.0);
  let cover = 1.0 - smoothstep(radius - edge, radius, distance(here, centre));
  let fill = sum.xyz / max(sum.w, 1.0e-20);
  rgba[i] = packed(mix(colour(p), fill, select(0.0, cover, sum.w > 0.0)), p);
}
