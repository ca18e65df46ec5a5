// Forward-backward test (Sundaram et al., ECCV 2010): 3 where |F + B o F|^2 < .01 (|F|^2 + |B o F|^2) + .5 and the
// target is inside, 1 where the target is inside only, else 0.
struct Params { width: u32, height: u32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> forward: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> backward: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let here = id.y * params.width + id.x;
  let f = forward[here];
  let x = f32(id.x) + f.x;
  let y = f32(id.y) + f.y;
  if (!(x >= 0.0 && x <= f32(params.width - 1u) && y >= 0.0 && y <= f32(params.height - 1u))) {
    state[here] = 0u;
    return;
  }
  let x0 = u32(x);
  let y0 = u32(y);
  let x1 = min(x0 + 1u, params.width - 1u);
  let y1 = min(y0 + 1u, params.height - 1u);
  let top = mix2(backward[y0 * params.width + x0], backward[y0 * params.width + x1], x - f32(x0));
  let low = mix2(backward[y1 * params.width + x0], backward[y1 * params.width + x1], x - f32(x0));
  let g = mix2(top, low, y - f32(y0));
  let e = f + g;
  let good = dot(e, e) < 0.01 * (dot(f, f) + dot(g, g)) + 0.5;
  state[here] = select(1u, 3u, good);
}
