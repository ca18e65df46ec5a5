// Compaction, moving half: elements whose flag is set go behind those of the blocks and lanes before, in order;
// the last block writes how many there are. `before` is the exclusive prefix sum of gpu/compact_count.

struct Params { n: u32, at: u32, indices: u32, count_at: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> before: array<u32>;
@group(0) @binding(3) var<storage, read> flags: array<u32>;
@group(0) @binding(4) var<storage, read> values: array<u32>;
@group(0) @binding(5) var<storage, read_write> kept: array<u32>;
@group(0) @binding(6) var<storage, read_write> count: array<u32>;

const LANES: u32 = 64u;
const ITEMS: u32 = 16u;

var<workgroup> partial: array<u32, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    let n = min(sizes[params.at].w, params.n);
    let first = (block * LANES + lane) * ITEMS;
    var found = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        if first + k < n {
            found |= min(flags[first + k], 1u) << k;
        }
    }
    let total = countOneBits(found);
    partial[lane] = total;
    for (var step = 1u; step < LANES; step *= 2u) {
        workgroupBarrier();
        var left = 0u;
        if lane >= step {
            left = partial[lane - step];
        }
        workgroupBarrier();
        partial[lane] += left;
    }
    if block * LANES * ITEMS >= n && block > 0u {
        return;
    }
    let end = before[block] + partial[lane];
    var place = end - total;
    for (; found != 0u; found &= found - 1u) {
        let i = first + countTrailingZeros(found);
        kept[place] = select(values[i], i, params.indices != 0u);
        place++;
    }
    if lane == LANES - 1u && (block + 1u) * LANES * ITEMS >= n {
        count[params.count_at] = end;
    }
}
