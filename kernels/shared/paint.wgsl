// Noise and seams for procedural paint, band-limited by a footprint.

const OCTAVES = 7u;
const COARSEST = 0.8;
const FALL = 0.85;

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
