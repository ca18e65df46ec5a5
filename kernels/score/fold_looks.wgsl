// The record of a generation's looks at one age. A point's likeness is its structure x exp(-colour / 12), its colour
// the distance of the chroma together with half the change of luma, less that of the median point; only points whose
// key patch has texture (deviation over 4) count. Percentiles, least and largest are over the steady ones, which the
// camera explains: what moves by itself turns and bends. Five vectors:
//   (points that are followed, mean likeness, P10, median)   (share of the textured that is lost, P5, mean structure, mean colour)
//   (least likeness, x, y; largest share lost of 3x3 points of which 5 count)
//   (P90 colour, largest colour, x, y)
//   (steady points, their mean likeness, their mean colour, 0)
// Least and largest are over 3x3 points of which 5 are followed, all of which are at least so unlike, or so off in
// colour: an outline that single points slip over is not an object that changes.
struct Params { across: u32, down: u32, at: u32, points_at: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> points: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> looks: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> ledger: array<vec4<f32>>;

const NONE: f32 = 3e38;

// Points that have moved more than this by themselves are not steady.
const STEADY: f32 = 1.0;

// Likeness of a steady point; -1 lost, -2 does not count, -3 moves by itself.
var<workgroup> like: array<f32, 1024>;
var<workgroup> colour: array<f32, 1024>;

@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = params.across * params.down;
  // The change of luma of the median point: light, not the points' own.
  var count = array<f32, 16>();
  for (var c = lane; c < n; c += LANES) {
    let followed = looks[c].z > 4.0 && points[params.points_at + c].z == 0.0;
    values[c] = select(NONE, looks[c].w, followed);
    count[0] += select(0.0, 1.0, followed);
  }
  add_up(lane, count);
  let m = u32(sums[0]);
  pick(lane, n, vec4<u32>(place(0.5, m)));
  let light = picked[0] * select(0.0, 1.0, m > 0u);
  workgroupBarrier();
  var t: array<f32, 16>;
  for (var i = 0u; i < 16u; i++) { t[i] = 0.0; }
  for (var c = lane; c < n; c += LANES) {
    let q = looks[c];
    let end = points[params.points_at + c].z;
    let textured = q.z > 4.0;
    let followed = textured && end == 0.0;
    let lost = textured && end == 1.0;
    let shift = 0.5 * (q.w - light);
    let off = sqrt(q.y * q.y + shift * shift);
    let v = q.x * exp(-off / 12.0);
    let steady = points[params.points_at + c].w <= STEADY;
    colour[c] = select(0.0, off, followed);
    like[c] = select(select(-2.0, -1.0, lost), select(-3.0, v, steady), followed);
    values[c] = select(NONE, v, followed && steady);
    let f = select(0.0, 1.0, followed);
    t[0] += f;
    t[1] += f * v;
    t[2] += select(0.0, 1.0, lost);
    t[3] += f * q.x;
    t[4] += f * off;
    t[5] += select(0.0, 1.0, followed && steady);
    t[6] += select(0.0, v, followed && steady);
    t[7] += select(0.0, off, followed && steady);
  }
  add_up(lane, t);
  let followed = sums[0];
  let by = max(followed, 1.0);
  let mean = sums[1] / by;
  let lost = sums[2] / max(followed + sums[2], 1.0);
  let rest = vec2<f32>(sums[3], sums[4]) / by;
  let calm = u32(sums[5]);
  let still = vec3<f32>(sums[5], sums[6] / max(sums[5], 1.0), sums[7] / max(sums[5], 1.0));
  pick(lane, n, vec4<u32>(place(0.1, calm), place(0.5, calm), place(0.05, calm), 0u));
  let ranks = vec3<f32>(picked[0], picked[1], picked[2]) * select(0.0, 1.0, calm > 0u);
  workgroupBarrier();
  for (var c = lane; c < n; c += LANES) { values[c] = select(NONE, colour[c], like[c] >= 0.0); }
  workgroupBarrier();
  pick(lane, n, vec4<u32>(place(0.9, calm)));
  let high = picked[0] * select(0.0, 1.0, calm > 0u);
  workgroupBarrier();
  for (var c = lane; c < n; c += LANES) {
    let x = i32(c % params.across);
    let y = i32(c / params.across);
    var least = NONE;
    var here = 0.0;
    for (var j = max(y - 1, 0); j <= min(y + 1, i32(params.down) - 1); j++) {
      for (var i = max(x - 1, 0); i <= min(x + 1, i32(params.across) - 1); i++) {
        let k = u32(j) * params.across + u32(i);
        least = min(least, select(NONE, colour[k], like[k] >= 0.0));
        here += select(0.0, 1.0, like[k] >= 0.0);
      }
    }
    values[c] = select(0.0, least, here >= 5.0);
  }
  workgroupBarrier();
  let off = largest(lane, n);
  let most = select(0.0, values[off], n > 0u);
  workgroupBarrier();
  var gone = 0.0;
  for (var c = lane; c < n; c += LANES) {
    let x = i32(c % params.across);
    let y = i32(c / params.across);
    var best = 0.0;
    var here = 0.0;
    var away = 0.0;
    for (var j = max(y - 1, 0); j <= min(y + 1, i32(params.down) - 1); j++) {
      for (var i = max(x - 1, 0); i <= min(x + 1, i32(params.across) - 1); i++) {
        let v = like[u32(j) * params.across + u32(i)];
        best = max(best, v);
        here += select(0.0, 1.0, v >= 0.0);
        away += select(0.0, 1.0, v == -1.0);
      }
    }
    values[c] = select(-1.0, -best, here >= 5.0);
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
    ledger[params.at + 3u] = vec4<f32>(high, most, (f32(off % params.across) + 0.5) / f32(params.across),
      (f32(off / params.across) + 0.5) / f32(params.down));
    ledger[params.at + 4u] = vec4<f32>(still, 0.0);
  }
}
