// The mock world's ray tracer: one frame of boxes, capsules (a sphere is a capsule of length 0), cylinders and terrain
// under a sky; colour, depth and what is seen at each pixel. Slabs: Kay and Kajiya 1986; capsule: closest approach to
// its axis, then its end caps; terrain: a walk over its cells (Amanatides and Woo 1987), two triangles each.
// Visibility is found at the pixel's centre and at four rotated-grid samples; the paint is band-limited by the
// pixel's footprint (clamping of noise: Norton, Rockwood and Skolmoski 1982) and so needs one look a surface.
// The lamp is a ball: a caster shades by how far it would have to grow, or shrink, to touch the ray, over the width of
// the penumbra at its distance. Floors at y = 0 may mirror: the ray goes on from the eye's mirror image.
// Tiles of 8 x 8 first cull the primitives by the tile's four planes (and by their mirror image where a mirror is
// seen), and the shadow casters by the hull of the lamp and what the tile sees. Primitives are finite; with a camera,
// lamp or sky that is not, nothing is seen.

struct Params {
  axis_x: vec4<f32>,       // camera's x in the world; w: exposure
  axis_y: vec4<f32>,       // y (down)
  axis_z: vec4<f32>,       // z (forward)
  position: vec4<f32>,
  focal: vec4<f32>,        // fx, fy, cx, cy in pixels
  lamp: vec4<f32>,         // position; w: reach in metres
  lamp_colour: vec4<f32>,  // linear; w: the lamp's radius in metres
  ambient: vec4<f32>,      // linear; w: fog, extinction a metre
  zenith: vec4<f32>,       // the sky overhead, linear; w: clouds, 0 to 1
  horizon: vec4<f32>,      // the sky at the horizon and the fog, linear; w: the sun's glow
  veil_x: vec4<f32>,       // a box that is seen through, world to local as a primitive's
  veil_y: vec4<f32>,
  veil_z: vec4<f32>,
  veil: vec4<f32>,         // its half sizes; w: opacity, 0 for none
  veil_paint: vec4<f32>,   // linear
  size: vec2<u32>,         // pixels
  count: u32,              // primitives, at most 256
  base: u32,               // first output element
  ends: vec4<u32>,         // primitives before these are boxes, capsules, cylinders, terrain
  flags: vec4<u32>,        // x: what the scene has, see HAS_TERRAIN and so on; the rest is 0
  // Ten vectors a primitive; uniform memory, since a software adapter reads it far faster than storage.
  //  0-2 rows, world to local: local = row . (p, 1)
  //  3   box, terrain: half sizes, 0; capsule: 0, half length along y, 0, radius; cylinder: radius, half, radius, 0
  //  4   linear colour; tone, how much cells differ
  //  5   linear colour that the noise mixes in; how dark seams are
  //  6   origin of the texture in local metres; width of a seam in metres
  //  7   seams every so many metres along x, y, z, 0 for none; terrain: cells + 32 seed
  //  8   noise frequency along x, y, z; contrast
  //  9   object; 1 where it throws a shadow, -1 where it is not there; how much it mirrors; 0
  primitives: array<vec4<f32>, 2560>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> rgba: array<u32>;
@group(0) @binding(2) var<storage, read_write> depth: array<f32>;
@group(0) @binding(3) var<storage, read_write> ids: array<u32>;

const NOBODY = 0xffffffffu;
// Flags. A software adapter runs both sides of a branch, but leaves out what a uniform alone rules out.
const HAS_TERRAIN = 1u;
const HAS_MIRROR = 2u;
const HAS_VEIL = 4u;
const HAS_SKY = 8u;
// End of a shadow ray: the point itself lies at 1.
const SHORT = 0.9995;

// Bit sets of primitives, then the same as lists in order, with the ends of the four kinds.
var<workgroup> seen_bits: array<atomic<u32>, 8>;
var<workgroup> mirrored_bits: array<atomic<u32>, 8>;
var<workgroup> casting_bits: array<atomic<u32>, 8>;
var<workgroup> seen: array<u32, 256>;
var<workgroup> mirrored: array<u32, 256>;
var<workgroup> casting: array<u32, 256>;
var<workgroup> mirrors: atomic<u32>;
var<workgroup> low: array<atomic<i32>, 3>;
var<workgroup> high: array<atomic<i32>, 3>;

// The bits of word `first / 32` that stand for primitives before `ends`.
fn below(ends: vec4<u32>, first: u32) -> vec4<u32> {
  let within = clamp(vec4<i32>(ends) - i32(first), vec4<i32>(0), vec4<i32>(32));
  let some = (vec4<u32>(1u) << (vec4<u32>(within) & vec4<u32>(31u))) - 1u;
  return select(some, vec4<u32>(NOBODY), within == vec4<i32>(32));
}

fn finite4(v: vec4<f32>) -> bool {
  let bits = bitcast<vec4<u32>>(v) & vec4<u32>(0x7f800000u);
  return all(bits != vec4<u32>(0x7f800000u));
}

fn part(i: u32, k: u32) -> vec4<f32> {
  return params.primitives[i * 10u + k];
}

fn usable(i: u32) -> bool {
  return part(i, 9u).y >= 0.0;
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

// 0 to 3: box, capsule, cylinder, terrain.
fn kind_of(i: u32) -> u32 {
  return select(0u, 1u, i >= params.ends.x) + select(0u, 1u, i >= params.ends.y) + select(0u, 1u, i >= params.ends.z);
}

fn normal_local(i: u32, p: vec3<f32>) -> vec3<f32> {
  let size = part(i, 3u);
  let kind = kind_of(i);
  if (kind == 1u) {
    let c = p - vec3<f32>(0.0, clamp(p.y, -size.y, size.y), 0.0);
    return c / max(length(c), 1.0e-12);
  }
  if (kind == 2u) {
    let rho = length(p.xz);
    if (abs(p.y) - size.y > rho - size.x) {
      return vec3<f32>(0.0, select(-1.0, 1.0, p.y >= 0.0), 0.0);
    }
    return vec3<f32>(p.x, 0.0, p.z) / max(rho, 1.0e-12);
  }
  if (((params.flags.x & HAS_TERRAIN) != 0u) && kind == 3u) {
    let code = u32(part(i, 7u).w);
    let n = f32(code & 31u);
    let scale = 0.5 * n / size.xz;
    let q = (p.xz + size.xz) * scale;
    let cell = clamp(floor(q), vec2<f32>(0.0), vec2<f32>(max(n - 1.0, 0.0)));
    let f = q - cell;
    let h = corners(size.y, code, u32(cell.x), u32(cell.y));
    let g = select(vec2<f32>(h.w - h.z, h.z - h.x), vec2<f32>(h.y - h.x, h.w - h.y), f.x >= f.y) * scale;
    return normalize(vec3<f32>(-g.x, 1.0, -g.y));
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

// Share of the lamp that a caster leaves: `grow` is how far it must grow to touch the ray, where the ray runs past it
// at share `t` of the way from the lamp to the point.
fn penumbra(grow: f32, t: f32) -> f32 {
  let wide = params.lamp_colour.w * (1.0 - clamp(t, 0.0, 1.0)) + 1.0e-4;
  let x = clamp(0.5 * grow / wide + 0.5, 0.0, 1.0);
  return x * x * (3.0 - 2.0 * x);
}

fn shade_box(half: vec3<f32>, o: vec3<f32>, d: vec3<f32>) -> f32 {
  let inverse = 1.0 / guarded(d);
  let c = -o * inverse;
  let k = abs(inverse);
  let hk = half * k;
  // The slabs' stretches of the ray meet pair by pair, and meet the ray from 0 to SHORT.
  let pairs = (abs(c - c.yzx) - hk - hk.yzx) / (k + k.yzx);
  let ends = max((c - SHORT) / k, -c / k) - half;
  let least = max(-half, ends);
  let grow = max(max(max(pairs.x, pairs.y), pairs.z), max(max(least.x, least.y), least.z));
  let near = c - (half + grow) * k;
  let far = c + (half + grow) * k;
  let t = 0.5 * (max(max(near.x, near.y), near.z) + min(min(far.x, far.y), far.z));
  return penumbra(grow, t);
}

fn shade_capsule(half: f32, r: f32, o: vec3<f32>, d: vec3<f32>) -> f32 {
  let a = max(d.x * d.x + d.z * d.z, 1.0e-12);
  let dd = max(dot(d, d), 1.0e-12);
  // Closest points of the ray and the axis, each kept within its ends in turn.
  var t = clamp(-(o.x * d.x + o.z * d.z) / a, 0.0, SHORT);
  var y = clamp(o.y + t * d.y, -half, half);
  t = clamp(-dot(o - vec3<f32>(0.0, y, 0.0), d) / dd, 0.0, SHORT);
  y = clamp(o.y + t * d.y, -half, half);
  t = clamp(-dot(o - vec3<f32>(0.0, y, 0.0), d) / dd, 0.0, SHORT);
  let away = length(o + t * d - vec3<f32>(0.0, y, 0.0));
  return penumbra(away - r, t);
}

fn shade_cylinder(half: f32, r: f32, o: vec3<f32>, d: vec3<f32>) -> f32 {
  let inverse = 1.0 / select(d.y, 1.0e-12, abs(d.y) < 1.0e-12);
  let e = (-half - o.y) * inverse;
  let f = (half - o.y) * inverse;
  let from_t = max(min(e, f), 0.0);
  let to_t = min(max(e, f), SHORT);
  let a = max(d.x * d.x + d.z * d.z, 1.0e-12);
  let t = max(min(-(o.x * d.x + o.z * d.z) / a, to_t), from_t);
  let away = length(o.xz + t * d.xz);
  return select(penumbra(away - r, t), 1.0, from_t > to_t);
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

fn sky(d: vec3<f32>) -> vec3<f32> {
  let up = max(d.y, 0.0);
  let plane = d.xz / (up + 0.12);
  let puffs = octaves(vec3<f32>(plane.x, 0.0, plane.y) * 0.35, 0.05);
  let cloud = params.zenith.w * clamp(0.5 + 0.8 * puffs, 0.0, 1.0) * clamp(up * 6.0, 0.0, 1.0);
  let clear = mix(params.horizon.xyz, params.zenith.xyz, sqrt(up));
  let to_sun = normalize(params.lamp.xyz - params.position.xyz);
  let glow = params.horizon.w * pow(max(dot(d, to_sun), 0.0), 300.0);
  return mix(clear, 0.5 * (params.horizon.xyz + vec3<f32>(dot(params.horizon.xyz, vec3<f32>(0.333)))), cloud)
    + glow * params.lamp_colour.xyz;
}

fn encode(linear: f32) -> u32 {
  let x = clamp(linear, 0.0, 1.0);
  let s = select(1.055 * pow(max(x, 1.0e-6), 1.0 / 2.4) - 0.055, 12.92 * x, x <= 0.0031308);
  return u32(s * 255.0 + 0.5);
}

struct Light { unshadowed: f32, ambient: f32 }

// Lamp and ambient factors at a point, shadows left out.
fn light(i: u32, p: vec3<f32>) -> Light {
  let n = normal_world(i, normal_local(i, local_point(i, p)));
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

// Which of the tile's planes from `eye` a primitive reaches over: all of them where it may be seen. `flip` is 1, or -1
// along y for the mirror image in the plane y = 0.
fn reaches(i: u32, eye: vec3<f32>, flip: vec3<f32>, planes: array<vec3<f32>, 5>) -> bool {
  let s = part(i, 3u);
  let rx = part(i, 0u).xyz * flip;
  let ry = part(i, 1u).xyz * flip;
  let rz = part(i, 2u).xyz * flip;
  let offset = centre_of(i) * flip - eye;
  var all_of_them = true;
  for (var k = 0u; k < 5u; k++) {
    let n = planes[k];
    let reach = s.x * abs(dot(n, rx)) + s.y * abs(dot(n, ry)) + s.z * abs(dot(n, rz)) + s.w * length(n);
    all_of_them = all_of_them & (dot(n, offset) + reach > -1.0e-3);
  }
  return all_of_them;
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>,
        @builtin(local_invocation_index) l: u32) {
  let focal = params.focal;
  let eye = params.position.xyz;
  let x = params.axis_x.xyz;
  let y = params.axis_y.xyz;
  let z = params.axis_z.xyz;
  let count = min(params.count, 256u);
  if (l < 3u) {
    atomicStore(&low[l], 0x7fffffff);
    atomicStore(&high[l], -0x7fffffff);
  }
  if (l < 8u) {
    atomicStore(&seen_bits[l], 0u);
    atomicStore(&mirrored_bits[l], 0u);
    atomicStore(&casting_bits[l], 0u);
  }
  if (l == 8u) {
    atomicStore(&mirrors, 0u);
  }
  workgroupBarrier();

  // `&`, not `&&`: lavapipe compiles a kernel again for each new value of a uniform that alone decides a branch.
  let camera = finite4(params.axis_x) & finite4(params.axis_y) & finite4(params.axis_z) & finite4(params.position)
    & finite4(params.lamp) & finite4(params.lamp_colour) & finite4(params.ambient) & finite4(focal)
    & finite4(params.zenith) & finite4(params.horizon)
    & (focal.x > 0.0) & (focal.y > 0.0);
  // The tile's sides, half a pixel wider than its pixels.
  let u0 = (f32(tile.x * 8u) - 0.5 - focal.z) / focal.x;
  let u1 = (f32(tile.x * 8u) + 8.5 - focal.z) / focal.x;
  let v0 = (f32(tile.y * 8u) - 0.5 - focal.w) / focal.y;
  let v1 = (f32(tile.y * 8u) + 8.5 - focal.w) / focal.y;
  let planes = array<vec3<f32>, 5>(x - u0 * z, u1 * z - x, y - v0 * z, v1 * z - y, z);
  for (var i = l; (i < count) & camera; i += 64u) {
    if (usable(i) & reaches(i, eye, vec3<f32>(1.0), planes)) {
      atomicOr(&seen_bits[i >> 5u], 1u << (i & 31u));
    }
  }
  workgroupBarrier();
  // The set as a list in order: of each word, the lanes that own its primitives write theirs.
  var ends = vec4<u32>(0u);
  var total = 0u;
  let bit = l & 31u;
  for (var w = 0u; w < 8u; w++) {
    let word = atomicLoad(&seen_bits[w]);
    if (((w & 1u) == (l >> 5u)) & (((word >> bit) & 1u) == 1u)) {
      seen[total + countOneBits(word & ((1u << bit) - 1u))] = w * 32u + bit;
    }
    total += countOneBits(word);
    ends += countOneBits(vec4<u32>(word) & below(params.ends, w * 32u));
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
  var at = 0u;
  for (; at < ends.x; at++) {
    let i = seen[at];
    let s = part(i, 3u);
    let o = local_point(i, eye);
    let d = local_direction(i, ray);
    let da = local_direction(i, across);
    let dd = local_direction(i, down);
    let t = hit_box(s.xyz, o, d);
    let t4 = vec4<f32>(
      hit_box(s.xyz, o, d - 0.125 * da - 0.375 * dd), hit_box(s.xyz, o, d + 0.375 * da - 0.125 * dd),
      hit_box(s.xyz, o, d - 0.375 * da + 0.125 * dd), hit_box(s.xyz, o, d + 0.125 * da + 0.375 * dd));
    who = select(who, i, t < best);
    best = min(best, t);
    who4 = select(who4, vec4<u32>(i), t4 < best4);
    best4 = min(best4, t4);
  }
  for (; at < ends.y; at++) {
    let i = seen[at];
    let s = part(i, 3u);
    let o = local_point(i, eye);
    let d = local_direction(i, ray);
    let da = local_direction(i, across);
    let dd = local_direction(i, down);
    let t = hit_capsule(s.y, s.w, o, d);
    let t4 = vec4<f32>(
      hit_capsule(s.y, s.w, o, d - 0.125 * da - 0.375 * dd), hit_capsule(s.y, s.w, o, d + 0.375 * da - 0.125 * dd),
      hit_capsule(s.y, s.w, o, d - 0.375 * da + 0.125 * dd), hit_capsule(s.y, s.w, o, d + 0.125 * da + 0.375 * dd));
    who = select(who, i, t < best);
    best = min(best, t);
    who4 = select(who4, vec4<u32>(i), t4 < best4);
    best4 = min(best4, t4);
  }
  for (; at < ends.z; at++) {
    let i = seen[at];
    let s = part(i, 3u);
    let o = local_point(i, eye);
    let d = local_direction(i, ray);
    let da = local_direction(i, across);
    let dd = local_direction(i, down);
    let t = hit_cylinder(s.y, s.x, o, d);
    let t4 = vec4<f32>(
      hit_cylinder(s.y, s.x, o, d - 0.125 * da - 0.375 * dd), hit_cylinder(s.y, s.x, o, d + 0.375 * da - 0.125 * dd),
      hit_cylinder(s.y, s.x, o, d - 0.375 * da + 0.125 * dd), hit_cylinder(s.y, s.x, o, d + 0.125 * da + 0.375 * dd));
    who = select(who, i, t < best);
    best = min(best, t);
    who4 = select(who4, vec4<u32>(i), t4 < best4);
    best4 = min(best4, t4);
  }
  if ((params.flags.x & HAS_TERRAIN) != 0u) {
    for (; at < ends.w; at++) {
      let i = seen[at];
      let s = part(i, 3u);
      let code = u32(part(i, 7u).w);
      let o = local_point(i, eye);
      let t = hit_terrain(s.xyz, code, o, local_direction(i, ray));
      let t4 = vec4<f32>(
        hit_terrain(s.xyz, code, o, local_direction(i, ray0)), hit_terrain(s.xyz, code, o, local_direction(i, ray1)),
        hit_terrain(s.xyz, code, o, local_direction(i, ray2)), hit_terrain(s.xyz, code, o, local_direction(i, ray3)));
      who = select(who, i, t < best);
      best = min(best, t);
      who4 = select(who4, vec4<u32>(i), t4 < best4);
      best4 = min(best4, t4);
    }
  }
  let any4 = best4 < vec4<f32>(MISS);
  let t4 = select(vec4<f32>(0.0), best4, any4);
  let first4 = select(vec4<u32>(0u), who4, any4);
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
    if ((params.flags.x & HAS_MIRROR) != 0u) {
      let glossy = vec4<f32>(
        part(first4.x, 9u).z, part(first4.y, 9u).z, part(first4.z, 9u).z, part(first4.w, 9u).z);
      if (any(any4 & (glossy > vec4<f32>(0.0)))) {
        atomicOr(&mirrors, 1u);
      }
    }
  }
  workgroupBarrier();

  let lamp = params.lamp.xyz;
  let a = 0.001 * vec3<f32>(f32(atomicLoad(&low[0])), f32(atomicLoad(&low[1])), f32(atomicLoad(&low[2])));
  let b = 0.001 * vec3<f32>(f32(atomicLoad(&high[0])), f32(atomicLoad(&high[1])), f32(atomicLoad(&high[2])));
  let goal = 0.5 * (a + b);
  let along = goal - lamp;
  let spread = 0.5 * length(b - a) + 0.01 + params.lamp_colour.w;
  for (var i = l; i < count; i += 64u) {
    let casts = part(i, 9u).y;
    if ((casts > 0.5) & (b.x >= a.x)) {
      let s = part(i, 3u);
      let c = centre_of(i);
      let k = clamp(dot(c - lamp, along) / max(dot(along, along), 1.0e-9), 0.0, 1.0);
      if (distance(c, lamp + k * along) < spread + length(s.xyz) + s.w) {
        atomicOr(&casting_bits[i >> 5u], 1u << bit);
      }
    }
    if ((params.flags.x & HAS_MIRROR) != 0u) {
      if ((atomicLoad(&mirrors) == 1u) & (casts >= 0.0)) {
        if (reaches(i, eye, vec3<f32>(1.0, -1.0, 1.0), planes)) {
          atomicOr(&mirrored_bits[i >> 5u], 1u << bit);
        }
      }
    }
  }
  workgroupBarrier();
  var casting_ends = vec4<u32>(0u);
  total = 0u;
  for (var w = 0u; w < 8u; w++) {
    let word = atomicLoad(&casting_bits[w]);
    if (((w & 1u) == (l >> 5u)) & (((word >> bit) & 1u) == 1u)) {
      casting[total + countOneBits(word & ((1u << bit) - 1u))] = w * 32u + bit;
    }
    total += countOneBits(word);
    casting_ends += countOneBits(vec4<u32>(word) & below(params.ends, w * 32u));
  }
  var mirrored_ends = vec4<u32>(0u);
  if ((params.flags.x & HAS_MIRROR) != 0u) {
    total = 0u;
    for (var w = 0u; w < 8u; w++) {
      let word = atomicLoad(&mirrored_bits[w]);
      if (((w & 1u) == (l >> 5u)) & (((word >> bit) & 1u) == 1u)) {
        mirrored[total + countOneBits(word & ((1u << bit) - 1u))] = w * 32u + bit;
      }
      total += countOneBits(word);
      mirrored_ends += countOneBits(vec4<u32>(word) & below(params.ends, w * 32u));
    }
  }
  workgroupBarrier();

  let l0 = light(first4.x, p0);
  let l1 = light(first4.y, p1);
  let l2 = light(first4.z, p2);
  let l3 = light(first4.w, p3);
  var lit = vec4<f32>(l0.unshadowed, l1.unshadowed, l2.unshadowed, l3.unshadowed);
  let dim = vec4<f32>(l0.ambient, l1.ambient, l2.ambient, l3.ambient);
  // From the lamp to the point: a convex primitive cannot shade its own lit side, so it is left out.
  at = 0u;
  for (; at < casting_ends.x; at++) {
    let i = casting[at];
    let s = part(i, 3u);
    let o = local_point(i, lamp);
    let left = vec4<f32>(
      shade_box(s.xyz, o, local_direction(i, p0 - lamp)), shade_box(s.xyz, o, local_direction(i, p1 - lamp)),
      shade_box(s.xyz, o, local_direction(i, p2 - lamp)), shade_box(s.xyz, o, local_direction(i, p3 - lamp)));
    lit *= select(left, vec4<f32>(1.0), who4 == vec4<u32>(i));
  }
  for (; at < casting_ends.y; at++) {
    let i = casting[at];
    let s = part(i, 3u);
    let o = local_point(i, lamp);
    let left = vec4<f32>(
      shade_capsule(s.y, s.w, o, local_direction(i, p0 - lamp)),
      shade_capsule(s.y, s.w, o, local_direction(i, p1 - lamp)),
      shade_capsule(s.y, s.w, o, local_direction(i, p2 - lamp)),
      shade_capsule(s.y, s.w, o, local_direction(i, p3 - lamp)));
    lit *= select(left, vec4<f32>(1.0), who4 == vec4<u32>(i));
  }
  for (; at < casting_ends.z; at++) {
    let i = casting[at];
    let s = part(i, 3u);
    let o = local_point(i, lamp);
    let left = vec4<f32>(
      shade_cylinder(s.y, s.x, o, local_direction(i, p0 - lamp)),
      shade_cylinder(s.y, s.x, o, local_direction(i, p1 - lamp)),
      shade_cylinder(s.y, s.x, o, local_direction(i, p2 - lamp)),
      shade_cylinder(s.y, s.x, o, local_direction(i, p3 - lamp)));
    lit *= select(left, vec4<f32>(1.0), who4 == vec4<u32>(i));
  }

  // Samples on one surface share one look at its paint, at the mean of their points.
  var colour = vec3<f32>(0.0);
  var open = any4;
  // At the end of the body, since a software adapter runs it once more for nothing where the test comes first.
  loop {
    let i = select(select(select(who4.w, who4.z, open.z), who4.y, open.y), who4.x, open.x);
    let same = open & (who4 == vec4<u32>(i));
    let w = select(vec4<f32>(0.0), vec4<f32>(1.0), same);
    let n = max(dot(w, vec4<f32>(1.0)), 1.0e-6);
    let p = (p0 * w.x + p1 * w.y + p2 * w.z + p3 * w.w) / n;
    let q = local_point(i, p);
    let nl = normal_local(i, q);
    let nw = normal_world(i, nl);
    let away = p - eye;
    let far = max(length(away), 1.0e-6);
    let facing = abs(dot(nw, away)) / far;
    let footprint = max(dot(away, z) / focal.x / pow(max(facing, 0.02), 0.8), 1.0e-5);
    let shine = params.ambient.xyz * dot(dim, w) + params.lamp_colour.xyz * dot(lit, w);
    var shown = 0.25 * albedo(i, q, nl, footprint) * shine;
    let gloss = part(i, 9u).z;
    if (((params.flags.x & HAS_MIRROR) != 0u) && (gloss > 0.0) & (nw.y > 0.5) & (abs(p.y) < 0.01)) {
      // Fresnel by Schlick 1994; the mirrored surface is seen without its shadows.
      let share = gloss * (0.08 + 0.92 * pow(1.0 - facing, 5.0));
      let back = vec3<f32>(away.x, -away.y, away.z);
      var nearest = MISS;
      var other = NOBODY;
      var k = 0u;
      for (; k < mirrored_ends.x; k++) {
        let j = mirrored[k];
        let t = hit_box(part(j, 3u).xyz, local_point(j, p), local_direction(j, back));
        other = select(other, j, (t < nearest) & (j != i));
        nearest = select(nearest, t, (t < nearest) & (j != i));
      }
      for (; k < mirrored_ends.y; k++) {
        let j = mirrored[k];
        let s = part(j, 3u);
        let t = hit_capsule(s.y, s.w, local_point(j, p), local_direction(j, back));
        other = select(other, j, t < nearest);
        nearest = min(nearest, t);
      }
      for (; k < mirrored_ends.z; k++) {
        let j = mirrored[k];
        let s = part(j, 3u);
        let t = hit_cylinder(s.y, s.x, local_point(j, p), local_direction(j, back));
        other = select(other, j, t < nearest);
        nearest = min(nearest, t);
      }
      var glass = vec3<f32>(0.0);
      if ((params.flags.x & HAS_SKY) != 0u) {
        glass = sky(back / far);
      }
      if (other != NOBODY) {
        let m = p + nearest * back;
        let mq = local_point(other, m);
        let lm = light(other, m);
        let wide = footprint * (1.0 + nearest);
        glass = albedo(other, mq, normal_local(other, mq), wide)
          * (params.ambient.xyz * lm.ambient + 0.7 * params.lamp_colour.xyz * lm.unshadowed);
      }
      shown = mix(shown, 0.25 * n * glass, share);
    }
    // Fog: light falls off with the way (Beer and Lambert), and the horizon's comes in its place.
    let clear = exp(-params.ambient.w * far);
    colour += select(vec3<f32>(0.0), mix(0.25 * n * params.horizon.xyz, shown, clear), any(same));
    open = open & !same;
    if (!any(open)) {
      break;
    }
  }
  let missed = 0.25 * dot(select(vec4<f32>(1.0), vec4<f32>(0.0), any4), vec4<f32>(1.0));
  if ((params.flags.x & HAS_SKY) != 0u) {
    if ((missed > 0.0) & camera) {
      colour += missed * sky(normalize(ray));
    }
  }
  if ((params.flags.x & HAS_VEIL) != 0u) {
    let q = vec4<f32>(eye, 1.0);
    let o = vec3<f32>(dot(params.veil_x, q), dot(params.veil_y, q), dot(params.veil_z, q));
    let d = vec3<f32>(dot(params.veil_x.xyz, ray), dot(params.veil_y.xyz, ray), dot(params.veil_z.xyz, ray));
    let t = hit_box(params.veil.xyz, o, d);
    if ((t < best) & camera) {
      let grain = octaves(o + t * d, max(t / focal.x, 1.0e-5));
      colour = mix(colour, params.veil_paint.xyz * (1.0 + 0.5 * clamp(grain, -1.0, 1.0)), clamp(params.veil.w, 0.0, 1.0));
    }
  }

  if (inside) {
    let to = params.base + py * params.size.x + px;
    let c = colour * params.axis_x.w;
    rgba[to] = encode(c.x) | (encode(c.y) << 8u) | (encode(c.z) << 16u) | 0xff000000u;
    let found = who != NOBODY;
    depth[to] = select(0.0, best, found);
    ids[to] = 0u;
    if (found) {
      ids[to] = (u32(part(who, 9u).x) & 0xffffu) | ((who + 1u) << 16u);
    }
  }
}
