// Chroma that lies as pairs of bytes (NV12) into two planes of bytes in the same buffer, so that kernels for planar
// frames read a card's decoder too. One invocation splits eight bytes. Rows begin on words; what lies behind a row's
// last pair is split along.
struct Params {
  pairs: u32,   // first word of the pairs
  stride: u32,  // words from a row of pairs to the next
  blue: u32,    // first word of the Cb plane
  red: u32,     // first word of the Cr plane
  row: u32,     // words of a row of either plane
  rows: u32,    // rows
  pad0: u32,
  pad1: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> planes: array<u32>;

// Bytes 0 and 2 of each of two words.
fn even(a: u32, b: u32) -> u32 {
  return (a & 255u) | (a >> 8u & 0xff00u) | (b & 255u) << 16u | (b << 8u & 0xff000000u);
}

@compute @workgroup_size(16, 4, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.row || id.y >= params.rows) {
    return;
  }
  let at = params.pairs + id.y * params.stride + 2u * id.x;
  let a = planes[at];
  let b = planes[at + 1u];
  let to = id.y * params.row + id.x;
  planes[params.blue + to] = even(a, b);
  planes[params.red + to] = even(a >> 8u, b >> 8u);
}
