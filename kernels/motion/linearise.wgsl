// The robust flow energy (Brox et al., ECCV 2004; constraint normalisation of Zimmer et al., IJCV 2011) as one
// linear system around the present flow: per pixel a symmetric 2x2 data matrix A, its right side A w - b, and
// the smoothness weight. Data: constancy of brightness (delta) and of its gradient (gamma); the smoothness
// (alpha) is isotropic, flow-driven, and weaker on strong edges of the picture.
struct Params {
  width: u32, height: u32, alpha: f32, delta: f32,
  gamma: f32, zeta: f32, epsilon: f32, edge: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> warped: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> system: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> right: array<vec2<f32>>;

fn index(x: i32, y: i32) -> u32 {
  let cx = clamp(x, 0, i32(params.width) - 1);
  let cy = clamp(y, 0, i32(params.height) - 1);
  return u32(cy) * params.width + u32(cx);
}
// (mean of both pictures, difference)
fn pair(x: i32, y: i32) -> vec2<f32> {
  let i = index(x, y);
  let w = warped[i].x;
  return vec2<f32>(0.5 * (a[i] + w), w - a[i]);
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let x = i32(id.x);
  let y = i32(id.y);
  let here = index(x, y);
  let l = pair(x - 1, y);
  let r = pair(x + 1, y);
  let t = pair(x, y - 1);
  let d = pair(x, y + 1);
  let c = pair(x, y);
  let gx = 0.5 * (r - l);
  let gy = 0.5 * (d - t);
  let ixx = r.x - 2.0 * c.x + l.x;
  let iyy = d.x - 2.0 * c.x + t.x;
  let ixy = 0.25 * (pair(x + 1, y + 1).x - pair(x + 1, y - 1).x - pair(x - 1, y + 1).x + pair(x - 1, y - 1).x);
  let z2 = params.zeta * params.zeta;
  let e2 = params.epsilon * params.epsilon;
  let n0 = 1.0 / (gx.x * gx.x + gy.x * gy.x + z2);
  let nx = 1.0 / (ixx * ixx + ixy * ixy + z2);
  let ny = 1.0 / (ixy * ixy + iyy * iyy + z2);
  let w0 = params.delta * n0 / sqrt(c.y * c.y * n0 + e2);
  let w1 = params.gamma / sqrt(gx.y * gx.y * nx + gy.y * gy.y * ny + e2);
  let seen = warped[here].y;
  var m = vec3<f32>(
    w0 * gx.x * gx.x + w1 * (ixx * ixx * nx + ixy * ixy * ny),
    w0 * gx.x * gy.x + w1 * (ixx * ixy * nx + ixy * iyy * ny),
    w0 * gy.x * gy.x + w1 * (ixy * ixy * nx + iyy * iyy * ny)) * seen;
  var s = vec2<f32>(
    w0 * gx.x * c.y + w1 * (ixx * gx.y * nx + ixy * gy.y * ny),
    w0 * gy.x * c.y + w1 * (ixy * gx.y * nx + iyy * gy.y * ny)) * seen;
  let u = flow[here];
  let ux = 0.5 * (flow[index(x + 1, y)] - flow[index(x - 1, y)]);
  let uy = 0.5 * (flow[index(x, y + 1)] - flow[index(x, y - 1)]);
  let ax = 0.5 * (a[index(x + 1, y)] - a[index(x - 1, y)]);
  let ay = 0.5 * (a[index(x, y + 1)] - a[index(x, y - 1)]);
  let bend = sqrt(dot(ux, ux) + dot(uy, uy) + e2);
  var weight = params.alpha / (bend * (1.0 + params.edge * sqrt(ax * ax + ay * ay)));
  // A pixel that cannot be computed has no say: smoothness alone fills it.
  if (!(abs(m.x) < 1e12 && abs(m.z) < 1e12 && abs(s.x) < 1e12 && abs(s.y) < 1e12)) {
    m = vec3<f32>(0.0);
    s = vec2<f32>(0.0);
  }
  if (!(weight < 1e12)) { weight = params.alpha; }
  var rhs = vec2<f32>(m.x * u.x + m.y * u.y, m.y * u.x + m.z * u.y) - s;
  if (!(abs(rhs.x) < 1e15 && abs(rhs.y) < 1e15)) {
    m = vec3<f32>(0.0);
    rhs = vec2<f32>(0.0);
  }
  system[here] = vec4<f32>(m, weight);
  right[here] = rhs;
}
