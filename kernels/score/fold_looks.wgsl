// The record of a generation's looks at one age. A point's likeness is structure x exp(-chroma distance / 12) x
// the ratio of the deviations; only points whose key patch has texture (deviation over 4) count. Three vectors:
//   (points that are followed, mean likeness, P10, median)   (share of the textured that is lost, P25, mean structure, mean chroma distance)
//   (worst likeness of a 3x3 of points with at least 4 followed, x, y; worst share lost of a 3x3 with 5 textured)
struct Params { across: u32, down: u32, at: u32, points_at: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> points: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> looks: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> ledger: array<vec4<f32>>;

const NONE: f32 = 3e38;

// Likeness; -1 lost, -2 does not count.
var<workgroup> like: array<f32, 1024>;

@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = params.across * params.down;
  var t: array<f32, 16>;
  for (var i = 0u; i < 16u; i++) { t[i] = 0.0; }
  for (var c = lane; c < n; c += LANES) {
    let q = looks[c];
    let end = points[params.points_at + c].z;
    let textured = q.z > 4.0;
    let followed = textured && end == 0.0;
    let lost = textured && end == 1.0;
    let v = q.x * exp(-q.y / 12.0) * q.w;
    like[c] = select(select(-2.0, -1.0, lost), v, followed);
    values[c] = select(NONE, v, followed);
    let f = select(0.0, 1.0, followed);
    t[0] += f;
    t[1] += f * v;
    t[2] += select(0.0, 1.0, lost);
    t[3] += f * q.x;
    t[4] += f * q.y;
  }
  add_up(lane, t);
  let followed = sums[0];
  let m = u32(followed);
  let by = max(followed, 1.0);
  let mean = sums[1] / by;
  let lost = sums[2] / max(followed + sums[2], 1.0);
  let rest = vec2<f32>(sums[3], sums[4]) / by;
  pick(lane, n, vec4<u32>(place(0.1, m), place(0.5, m), place(0.25, m), 0u));
  let ranks = vec3<f32>(picked[0], picked[1], picked[2]) * select(0.0, 1.0, m > 0u);
  workgroupBarrier();
  var gone = 0.0;
  for (var c = lane; c < n; c += LANES) {
    let x = i32(c % params.across);
    let y = i32(c / params.across);
    var sum = 0.0;
    var here = 0.0;
    var away = 0.0;
    for (var j = max(y - 1, 0); j <= min(y + 1, i32(params.down) - 1); j++) {
      for (var i = max(x - 1, 0); i <= min(x + 1, i32(params.across) - 1); i++) {
        let v = like[u32(j) * params.across + u32(i)];
        sum += max(v, 0.0);
        here += select(0.0, 1.0, v >= 0.0);
        away += select(0.0, 1.0, v == -1.0);
      }
    }
    values[c] = select(-1.0, -sum / max(here, 1.0), here >= 4.0);
    gone = max(gone, select(0.0, away / max(here + away, 1.0), here + away >= 5.0));
  }
  workgroupBarrier();
  let worst = largest(lane, n);
  parts[lane] = gone;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 0u; i < LANES; i++) { gone = max(gone, parts[i]); }
    ledger[params.at] = vec4<f32>(followed, mean, ranks.x, ranks.y);
    ledger[params.at + 1u] = vec4<f32>(lost, ranks.z, rest);
    ledger[params.at + 2u] = vec4<f32>(select(1.0, -values[worst], n > 0u), (f32(worst % params.across) + 0.5) / f32(params.across),
      (f32(worst / params.across) + 0.5) / f32(params.down), gone);
  }
}
