// How each point of a generation moves, over the steps that it was followed. Two vectors a point:
//   (steps, end, mean speed, mean jerk over speed + .5)   (jumps, accelerations, own jerk over speed + .5, worst own acceleration)
// in standard pixels a span of time. Jerk is the second difference of the steps, a jump an acceleration over 3; own is
// without the camera's plane.
struct Params { count: u32, steps: u32, first: u32, scale: f32, width: u32, height: u32, pad: vec2<u32>, per: array<vec4<f32>, 16> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> points: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> models: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> paths: array<vec4<f32>>;

// Steps whose models are kept.
const RING: u32 = 64u;

@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.count) { return; }
  let half = 0.5 * f32(max(params.width, params.height));
  let mid = vec2<f32>(0.5 * (f32(params.width) - 1.0), 0.5 * (f32(params.height) - 1.0));
  var steps = 0.0;
  var speed = 0.0;
  var jerk = 0.0;
  var own_jerk = 0.0;
  var worst = 0.0;
  var jumps = 0.0;
  // Step and own step: the last one and the one before.
  var v1 = vec4<f32>(0.0);
  var v0 = vec4<f32>(0.0);
  var from_ = points[id.x];
  var end = 0.0;
  for (var k = 0u; k < params.steps; k++) {
    let to = points[(k + 1u) * params.count + id.x];
    end = to.z;
    if (to.z == 0.0) {
      let place = (params.first + k) % RING;
      let step = (to.xy - from_.xy) * (params.scale * params.per[place / 4u][place % 4u]);
      let at = (from_.xy - mid) / half;
      let o = place * 4u;
      let a = models[o];
      let b = models[o + 1u];
      let plane = vec2<f32>(a.x + a.y * at.x + a.z * at.y + b.z * at.x * at.x + b.w * at.x * at.y,
        a.w + b.x * at.x + b.y * at.y + b.z * at.x * at.y + b.w * at.y * at.y);
      let v = vec4<f32>(step, step - plane);
      let change = v - v1;
      if (steps >= 1.0) {
        jumps += select(0.0, 1.0, length(change.xy) > 3.0);
        worst = max(worst, length(change.zw));
      }
      if (steps >= 2.0) {
        let j = change - (v1 - v0);
        jerk += length(j.xy);
        own_jerk += length(j.zw);
      }
      speed += length(step);
      steps += 1.0;
      v0 = v1;
      v1 = v;
      from_ = to;
    }
  }
  speed /= max(steps, 1.0);
  let under = max(steps - 2.0, 1.0) * (speed + 0.5);
  paths[id.x * 2u] = vec4<f32>(steps, end, speed, jerk / under);
  paths[id.x * 2u + 1u] = vec4<f32>(jumps, max(steps - 1.0, 0.0), own_jerk / under, worst);
}
