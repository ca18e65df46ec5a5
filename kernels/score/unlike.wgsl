// How unlike two frames are along the flow between them, in each square cell of the first: the mean of |dY| cut at 64, |dCb|
// and |dCr| together, in grey levels, over every second pixel both ways whose target is inside; -1 where under a third
// of them are. Luma is of half the size of the flow (or the same), chroma smaller, both sampled between their pixels.
struct Params {
  width: u32, height: u32, cell: u32, across: u32,
  tint_width: u32, tint_height: u32, ratio: f32, at: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> tint_a: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> tint_b: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read_write> unlike: array<f32>;

// Whole and broken parts of a place between pixels of a smaller picture.
fn spot(p: vec2<f32>, ratio: vec2<f32>, area: vec2<u32>) -> vec4<f32> {
  let q = clamp((p + 0.5) * ratio - 0.5, vec2<f32>(0.0), vec2<f32>(area) - 1.0);
  return vec4<f32>(floor(q), q - floor(q));
}
fn corners(s: vec4<f32>, area: vec2<u32>) -> vec4<u32> {
  let x = vec2<u32>(u32(s.x), min(u32(s.x) + 1u, area.x - 1u));
  let y = vec2<u32>(u32(s.y), min(u32(s.y) + 1u, area.y - 1u)) * area.x;
  return vec4<u32>(y.x + x.x, y.x + x.y, y.y + x.x, y.y + x.y);
}

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let down = (params.height + params.cell - 1u) / params.cell;
  if (id.x >= params.across * down) { return; }
  let x0 = (id.x % params.across) * params.cell;
  let y0 = (id.x / params.across) * params.cell;
  let x1 = min(x0 + params.cell, params.width);
  let y1 = min(y0 + params.cell, params.height);
  let size = vec2<f32>(f32(params.width), f32(params.height));
  let area = vec2<u32>(ceil(size * params.ratio));
  let tints = vec2<u32>(params.tint_width, params.tint_height);
  let less = vec2<f32>(tints) / size;
  var sum = 0.0;
  var inside = 0.0;
  var all = 0.0;
  for (var y = y0; y < y1; y += 2u) {
    for (var x = x0; x < x1; x += 2u) {
      all += 1.0;
      let u = flow[y * params.width + x];
      let p = vec2<f32>(f32(x), f32(y));
      let q = p + u;
      if (!(q.x >= 0.0 && q.y >= 0.0 && q.x <= size.x - 1.0 && q.y <= size.y - 1.0)) { continue; }
      inside += 1.0;
      let s = spot(p, vec2<f32>(params.ratio), area);
      let t = spot(q, vec2<f32>(params.ratio), area);
      let i = corners(s, area);
      let j = corners(t, area);
      let la = mix1(mix1(a[i.x], a[i.y], s.z), mix1(a[i.z], a[i.w], s.z), s.w);
      let lb = mix1(mix1(b[j.x], b[j.y], t.z), mix1(b[j.z], b[j.w], t.z), t.w);
      let cs = spot(p, less, tints);
      let ct = spot(q, less, tints);
      let k = corners(cs, tints);
      let l = corners(ct, tints);
      let ca = mix2(mix2(tint_a[k.x], tint_a[k.y], cs.z), mix2(tint_a[k.z], tint_a[k.w], cs.z), cs.w);
      let cb = mix2(mix2(tint_b[l.x], tint_b[l.y], ct.z), mix2(tint_b[l.z], tint_b[l.w], ct.z), ct.w);
      sum += min(abs(lb - la), 64.0) + abs(cb.x - ca.x) + abs(cb.y - ca.y);
    }
  }
  unlike[params.at + id.x] = select(-1.0, sum / max(inside, 1.0), 3.0 * inside >= all);
}
