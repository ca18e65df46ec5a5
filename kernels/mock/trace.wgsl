// The mock world's ray tracer: one frame of boxes and capsules (a sphere is a capsule of length 0), colour, depth and
// object at each pixel. Slabs: Kay and Kajiya 1986; capsule: closest approach to its axis, then its end caps.
// Visibility is found at the pixel's centre and at four rotated-grid samples; the paint is band-limited by the
// pixel's footprint (clamping of noise: Norton, Rockwood and Skolmoski 1982) and so needs one look a surface.
// Tiles of 8 x 8 first cull the primitives by the tile's four planes, and the shadow casters by the hull of the lamp
// and what the tile sees. A primitive with a field that is not finite is not
// there; with such params nothing is seen.

struct Params {
  axis_x: vec4<f32>,       // camera's x in the world; w: exposure
  axis_y: vec4<f32>,       // y (down)
  axis_z: vec4<f32>,       // z (forward)
  position: vec4<f32>,
  focal: vec4<f32>,        // fx, fy, cx, cy in pixels
  lamp: vec4<f32>,         // position; w: reach in metres
  lamp_colour: vec4<f32>,  // linear
  ambient: vec4<f32>,      // linear
  size: vec2<u32>,         // pixels
  count: u32,              // primitives, at most 64
  base: u32,               // first output element
  // Ten vectors a primitive; uniform memory, since a software adapter reads it far faster than storage.
  //  0-2 rows, world to local: local = row . (p, 1)
  //  3   box: half sizes, 0; capsule: 0, half length along y, 0, radius
  //  4   linear colour; tone, how much cells differ
  //  5   linear colour that the noise mixes in; how dark seams are
  //  6   origin of the texture in local metres; width of a seam in metres
  //  7   seams every so many metres along x, y, z, 0 for none
  //  8   noise frequency along x, y, z; contrast
  //  9   object, 1 where it throws a shadow
  primitives: array<vec4<f32>, 640>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> rgba: array<u32>;
@group(0) @binding(2) var<storage, read_write> depth: array<f32>;
@group(0) @binding(3) var<storage, read_write> objects: array<u32>;

const MISS = 3.0e38;
const NEAR = 1.0e-3;
const NOBODY = 0xffffffffu;
const OCTAVES = 7u;
const COARSEST = 0.8;
const FALL = 0.85;

// Bit sets of primitives: boxes in words 0 and 1, capsules in words 2 and 3.
var<workgroup> seen: array<atomic<u32>, 4>;
var<workgroup> casting: array<atomic<u32>, 4>;
var<workgroup> low: array<atomic<i32>, 3>;
var<workgroup> high: array<atomic<i32>, 3>;

fn finite4(v: vec4<f32>) -> bool {
  let bits = bitcast<vec4<u32>>(v) & vec4<u32>(0x7f800000u);
  return all(bits != vec4<u32>(0x7f800000u));
}

fn part(i: u32, k: u32) -> vec4<f32> {
  return params.primitives[i * 10u + k];
}

fn usable(i: u32) -> bool {
  var whole = true;
  for (var k = 0u; k < 10u; k++) {
    whole = whole & finite4(part(i, k));
  }
  return whole;
}

fn centre_of(i: u32) -> vec3<f32> {
  let x = part(i, 0u);
  let y = part(i, 1u);
  let z = part(i, 2u);
  return -(x.xyz * x.w + y.xyz * y.w + z.xyz * z.w);
}

fn local_point(i: u32, p: vec3<f32>) -> vec3<f32> {
  let q = vec4<f32>(p, 1.0);
  return vec3<f32>(dot(part(i, 0u), q), dot(part(i, 1u), q), dot(part(i, 2u), q));
}

fn local_direction(i: u32, d: vec3<f32>) -> vec3<f32> {
  return vec3<f32>(
    dot(part(i, 0u).xyz, d), dot(part(i, 1u).xyz, d), dot(part(i, 2u).xyz, d));
}

fn hit_box(half: vec3<f32>, o: vec3<f32>, d: vec3<f32>) -> f32 {
  let inverse = 1.0 / select(d, vec3<f32>(1.0e-12), abs(d) < vec3<f32>(1.0e-12));
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

fn normal_local(size: vec4<f32>, p: vec3<f32>) -> vec3<f32> {
  if (size.w > 0.0) {
    let c = p - vec3<f32>(0.0, clamp(p.y, -size.y, size.y), 0.0);
    return c / max(length(c), 1.0e-12);
  }
  let q = abs(p) - size.xyz;
  let s = select(vec3<f32>(-1.0), vec3<f32>(1.0), p >= vec3<f32>(0.0));
  if ((q.x >= q.y) & (q.x >= q.z)) {
    return vec3<f32>(s.x, 0.0, 0.0);
  }
  if (q.y >= q.z) {
    return vec3<f32>(0.0, s.y, 0.0);
  }
  return vec3<f32>(0.0, 0.0, s.z);
}

fn normal_world(i: u32, n: vec3<f32>) -> vec3<f32> {
  return part(i, 0u).xyz * n.x + part(i, 1u).xyz * n.y + part(i, 2u).xyz * n.z;
}

// Integer hash: the multiply-xorshift finaliser "lowbias32" (Wellons, public domain), over a sum of odd multiples.
fn hash(x: i32, y: i32, z: i32) -> f32 {
  var h = bitcast<u32>(x) * 0x9e3779b1u + bitcast<u32>(y) * 0x85ebca77u + bitcast<u32>(z) * 0xc2b2ae3du;
  h = (h ^ (h >> 16u)) * 0x7feb352du;
  h = (h ^ (h >> 15u)) * 0x846ca68bu;
  h = h ^ (h >> 16u);
  return f32(h >> 8u) * (2.0 / 16777216.0) - 1.0;
}

// Lattice value noise in [-1, 1] with a quintic fade (Perlin 2002).
fn noise(p: vec3<f32>) -> f32 {
  let whole = floor(p);
  let f = p - whole;
  let u = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
  let c = vec3<i32>(whole);
  let a = mix(mix(hash(c.x, c.y, c.z), hash(c.x + 1, c.y, c.z), u.x),
              mix(hash(c.x, c.y + 1, c.z), hash(c.x + 1, c.y + 1, c.z), u.x), u.y);
  let b = mix(mix(hash(c.x, c.y, c.z + 1), hash(c.x + 1, c.y, c.z + 1), u.x),
              mix(hash(c.x, c.y + 1, c.z + 1), hash(c.x + 1, c.y + 1, c.z + 1), u.x), u.y);
  return mix(a, b, u.z);
}

// Sum of octaves; one fades out as its lattice goes from two footprints to one (a period from four to two), so
// that nothing aliases.
fn octaves(p: vec3<f32>, footprint: f32) -> f32 {
  var wave = COARSEST;
  var height = 1.0;
  var sum = 0.0;
  for (var i = 0u; i < OCTAVES; i++) {
    let keep = clamp(wave / footprint - 1.0, 0.0, 1.0);
    if (keep <= 0.0) {
      break;
    }
    let shift = f32(i) * 17.31;
    sum += keep * height * noise(p / wave + vec3<f32>(shift, shift * 0.7, shift * 1.3));
    wave *= 0.5;
    height *= FALL;
  }
  return sum;
}

// How much of the footprint a seam covers, 0 to 1; seams lie at whole multiples of `cell`.
fn seam(x: f32, cell: f32, width: f32, footprint: f32) -> f32 {
  let away = abs(x - cell * round(x / cell));
  let wide = max(width, footprint);
  let cover = clamp((0.5 * (wide + footprint) - away) / footprint, 0.0, 1.0);
  return cover * width / wide;
}

fn albedo(i: u32, p: vec3<f32>, n: vec3<f32>, footprint: f32) -> vec3<f32> {
  let paint = part(i, 4u);
  let second = part(i, 5u);
  let origin = part(i, 6u);
  let cell = part(i, 7u);
  let grain = part(i, 8u);
  let q = p + origin.xyz;
  let g = octaves(q * grain.xyz, footprint * max(grain.x, max(grain.y, grain.z)));
  var dark = 0.0;
  var at = vec3<f32>(0.0);
  var least = MISS;
  if ((cell.x > 0.0) & (abs(n.x) < 0.5)) {
    dark = max(dark, seam(q.x, cell.x, origin.w, footprint));
    at.x = floor(q.x / cell.x);
    least = min(least, cell.x);
  }
  if ((cell.y > 0.0) & (abs(n.y) < 0.5)) {
    dark = max(dark, seam(q.y, cell.y, origin.w, footprint));
    at.y = floor(q.y / cell.y);
    least = min(least, cell.y);
  }
  if ((cell.z > 0.0) & (abs(n.z) < 0.5)) {
    dark = max(dark, seam(q.z, cell.z, origin.w, footprint));
    at.z = floor(q.z / cell.z);
    least = min(least, cell.z);
  }
  let tone = paint.w * clamp(least / footprint * 0.5 - 1.0, 0.0, 1.0) * hash(i32(at.x), i32(at.y) + 57, i32(at.z));
  let blend = clamp(0.5 + grain.w * g + tone, 0.0, 1.0);
  return mix(paint.xyz, second.xyz, blend) * (1.0 - second.w * dark);
}

fn encode(linear: f32) -> u32 {
  let x = clamp(linear, 0.0, 1.0);
  let s = select(1.055 * pow(max(x, 1.0e-6), 1.0 / 2.4) - 0.055, 12.92 * x, x <= 0.0031308);
  return u32(s * 255.0 + 0.5);
}

struct Light { unshadowed: f32, ambient: f32 }

// Lamp and ambient factors at a point, shadows left out.
fn light(i: u32, p: vec3<f32>) -> Light {
  let n = normal_world(i, normal_local(part(i, 3u), local_point(i, p)));
  let to = params.lamp.xyz - p;
  let far2 = max(dot(to, to), 1.0e-6);
  let reach = params.lamp.w;
  var out: Light;
  out.unshadowed = max(dot(n, to) * inverseSqrt(far2), 0.0) / (1.0 + far2 / (reach * reach));
  // Light from the room at large: more on what faces up, less and less down a pit.
  out.ambient = (0.8 + 0.2 * n.y) * exp(min(p.y, 0.0) * 1.5);
  return out;
}

// Grows the tile's box of seen points, in whole millimetres.
fn widen(low_point: vec3<f32>, high_point: vec3<f32>) {
  let far = vec3<f32>(1.0e5);
  let a = vec3<i32>(floor(clamp(low_point, -far, far) * 1000.0));
  let b = vec3<i32>(floor(clamp(high_point, -far, far) * 1000.0)) + 1;
  atomicMin(&low[0], a.x);
  atomicMin(&low[1], a.y);
  atomicMin(&low[2], a.z);
  atomicMax(&high[0], b.x);
  atomicMax(&high[1], b.y);
  atomicMax(&high[2], b.z);
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>,
        @builtin(local_invocation_index) l: u32) {
  let focal = params.focal;
  let eye = params.position.xyz;
  let x = params.axis_x.xyz;
  let y = params.axis_y.xyz;
  let z = params.axis_z.xyz;
  let count = min(params.count, 64u);
  if (l < 3u) {
    atomicStore(&low[l], 0x7fffffff);
    atomicStore(&high[l], -0x7fffffff);
  }
  if (l < 4u) {
    atomicStore(&seen[l], 0u);
    atomicStore(&casting[l], 0u);
  }
  workgroupBarrier();

  // `&`, not `&&`: lavapipe compiles a kernel again for each new value of a uniform that alone decides a branch.
  let camera = finite4(params.axis_x) & finite4(params.axis_y) & finite4(params.axis_z) & finite4(params.position)
    & finite4(params.lamp) & finite4(params.lamp_colour) & finite4(params.ambient) & finite4(focal)
    & (focal.x > 0.0) & (focal.y > 0.0);
  let me = min(l, 63u);
  let word_of_me = (l >> 5u) + select(0u, 2u, part(me, 3u).w > 0.0);
  var there = false;
  if ((l < count) & camera) {
    let s = part(me, 3u);
    let rx = part(me, 0u).xyz;
    let ry = part(me, 1u).xyz;
    let rz = part(me, 2u).xyz;
    there = usable(me);
    let offset = centre_of(me) - eye;
    // The tile's sides, half a pixel wider than its pixels.
    let u0 = (f32(tile.x * 8u) - 0.5 - focal.z) / focal.x;
    let u1 = (f32(tile.x * 8u) + 8.5 - focal.z) / focal.x;
    let v0 = (f32(tile.y * 8u) - 0.5 - focal.w) / focal.y;
    let v1 = (f32(tile.y * 8u) + 8.5 - focal.w) / focal.y;
    var planes = array<vec3<f32>, 5>(x - u0 * z, u1 * z - x, y - v0 * z, v1 * z - y, z);
    for (var k = 0u; k < 5u; k++) {
      let n = planes[k];
      let reach = s.x * abs(dot(n, rx)) + s.y * abs(dot(n, ry)) + s.z * abs(dot(n, rz)) + s.w * length(n);
      there = there & (dot(n, offset) + reach > -1.0e-3);
    }
    if (there) {
      atomicOr(&seen[word_of_me], 1u << (l & 31u));
    }
  }
  workgroupBarrier();

  let px = tile.x * 8u + lane.x;
  let py = tile.y * 8u + lane.y;
  let inside = (px < params.size.x) & (py < params.size.y);
  // Depth 1 along z: the ray's parameter is the depth.
  let across = x / focal.x;
  let down = y / focal.y;
  let ray = z + (f32(px) + 0.5 - focal.z) * across + (f32(py) + 0.5 - focal.w) * down;
  let ray0 = ray - 0.125 * across - 0.375 * down;
  let ray1 = ray + 0.375 * across - 0.125 * down;
  let ray2 = ray - 0.375 * across + 0.125 * down;
  let ray3 = ray + 0.125 * across + 0.375 * down;
  var best = MISS;
  var who = NOBODY;
  var best4 = vec4<f32>(MISS);
  var who4 = vec4<u32>(NOBODY);
  for (var word = 0u; word < 2u; word++) {
    var bits = atomicLoad(&seen[word]);
    while (bits != 0u) {
      let i = (word & 1u) * 32u + firstTrailingBit(bits);
      bits &= bits - 1u;
      let s = part(i, 3u);
      let o = local_point(i, eye);
      let d = local_direction(i, ray);
      let da = local_direction(i, across);
      let dd = local_direction(i, down);
      let t = hit_box(s.xyz, o, d);
      let t4 = vec4<f32>(
        hit_box(s.xyz, o, d - 0.125 * da - 0.375 * dd), hit_box(s.xyz, o, d + 0.375 * da - 0.125 * dd),
        hit_box(s.xyz, o, d - 0.375 * da + 0.125 * dd), hit_box(s.xyz, o, d + 0.125 * da + 0.375 * dd));
      if (t < best) {
        best = t;
        who = i;
      }
      let nearer = t4 < best4;
      best4 = select(best4, t4, nearer);
      who4 = select(who4, vec4<u32>(i), nearer);
    }
  }
  for (var word = 2u; word < 4u; word++) {
    var bits = atomicLoad(&seen[word]);
    while (bits != 0u) {
      let i = (word & 1u) * 32u + firstTrailingBit(bits);
      bits &= bits - 1u;
      let s = part(i, 3u);
      let o = local_point(i, eye);
      let d = local_direction(i, ray);
      let da = local_direction(i, across);
      let dd = local_direction(i, down);
      let t = hit_capsule(s.y, s.w, o, d);
      let t4 = vec4<f32>(
        hit_capsule(s.y, s.w, o, d - 0.125 * da - 0.375 * dd), hit_capsule(s.y, s.w, o, d + 0.375 * da - 0.125 * dd),
        hit_capsule(s.y, s.w, o, d - 0.375 * da + 0.125 * dd), hit_capsule(s.y, s.w, o, d + 0.125 * da + 0.375 * dd));
      if (t < best) {
        best = t;
        who = i;
      }
      let nearer = t4 < best4;
      best4 = select(best4, t4, nearer);
      who4 = select(who4, vec4<u32>(i), nearer);
    }
  }
  let any4 = best4 < vec4<f32>(MISS);
  let t4 = select(vec4<f32>(0.0), best4, any4);
  let p0 = eye + t4.x * ray0;
  let p1 = eye + t4.y * ray1;
  let p2 = eye + t4.z * ray2;
  let p3 = eye + t4.w * ray3;
  if (any(any4)) {
    // A sample that hit nothing repeats one that did.
    let sure = select(select(select(p3, p2, any4.z), p1, any4.y), p0, any4.x);
    let q0 = select(sure, p0, any4.x);
    let q1 = select(sure, p1, any4.y);
    let q2 = select(sure, p2, any4.z);
    let q3 = select(sure, p3, any4.w);
    widen(min(min(q0, q1), min(q2, q3)), max(max(q0, q1), max(q2, q3)));
  }
  workgroupBarrier();

  let lamp = params.lamp.xyz;
  if ((l < count) & (part(me, 9u).y > 0.5)) {
    let a = 0.001 * vec3<f32>(f32(atomicLoad(&low[0])), f32(atomicLoad(&low[1])), f32(atomicLoad(&low[2])));
    let b = 0.001 * vec3<f32>(f32(atomicLoad(&high[0])), f32(atomicLoad(&high[1])), f32(atomicLoad(&high[2])));
    let s = part(me, 3u);
    let c = centre_of(me);
    let goal = 0.5 * (a + b);
    let along = goal - lamp;
    let k = clamp(dot(c - lamp, along) / max(dot(along, along), 1.0e-9), 0.0, 1.0);
    let reach = 0.5 * length(b - a) + length(s.xyz) + s.w + 0.01;
    if (usable(me) & (b.x >= a.x) & (distance(c, lamp + k * along) < reach)) {
      atomicOr(&casting[word_of_me], 1u << (l & 31u));
    }
  }
  workgroupBarrier();

  var lit = vec4<f32>(0.0);
  var dim = vec4<f32>(0.0);
  let first4 = select(vec4<u32>(0u), who4, any4);
  let l0 = light(first4.x, p0);
  let l1 = light(first4.y, p1);
  let l2 = light(first4.z, p2);
  let l3 = light(first4.w, p3);
  lit = vec4<f32>(l0.unshadowed, l1.unshadowed, l2.unshadowed, l3.unshadowed);
  dim = vec4<f32>(l0.ambient, l1.ambient, l2.ambient, l3.ambient);
  for (var word = 0u; word < 2u; word++) {
    var bits = atomicLoad(&casting[word]);
    while (bits != 0u) {
      let i = (word & 1u) * 32u + firstTrailingBit(bits);
      bits &= bits - 1u;
      let s = part(i, 3u);
      // From the lamp to the point: a convex primitive cannot shade its own lit side, so it is left out.
      let o = local_point(i, lamp);
      let t = vec4<f32>(
        hit_box(s.xyz, o, local_direction(i, p0 - lamp)), hit_box(s.xyz, o, local_direction(i, p1 - lamp)),
        hit_box(s.xyz, o, local_direction(i, p2 - lamp)), hit_box(s.xyz, o, local_direction(i, p3 - lamp)));
      let shaded = (t < vec4<f32>(0.9995)) & (who4 != vec4<u32>(i));
      lit = select(lit, vec4<f32>(0.0), shaded);
    }
  }
  for (var word = 2u; word < 4u; word++) {
    var bits = atomicLoad(&casting[word]);
    while (bits != 0u) {
      let i = (word & 1u) * 32u + firstTrailingBit(bits);
      bits &= bits - 1u;
      let s = part(i, 3u);
      let o = local_point(i, lamp);
      let t = vec4<f32>(
        hit_capsule(s.y, s.w, o, local_direction(i, p0 - lamp)), hit_capsule(s.y, s.w, o, local_direction(i, p1 - lamp)),
        hit_capsule(s.y, s.w, o, local_direction(i, p2 - lamp)), hit_capsule(s.y, s.w, o, local_direction(i, p3 - lamp)));
      let shaded = (t < vec4<f32>(0.9995)) & (who4 != vec4<u32>(i));
      lit = select(lit, vec4<f32>(0.0), shaded);
    }
  }

  // Samples on one surface share one look at its paint, at the mean of their points.
  var colour = vec3<f32>(0.0);
  var open = any4;
  while (any(open)) {
    let i = select(select(select(who4.w, who4.z, open.z), who4.y, open.y), who4.x, open.x);
    let same = open & (who4 == vec4<u32>(i));
    let w = select(vec4<f32>(0.0), vec4<f32>(1.0), same);
    let n = dot(w, vec4<f32>(1.0));
    let p = (p0 * w.x + p1 * w.y + p2 * w.z + p3 * w.w) / n;
    let q = local_point(i, p);
    let nl = normal_local(part(i, 3u), q);
    let away = p - eye;
    let facing = abs(dot(normal_world(i, nl), away)) / max(length(away), 1.0e-6);
    let footprint = max(dot(away, z) / focal.x / pow(max(facing, 0.02), 0.8), 1.0e-5);
    let shine = params.ambient.xyz * dot(dim, w) + params.lamp_colour.xyz * dot(lit, w);
    colour += 0.25 * albedo(i, q, nl, footprint) * shine;
    open = open & !same;
  }

  if (inside) {
    let at = params.base + py * params.size.x + px;
    let c = colour * params.axis_x.w;
    rgba[at] = encode(c.x) | (encode(c.y) << 8u) | (encode(c.z) << 16u) | 0xff000000u;
    let found = who != NOBODY;
    depth[at] = select(0.0, best, found);
    objects[at] = 0u;
    if (found) {
      objects[at] = u32(part(who, 9u).x);
    }
  }
}
