// The coarser flow at a larger size, bilinear, edges repeated; `ratio` are pixels in one of the coarser flow.
struct Params { width: u32, height: u32, coarse_width: u32, coarse_height: u32, ratio: vec2<f32>, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coarse: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> flow: array<vec2<f32>>;

fn inside(x: f32, last: f32) -> f32 { return select(0.0, min(x, last), x > 0.0); }

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let cx = inside((f32(id.x) + 0.5) / params.ratio.x - 0.5, f32(params.coarse_width - 1u));
  let cy = inside((f32(id.y) + 0.5) / params.ratio.y - 0.5, f32(params.coarse_height - 1u));
  let x0 = u32(cx);
  let y0 = u32(cy);
  let x1 = min(x0 + 1u, params.coarse_width - 1u);
  let y1 = min(y0 + 1u, params.coarse_height - 1u);
  let top = mix2(coarse[y0 * params.coarse_width + x0], coarse[y0 * params.coarse_width + x1], cx - f32(x0));
  let low = mix2(coarse[y1 * params.coarse_width + x0], coarse[y1 * params.coarse_width + x1], cx - f32(x0));
  flow[id.y * params.width + id.x] = params.ratio * mix2(top, low, cy - f32(y0));
}
