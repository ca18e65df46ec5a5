// Objects of one step: connected cells most of whose pixels move by themselves, matched with those of the step before
// where the flow takes them. At most eight, the largest. `objects` is
//   (objects, next number, lost, cells lost) and two vectors an object:
//   (number, steps since it was first seen, cells, change of its flow since the step before) (x, y, u, v) in pixels.
// Lost is an object of three steps and more that nothing matches though the flow keeps it inside the picture. All
// sums are of integers, so no order of threads comes into them.
struct Params { width: u32, height: u32, cell: u32, across: u32, down: u32, has_before: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> flow: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> own: array<f32>;
@group(0) @binding(3) var<storage, read> before: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> objects: array<vec4<f32>>;

const LANES: u32 = 64u;
const MOST: u32 = 8u;
const ROUNDS: u32 = 24u;

// Label of each cell, the smallest number of a cell of its object plus one; 0 where nothing moves by itself.
var<workgroup> label: array<u32, 1024>;
var<workgroup> next: array<u32, 1024>;
var<workgroup> cells: array<atomic<u32>, 1024>;
var<workgroup> xs: array<atomic<u32>, 1024>;
var<workgroup> ys: array<atomic<u32>, 1024>;
// Flow in 64ths of a pixel.
var<workgroup> us: array<atomic<i32>, 1024>;
var<workgroup> vs: array<atomic<i32>, 1024>;
var<workgroup> found: array<vec4<f32>, 16>;

@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = params.across * params.down;
  for (var c = lane; c < n; c += LANES) {
    let x0 = (c % params.across) * params.cell;
    let y0 = (c / params.across) * params.cell;
    let x1 = min(x0 + params.cell, params.width);
    let y1 = min(y0 + params.cell, params.height);
    var moving = 0.0;
    var sum = vec2<f32>(0.0);
    for (var y = y0; y < y1; y++) {
      for (var x = x0; x < x1; x++) {
        let at = y * params.width + x;
        let m = own[at] > 1.0;
        moving += select(0.0, 1.0, m);
        sum += select(vec2<f32>(0.0), flow[at], m);
      }
    }
    let most = 2.0 * moving > f32((x1 - x0) * (y1 - y0));
    label[c] = select(0u, c + 1u, most);
    let mean = clamp(64.0 * sum / max(moving, 1.0), vec2<f32>(-1e5), vec2<f32>(1e5));
    atomicStore(&us[c], i32(mean.x));
    atomicStore(&vs[c], i32(mean.y));
    atomicStore(&cells[c], 0u);
    atomicStore(&xs[c], 0u);
    atomicStore(&ys[c], 0u);
  }
  workgroupBarrier();
  for (var round = 0u; round < ROUNDS; round++) {
    for (var c = lane; c < n; c += LANES) {
      let x = c % params.across;
      let y = c / params.across;
      var best = label[c];
      if (best != 0u) {
        let l = label[select(c - 1u, c, x == 0u)];
        let r = label[select(c + 1u, c, x + 1u == params.across)];
        let u = label[select(c - params.across, c, y == 0u)];
        let d = label[select(c + params.across, c, y + 1u == params.down)];
        best = min(best, select(l, best, l == 0u));
        best = min(best, select(r, best, r == 0u));
        best = min(best, select(u, best, u == 0u));
        best = min(best, select(d, best, d == 0u));
        best = min(best, label[best - 1u]);
      }
      next[c] = best;
    }
    workgroupBarrier();
    for (var c = lane; c < n; c += LANES) { label[c] = next[c]; }
    workgroupBarrier();
  }
  // Cells add to their root's sums; roots that lead further, after too few rounds, are left out.
  for (var c = lane; c < n; c += LANES) {
    let root = label[c];
    if (root != 0u && label[max(root, 1u) - 1u] == root) {
      let k = root - 1u;
      atomicAdd(&cells[k], 1u);
      atomicAdd(&xs[k], c % params.across);
      atomicAdd(&ys[k], c / params.across);
      if (k != c) {
        atomicAdd(&us[k], atomicLoad(&us[c]));
        atomicAdd(&vs[k], atomicLoad(&vs[c]));
      }
    }
  }
  workgroupBarrier();
  if (lane == 0u) {
    var count = 0u;
    for (var k = 0u; k < MOST; k++) {
      var most = 1u;
      var at = n;
      for (var c = 0u; c < n; c++) {
        let size = atomicLoad(&cells[c]);
        if (size > most) {
          most = size;
          at = c;
        }
      }
      if (at < n) {
        let size = f32(most);
        let middle = f32(params.cell) * (vec2<f32>(f32(atomicLoad(&xs[at])), f32(atomicLoad(&ys[at]))) / size + 0.5);
        let speed = vec2<f32>(f32(atomicLoad(&us[at])), f32(atomicLoad(&vs[at]))) / (64.0 * size);
        found[2u * count] = vec4<f32>(0.0, 0.0, size, 0.0);
        found[2u * count + 1u] = vec4<f32>(middle, speed);
        atomicStore(&cells[at], 0u);
        count += 1u;
      }
    }
    let known = select(0u, min(u32(before[0].x), MOST), params.has_before != 0u);
    var number = select(0.0, before[0].y, params.has_before != 0u);
    var taken = 0u;
    for (var k = 0u; k < count; k++) {
      let size = found[2u * k].z;
      let place = found[2u * k + 1u];
      var least = f32(params.cell) * (1.5 + 0.5 * sqrt(size));
      var from_ = MOST;
      for (var j = 0u; j < known; j++) {
        let old = before[2u + 2u * j];
        let off = length(old.xy + old.zw - place.xy);
        if (off < least && ((taken >> j) & 1u) == 0u) {
          least = off;
          from_ = j;
        }
      }
      if (from_ < MOST) {
        let old = before[1u + 2u * from_];
        let was = before[2u + 2u * from_];
        taken = taken | (1u << from_);
        found[2u * k] = vec4<f32>(old.x, old.y + 1.0, size, length(place.zw - was.zw));
      } else {
        found[2u * k].x = number;
        number += 1.0;
      }
    }
    var lost = vec2<f32>(0.0);
    let edge = f32(params.cell);
    for (var j = 0u; j < known; j++) {
      let a = before[1u + 2u * j];
      let b = before[2u + 2u * j];
      let to = b.xy + b.zw;
      let inside = to.x > edge && to.y > edge && to.x < f32(params.width) - edge && to.y < f32(params.height) - edge;
      if (inside && a.y >= 2.0 && ((taken >> j) & 1u) == 0u) { lost += vec2<f32>(1.0, a.z); }
    }
    objects[0] = vec4<f32>(f32(count), number, lost);
    for (var k = 0u; k < 2u * MOST; k++) {
      objects[1u + k] = select(vec4<f32>(0.0), found[k], k < 2u * count);
    }
  }
}
