// The record of one frame's quality from the histograms of its native and of its quarter size. Two vectors:
//   (P97 fine detail, P20 diagonal difference, P97 detail at a quarter, blocks)
//   (share of values at the ends, deviation, mean, P50 detail)
// in grey levels; blocks is by how much the gradient across the worst line of the 8-pixel grid exceeds the mean.
struct Params { at: u32, pad: u32, pad2: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> fine: array<u32>;
@group(0) @binding(2) var<storage, read> coarse: array<u32>;
@group(0) @binding(3) var<storage, read_write> ledger: array<vec4<f32>>;

// The value below which the share `q` of the counts of fine[first..first + bins] lies, in bins, by its middle.
fn fine_at(first: u32, bins: u32, q: f32) -> f32 {
  var total = 0u;
  for (var i = 0u; i < bins; i++) { total += fine[first + i]; }
  let want = q * f32(total);
  var seen = 0u;
  var found = 0.0;
  var open = total > 0u;
  for (var i = 0u; i < bins; i++) {
    let here = fine[first + i];
    let within = open && f32(seen + here) >= want && here > 0u;
    found = select(found, f32(i) + clamp((want - f32(seen)) / f32(max(here, 1u)), 0.0, 1.0), within);
    open = open && !within;
    seen += here;
  }
  return found;
}
fn coarse_at(first: u32, bins: u32, q: f32) -> f32 {
  var total = 0u;
  for (var i = 0u; i < bins; i++) { total += coarse[first + i]; }
  let want = q * f32(total);
  var seen = 0u;
  var found = 0.0;
  var open = total > 0u;
  for (var i = 0u; i < bins; i++) {
    let here = coarse[first + i];
    let within = open && f32(seen + here) >= want && here > 0u;
    found = select(found, f32(i) + clamp((want - f32(seen)) / f32(max(here, 1u)), 0.0, 1.0), within);
    open = open && !within;
    seen += here;
  }
  return found;
}
// How much the worst of eight phases exceeds their mean.
fn excess(first: u32) -> f32 {
  var sum = 0.0;
  var count = 0.0;
  var worst = 0.0;
  for (var i = 0u; i < 8u; i++) {
    let s = f32(fine[first + i]);
    let n = f32(fine[first + 8u + i]);
    sum += s;
    count += n;
    worst = max(worst, s / max(n, 1.0));
  }
  // One sixteenth of a level, so that a picture without gradients has no blocks.
  return max(worst / (sum / max(count, 1.0) + 1.0) - 1.0, 0.0);
}

@compute @workgroup_size(1) fn main() {
  var n = 0.0;
  var sum = 0.0;
  var square = 0.0;
  var ends = 0.0;
  for (var i = 0u; i < 256u; i++) {
    let c = f32(fine[i]);
    let v = f32(i);
    n += c;
    sum += c * v;
    square += c * v * v;
    ends += select(0.0, c, i <= 2u || i >= 253u);
  }
  let by = max(n, 1.0);
  let mean = sum / by;
  ledger[params.at] = vec4<f32>(0.25 * fine_at(256u, 512u, 0.97), 0.5 * fine_at(768u, 512u, 0.2),
    0.25 * coarse_at(256u, 512u, 0.97), 0.5 * (excess(1280u) + excess(1296u)));
  ledger[params.at + 1u] = vec4<f32>(ends / by, sqrt(max(square / by - mean * mean, 0.0)), mean, 0.25 * fine_at(256u, 512u, 0.5));
}
