// The record of a generation's paths. Three vectors:
//   (points of 3 steps and more, their median jerk, P90 jerk, P75 own jerk)
//   (jumps for each acceleration, share of the followed steps that end lost, mean speed, P90 of the worst own acceleration)
//   (median of the worst own acceleration, worst of it, x, y): the largest mean of a 3x3 of points
struct Params { across: u32, down: u32, at: u32, pad: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> paths: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> ledger: array<vec4<f32>>;

const NONE: f32 = 3e38;

@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = params.across * params.down;
  var t: array<f32, 16>;
  for (var i = 0u; i < 16u; i++) { t[i] = 0.0; }
  for (var c = lane; c < n; c += LANES) {
    let a = paths[c * 2u];
    let b = paths[c * 2u + 1u];
    let long = a.x >= 3.0;
    values[c] = select(NONE, a.w, long);
    t[0] += select(0.0, 1.0, long);
    t[1] += b.x;
    t[2] += b.y;
    t[3] += select(0.0, 1.0, a.y == 1.0);
    t[4] += a.x + select(0.0, 1.0, a.y == 1.0);
    t[5] += a.x * a.z;
  }
  add_up(lane, t);
  let points = sums[0];
  let m = u32(points);
  let jumps = sums[1] / max(sums[2], 1.0);
  let lost = sums[3] / max(sums[4], 1.0);
  let speed = sums[5] / max(sums[4] - sums[3], 1.0);
  pick(lane, n, vec4<u32>(place(0.5, m), place(0.9, m), 0u, 0u));
  let jerk = vec2<f32>(picked[0], picked[1]) * select(0.0, 1.0, m > 0u);
  workgroupBarrier();
  for (var c = lane; c < n; c += LANES) { values[c] = select(NONE, paths[c * 2u + 1u].z, paths[c * 2u].x >= 3.0); }
  workgroupBarrier();
  pick(lane, n, vec4<u32>(place(0.75, m)));
  let own = picked[0] * select(0.0, 1.0, m > 0u);
  workgroupBarrier();
  for (var c = lane; c < n; c += LANES) { values[c] = select(NONE, paths[c * 2u + 1u].w, paths[c * 2u].x >= 3.0); }
  workgroupBarrier();
  pick(lane, n, vec4<u32>(place(0.9, m), place(0.5, m), 0u, 0u));
  let high = picked[0] * select(0.0, 1.0, m > 0u);
  let usual = picked[1] * select(0.0, 1.0, m > 0u);
  workgroupBarrier();
  for (var c = lane; c < n; c += LANES) {
    let x = i32(c % params.across);
    let y = i32(c / params.across);
    var sum = 0.0;
    for (var j = max(y - 1, 0); j <= min(y + 1, i32(params.down) - 1); j++) {
      for (var i = max(x - 1, 0); i <= min(x + 1, i32(params.across) - 1); i++) {
        let k = (u32(j) * params.across + u32(i)) * 2u;
        sum += select(0.0, min(paths[k + 1u].w, 16.0), paths[k].x >= 3.0);
      }
    }
    values[c] = sum / 9.0;
  }
  workgroupBarrier();
  let worst = largest(lane, n);
  if (lane == 0u) {
    ledger[params.at] = vec4<f32>(points, jerk, own);
    ledger[params.at + 1u] = vec4<f32>(jumps, lost, speed, high);
    ledger[params.at + 2u] = vec4<f32>(usual, select(0.0, values[worst], n > 0u),
      (f32(worst % params.across) + 0.5) / f32(params.across), (f32(worst / params.across) + 0.5) / f32(params.down));
  }
}
