// Where rays enter boxes, capsules, cylinders and terrain, each in its own axes: the ray's parameter, MISS for nowhere.
// With `shared/paint` for the hash of the terrain's heights.

const MISS = 3.0e38;
const NEAR = 1.0e-3;

fn guarded(d: vec3<f32>) -> vec3<f32> {
  return select(d, vec3<f32>(1.0e-12), abs(d) < vec3<f32>(1.0e-12));
}

fn hit_box(half: vec3<f32>, o: vec3<f32>, d: vec3<f32>) -> f32 {
  let inverse = 1.0 / guarded(d);
  let a = (-half - o) * inverse;
  let b = (half - o) * inverse;
  let enter = min(a, b);
  let leave = max(a, b);
  let near = max(max(enter.x, enter.y), enter.z);
  let far = min(min(leave.x, leave.y), leave.z);
  return select(MISS, near, (near <= far) & (near > NEAR));
}

fn hit_capsule(half: f32, r: f32, o: vec3<f32>, d: vec3<f32>) -> f32 {
  let a = max(d.x * d.x + d.z * d.z, 1.0e-12);
  let k = -(o.x * d.x + o.z * d.z) / a;
  let lx = o.x + k * d.x;
  let lz = o.z + k * d.z;
  let clear = r * r - lx * lx - lz * lz;
  let side = k - sqrt(max(clear, 0.0) / a);
  let y = o.y + side * d.y;
  // Past the ends: the sphere at that end.
  let c = o - vec3<f32>(0.0, clamp(y, -half, half), 0.0);
  let dd = max(dot(d, d), 1.0e-12);
  let m = -dot(c, d) / dd;
  let l = c + m * d;
  let round = r * r - dot(l, l);
  let cap = m - sqrt(max(round, 0.0) / dd);
  let on_side = abs(y) <= half;
  let t = select(cap, side, on_side);
  let there = (clear >= 0.0) & (on_side | (round >= 0.0));
  return select(MISS, t, there & (t > NEAR));
}

fn hit_cylinder(half: f32, r: f32, o: vec3<f32>, d: vec3<f32>) -> f32 {
  let a = max(d.x * d.x + d.z * d.z, 1.0e-12);
  let k = -(o.x * d.x + o.z * d.z) / a;
  let lx = o.x + k * d.x;
  let lz = o.z + k * d.z;
  let clear = r * r - lx * lx - lz * lz;
  let wide = sqrt(max(clear, 0.0) / a);
  let inverse = 1.0 / select(d.y, 1.0e-12, abs(d.y) < 1.0e-12);
  let e = (-half - o.y) * inverse;
  let f = (half - o.y) * inverse;
  let near = max(k - wide, min(e, f));
  let far = min(k + wide, max(e, f));
  return select(MISS, near, (clear >= 0.0) & (near <= far) & (near > NEAR));
}

// Height of a lattice point as a share of the whole, 0 to 1: the twin is `terrain::height`.
fn height(seed: u32, cells: u32, i: u32, j: u32) -> f32 {
  let u = f32(i) / f32(cells);
  let v = f32(j) / f32(cells);
  let rough = 0.5 + 0.5 * hash(i32(i), i32(j), i32(seed));
  return 4.0 * u * (1.0 - u) * (4.0 * v * (1.0 - v)) * (0.55 + 0.45 * rough);
}

// Heights of the corners of cell (i, j) in local metres: (i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1).
fn corners(half_y: f32, code: u32, i: u32, j: u32) -> vec4<f32> {
  let cells = code & 31u;
  let seed = code >> 5u;
  let h = vec4<f32>(height(seed, cells, i, j), height(seed, cells, i + 1u, j),
                    height(seed, cells, i, j + 1u), height(seed, cells, i + 1u, j + 1u));
  return half_y * (2.0 * h - 1.0);
}

// Where the ray comes down through the terrain.
fn hit_terrain(half: vec3<f32>, code: u32, o: vec3<f32>, d: vec3<f32>) -> f32 {
  let inverse = 1.0 / guarded(d);
  let a = (-half - o) * inverse;
  let b = (half - o) * inverse;
  let near = max(max(max(min(a.x, b.x), min(a.y, b.y)), min(a.z, b.z)), NEAR);
  let far = min(min(max(a.x, b.x), max(a.y, b.y)), max(a.z, b.z));
  let cells = code & 31u;
  if (!(near <= far) | (cells == 0u)) {
    return MISS;
  }
  // In cells: the lattice spans 0 to n along x and z.
  let n = f32(cells);
  let scale = 0.5 * n / half.xz;
  let q = (o.xz + half.xz) * scale;
  let dq = d.xz * scale;
  let start = clamp(floor(q + near * dq), vec2<f32>(0.0), vec2<f32>(n - 1.0));
  var cell = vec2<i32>(start);
  let forth = dq > vec2<f32>(0.0);
  let stride = select(vec2<i32>(-1), vec2<i32>(1), forth);
  let per = 1.0 / select(dq, vec2<f32>(1.0e-12), abs(dq) < vec2<f32>(1.0e-12));
  for (var step = 0u; step < 34u; step++) {
    let edge = vec2<f32>(cell) + select(vec2<f32>(0.0), vec2<f32>(1.0), forth);
    let next = select(vec2<f32>(MISS), (edge - q) * per, abs(dq) >= vec2<f32>(1.0e-12));
    let leave = min(min(next.x, next.y), far);
    let h = corners(half.y, code, u32(cell.x), u32(cell.y));
    // y over the surface is base + slope t on each of the two planes; positive above.
    let f = q - vec2<f32>(cell);
    let ga = vec2<f32>(h.y - h.x, h.w - h.y);
    let gb = vec2<f32>(h.w - h.z, h.z - h.x);
    let slope = vec2<f32>(d.y - dot(ga, dq), d.y - dot(gb, dq));
    let base = vec2<f32>(o.y - h.x - dot(ga, f), o.y - h.x - dot(gb, f));
    let t = -base / select(slope, vec2<f32>(-1.0e-12), abs(slope) < vec2<f32>(1.0e-12));
    let u = f.x + t * dq.x;
    let v = f.y + t * dq.y;
    let slack = vec2<f32>(1.0e-4);
    let within = (u >= -slack) & (u <= 1.0 + slack) & (v >= -slack) & (v <= 1.0 + slack)
      & (slope < vec2<f32>(0.0)) & (t >= vec2<f32>(NEAR));
    let on_a = within.x & (u.x >= v.x - 1.0e-4);
    let on_b = within.y & (u.y <= v.y + 1.0e-4);
    let found = min(select(MISS, t.x, on_a), select(MISS, t.y, on_b));
    if (found < MISS) {
      return found;
    }
    if (leave >= far) {
      break;
    }
    cell += select(vec2<i32>(0, stride.y), vec2<i32>(stride.x, 0), next.x <= next.y);
    if (any(cell < vec2<i32>(0)) | any(cell >= vec2<i32>(i32(cells)))) {
      break;
    }
  }
  return MISS;
}
