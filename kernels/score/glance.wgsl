// What leads from one small picture to the next: how the whole of it moves, by how much it changes, and whether it comes in
// turn. Pictures lie one after the other; workgroup `i` has number `i + 2` and the two before it, of which those that the
// first two numbers have may be missing.
//
// A shift, a turn, a zoom and a change of light, by Gauss-Newton steps on the difference of luma with Geman-McClure weights of
// falling scale. At the coarser of two sizes with the mean of both pictures' gradients (Benhimane and Malis 2004), at the
// finer, where little is left to find, with those of the first. Of each pair `ledger` gets two vectors:
//   (shift u, v, turn, zoom) in standard pixels, the last two at half the long side
//   (mean difference without motion, largest of a cell, in grey levels; disorder; mean weight of the pixels: how well the picture is
//   found again)
// Disorder is by how much pictures two apart are more alike than neighbours are, cell by cell, over all that they differ by:
// what moves on is ever less like what it was, so it is 0 but where frames change places or the picture goes to and fro.
struct Params { width: u32, height: u32, small_width: u32, small_height: u32, cell: u32, known: u32, scale: f32, pad: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> small: array<f32>;
@group(0) @binding(2) var<storage, read> large: array<f32>;
@group(0) @binding(3) var<storage, read_write> ledger: array<vec4<f32>>;

const LANES: u32 = 64u;
const SUMS: u32 = 21u;
// Rounds at each size.
const ROUNDS: vec2<u32> = vec2<u32>(6u, 3u);

// The number of the first picture of the pair.
var<private> picture: u32;
var<workgroup> terms: array<f32, 1344>;
var<workgroup> totals: array<f32, 21>;
// Shift, turn and zoom in standard pixels; change of light.
var<workgroup> p: array<f32, 5>;

fn total(lane: u32, count: u32) {
  workgroupBarrier();
  if (lane < count) {
    var sum = 0.0;
    for (var i = 0u; i < LANES; i++) { sum += terms[i * SUMS + lane]; }
    totals[lane] = sum;
  }
  workgroupBarrier();
}

// The step from 15 sums of products (by rows) and five of the right side, damped; into `p`.
fn solve() {
  var m: array<f32, 30>;
  var k = 0u;
  for (var i = 0u; i < 5u; i++) {
    for (var j = i; j < 5u; j++) {
      m[i * 6u + j] = totals[k];
      m[j * 6u + i] = totals[k];
      k++;
    }
    m[i * 6u + 5u] = totals[15u + i];
  }
  // By one standard pixel, or a grey level, a picture without texture changes by next to nothing.
  for (var i = 0u; i < 5u; i++) { m[i * 6u + i] += 1e-3 * totals[20] + 1e-9; }
  for (var c = 0u; c < 5u; c++) {
    let pivot = 1.0 / m[c * 7u];
    for (var i = c + 1u; i < 5u; i++) {
      let f = m[i * 6u + c] * pivot;
      for (var j = c; j < 6u; j++) { m[i * 6u + j] -= f * m[c * 6u + j]; }
    }
  }
  var d: array<f32, 5>;
  for (var c = 0u; c < 5u; c++) {
    let i = 4u - c;
    var sum = m[i * 6u + 5u];
    for (var j = i + 1u; j < 5u; j++) { sum -= m[i * 6u + j] * d[j]; }
    d[i] = sum / m[i * 7u];
  }
  for (var i = 0u; i < 5u; i++) { p[i] -= d[i]; }
}

// Luma of the first picture of the pair, or `after` ones later, before it where that wraps round.
fn luma(coarse: bool, after: u32, x: u32, y: u32, w: u32, h: u32) -> f32 {
  let at = ((picture + after) * h + y) * w + x;
  if (coarse) { return small[at]; }
  return large[at];
}
// Of the second picture.
fn sample(coarse: bool, x: f32, y: f32, w: u32, h: u32) -> f32 {
  let u = clamp(x, 0.0, f32(w) - 1.0);
  let v = clamp(y, 0.0, f32(h) - 1.0);
  let i = u32(u);
  let j = u32(v);
  let i1 = min(i + 1u, w - 1u);
  let j1 = min(j + 1u, h - 1u);
  let top = mix1(luma(coarse, 1u, i, j, w, h), luma(coarse, 1u, i1, j, w, h), u - f32(i));
  return mix1(top, mix1(luma(coarse, 1u, i, j1, w, h), luma(coarse, 1u, i1, j1, w, h), u - f32(i)), v - f32(j));
}

// One round at one size.
fn improve(lane: u32, coarse: bool, w: u32, h: u32, s: f32) {
  let half = 0.5 * f32(max(w, h));
  let mid = vec2<f32>(0.5 * (f32(w) - 1.0), 0.5 * (f32(h) - 1.0));
  // Pixels in a standard one.
  let per = f32(min(w, h)) / params.scale;
  var q: array<f32, 5>;
  for (var i = 0u; i < 5u; i++) { q[i] = p[i]; }
  var t: array<f32, 21>;
  for (var i = 0u; i < SUMS; i++) { t[i] = 0.0; }
  for (var k = lane; k < w * h; k += LANES) {
    let x = k % w;
    let y = k / w;
    if (x == 0u || y == 0u || x + 1u >= w || y + 1u >= h) { continue; }
    let at = (vec2<f32>(f32(x), f32(y)) - mid) / half;
    let to = vec2<f32>(f32(x), f32(y)) + per * vec2<f32>(q[0] + q[3] * at.x - q[2] * at.y, q[1] + q[2] * at.x + q[3] * at.y);
    if (!(to.x >= 0.5 && to.y >= 0.5 && to.x <= f32(w) - 1.5 && to.y <= f32(h) - 1.5)) { continue; }
    let e = sample(coarse, to.x, to.y, w, h) - luma(coarse, 0u, x, y, w, h) - q[4];
    var gx = 0.5 * (luma(coarse, 0u, x + 1u, y, w, h) - luma(coarse, 0u, x - 1u, y, w, h));
    var gy = 0.5 * (luma(coarse, 0u, x, y + 1u, w, h) - luma(coarse, 0u, x, y - 1u, w, h));
    if (coarse) {
      gx = 0.5 * gx + 0.25 * (sample(true, to.x + 1.0, to.y, w, h) - sample(true, to.x - 1.0, to.y, w, h));
      gy = 0.5 * gy + 0.25 * (sample(true, to.x, to.y + 1.0, w, h) - sample(true, to.x, to.y - 1.0, w, h));
    }
    let g = s * s / (s * s + e * e);
    let weight = g * g;
    let j = array<f32, 5>(per * gx, per * gy, per * (gy * at.x - gx * at.y), per * (gx * at.x + gy * at.y), -1.0);
    var n = 0u;
    for (var c = 0u; c < 5u; c++) {
      for (var d = c; d < 5u; d++) {
        t[n] += weight * j[c] * j[d];
        n++;
      }
      t[15u + c] += weight * j[c] * e;
    }
    t[20] += weight;
  }
  for (var i = 0u; i < SUMS; i++) { terms[lane * SUMS + i] = t[i]; }
  total(lane, SUMS);
  if (lane == 0u) { solve(); }
  workgroupBarrier();
}

@compute @workgroup_size(64) fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  picture = wg.x + 1u;
  let out = wg.x * 2u;
  let w = params.width;
  let h = params.height;
  let across = (w + params.cell - 1u) / params.cell;
  let down = (h + params.cell - 1u) / params.cell;
  let cells = across * down;
  // How many of the pictures before the second of the pair there are.
  let known = min(wg.x + params.known, 2u);
  if (known == 0u) {
    if (lane < 2u) { ledger[out + lane] = vec4<f32>(0.0); }
    return;
  }
  if (lane < 5u) { p[lane] = 0.0; }
  workgroupBarrier();
  var scales = array<f32, 6>(128.0, 64.0, 32.0, 16.0, 12.0, 12.0);
  for (var r = 0u; r < ROUNDS.x; r++) { improve(lane, true, params.small_width, params.small_height, scales[r]); }
  for (var r = 0u; r < ROUNDS.y; r++) { improve(lane, false, w, h, 12.0); }
  // Every lane has it before the sums are of something else.
  let found = totals[20] / f32(max((max(w, 2u) - 2u) * (max(h, 2u) - 2u), 1u));
  workgroupBarrier();
  // How much the pictures differ, without motion.
  var still = 0.0;
  var most = 0.0;
  var back = 0.0;
  var all = 0.0;
  for (var c = lane; c < cells; c += LANES) {
    let x0 = (c % across) * params.cell;
    let y0 = (c / across) * params.cell;
    var now = 0.0;
    var last = 0.0;
    var both = 0.0;
    var n = 0.0;
    for (var y = y0; y < min(y0 + params.cell, h); y++) {
      for (var x = x0; x < min(x0 + params.cell, w); x++) {
        let a = luma(false, 0u, x, y, w, h);
        let b = luma(false, 1u, x, y, w, h);
        now += abs(b - a);
        n += 1.0;
        if (known > 1u) {
          let o = luma(false, 0xffffffffu, x, y, w, h);
          last += abs(a - o);
          both += abs(b - o);
        }
      }
    }
    n = max(n, 1.0);
    still += now;
    most = max(most, now / n);
    if (known > 1u) {
      back += max(max(now, last) - both, 0.0);
      // A grey level a pixel more: noise is in no order.
      all += max(now, last) + both + n;
    }
  }
  terms[lane * SUMS] = still;
  terms[lane * SUMS + 1u] = back;
  terms[lane * SUMS + 2u] = all;
  terms[lane * SUMS + 3u] = most;
  total(lane, 3u);
  if (lane == 0u) {
    for (var i = 0u; i < LANES; i++) { most = max(most, terms[i * SUMS + 3u]); }
    ledger[out] = vec4<f32>(p[0], p[1], p[2], p[3]);
    ledger[out + 1u] = vec4<f32>(totals[0] / f32(max(w * h, 1u)), most, totals[1] / max(totals[2], 1.0), found);
  }
}
