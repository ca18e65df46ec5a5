// The record of one step from its cells and those of the steps before and after it. An event is what happens in a
// few cells at one step only: the signal of a cell (residual against gradient, and the share without consistent
// flow) less the largest of its neighbourhood a step before and after, less the median of that over all cells.
// Fourteen vectors a record:
//   0 (inside, consistent, speed, residual)      1 (gradient, fine residual, block residual, 0)
//   2 (SSIM, its P10, change of flow, its median)  3 (its P90, own share, change of strain, 0)
//   4 (event, x, y, share of cells over .25)     5 (median impulse, worst change of flow, x, y)
//   6 (P90 block residual, deviation of a, own motion, P90 signal)   7 (event of the change of flow, x, y, cells)
//   8..12 the camera's model   12 (objects, their cells, cells lost, most change of an object's flow)
//   13 (mass of the event: the sum of the impulses of the 9x9 cells around it, cut at 1 each; 0, 0, 0)
// Places are in shares of the grid, cells in shares of all.
struct Params { across: u32, down: u32, at: u32, sides: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> before: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> now: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> after: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> model: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> objects: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> ledger: array<vec4<f32>>;

var<workgroup> signal: array<f32, 1024>;
var<workgroup> side: array<f32, 1024>;
var<workgroup> impulse: array<f32, 1024>;

fn signal_of(a: vec4<f32>, gradient: f32) -> f32 {
  return min(a.z / (gradient + 4.0), 2.0) + (1.0 - a.y) * a.x;
}

// Mean of the 3x3 neighbourhood in `impulse`.
fn around(c: u32) -> f32 {
  let x = i32(c % params.across);
  let y = i32(c / params.across);
  var sum = 0.0;
  var n = 0.0;
  for (var j = max(y - 1, 0); j <= min(y + 1, i32(params.down) - 1); j++) {
    for (var i = max(x - 1, 0); i <= min(x + 1, i32(params.across) - 1); i++) {
      sum += impulse[u32(j) * params.across + u32(i)];
      n += 1.0;
    }
  }
  return sum / n;
}
fn largest_side(c: u32) -> f32 {
  let x = i32(c % params.across);
  let y = i32(c / params.across);
  var best = 0.0;
  for (var j = max(y - 1, 0); j <= min(y + 1, i32(params.down) - 1); j++) {
    for (var i = max(x - 1, 0); i <= min(x + 1, i32(params.across) - 1); i++) {
      best = max(best, side[u32(j) * params.across + u32(i)]);
    }
  }
  return best;
}
fn centre(c: u32) -> vec2<f32> {
  return vec2<f32>((f32(c % params.across) + 0.5) / f32(params.across), (f32(c / params.across) + 0.5) / f32(params.down));
}
fn flow_at(c: u32) -> vec4<f32> {
  var last = vec2<f32>(0.0);
  if ((params.sides & 1u) != 0u) { last = before[c * 4u + 2u].xy; }
  return vec4<f32>(now[c * 4u + 2u].xy, last);
}

@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = params.across * params.down;
  let has_before = (params.sides & 1u) != 0u;
  let has_after = (params.sides & 2u) != 0u;
  var t: array<f32, 16>;
  for (var i = 0u; i < 16u; i++) { t[i] = 0.0; }
  for (var c = lane; c < n; c += LANES) {
    let q0 = now[c * 4u];
    let q1 = now[c * 4u + 1u];
    let q2 = now[c * 4u + 2u];
    let q3 = now[c * 4u + 3u];
    signal[c] = signal_of(q0, q1.x);
    var s = 0.0;
    if (has_before) { s = max(s, signal_of(before[c * 4u], before[c * 4u + 1u].x)); }
    if (has_after) { s = max(s, signal_of(after[c * 4u], after[c * 4u + 1u].x)); }
    side[c] = s;
    // Strain rate from the mean flow of the four neighbours, and its change since the step before.
    let x = c % params.across;
    let y = c / params.across;
    let l = flow_at(select(c - 1u, c, x == 0u));
    let r = flow_at(select(c + 1u, c, x + 1u == params.across));
    let u = flow_at(select(c - params.across, c, y == 0u));
    let d = flow_at(select(c + params.across, c, y + 1u == params.down));
    let du = (r.xy - l.xy) - (r.zw - l.zw);
    let dv = (d.xy - u.xy) - (d.zw - u.zw);
    let shear = 0.5 * (du.y + dv.x);
    let strain = select(0.0, sqrt(du.x * du.x + dv.y * dv.y + shear * shear), has_before);
    t[0] += q0.x;
    t[1] += q0.x * q0.y;
    t[2] += q2.z;
    t[3] += q0.z;
    t[4] += q1.x;
    t[5] += q1.y * q0.y;
    t[6] += abs(q0.w) * q0.y;
    t[8] += q1.w;
    t[9] += q3.x;
    t[10] += q3.y;
    t[11] += strain;
    t[12] += q3.z;
    t[13] += q2.w;
    t[14] += q0.y;
  }
  add_up(lane, t);
  let cells = f32(max(n, 1u));
  let out = params.at;
  if (lane == 0u) {
    let good = max(sums[14], 1e-3);
    ledger[out] = vec4<f32>(sums[0] / cells, sums[1] / max(sums[0], 1e-3), sums[2] / cells, sums[3] / cells);
    ledger[out + 1u] = vec4<f32>(sums[4] / cells, sums[5] / good, sums[6] / good, 0.0);
    ledger[out + 2u] = vec4<f32>(sums[8] / cells, 0.0, sums[9] / cells, 0.0);
    ledger[out + 3u] = vec4<f32>(0.0, sums[10] / cells, sums[11] / cells, 0.0);
    ledger[out + 6u] = vec4<f32>(0.0, sums[12] / cells, sums[13] / cells, 0.0);
  }
  if (lane < 4u) { ledger[out + 8u + lane] = model[lane]; }
  if (lane == 0u) {
    var all = 0.0;
    var most = 0.0;
    for (var k = 0u; k < 8u; k++) {
      let object = objects[1u + 2u * k];
      all += object.z;
      most = max(most, select(0.0, object.w, object.y >= 2.0));
    }
    ledger[out + 12u] = vec4<f32>(objects[0].x, all / cells, objects[0].w / cells, most);
  }

  // Events of the signal.
  for (var c = lane; c < n; c += LANES) { values[c] = select(0.0, signal[c] - largest_side(c), has_before || has_after); }
  pick(lane, n, vec4<u32>(place(0.5, n)));
  let median = picked[0];
  for (var c = lane; c < n; c += LANES) { impulse[c] = clamp(values[c] - max(median, 0.0), 0.0, 2.0); }
  workgroupBarrier();
  var over: array<f32, 16>;
  for (var i = 0u; i < 16u; i++) { over[i] = 0.0; }
  for (var c = lane; c < n; c += LANES) {
    values[c] = around(c);
    over[0] += select(0.0, 1.0, impulse[c] > 0.25);
  }
  add_up(lane, over);
  var worst = largest(lane, n);
  if (lane == 0u) {
    let where_ = centre(worst);
    ledger[out + 4u] = vec4<f32>(values[worst], where_, sums[0] / cells);
    ledger[out + 5u] = vec4<f32>(median, 0.0, 0.0, 0.0);
    let x = i32(worst % params.across);
    let y = i32(worst / params.across);
    var mass = 0.0;
    for (var j = max(y - 4, 0); j <= min(y + 4, i32(params.down) - 1); j++) {
      for (var i = max(x - 4, 0); i <= min(x + 4, i32(params.across) - 1); i++) {
        mass += min(impulse[u32(j) * params.across + u32(i)], 1.0);
      }
    }
    ledger[out + 13u] = vec4<f32>(mass, 0.0, 0.0, 0.0);
  }
  workgroupBarrier();

  // Percentiles over the cells.
  for (var c = lane; c < n; c += LANES) { values[c] = now[c * 4u + 1u].w; }
  workgroupBarrier();
  pick(lane, n, vec4<u32>(place(0.1, n)));
  if (lane == 0u) { ledger[out + 2u].y = picked[0]; }
  workgroupBarrier();
  for (var c = lane; c < n; c += LANES) { values[c] = abs(now[c * 4u].w); }
  workgroupBarrier();
  pick(lane, n, vec4<u32>(place(0.9, n)));
  if (lane == 0u) { ledger[out + 6u].x = picked[0]; }
  workgroupBarrier();
  for (var c = lane; c < n; c += LANES) { values[c] = signal[c]; }
  workgroupBarrier();
  pick(lane, n, vec4<u32>(place(0.9, n)));
  if (lane == 0u) { ledger[out + 6u].w = picked[0]; }
  workgroupBarrier();

  // Change of the flow: percentiles, the worst place, and where it is far over the median.
  for (var c = lane; c < n; c += LANES) {
    values[c] = now[c * 4u + 3u].x;
    impulse[c] = values[c];
  }
  workgroupBarrier();
  pick(lane, n, vec4<u32>(place(0.5, n), place(0.9, n), 0u, 0u));
  let usual = picked[0];
  if (lane == 0u) {
    ledger[out + 2u].w = usual;
    ledger[out + 3u].x = picked[1];
  }
  for (var i = 0u; i < 16u; i++) { over[i] = 0.0; }
  for (var c = lane; c < n; c += LANES) {
    over[0] += select(0.0, 1.0, impulse[c] > usual + 1.0);
    values[c] = around(c);
  }
  add_up(lane, over);
  worst = largest(lane, n);
  if (lane == 0u) {
    let where_ = centre(worst);
    ledger[out + 5u] = vec4<f32>(median, values[worst], where_);
    ledger[out + 7u] = vec4<f32>(values[worst] - usual, where_, sums[0] / cells);
  }
}
