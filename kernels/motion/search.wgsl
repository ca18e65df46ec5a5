// Inverse search of one patch (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016), with
// mean-normalised residuals. The start is the best of several candidates: the coarser flow at and around the
// patch, the flow back (minus the coarser backward flow at the target), and an initial flow at full size.
// Patches of 8x8 lie every 4 pixels from -2, so each pixel is covered by four; pixels off the picture weigh 0.
struct Params {
  width: u32, height: u32, patches_x: u32, patches_y: u32,
  coarse_width: u32, coarse_height: u32, init_width: u32, init_height: u32,
  init_scale: f32, iterations: u32, has_init: u32, pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> coarse_forward: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> coarse_backward: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read> init: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read_write> patches: array<vec4<f32>>;

// Clamps a coordinate into [0, last]; NaN becomes 0.
fn inside(x: f32, last: f32) -> f32 { return select(0.0, min(x, last), x > 0.0); }

fn sample_b(x: f32, y: f32) -> f32 {
  let cx = inside(x, f32(params.width - 1u));
  let cy = inside(y, f32(params.height - 1u));
  let x0 = u32(cx);
  let y0 = u32(cy);
  let x1 = min(x0 + 1u, params.width - 1u);
  let y1 = min(y0 + 1u, params.height - 1u);
  let top = mix(b[y0 * params.width + x0], b[y0 * params.width + x1], cx - f32(x0));
  let low = mix(b[y1 * params.width + x0], b[y1 * params.width + x1], cx - f32(x0));
  return mix(top, low, cy - f32(y0));
}

fn nearest(x: f32, y: f32, width: u32, height: u32) -> u32 {
  let cx = u32(inside(x + 0.5, f32(width - 1u)));
  let cy = u32(inside(y + 0.5, f32(height - 1u)));
  return cy * width + cx;
}

// The coarser flow at pixel (x, y) of this level, in pixels of this level.
fn forward_at(x: f32, y: f32) -> vec2<f32> {
  return 2.0 * coarse_forward[nearest((x - 0.5) * 0.5, (y - 0.5) * 0.5, params.coarse_width, params.coarse_height)];
}
fn backward_at(x: f32, y: f32) -> vec2<f32> {
  return 2.0 * coarse_backward[nearest((x - 0.5) * 0.5, (y - 0.5) * 0.5, params.coarse_width, params.coarse_height)];
}

// Mean-normalised mean square residual over what both pictures hold of the patch, and its number of pixels.
fn cost(ox: i32, oy: i32, u: vec2<f32>) -> vec2<f32> {
  var n = 0.0;
  var sum = 0.0;
  var square = 0.0;
  for (var j = max(oy, 0); j < min(oy + 8, i32(params.height)); j++) {
    let y = f32(j) + u.y;
    if (!(y >= 0.0 && y <= f32(params.height - 1u))) { continue; }
    for (var i = max(ox, 0); i < min(ox + 8, i32(params.width)); i++) {
      let x = f32(i) + u.x;
      if (!(x >= 0.0 && x <= f32(params.width - 1u))) { continue; }
      let d = sample_b(x, y) - a[u32(j) * params.width + u32(i)];
      n += 1.0;
      sum += d;
      square += d * d;
    }
  }
  if (n < 12.0) { return vec2<f32>(1e9, n); }
  let c = (square - sum * sum / n) / n;
  return vec2<f32>(select(1e9, c, c < 1e9), n);
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.patches_x || id.y >= params.patches_y) { return; }
  let ox = i32(id.x) * 4 - 2;
  let oy = i32(id.y) * 4 - 2;
  let cx = f32(ox) + 3.5;
  let cy = f32(oy) + 3.5;

  var best_u = forward_at(cx, cy);
  if (!(abs(best_u.x) < 1e6 && abs(best_u.y) < 1e6)) { best_u = vec2<f32>(0.0); }
  var best = cost(ox, oy, best_u);
  let back = -backward_at(cx + best_u.x, cy + best_u.y);
  for (var k = 0; k < 6; k++) {
    var u = back;
    if (k < 4) {
      // Right, left, below, above by one patch of the coarser level.
      let side = select(-8.0, 8.0, (k & 1) == 0);
      u = forward_at(cx + select(side, 0.0, k > 1), cy + select(0.0, side, k > 1));
    } else if (k == 5) {
      if (params.has_init == 0u) { continue; }
      u = init[nearest((cx + 0.5) / params.init_scale - 0.5, (cy + 0.5) / params.init_scale - 0.5,
        params.init_width, params.init_height)] * params.init_scale;
    }
    if (!(abs(u.x) < 1e6 && abs(u.y) < 1e6)) { continue; }
    let d = u - best_u;
    if (dot(d, d) < 0.01) { continue; }
    let c = cost(ox, oy, u);
    if (c.x < best.x) {
      best = c;
      best_u = u;
    }
  }

  // Gauss-Newton with the template's Hessian.
  var n = 0.0;
  var g = vec2<f32>(0.0);
  var h = vec3<f32>(0.0);
  for (var j = max(oy, 0); j < min(oy + 8, i32(params.height)); j++) {
    for (var i = max(ox, 0); i < min(ox + 8, i32(params.width)); i++) {
      let d = gradient[u32(j) * params.width + u32(i)];
      n += 1.0;
      g += d;
      h += vec3<f32>(d.x * d.x, d.x * d.y, d.y * d.y);
    }
  }
  h -= vec3<f32>(g.x * g.x, g.x * g.y, g.y * g.y) / max(n, 1.0);
  let damp = 0.01 * (h.x + h.z) + 1.0;
  h.x += damp;
  h.z += damp;
  let det = h.x * h.z - h.y * h.y;
  var u = best_u;
  for (var it = 0u; it < params.iterations; it++) {
    n = 0.0;
    g = vec2<f32>(0.0);
    var sum = 0.0;
    var r = vec2<f32>(0.0);
    for (var j = max(oy, 0); j < min(oy + 8, i32(params.height)); j++) {
      let y = f32(j) + u.y;
      if (!(y >= 0.0 && y <= f32(params.height - 1u))) { continue; }
      for (var i = max(ox, 0); i < min(ox + 8, i32(params.width)); i++) {
        let x = f32(i) + u.x;
        if (!(x >= 0.0 && x <= f32(params.width - 1u))) { continue; }
        let at = u32(j) * params.width + u32(i);
        let d = sample_b(x, y) - a[at];
        let grad = gradient[at];
        n += 1.0;
        sum += d;
        g += grad;
        r += grad * d;
      }
    }
    r -= g * sum / max(n, 1.0);
    let step = vec2<f32>(h.z * r.x - h.y * r.y, h.x * r.y - h.y * r.x) / det;
    let size = dot(step, step);
    if (!(size < 1e6)) { break; }
    u -= step;
    if (size < 1e-4) { break; }
  }
  let moved = u - best_u;
  if (dot(moved, moved) < 64.0) {
    let c = cost(ox, oy, u);
    if (c.x < best.x) {
      best = c;
      best_u = u;
    }
  }
  patches[id.y * params.patches_x + id.x] = vec4<f32>(best_u, best);
}
