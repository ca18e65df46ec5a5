// What the flow of one step says of each square cell of the picture. Lengths are in standard pixels, differences in
// grey levels. A cell is four vectors:
//   (share of pixels whose target is inside, of those the share that is consistent, mean |r| cut at 48, mean r)
//   (mean gradient, deviation of r from its mean, 0, SSIM of a with b along the flow)
//   (mean flow u, v, mean length, mean own motion)
//   (mean change of the flow from the step before, share with own motion over 1, deviation of a, mean of a)
// r = b(x + F) - a(x) over the pixels whose target is inside; its mean and deviation, and own motion, over the
// consistent ones. The change of the flow at x is F(x) + B(x), B the step before's flow backward, cut at 8; both as lengths
// in a span of time.
struct Params { width: u32, height: u32, cell: u32, across: u32, scale: f32, has_before: u32, scale_before: f32, pad: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> state: array<u32>;
@group(0) @binding(5) var<storage, read> own: array<f32>;
@group(0) @binding(6) var<storage, read> before: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read_write> cells: array<vec4<f32>>;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let down = (params.height + params.cell - 1u) / params.cell;
  if (id.x >= params.across * down) { return; }
  let x0 = (id.x % params.across) * params.cell;
  let y0 = (id.x / params.across) * params.cell;
  let x1 = min(x0 + params.cell, params.width);
  let y1 = min(y0 + params.cell, params.height);
  var inside = 0.0;
  var good = 0.0;
  var off = 0.0;
  var r1 = 0.0;
  var r2 = 0.0;
  var grad = 0.0;
  var sa = 0.0;
  var saa = 0.0;
  var ia = 0.0;
  var iaa = 0.0;
  var sb = 0.0;
  var sbb = 0.0;
  var sab = 0.0;
  var mean = vec2<f32>(0.0);
  var speed = 0.0;
  var moving = 0.0;
  var alone = 0.0;
  var change = 0.0;
  for (var y = y0; y < y1; y++) {
    for (var x = x0; x < x1; x++) {
      let at = y * params.width + x;
      let p = a[at];
      var u = flow[at];
      if (!(abs(u.x) < 1e6 && abs(u.y) < 1e6)) { u = vec2<f32>(0.0); }
      let s = state[at];
      let o = own[at];
      let right = a[select(at + 1u, at, x + 1u >= params.width)] - p;
      let low = a[select(at + params.width, at, y + 1u >= params.height)] - p;
      grad += sqrt(right * right + low * low);
      sa += p;
      saa += p * p;
      mean += u;
      speed += length(u);
      let turned = length(params.scale * u + params.scale_before * before[at]);
      if (params.has_before != 0u) { change += select(8.0, turned, turned < 8.0); }
      let tx = clamp(f32(x) + u.x, 0.0, f32(params.width) - 1.0);
      let ty = clamp(f32(y) + u.y, 0.0, f32(params.height) - 1.0);
      let ix = u32(tx);
      let iy = u32(ty);
      let jx = min(ix + 1u, params.width - 1u);
      let row = min(iy + 1u, params.height - 1u) * params.width;
      let top = mix1(b[iy * params.width + ix], b[iy * params.width + jx], tx - f32(ix));
      let bottom = mix1(b[row + ix], b[row + jx], tx - f32(ix));
      let q = mix1(top, bottom, ty - f32(iy));
      let r = q - p;
      let i = f32(s & 1u);
      let g = select(0.0, 1.0, s == 3u);
      inside += i;
      good += g;
      off += i * min(abs(r), 48.0);
      r1 += g * r;
      r2 += g * r * r;
      ia += i * p;
      iaa += i * p * p;
      sb += i * q;
      sbb += i * q * q;
      sab += i * p * q;
      moving += g * max(o, 0.0);
      alone += g * select(0.0, 1.0, o > 1.0);
    }
  }
  let n = f32((x1 - x0) * (y1 - y0));
  let m = max(inside, 1.0);
  let v = max(good, 1.0);
  let ma = ia / m;
  let mb = sb / m;
  let va = max(iaa / m - ma * ma, 0.0);
  let vb = max(sbb / m - mb * mb, 0.0);
  let vab = sab / m - ma * mb;
  let ssim = (2.0 * ma * mb + 6.5025) * (2.0 * vab + 58.5225) / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
  let all = sa / n;
  let o = id.x * 4u;
  cells[o] = vec4<f32>(inside / n, good / m, off / m, r1 / v);
  cells[o + 1u] = vec4<f32>(grad / n, sqrt(max(r2 / v - (r1 / v) * (r1 / v), 0.0)), 0.0, select(1.0, ssim, inside > 0.0));
  cells[o + 2u] = vec4<f32>(params.scale * mean / n, params.scale * speed / n, moving / v);
  cells[o + 3u] = vec4<f32>(change / n, alone / n, sqrt(max(saa / n - all * all, 0.0)), all);
}
