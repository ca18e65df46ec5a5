// Packed sRGB to planar 4:2:0, BT.709 limited range (ITU-R BT.709-6, 3.2 to 3.5), bytes packed into words.
// Rows of Y take `stride` bytes, the width rounded up to a multiple of 8; then all of U, then all of V, rows of
// stride / 2 bytes. Past the width a row's last value is repeated. Chroma is sited left, as H.264 takes untagged
// 4:2:0: on even columns (weights 1 2 1) and between two rows (weights 1 1). One invocation makes 8 x 2 pixels.
struct Params {
  size: vec2<u32>,  // pixels, even
  base: u32,        // first pixel in rgba
  out: u32,         // first word in planes
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rgba: array<u32>;
@group(0) @binding(2) var<storage, read_write> planes: array<u32>;

// In single precision step by step, as the encoder has it on the CPU.
const LUMA_GAIN: f32 = 219.0f / 255.0f;
const BLUE_GAIN: f32 = 224.0f / 255.0f / 1.8556f;
const RED_GAIN: f32 = 224.0f / 255.0f / 1.5748f;

// Nine pixels of a row: the one left of the block, then the block's eight.
struct Row { left: u32, a: vec4<u32>, b: vec4<u32> }

// 0, which the driver's compiler cannot know.
var<private> nothing: u32;

// A product that is not fused with the sum it goes into, so that every adapter rounds as the CPU does.
fn kept(product: vec4<f32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(product) | vec4<u32>(nothing));
}

fn luma(r: vec4<f32>, g: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  return kept(0.2126 * r) + kept(0.7152 * g) + kept(0.0722 * b);
}

fn bytes(v: vec4<f32>) -> u32 {
  let n = vec4<u32>(v);
  return n.x | (n.y << 8u) | (n.z << 16u) | (n.w << 24u);
}

fn channel(p: vec4<u32>, shift: u32) -> vec4<u32> {
  return (p >> vec4<u32>(shift)) & vec4<u32>(255u);
}

fn load(x: u32, y: u32) -> Row {
  let first = params.base + y * params.size.x;
  let last = params.size.x - 1u;
  var row: Row;
  row.left = rgba[first + max(x, 1u) - 1u];
  for (var i = 0u; i < 4u; i++) {
    row.a[i] = rgba[first + min(x + i, last)];
    row.b[i] = rgba[first + min(x + 4u + i, last)];
  }
  return row;
}

fn grey(p: vec4<u32>) -> u32 {
  let y = luma(vec4<f32>(channel(p, 0u)), vec4<f32>(channel(p, 8u)), vec4<f32>(channel(p, 16u)));
  return bytes(16.5 + kept(y * LUMA_GAIN));
}

// Weighted sums of one channel at the four chroma columns, over 4.
fn across(row: Row, shift: u32) -> vec4<u32> {
  let left = channel(vec4<u32>(row.left, row.a.yw, row.b.y), shift);
  let here = channel(vec4<u32>(row.a.xz, row.b.xz), shift);
  let right = channel(vec4<u32>(row.a.yw, row.b.yw), shift);
  return left + 2u * here + right;
}

// The mean of one channel at the four chroma columns; exact.
fn mean(top: Row, low: Row, shift: u32) -> vec4<f32> {
  return vec4<f32>(across(top, shift) + across(low, shift)) * 0.125;
}

// Values of columns past the last are the last one's.
fn repeated(v: vec4<f32>, columns: u32) -> vec4<f32> {
  let y = select(v.x, v.y, columns > 1u);
  let z = select(y, v.z, columns > 2u);
  return vec4<f32>(v.x, y, z, select(z, v.w, columns > 3u));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) wg: vec3<u32>) {
  let x = id.x * 8u;
  let y = id.y * 2u;
  if (x >= params.size.x || y >= params.size.y) { return; }
  nothing = wg.z;
  let half = (params.size.x + 7u) / 8u;  // words of a chroma row
  let top = load(x, y);
  let low = load(x, y + 1u);
  let at = params.out + 2u * (y * half + id.x);
  planes[at] = grey(top.a);
  planes[at + 1u] = grey(top.b);
  planes[at + 2u * half] = grey(low.a);
  planes[at + 2u * half + 1u] = grey(low.b);

  // The transform is linear, so RGB is averaged first and the difference to its luma taken once.
  let r = mean(top, low, 0u);
  let g = mean(top, low, 8u);
  let b = mean(top, low, 16u);
  let l = luma(r, g, b);
  let columns = (params.size.x - x) / 2u;
  let chroma = params.out + 2u * params.size.y * half + id.y * half + id.x;
  planes[chroma] = bytes(repeated(128.5 + kept((b - l) * BLUE_GAIN), columns));
  planes[chroma + params.size.y / 2u * half] = bytes(repeated(128.5 + kept((r - l) * RED_GAIN), columns));
}
