// Exact optical flow of the mock world: where what each pixel's centre shows lies in the next frame, by the motion of
// its primitive and of the camera. Scene flow projected: Vedula, Baker, Rander, Collins and Kanade 1999.
// What is seen is taken from the traced depth and ids of both frames. A point is seen again where one of the four
// pixel centres around its new place shows the same primitive at its depth.

struct Params {
  axis_x: vec4<f32>,         // this frame's camera in the world: x, y (down), z (forward), centre
  axis_y: vec4<f32>,
  axis_z: vec4<f32>,
  position: vec4<f32>,
  next_x: vec4<f32>,         // the next frame's
  next_y: vec4<f32>,
  next_z: vec4<f32>,
  next_position: vec4<f32>,
  focal: vec4<f32>,          // fx, fy, cx, cy in pixels, of both
  size: vec2<u32>,           // pixels
  base: u32,                 // first element of this frame in depth and ids
  next: u32,                 // first element of the next one
  out: u32,                  // first element in flow
  count: u32,                // primitives, at most 256
  pad: vec2<u32>,
  // Eight vectors a primitive: rows world to local and size, as the ray tracer takes them, in this frame and in the
  // next; a primitive that is gone has size.w = -1 there.
  poses: array<vec4<f32>, 2048>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> depth: array<f32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
// u, v in pixels; 1 where the point is seen in the next frame; its depth there in metres, 0 for the sky, -1 where it
// is behind the camera and u, v are 0.
@group(0) @binding(3) var<storage, read_write> flow: array<vec4<f32>>;

fn pose(i: u32, k: u32) -> vec4<f32> {
  return params.poses[i * 8u + k];
}

// A local point of a shape of size `a` on the same shape of size `b`: rounded shapes grow about their axis.
fn resized(q: vec3<f32>, a: vec4<f32>, b: vec4<f32>) -> vec3<f32> {
  if (a.w > 0.0) {
    let y = clamp(q.y, -a.y, a.y);
    let c = q - vec3<f32>(0.0, y, 0.0);
    let along = select(1.0, b.y / max(a.y, 1.0e-9), a.y > 0.0);
    return c * (b.w / a.w) + vec3<f32>(0.0, y * along, 0.0);
  }
  return q * (b.xyz / max(a.xyz, vec3<f32>(1.0e-9)));
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if ((id.x >= params.size.x) | (id.y >= params.size.y)) {
    return;
  }
  let here = id.y * params.size.x + id.x;
  let f = params.focal;
  let centre = vec2<f32>(id.xy) + 0.5;
  let ray = params.axis_z.xyz + ((centre.x - f.z) / f.x) * params.axis_x.xyz
    + ((centre.y - f.w) / f.y) * params.axis_y.xyz;
  let seen = ids[params.base + here];
  let who = seen >> 16u;
  // The sky has no place, only a direction.
  var to = ray;
  var stays = true;
  if ((who > 0u) & (who <= params.count)) {
    let i = who - 1u;
    let p = vec4<f32>(params.position.xyz + depth[params.base + here] * ray, 1.0);
    var q = vec3<f32>(dot(pose(i, 0u), p), dot(pose(i, 1u), p), dot(pose(i, 2u), p));
    let size = pose(i, 7u);
    stays = size.w >= 0.0;
    if (stays) {
      q = resized(q, pose(i, 3u), size);
    }
    let rx = pose(i, 4u);
    let ry = pose(i, 5u);
    let rz = pose(i, 6u);
    to = rx.xyz * (q.x - rx.w) + ry.xyz * (q.y - ry.w) + rz.xyz * (q.z - rz.w) - params.next_position.xyz;
  }
  let c = vec3<f32>(dot(params.next_x.xyz, to), dot(params.next_y.xyz, to), dot(params.next_z.xyz, to));
  if (!(c.z > 1.0e-4)) {
    flow[params.out + here] = vec4<f32>(0.0, 0.0, 0.0, -1.0);
    return;
  }
  let there = f.xy * c.xy / c.z + f.zw;
  let last = vec2<f32>(params.size) - 1.0;
  var visible = stays & all(there >= vec2<f32>(0.0)) & all(there < last + 1.0);
  if (visible) {
    let low = clamp(floor(there - 0.5), vec2<f32>(0.0), last);
    var nearest = 3.0e38;
    var farthest = 0.0;
    var same = false;
    for (var k = 0u; k < 4u; k++) {
      let at = vec2<u32>(min(low + vec2<f32>(f32(k & 1u), f32(k >> 1u)), last));
      let j = params.next + at.y * params.size.x + at.x;
      if ((ids[j] >> 16u) == who) {
        same = true;
        nearest = min(nearest, depth[j]);
        farthest = max(farthest, depth[j]);
      }
    }
    let slack = 0.02 * c.z + 0.01;
    visible = same & ((who == 0u) | ((c.z >= nearest - slack) & (c.z <= farthest + slack)));
  }
  flow[params.out + here] = vec4<f32>(there - centre, select(0.0, 1.0, visible), select(c.z, 0.0, who == 0u));
}
