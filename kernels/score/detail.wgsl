// Histograms of sampled rows of one picture of luma (0-255): of the value (256 bins of one level), of the fine
// detail |x - B x| (512 bins of a quarter level) with B the 3x3 binomial, and of the diagonal second difference
// (512 bins of half a level); and the sums of the gradients across the lines of an 8-pixel grid, in sixteenths of
// a level, at each of the eight phases, with the number of pixels that they sum over. A workgroup counts one row.
// `bins` is 256 + 512 + 512 + (8 + 8) sums and counts across + (8 + 8) down. Rows are every `step`-th from 1, an
// odd number, so that all phases occur.
struct Params { width: u32, height: u32, step: u32, pad: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<f32>;
@group(0) @binding(2) var<storage, read_write> bins: array<atomic<u32>>;

const LANES: u32 = 64u;
var<workgroup> counts: array<atomic<u32>, 1312>;

fn bin(v: f32, last: f32) -> u32 { return u32(clamp(v, 0.0, last)); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let y = 1u + wg.x * params.step;
  let inner = y + 1u < params.height;
  let w = params.width;
  let row = select(0u, y * w, inner);
  let end = select(0u, w, inner && w > 2u);
  for (var x = 1u + lane; x + 1u < end; x += LANES) {
    let at = row + x;
    let c = image[at];
    let l = image[at - 1u];
    let r = image[at + 1u];
    let t = image[at - w];
    let d = image[at + w];
    let edge = l + r + t + d;
    let corner = image[at - w - 1u] + image[at - w + 1u] + image[at + w - 1u] + image[at + w + 1u];
    atomicAdd(&counts[bin(c, 255.0)], 1u);
    atomicAdd(&counts[256u + bin(4.0 * abs(0.75 * c - 0.125 * edge - 0.0625 * corner), 511.0)], 1u);
    atomicAdd(&counts[768u + bin(2.0 * abs(4.0 * c - 2.0 * edge + corner), 511.0)], 1u);
    atomicAdd(&counts[1280u + (x & 7u)], bin(16.0 * abs(c - l), 4080.0));
    atomicAdd(&counts[1288u + (x & 7u)], 1u);
    atomicAdd(&counts[1296u + (y & 7u)], bin(16.0 * abs(c - t), 4080.0));
    atomicAdd(&counts[1304u + (y & 7u)], 1u);
  }
  workgroupBarrier();
  for (var i = lane; i < 1312u; i += LANES) {
    let here = atomicLoad(&counts[i]);
    if (here != 0u) { atomicAdd(&bins[i], here); }
  }
}
