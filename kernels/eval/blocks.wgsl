// What JPEG does to an image: the discrete cosine transform of 8x8 blocks, quantised and transformed back, in YCbCr
// without subsampling (ITU-T T.81). The edge is repeated to whole blocks.
// A workgroup takes eight blocks side by side; a lane first takes a row of its block, then a column, then a row again.
struct Params {
  size: vec2<u32>,                // pixels
  pad: vec2<u32>,
  luma: array<vec4<f32>, 16>,     // steps: eight of each column; columns and rows both in the order 0 2 4 6 1 3 5 7
  chroma: array<vec4<f32>, 16>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

// The first halves of the cosines, a column each: even frequencies are symmetric about the middle, odd ones the opposite.
const EVEN = mat4x4<f32>(
  0.35355339, 0.35355339, 0.35355339, 0.35355339,
  0.46193977, 0.19134172, -0.19134172, -0.46193977,
  0.35355339, -0.35355339, -0.35355339, 0.35355339,
  0.19134172, -0.46193977, 0.46193977, -0.19134172);
const ODD = mat4x4<f32>(
  0.49039264, 0.41573481, 0.27778512, 0.09754516,
  0.41573481, -0.09754516, -0.49039264, -0.27778512,
  0.27778512, -0.49039264, 0.09754516, 0.41573481,
  0.09754516, -0.27778512, 0.41573481, -0.49039264);

var<workgroup> tile: array<vec3<f32>, 512>;

fn ycc(p: u32) -> vec3<f32> {
  let c = colour(p);
  return vec3<f32>(
    dot(c, vec3<f32>(0.299, 0.587, 0.114)) - 128.0,
    dot(c, vec3<f32>(-0.168736, -0.331264, 0.5)),
    dot(c, vec3<f32>(0.5, -0.418688, -0.081312)));
}

fn rgb(v: vec3<f32>) -> vec3<f32> {
  let y = v.x + 128.0;
  return vec3<f32>(y + 1.402 * v.z, y - 0.344136 * v.y - 0.714136 * v.z, y + 1.772 * v.y);
}

fn pixel(row: u32, x: u32) -> vec3<f32> {
  return ycc(image[row + min(x, max(params.size.x, 1u) - 1u)]);
}

fn quantised(v: vec3<f32>, luma: f32, chroma: f32) -> vec3<f32> {
  let step = vec3<f32>(usable(luma, 1.0, 255.0), vec2<f32>(usable(chroma, 1.0, 255.0)));
  return round(v / step) * step;
}

fn put(x: u32, row: u32, y: u32, v: vec3<f32>) {
  if ((x < params.size.x) & (y < params.size.y)) {
    rgba[row + x] = packed(rgb(v), image[row + x]);
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let block = lane / 8u;
  let own = lane % 8u;
  let x = wg.x * 64u + block * 8u;
  let y = wg.y * 8u + own;
  let row = min(y, max(params.size.y, 1u) - 1u) * params.size.x;
  var a = mat4x3<f32>(pixel(row, x), pixel(row, x + 1u), pixel(row, x + 2u), pixel(row, x + 3u));
  var b = mat4x3<f32>(pixel(row, x + 7u), pixel(row, x + 6u), pixel(row, x + 5u), pixel(row, x + 4u));
  var even = (a + b) * EVEN;
  var odd = (a - b) * ODD;
  var at = block * 64u + own * 8u;
  tile[at + 0u] = even[0];
  tile[at + 1u] = even[1];
  tile[at + 2u] = even[2];
  tile[at + 3u] = even[3];
  tile[at + 4u] = odd[0];
  tile[at + 5u] = odd[1];
  tile[at + 6u] = odd[2];
  tile[at + 7u] = odd[3];
  workgroupBarrier();

  at = block * 64u + own;
  a = mat4x3<f32>(tile[at], tile[at + 8u], tile[at + 16u], tile[at + 24u]);
  b = mat4x3<f32>(tile[at + 56u], tile[at + 48u], tile[at + 40u], tile[at + 32u]);
  even = (a + b) * EVEN;
  odd = (a - b) * ODD;
  var luma = params.luma[2u * own];
  var chroma = params.chroma[2u * own];
  even[0] = quantised(even[0], luma[0], chroma[0]);
  even[1] = quantised(even[1], luma[1], chroma[1]);
  even[2] = quantised(even[2], luma[2], chroma[2]);
  even[3] = quantised(even[3], luma[3], chroma[3]);
  luma = params.luma[2u * own + 1u];
  chroma = params.chroma[2u * own + 1u];
  odd[0] = quantised(odd[0], luma[0], chroma[0]);
  odd[1] = quantised(odd[1], luma[1], chroma[1]);
  odd[2] = quantised(odd[2], luma[2], chroma[2]);
  odd[3] = quantised(odd[3], luma[3], chroma[3]);
  a = even * transpose(EVEN);
  b = odd * transpose(ODD);
  tile[at + 0u] = a[0] + b[0];
  tile[at + 56u] = a[0] - b[0];
  tile[at + 8u] = a[1] + b[1];
  tile[at + 48u] = a[1] - b[1];
  tile[at + 16u] = a[2] + b[2];
  tile[at + 40u] = a[2] - b[2];
  tile[at + 24u] = a[3] + b[3];
  tile[at + 32u] = a[3] - b[3];
  workgroupBarrier();

  at = block * 64u + own * 8u;
  even = mat4x3<f32>(tile[at], tile[at + 1u], tile[at + 2u], tile[at + 3u]);
  odd = mat4x3<f32>(tile[at + 4u], tile[at + 5u], tile[at + 6u], tile[at + 7u]);
  a = even * transpose(EVEN);
  b = odd * transpose(ODD);
  put(x + 0u, row, y, a[0] + b[0]);
  put(x + 7u, row, y, a[0] - b[0]);
  put(x + 1u, row, y, a[1] + b[1]);
  put(x + 6u, row, y, a[1] - b[1]);
  put(x + 2u, row, y, a[2] + b[2]);
  put(x + 5u, row, y, a[2] - b[2]);
  put(x + 3u, row, y, a[3] + b[3]);
  put(x + 4u, row, y, a[3] - b[3]);
}
