// Inverse search of one patch (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016), with
// mean-normalised residuals. The start is the best of several candidates: the coarser flow at and around the
// patch, the flow back (minus the coarser backward flow at the target), and an initial flow at full size.
// Patches of 8x8 lie every 4 pixels from -2, so each pixel is covered by four; pixels off the picture weigh 0.
// A patch moves as a whole, so its pixels share their bilinear weights and neighbours their samples.
struct Params {
  width: u32, height: u32, patches_x: u32, patches_y: u32,
  coarse_width: u32, coarse_height: u32, init_width: u32, init_height: u32,
  init_scale: f32, iterations: u32, has_init: u32, pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> coarse_forward: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> coarse_backward: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> init: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read_write> patches: array<vec4<f32>>;

// Eight pixels of a row, with their neighbours in `Ten`.
struct Eight { p: vec4<f32>, q: vec4<f32> }
struct Ten { before: f32, p: vec4<f32>, q: vec4<f32>, after: f32 }
// Over the pixels that both pictures hold: their number, sums of the difference d, of d squared, of the gradient g, of g
// times d, and of g's outer product (xx, xy, yy).
struct Sums { n: f32, d: f32, dd: f32, g: vec2<f32>, gd: vec2<f32>, gg: vec3<f32> }

fn pair(v: u32) -> vec2<f32> { return 255.0 * unpack2x16unorm(v); }
fn quad(v: vec2<u32>) -> vec4<f32> { return vec4<f32>(pair(v.x), pair(v.y)); }
// Place of pixel x in row y, edges repeated.
fn place(x: i32, y: i32) -> u32 {
  return u32(clamp(y, 0, i32(params.height) - 1)) * (params.width + 16u) + u32(clamp(x, -8, i32(params.width) - 1) + 8);
}
fn row_a(x: i32, y: i32) -> Ten {
  let at = place(x - 1, y);
  let i = quad(a[at]);
  let j = quad(a[at + 4u]);
  let k = pair(a[at + 8u].x);
  return Ten(i.x, vec4<f32>(i.yzw, j.x), vec4<f32>(j.yzw, k.x), k.y);
}
fn row_b(x: i32, y: i32, t: f32) -> Eight {
  let at = place(x, y);
  let i = quad(b[at]);
  let j = quad(b[at + 4u]);
  let k = pair(b[at + 8u].x).x;
  return Eight(mix(i, vec4<f32>(i.yzw, j.x), t), mix(j, vec4<f32>(j.yzw, k), t));
}

// 1 where a coordinate and its target lie on the picture, else 0.
fn seen(x: vec4<f32>, u: f32, last: f32) -> vec4<f32> {
  let target_ = x + u;
  let on = (x >= vec4<f32>(0.0)) & (x <= vec4<f32>(last)) & (target_ >= vec4<f32>(0.0)) & (target_ <= vec4<f32>(last));
  return select(vec4<f32>(0.0), vec4<f32>(1.0), on);
}

fn evaluate(ox: i32, oy: i32, u: vec2<f32>) -> Sums {
  let whole = floor(u);
  let t = u - whole;
  let x = ox + i32(whole.x);
  let y = oy + i32(whole.y);
  let places = vec4<f32>(f32(ox)) + vec4<f32>(0.0, 1.0, 2.0, 3.0);
  let mp = seen(places, u.x, f32(params.width - 1u));
  let mq = seen(places + 4.0, u.x, f32(params.width - 1u));
  var s = Sums(0.0, 0.0, 0.0, vec2<f32>(0.0), vec2<f32>(0.0), vec3<f32>(0.0));
  var above = row_a(ox, oy - 1);
  var here = row_a(ox, oy);
  var upper = row_b(x, y, t.x);
  for (var j = 0; j < 8; j++) {
    let below = row_a(ox, oy + j + 1);
    let lower = row_b(x, y + j + 1, t.x);
    let m = seen(vec4<f32>(f32(oy + j)), u.y, f32(params.height - 1u)).x;
    let p = m * mp;
    let q = m * mq;
    let dp = mix(upper.p, lower.p, t.y) - here.p;
    let dq = mix(upper.q, lower.q, t.y) - here.q;
    let xp = 0.5 * (vec4<f32>(here.p.yzw, here.q.x) - vec4<f32>(here.before, here.p.xyz));
    let xq = 0.5 * (vec4<f32>(here.q.yzw, here.after) - vec4<f32>(here.p.w, here.q.xyz));
    let yp = 0.5 * (below.p - above.p);
    let yq = 0.5 * (below.q - above.q);
    s.n += dot(p, vec4<f32>(1.0)) + dot(q, vec4<f32>(1.0));
    s.d += dot(p, dp) + dot(q, dq);
    s.dd += dot(p, dp * dp) + dot(q, dq * dq);
    s.g += vec2<f32>(dot(p, xp) + dot(q, xq), dot(p, yp) + dot(q, yq));
    s.gd += vec2<f32>(dot(p, xp * dp) + dot(q, xq * dq), dot(p, yp * dp) + dot(q, yq * dq));
    s.gg += vec3<f32>(dot(p, xp * xp) + dot(q, xq * xq), dot(p, xp * yp) + dot(q, xq * yq), dot(p, yp * yp) + dot(q, yq * yq));
    above = here;
    here = below;
    upper = lower;
  }
  return s;
}

// Mean-normalised mean square residual.
fn cost(s: Sums) -> f32 {
  let c = (s.dd - s.d * s.d / max(s.n, 1.0)) / max(s.n, 1.0);
  return select(1e9, c, s.n >= 12.0 && c < 1e9);
}

// The Gauss-Newton step of the displacement.
fn newton(s: Sums) -> vec2<f32> {
  let n = max(s.n, 1.0);
  let r = s.gd - s.g * s.d / n;
  var h = s.gg - vec3<f32>(s.g.x * s.g.x, s.g.x * s.g.y, s.g.y * s.g.y) / n;
  let damp = 0.01 * (h.x + h.z) + 1.0;
  h.x += damp;
  h.z += damp;
  return -vec2<f32>(h.z * r.x - h.y * r.y, h.x * r.y - h.y * r.x) / (h.x * h.z - h.y * h.y);
}

// Clamps a coordinate into [0, last]; NaN becomes 0.
fn inside(x: f32, last: f32) -> f32 { return select(0.0, min(x, last), x > 0.0); }
fn nearest(x: f32, y: f32, width: u32, height: u32) -> u32 {
  let cx = u32(inside(x + 0.5, f32(width - 1u)));
  let cy = u32(inside(y + 0.5, f32(height - 1u)));
  return cy * width + cx;
}
fn coarse(x: f32, y: f32) -> u32 {
  return nearest((x - 0.5) * 0.5, (y - 0.5) * 0.5, params.coarse_width, params.coarse_height);
}
// The coarser flow at pixel (x, y) of this level, in pixels of this level.
fn forward_at(x: f32, y: f32) -> vec2<f32> { return 2.0 * coarse_forward[coarse(x, y)]; }
fn finite(u: vec2<f32>) -> bool { return abs(u.x) < 1e6 && abs(u.y) < 1e6; }

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.patches_x || id.y >= params.patches_y) { return; }
  let ox = i32(id.x) * 4 - 2;
  let oy = i32(id.y) * 4 - 2;
  let cx = f32(ox) + 3.5;
  let cy = f32(oy) + 3.5;

  var first = forward_at(cx, cy);
  if (!finite(first)) { first = vec2<f32>(0.0); }
  let to = coarse(cx + first.x, cy + first.y);
  var best_u = first;
  var best = evaluate(ox, oy, first);
  for (var k = 0u; k < 6u; k++) {
    var u = first;
    if (k < 4u) {
      // Right, left, below, above by one patch of the coarser level.
      let side = select(-8.0, 8.0, (k & 1u) == 0u);
      u = forward_at(cx + select(side, 0.0, k > 1u), cy + select(0.0, side, k > 1u));
    } else if (k == 4u) {
      u = -2.0 * coarse_backward[to];
    } else if (params.has_init == 1u) {
      u = init[nearest((cx + 0.5) / params.init_scale - 0.5, (cy + 0.5) / params.init_scale - 0.5,
        params.init_width, params.init_height)] * params.init_scale;
    }
    let d = u - best_u;
    if (!finite(u) || dot(d, d) < 0.01) { continue; }
    let s = evaluate(ox, oy, u);
    if (cost(s) < cost(best)) {
      best = s;
      best_u = u;
    }
  }

  let start = best_u;
  var u = best_u;
  var s = best;
  for (var i = 0u; i < params.iterations; i++) {
    let step = newton(s);
    let size = dot(step, step);
    u += step;
    let moved = u - start;
    if (!(size < 1e6 && dot(moved, moved) < 64.0) || size < 1e-4) { break; }
    s = evaluate(ox, oy, u);
    if (cost(s) < cost(best)) {
      best = s;
      best_u = u;
    }
  }
  patches[id.y * params.patches_x + id.x] = vec4<f32>(best_u, cost(best), best.n);
}
