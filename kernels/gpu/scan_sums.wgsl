// First half of the prefix sum: the total of each block of 1024. Integer sums are free of order, so the loads
// are coalesced vectors; the last, partial block is read element by element.

struct Params { n: u32, at: u32, pad: vec2<u32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> quads: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> data: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;

const LANES: u32 = 64u;
const BLOCK: u32 = 1024u;

var<workgroup> partial: array<u32, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    let n = min(sizes[params.at].w, params.n);
    let first = block * BLOCK;
    var total = vec4(0u);
    if first + BLOCK <= n {
        for (var k = 0u; k < 4u; k++) {
            total += quads[block * (BLOCK / 4u) + k * LANES + lane];
        }
    } else {
        for (var i = first + lane; i < n; i += LANES) {
            total.x += data[i];
        }
    }
    partial[lane] = total.x + total.y + total.z + total.w;
    workgroupBarrier();
    if lane < 8u {
        var sum = 0u;
        for (var i = 0u; i < 8u; i++) {
            sum += partial[lane * 8u + i];
        }
        partial[lane * 8u] = sum;
    }
    workgroupBarrier();
    if lane == 0u && first < n {
        var sum = 0u;
        for (var i = 0u; i < 8u; i++) {
            sum += partial[i * 8u];
        }
        sums[block] = sum;
    }
}
