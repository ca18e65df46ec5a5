// A picture that a lens distorts as a pinhole sees it: each pixel's ray is bent as the lens bends it, and the picture is
// sampled where that ray meets it. OpenCV's polynomial models: of the radius for perspective lenses, of the angle for
// fisheye lenses.
struct Params {
  size: vec2<u32>,         // pixels, of both pictures
  fisheye: u32,            // 1: of the angle
  nearest: u32,            // 1: the nearest pixel's word as it is; 0: packed pixels, bilinear
  pinhole: vec4<f32>,      // fx, fy, cx, cy of the result, in pixels
  lens: vec4<f32>,         // the same of the picture
  radial: vec4<f32>,       // k1 to k4, of the second, fourth, sixth and eighth power
  under: vec4<f32>,        // three below the line; then the squared radius of a ray from which on none is known
  tangential: vec2<f32>,   // p2, p1
  circle: f32,             // squared radius about the picture's centre that was exposed, in pixels
  empty: u32,              // word of a pixel that has no source
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<u32>;
@group(0) @binding(2) var<storage, read_write> dst: array<u32>;

// Of what is not negative, within 1e-7: Abramowitz and Stegun 4.4.49. WGSL's own may be off by thousands of units in the last place.
fn arc_tangent(x: f32) -> f32 {
  let turned = x > 1.0;
  let t = select(x, 1.0 / x, turned);
  let s = t * t;
  let part = t * (1.0 + s * (-0.3333314528 + s * (0.1999355085 + s * (-0.1420889944 + s * (0.1065626393
    + s * (-0.0752896400 + s * (0.0429096138 + s * (-0.0161657367 + s * 0.0028662257))))))));
  return select(part, 1.5707963268 - part, turned);
}

fn polynomial(s: f32) -> f32 {
  return 1.0 + s * (params.radial.x + s * (params.radial.y + s * (params.radial.z + s * params.radial.w)));
}

// Where a ray meets the picture, in pixels.
fn met(ray: vec2<f32>, squared: f32) -> vec2<f32> {
  var factor = polynomial(squared) / (1.0 + squared * (params.under.x + squared * (params.under.y + squared * params.under.z)));
  if (params.fisheye != 0u) {
    let radius = sqrt(squared);
    let angle = arc_tangent(radius);
    factor = select(1.0, angle / radius, radius > 1e-6) * polynomial(angle * angle);
  }
  let by = params.tangential;
  let bent = factor * ray + squared * by + 2.0 * dot(by, ray) * ray;
  return params.lens.xy * bent + params.lens.zw;
}

// A pixel of the picture, the nearest inside it; its colours weighted by its alpha.
fn weighted(x: i32, y: i32) -> vec4<f32> {
  let inside = vec2<u32>(clamp(vec2<i32>(x, y), vec2<i32>(0), vec2<i32>(params.size) - 1));
  let word = src[inside.y * params.size.x + inside.x];
  let alpha = f32(word >> 24u);
  return vec4<f32>(f32(word & 255u) * alpha, f32((word >> 8u) & 255u) * alpha, f32((word >> 16u) & 255u) * alpha, alpha);
}

fn bilinear(at: vec2<f32>) -> u32 {
  let low = at - 0.5;
  let corner = floor(low);
  let part = low - corner;
  let x = i32(corner.x);
  let y = i32(corner.y);
  let above = mix(weighted(x, y), weighted(x + 1, y), part.x);
  let below = mix(weighted(x, y + 1), weighted(x + 1, y + 1), part.x);
  let sum = mix(above, below, part.y);
  if (sum.w <= 0.0) {
    return 0u;
  }
  let levels = vec4<u32>(clamp(vec4<f32>(sum.xyz / sum.w, sum.w), vec4<f32>(0.0), vec4<f32>(255.0)) + 0.5);
  return levels.x | (levels.y << 8u) | (levels.z << 16u) | (levels.w << 24u);
}

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.size.x || id.y >= params.size.y) { return; }
  let ray = (vec2<f32>(id.xy) + 0.5 - params.pinhole.zw) / params.pinhole.xy;
  let squared = dot(ray, ray);
  let at = met(ray, squared);
  let size = vec2<f32>(params.size);
  let off = at - 0.5 * size;
  var word = params.empty;
  if (squared < params.under.w && all(at >= vec2<f32>(0.0)) && all(at <= size) && dot(off, off) <= params.circle) {
    if (params.nearest != 0u) {
      let near = min(vec2<u32>(at), params.size - 1u);
      word = src[near.y * params.size.x + near.x];
    } else {
      word = bilinear(at);
    }
  }
  dst[id.y * params.size.x + id.x] = word;
}
