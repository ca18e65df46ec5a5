// Percentiles of up to 1024 values in workgroup memory: a value's rank is the number of values before it in order
// (equal ones in order of place), so no sorting and no order of threads comes into it. For workgroups of 64. Four
// are compared at a time: llvmpipe ends an invocation's loops after 65535 rounds in all.

const LANES: u32 = 64u;
const MOST: u32 = 1024u;

var<workgroup> values: array<f32, 1028>;
var<workgroup> picked: array<f32, 4>;
var<workgroup> parts: array<f32, 1024>;
var<workgroup> sums: array<f32, 16>;

// Place in order of the share `q` of `n` values.
fn place(q: f32, n: u32) -> u32 { return u32(q * f32(max(n, 1u) - 1u) + 0.5); }

// `picked[i]` becomes the value at place `k[i]` of the first `n` values, or 0 where there is none.
fn pick(lane: u32, n: u32, k: vec4<u32>) {
  if (lane < 4u) {
    picked[lane] = 0.0;
    values[n + lane] = 3.4e38;
  }
  workgroupBarrier();
  for (var i = lane; i < n; i += LANES) {
    let v = values[i];
    var less = 0u;
    for (var j = 0u; j < n; j += 4u) {
      let w = vec4<f32>(values[j], values[j + 1u], values[j + 2u], values[j + 3u]);
      let first = vec4<u32>(j, j + 1u, j + 2u, j + 3u) < vec4<u32>(i);
      let before = select(vec4<u32>(0u), vec4<u32>(1u), (w < vec4<f32>(v)) | ((w == vec4<f32>(v)) & first));
      less += before.x + before.y + before.z + before.w;
    }
    if (less == k.x) { picked[0] = v; }
    if (less == k.y) { picked[1] = v; }
    if (less == k.z) { picked[2] = v; }
    if (less == k.w) { picked[3] = v; }
  }
  workgroupBarrier();
}

// `sums[0..16]` become the sums over the lanes of `t`.
fn add_up(lane: u32, t: array<f32, 16>) {
  var mine = t;
  for (var i = 0u; i < 16u; i++) { parts[lane * 16u + i] = mine[i]; }
  workgroupBarrier();
  if (lane < 16u) {
    var sum = 0.0;
    for (var i = 0u; i < LANES; i++) { sum += parts[i * 16u + lane]; }
    sums[lane] = sum;
  }
  workgroupBarrier();
}

// The first place of the largest of the first `n` values, in every lane; 0 where there is none.
fn largest(lane: u32, n: u32) -> u32 {
  var best = -3e38;
  var at = 0u;
  for (var i = lane; i < n; i += LANES) {
    if (values[i] > best) {
      best = values[i];
      at = i;
    }
  }
  parts[lane * 2u] = best;
  parts[lane * 2u + 1u] = f32(at);
  workgroupBarrier();
  best = -3e38;
  for (var i = 0u; i < LANES; i++) {
    let v = parts[i * 2u];
    let k = u32(parts[i * 2u + 1u]);
    if (v > best || (v == best && k < at)) {
      best = v;
      at = k;
    }
  }
  workgroupBarrier();
  return at;
}
