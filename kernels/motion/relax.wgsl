// Half a sweep of red-black successive over-relaxation on the linearised flow energy, both components of a
// pixel solved together. A sweep is one dispatch for each colour, so no pixel reads what another writes.
struct Params { width: u32, height: u32, colour: u32, omega: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> system: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> right: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> flow: array<vec2<f32>>;

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let y = id.y;
  let x = id.x * 2u + ((y + params.colour) & 1u);
  if (x >= params.width || y >= params.height) { return; }
  let here = y * params.width + x;
  let m = system[here];
  var sum = right[here];
  var total = 0.0;
  if (x > 0u) {
    let w = 0.5 * (m.w + system[here - 1u].w);
    sum += w * flow[here - 1u];
    total += w;
  }
  if (x + 1u < params.width) {
    let w = 0.5 * (m.w + system[here + 1u].w);
    sum += w * flow[here + 1u];
    total += w;
  }
  if (y > 0u) {
    let w = 0.5 * (m.w + system[here - params.width].w);
    sum += w * flow[here - params.width];
    total += w;
  }
  if (y + 1u < params.height) {
    let w = 0.5 * (m.w + system[here + params.width].w);
    sum += w * flow[here + params.width];
    total += w;
  }
  let p = m.x + total;
  let q = m.z + total;
  let det = p * q - m.y * m.y;
  let solved = vec2<f32>(q * sum.x - m.y * sum.y, p * sum.y - m.y * sum.x) / max(det, 1e-20);
  let u = flow[here] + params.omega * (solved - flow[here]);
  if (det > 1e-20 && abs(u.x) < 1e6 && abs(u.y) < 1e6) { flow[here] = u; }
}
