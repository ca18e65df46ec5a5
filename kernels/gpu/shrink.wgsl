// One pyramid step: half size (rounded up) with the separable filter [1 3 3 1]/8, edges repeated. Pixel i of
// the result is centred between pixels 2i and 2i+1 of the source (Burt and Adelson 1983, even kernel).
struct Params { src_width: u32, src_height: u32, width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;

@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width || id.y >= params.height) { return; }
  let taps = array<f32, 4>(0.125, 0.375, 0.375, 0.125);
  var sum = 0.0;
  for (var j = 0; j < 4; j++) {
    let y = u32(clamp(i32(id.y) * 2 + j - 1, 0, i32(params.src_height) - 1));
    var row = 0.0;
    for (var i = 0; i < 4; i++) {
      let x = u32(clamp(i32(id.x) * 2 + i - 1, 0, i32(params.src_width) - 1));
      row += taps[i] * src[y * params.src_width + x];
    }
    sum += taps[j] * row;
  }
  dst[id.y * params.width + id.x] = sum;
}
