// The mean or the largest of each row. One workgroup a row.
struct Params { rows: u32, length: u32, what: u32, pad: u32 } // what: 0 mean, 1 largest
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const THREADS: u32 = 64u;
var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let row = wg.y * groups.x + wg.x;
    if row >= params.rows {
        return;
    }
    let largest = params.what == 1u;
    var part = select(0.0, -3.4028235e38, largest);
    for (var i = local; i < params.length; i += THREADS) {
        let value = x[row * params.length + i];
        part = select(part + value, max(part, value), largest);
    }
    parts[local] = part;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if local < half {
            let other = parts[local + half];
            parts[local] = select(parts[local] + other, max(parts[local], other), largest);
        }
        workgroupBarrier();
    }
    if local == 0u {
        y[row] = select(parts[0] / f32(params.length), parts[0], largest);
    }
}
