// Second half of the prefix sum: exclusive within blocks of 1024, in place, on top of the scanned total of the
// blocks before. Hillis and Steele, "Data parallel algorithms", CACM 29(12), 1986, over per-lane serial sums.

struct Params { n: u32, at: u32, pad: vec2<u32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> before: array<u32>;
@group(0) @binding(3) var<storage, read_write> data: array<u32>;

const LANES: u32 = 64u;
const ITEMS: u32 = 16u;

var<workgroup> partial: array<u32, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let block = wg.y * groups.x + wg.x;
    let n = min(sizes[params.at].w, params.n);
    let first = (block * LANES + lane) * ITEMS;
    var items: array<u32, ITEMS>;
    var total = 0u;
    let full = first + ITEMS <= n;
    if full {
        for (var k = 0u; k < ITEMS; k++) {
            items[k] = data[first + k];
            total += items[k];
        }
    } else {
        for (var i = first; i < n; i++) {
            total += data[i];
        }
    }
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
    if block * LANES * ITEMS >= n {
        return;
    }
    var running = before[block] + partial[lane] - total;
    if full {
        for (var k = 0u; k < ITEMS; k++) {
            data[first + k] = running;
            running += items[k];
        }
    } else {
        for (var i = first; i < n; i++) {
            let here = data[i];
            data[i] = running;
            running += here;
        }
    }
}
