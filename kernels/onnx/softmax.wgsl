// Softmax of rows. One workgroup a row.
struct Params { rows: u32, length: u32, pad0: u32, pad1: u32 }
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
    let n = params.length;
    let begin = row * n;
    var top = -3.4028235e38;
    for (var i = local; i < n; i += THREADS) {
        top = max(top, x[begin + i]);
    }
    parts[local] = top;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if local < half {
            parts[local] = max(parts[local], parts[local + half]);
        }
        workgroupBarrier();
    }
    top = parts[0];
    workgroupBarrier();
    var sum = 0.0;
    for (var i = local; i < n; i += THREADS) {
        sum += exp(x[begin + i] - top);
    }
    parts[local] = sum;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if local < half {
            parts[local] += parts[local + half];
        }
        workgroupBarrier();
    }
    let scale = 1.0 / parts[0];
    for (var i = local; i < n; i += THREADS) {
        y[begin + i] = exp(x[begin + i] - top) * scale;
    }
}
