// What the camera does to a step's flow: the instantaneous motion of a plane (Longuet-Higgins 1984, eight
// parameters), fitted by iterated least squares with Geman-McClure weights of falling scale, and the epipole that
// what is left points to or from (parallax), fitted the same way to the directions of what is left.
//
// Positions are from the centre in halves of the long side, flows in standard pixels a span
// of time. `model` is
//   (p0 p1 p2 p3) (p4 p5 p6 p7): u = p0 + p1 x + p2 y + p6 x^2 + p7 x y, v = p3 + p4 x + p5 y + p6 x y + p7 y^2
//   (epipole x, y, w; mean weight of the flow under the plane)
//   (mean length of the plane's motion, points, share of points that the plane or parallax explains, 0)
struct Params { width: u32, height: u32, stride: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> model: array<vec4<f32>>;

const LANES: u32 = 64u;
const SUMS: u32 = 21u;
const ROUNDS: u32 = 9u;

var<workgroup> parts: array<f32, 1344>;
var<workgroup> sums: array<f32, 21>;
var<workgroup> p: array<f32, 8>;
var<workgroup> e: array<f32, 3>;

fn plane(x: f32, y: f32) -> vec2<f32> {
  return vec2<f32>(p[0] + p[1] * x + p[2] * y + p[6] * x * x + p[7] * x * y,
    p[3] + p[4] * x + p[5] * y + p[6] * x * y + p[7] * y * y);
}

fn add_up(lane: u32, count: u32) {
  workgroupBarrier();
  if (lane < count) {
    var sum = 0.0;
    for (var i = 0u; i < LANES; i++) { sum += parts[i * SUMS + lane]; }
    sums[lane] = sum;
  }
  workgroupBarrier();
}

// The eight parameters from the 21 sums: Gauss elimination of the damped normal equations.
fn solve() {
  let n = sums[0];
  var m: array<f32, 72>;
  for (var i = 0u; i < 72u; i++) { m[i] = 0.0; }
  for (var b = 0u; b < 2u; b++) {
    let o = b * 3u;
    m[o * 9u + o] = n;
    m[o * 9u + o + 1u] = sums[1];
    m[o * 9u + o + 2u] = sums[2];
    m[(o + 1u) * 9u + o + 1u] = sums[3];
    m[(o + 1u) * 9u + o + 2u] = sums[4];
    m[(o + 2u) * 9u + o + 2u] = sums[5];
  }
  m[6] = sums[3];
  m[7] = sums[4];
  m[15] = sums[6];
  m[16] = sums[7];
  m[24] = sums[7];
  m[25] = sums[8];
  m[33] = sums[4];
  m[34] = sums[5];
  m[42] = sums[7];
  m[43] = sums[8];
  m[51] = sums[8];
  m[52] = sums[9];
  m[60] = sums[10];
  m[61] = sums[12];
  m[70] = sums[11];
  for (var i = 0u; i < 8u; i++) {
    for (var j = 0u; j < i; j++) { m[i * 9u + j] = m[j * 9u + i]; }
    m[i * 9u + 8u] = sums[13u + i];
    m[i * 9u + i] += 1e-4 * n + 1e-6;
  }
  for (var k = 0u; k < 8u; k++) {
    let pivot = 1.0 / m[k * 10u];
    for (var i = k + 1u; i < 8u; i++) {
      let f = m[i * 9u + k] * pivot;
      for (var j = k; j < 9u; j++) { m[i * 9u + j] -= f * m[k * 9u + j]; }
    }
  }
  for (var k = 0u; k < 8u; k++) {
    let i = 7u - k;
    var sum = m[i * 9u + 8u];
    for (var j = i + 1u; j < 8u; j++) { sum -= m[i * 9u + j] * p[j]; }
    p[i] = sum / m[i * 10u];
  }
}

// The direction that the quadratic form of the six sums (11 12 13 22 23 33) makes smallest: power iterations with
// its adjugate, from the epipole so far.
fn smallest() {
  let damp = 1e-4 * (sums[0] + sums[3] + sums[5]) + 1e-9;
  let a = sums[0] + damp;
  let b = sums[1];
  let c = sums[2];
  let d = sums[3] + damp;
  let f = sums[4];
  let g = sums[5] + damp;
  let r0 = vec3<f32>(d * g - f * f, c * f - b * g, b * f - c * d);
  let r1 = vec3<f32>(r0.y, a * g - c * c, b * c - a * f);
  let r2 = vec3<f32>(r0.z, r1.z, a * d - b * b);
  var v = vec3<f32>(e[0], e[1], e[2]);
  for (var i = 0u; i < 6u; i++) {
    let next = vec3<f32>(dot(r0, v), dot(r1, v), dot(r2, v));
    let size = max(max(abs(next.x), abs(next.y)), abs(next.z));
    if (size > 1e-30) { v = next / size; }
  }
  v = v / max(length(v), 1e-12);
  e[0] = v.x;
  e[1] = v.y;
  e[2] = v.z;
}

@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  let across = (params.width + params.stride - 1u) / params.stride;
  let points = across * ((params.height + params.stride - 1u) / params.stride);
  let half = 0.5 * f32(max(params.width, params.height));
  let cx = 0.5 * (f32(params.width) - 1.0);
  let cy = 0.5 * (f32(params.height) - 1.0);
  if (lane < 8u) { p[lane] = 0.0; }
  if (lane < 3u) { e[lane] = 0.577; }
  workgroupBarrier();
  // The first round weighs all alike.
  var scales = array<f32, 9>(1e6, 16.0, 8.0, 4.0, 2.0, 1.0, 0.7, 0.5, 0.5);
  var count = 0.0;
  for (var round = 0u; round < ROUNDS; round++) {
    let s2 = scales[round] * scales[round];
    var t: array<f32, 21>;
    for (var i = 0u; i < SUMS; i++) { t[i] = 0.0; }
    count = 0.0;
    for (var k = lane; k < points; k += LANES) {
      let px = (k % across) * params.stride;
      let py = (k / across) * params.stride;
      let at = py * params.width + px;
      if (state[at] == 3u) {
        let x = (f32(px) - cx) / half;
        let y = (f32(py) - cy) / half;
        let q = flow[at] * params.scale;
        let r = q - plane(x, y);
        let g = s2 / (s2 + dot(r, r));
        let w = g * g;
        count += 1.0;
        let wx = w * x;
        let wy = w * y;
        let xx = wx * x;
        let xy = wx * y;
        let yy = wy * y;
        t[0] += w;
        t[1] += wx;
        t[2] += wy;
        t[3] += xx;
        t[4] += xy;
        t[5] += yy;
        t[6] += xx * x;
        t[7] += xx * y;
        t[8] += yy * x;
        t[9] += yy * y;
        t[10] += xx * x * x + xx * y * y;
        t[11] += xx * y * y + yy * y * y;
        t[12] += xx * x * y + xy * y * y;
        t[13] += w * q.x;
        t[14] += wx * q.x;
        t[15] += wy * q.x;
        t[16] += w * q.y;
        t[17] += wx * q.y;
        t[18] += wy * q.y;
        t[19] += xx * q.x + xy * q.y;
        t[20] += xy * q.x + yy * q.y;
      }
    }
    for (var i = 0u; i < SUMS; i++) { parts[lane * SUMS + i] = t[i]; }
    add_up(lane, SUMS);
    if (lane == 0u) { solve(); }
    workgroupBarrier();
  }
  let weight = sums[0];
  for (var round = 2u; round < ROUNDS; round++) {
    let s2 = scales[round] * scales[round];
    var t: array<f32, 6>;
    for (var i = 0u; i < 6u; i++) { t[i] = 0.0; }
    let ex = e[0];
    let ey = e[1];
    let ew = e[2];
    for (var k = lane; k < points; k += LANES) {
      let px = (k % across) * params.stride;
      let py = (k / across) * params.stride;
      let at = py * params.width + px;
      if (state[at] == 3u) {
        let x = (f32(px) - cx) / half;
        let y = (f32(py) - cy) / half;
        let r = flow[at] * params.scale - plane(x, y);
        let l = vec3<f32>(r.y, -r.x, r.x * y - r.y * x);
        let to = vec2<f32>(x * ew - ex, y * ew - ey);
        let reach = max(length(to), 0.02);
        let off = (l.x * ex + l.y * ey + l.z * ew) / reach;
        let g = select(s2 / (s2 + off * off), 1.0, round == 2u);
        let w = g * g / (select(reach * reach, 1.0, round == 2u) * (1.0 + 0.05 * dot(r, r)));
        t[0] += w * l.x * l.x;
        t[1] += w * l.x * l.y;
        t[2] += w * l.x * l.z;
        t[3] += w * l.y * l.y;
        t[4] += w * l.y * l.z;
        t[5] += w * l.z * l.z;
      }
    }
    for (var i = 0u; i < 6u; i++) { parts[lane * SUMS + i] = t[i]; }
    add_up(lane, 6u);
    if (lane == 0u) { smallest(); }
    workgroupBarrier();
  }
  var moved = 0.0;
  for (var k = lane; k < points; k += LANES) {
    let x = (f32((k % across) * params.stride) - cx) / half;
    let y = (f32((k / across) * params.stride) - cy) / half;
    moved += length(plane(x, y));
  }
  parts[lane * SUMS] = moved;
  parts[lane * SUMS + 1u] = count;
  add_up(lane, 2u);
  if (lane == 0u) {
    let n = sums[1];
    // Fewer points than that tell nothing: the camera is taken to stand.
    let known = n >= 16.0;
    for (var i = 0u; i < 8u; i++) { p[i] = select(0.0, p[i], known); }
    model[0] = vec4<f32>(p[0], p[1], p[2], p[3]);
    model[1] = vec4<f32>(p[4], p[5], p[6], p[7]);
    model[2] = vec4<f32>(e[0], e[1], e[2], select(0.0, weight / max(n, 1.0), known));
    model[3] = vec4<f32>(select(0.0, sums[0] / f32(max(points, 1u)), known), n, f32(points), 0.0);
  }
}
