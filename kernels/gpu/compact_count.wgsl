// Compaction, counting half: how many flags of each block of 1024 are set (not zero).

struct Params { n: u32, at: u32, pad: vec2<u32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> quads: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> flags: array<u32>;
@group(0) @binding(4) var<storage, read_write> kept: array<u32>;

const LANES: u32 = 64u;
const BLOCK: u32 = 1024u;

var<workgroup> partial: array<u32, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    let n = min(sizes[params.at].w, params.n);
    let first = block * BLOCK;
    var found = vec4(0u);
    if first + BLOCK <= n {
        for (var k = 0u; k < 4u; k++) {
            found += min(quads[block * (BLOCK / 4u) + k * LANES + lane], vec4(1u));
        }
    } else {
        for (var i = first + lane; i < n; i += LANES) {
            found.x += min(flags[i], 1u);
        }
    }
    partial[lane] = found.x + found.y + found.z + found.w;
    workgroupBarrier();
    // Block 0 of nothing writes its zero, which becomes the count.
    if lane == 0u && (first < n || block == 0u) {
        var sum = 0u;
        for (var i = 0u; i < LANES; i++) {
            sum += partial[i];
        }
        kept[block] = sum;
    }
}
