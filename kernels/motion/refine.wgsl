// Sweeps of successive over-relaxation on the robust flow energy (Brox et al., ECCV 2004; constraint normalisation of
// Zimmer et al., IJCV 2011), within blocks of 4x4 pixels that one thread holds. Data: constancy of brightness (delta) and
// of its gradient (gamma), linearised around the flow that `warped` was seen along; the smoothness (alpha) is isotropic,
// flow-driven, and weaker on strong edges of the picture. The system is made anew for each dispatch: that costs fewer
// loads than to fetch it. Blocks form a chessboard; a dispatch writes one colour. No thread reads what another writes: the
// pixels off the block's corners, which are of its own colour, count as they were where the pictures were linearised.
struct Params {
  width: u32, height: u32, colour: u32, alpha: f32,
  delta: f32, gamma: f32, zeta: f32, epsilon: f32,
  edge: f32, omega: f32, pad: vec2<u32>,
}
// A constant: some drivers compile a loop anew for each bound that a uniform gives.
const SWEEPS = 3u;
@group(0) @binding(0) var<uniform> params: Params;
// First picture, second along the flow, that flow.
@group(0) @binding(1) var<storage, read> warped: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> flow: array<vec2<f32>>;

// Six values of a row: one before the block, its four, one behind.
struct Row { before: f32, at: vec4<f32>, after: f32 }
// A row of the pictures, of the flow, and where it was linearised.
struct Line { a: Row, w: Row, u: Row, v: Row, u0: vec4<f32>, v0: vec4<f32> }
// What one row's pixels are relaxed by: how much of the old value stays, the inverse matrix times omega, the right side,
// and the weights of the edges to the left of each, to the right of the last, and below.
struct System {
  keep: vec4<f32>, i11: vec4<f32>, i12: vec4<f32>, i22: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>,
  left: vec4<f32>, right: f32,
}

fn lefts(r: Row) -> vec4<f32> { return vec4<f32>(r.before, r.at.xyz); }
fn rights(r: Row) -> vec4<f32> { return vec4<f32>(r.at.yzw, r.after); }

// `beside`: the row above or below the block.
fn line(x: u32, y: i32, beside: bool) -> Line {
  let row = u32(clamp(y, 0, i32(params.height) - 1)) * params.width;
  let end = params.width - 1u;
  let i = row + max(x, 1u) - 1u;
  let j = row + x;
  let k = row + min(x + 1u, end);
  let l = row + min(x + 2u, end);
  let m = row + min(x + 3u, end);
  let n = row + min(x + 4u, end);
  let pi = warped[i];
  let pj = warped[j];
  let pk = warped[k];
  let pl = warped[l];
  let pm = warped[m];
  let pn = warped[n];
  let fi = select(flow[i], pi.zw, beside);
  let fj = flow[j];
  let fk = flow[k];
  let fl = flow[l];
  let fm = flow[m];
  let fn_ = select(flow[n], pn.zw, beside);
  return Line(
    Row(pi.x, vec4<f32>(pj.x, pk.x, pl.x, pm.x), pn.x), Row(pi.y, vec4<f32>(pj.y, pk.y, pl.y, pm.y), pn.y),
    Row(fi.x, vec4<f32>(fj.x, fk.x, fl.x, fm.x), fn_.x), Row(fi.y, vec4<f32>(fj.y, fk.y, fl.y, fm.y), fn_.y),
    vec4<f32>(pj.z, pk.z, pl.z, pm.z), vec4<f32>(pj.w, pk.w, pl.w, pm.w));
}

// Weight of an edge by the squared differences across and along it, of the flow and of the first picture.
fn weight(bend: vec4<f32>, contrast: vec4<f32>) -> vec4<f32> {
  let e2 = params.epsilon * params.epsilon;
  let w = params.alpha / (sqrt(bend + e2) * (1.0 + params.edge * sqrt(contrast)));
  return select(vec4<f32>(0.0), w, w < vec4<f32>(1e12));
}
fn square(v: vec4<f32>) -> vec4<f32> { return v * v; }
// Along the edges between `first` and `second`, which lie between `low` and `high`.
fn along(low1: vec4<f32>, low2: vec4<f32>, high1: vec4<f32>, high2: vec4<f32>) -> vec4<f32> {
  return square(0.25 * (high1 + high2 - low1 - low2));
}
// Edges between the pixels of two lines, the lower one at row y.
fn between(p: Line, q: Line, y: u32) -> vec4<f32> {
  let bend = square(q.u.at - p.u.at) + square(q.v.at - p.v.at)
    + along(lefts(p.u), lefts(q.u), rights(p.u), rights(q.u)) + along(lefts(p.v), lefts(q.v), rights(p.v), rights(q.v));
  let contrast = square(q.a.at - p.a.at) + along(lefts(p.a), lefts(q.a), rights(p.a), rights(q.a));
  return select(vec4<f32>(0.0), weight(bend, contrast), y > 0u && y < params.height);
}

fn system(x: u32, y: u32, p: Line, q: Line, r: Line, above: vec4<f32>, below: vec4<f32>) -> System {
  // Edges inside the row.
  let lu = along(lefts(p.u), p.u.at, lefts(r.u), r.u.at) + along(lefts(p.v), p.v.at, lefts(r.v), r.v.at);
  let la = along(lefts(p.a), p.a.at, lefts(r.a), r.a.at);
  let ru = along(rights(p.u), p.u.at, rights(r.u), r.u.at) + along(rights(p.v), p.v.at, rights(r.v), r.v.at);
  let ra = along(rights(p.a), p.a.at, rights(r.a), r.a.at);
  let xs = vec4<u32>(x) + vec4<u32>(0u, 1u, 2u, 3u);
  let left = select(vec4<f32>(0.0),
    weight(square(q.u.at - lefts(q.u)) + square(q.v.at - lefts(q.v)) + lu, square(q.a.at - lefts(q.a)) + la),
    (xs > vec4<u32>(0u)) & (xs < vec4<u32>(params.width)));
  let last = weight(square(rights(q.u) - q.u.at) + square(rights(q.v) - q.v.at) + ru, square(rights(q.a) - q.a.at) + ra).w;
  let right = select(0.0, last, x + 4u < params.width);

  // Derivatives of the mean m and of the difference d of both pictures.
  let half = vec4<f32>(0.5);
  let mc = half * (q.a.at + q.w.at);
  let ml = half * (lefts(q.a) + lefts(q.w));
  let mr = half * (rights(q.a) + rights(q.w));
  let mt = half * (p.a.at + p.w.at);
  let md = half * (r.a.at + r.w.at);
  let corners = half * (rights(r.a) + rights(r.w)) - half * (rights(p.a) + rights(p.w)) - half * (lefts(r.a) + lefts(r.w))
    + half * (lefts(p.a) + lefts(p.w));
  let ix = half * (mr - ml);
  let iy = half * (md - mt);
  let ixx = mr - 2.0 * mc + ml;
  let iyy = md - 2.0 * mc + mt;
  let ixy = 0.25 * corners;
  let dc = q.w.at - q.a.at;
  let dx = half * ((rights(q.w) - rights(q.a)) - (lefts(q.w) - lefts(q.a)));
  let dy = half * ((r.w.at - r.a.at) - (p.w.at - p.a.at));

  let z2 = params.zeta * params.zeta;
  let e2 = params.epsilon * params.epsilon;
  let n0 = 1.0 / (ix * ix + iy * iy + z2);
  let nx = 1.0 / (ixx * ixx + ixy * ixy + z2);
  let ny = 1.0 / (ixy * ixy + iyy * iyy + z2);
  // Robust weights by what is left of the residuals at the present flow.
  let du = q.u.at - q.u0;
  let dv = q.v.at - q.v0;
  let w0 = params.delta * n0 / sqrt(square(dc + ix * du + iy * dv) * n0 + e2);
  let w1 = params.gamma / sqrt(square(dx + ixx * du + ixy * dv) * nx + square(dy + ixy * du + iyy * dv) * ny + e2);
  var a11 = w0 * ix * ix + w1 * (ixx * ixx * nx + ixy * ixy * ny);
  var a12 = w0 * ix * iy + w1 * (ixx * ixy * nx + ixy * iyy * ny);
  var a22 = w0 * iy * iy + w1 * (ixy * ixy * nx + iyy * iyy * ny);
  var b1 = a11 * q.u0 + a12 * q.v0 - w0 * ix * dc - w1 * (ixx * dx * nx + ixy * dy * ny);
  var b2 = a12 * q.u0 + a22 * q.v0 - w0 * iy * dc - w1 * (ixy * dx * nx + iyy * dy * ny);
  // A pixel whose target is outside or that cannot be computed has no say: smoothness alone fills it.
  let tx = vec4<f32>(xs) + q.u0;
  let ty = f32(y) + q.v0;
  let seen = (tx >= vec4<f32>(0.0)) & (tx <= vec4<f32>(f32(params.width - 1u)))
    & (ty >= vec4<f32>(0.0)) & (ty <= vec4<f32>(f32(params.height - 1u)))
    & (a11 < vec4<f32>(1e12)) & (a22 < vec4<f32>(1e12)) & (abs(b1) < vec4<f32>(1e15)) & (abs(b2) < vec4<f32>(1e15));
  let none = vec4<f32>(0.0);
  let total = left + vec4<f32>(left.yzw, right) + above + below;
  a11 = select(none, a11, seen) + total;
  a12 = select(none, a12, seen);
  a22 = select(none, a22, seen) + total;
  b1 = select(none, b1, seen);
  b2 = select(none, b2, seen);
  let det = a11 * a22 - a12 * a12;
  let good = det > vec4<f32>(1e-20);
  let k = select(none, params.omega / max(det, vec4<f32>(1e-20)), good);
  return System(select(vec4<f32>(1.0), vec4<f32>(1.0 - params.omega), good), a22 * k, -a12 * k, a11 * k, b1, b2, left, right);
}

// One pixel: its place in the row, the sum of its right side and its neighbours, its old value.
fn solve(s: System, i: u32, sum: vec2<f32>, old: vec2<f32>) -> vec2<f32> {
  let u = s.keep[i] * old + vec2<f32>(s.i11[i] * sum.x + s.i12[i] * sum.y, s.i12[i] * sum.x + s.i22[i] * sum.y);
  return select(old, u, abs(u.x) < 1e6 && abs(u.y) < 1e6);
}

// The row from left to right; gives the four u and the four v.
fn relax(s: System, q: Line, above: vec4<f32>, below: vec4<f32>, p: Line, r: Line) -> Line {
  let su = s.b1 + above * p.u.at + below * r.u.at;
  let sv = s.b2 + above * p.v.at + below * r.v.at;
  let j = solve(s, 0u, vec2<f32>(su.x, sv.x) + s.left.x * vec2<f32>(q.u.before, q.v.before)
    + s.left.y * vec2<f32>(q.u.at.y, q.v.at.y), vec2<f32>(q.u.at.x, q.v.at.x));
  let k = solve(s, 1u, vec2<f32>(su.y, sv.y) + s.left.y * j + s.left.z * vec2<f32>(q.u.at.z, q.v.at.z),
    vec2<f32>(q.u.at.y, q.v.at.y));
  let l = solve(s, 2u, vec2<f32>(su.z, sv.z) + s.left.z * k + s.left.w * vec2<f32>(q.u.at.w, q.v.at.w),
    vec2<f32>(q.u.at.z, q.v.at.z));
  let m = solve(s, 3u, vec2<f32>(su.w, sv.w) + s.left.w * l + s.right * vec2<f32>(q.u.after, q.v.after),
    vec2<f32>(q.u.at.w, q.v.at.w));
  return Line(q.a, q.w, Row(q.u.before, vec4<f32>(j.x, k.x, l.x, m.x), q.u.after),
    Row(q.v.before, vec4<f32>(j.y, k.y, l.y, m.y), q.v.after), q.u0, q.v0);
}

fn put(x: u32, y: u32, u: f32, v: f32) {
  if (x < params.width && y < params.height) { flow[y * params.width + x] = vec2<f32>(u, v); }
}
fn store(x: u32, y: u32, q: Line) {
  put(x, y, q.u.at.x, q.v.at.x);
  put(x + 1u, y, q.u.at.y, q.v.at.y);
  put(x + 2u, y, q.u.at.z, q.v.at.z);
  put(x + 3u, y, q.u.at.w, q.v.at.w);
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = 4u * (id.x * 2u + ((id.y + params.colour) & 1u));
  let y = 4u * id.y;
  if (x >= params.width || y >= params.height) { return; }
  let top = line(x, i32(y) - 1, true);
  var a = line(x, i32(y), false);
  var b = line(x, i32(y) + 1, false);
  var c = line(x, i32(y) + 2, false);
  var d = line(x, i32(y) + 3, false);
  let low = line(x, i32(y) + 4, true);
  let ta = between(top, a, y);
  let ab = between(a, b, y + 1u);
  let bc = between(b, c, y + 2u);
  let cd = between(c, d, y + 3u);
  let dl = between(d, low, y + 4u);
  let sa = system(x, y, top, a, b, ta, ab);
  let sb = system(x, y + 1u, a, b, c, ab, bc);
  let sc = system(x, y + 2u, b, c, d, bc, cd);
  let sd = system(x, y + 3u, c, d, low, cd, dl);
  for (var i = 0u; i < SWEEPS; i++) {
    a = relax(sa, a, ta, ab, top, b);
    b = relax(sb, b, ab, bc, a, c);
    c = relax(sc, c, bc, cd, b, d);
    d = relax(sd, d, cd, dl, c, low);
  }
  store(x, y, a);
  store(x, y + 1u, b);
  store(x, y + 2u, c);
  store(x, y + 3u, d);
}
