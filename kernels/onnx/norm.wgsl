// Rows less their mean, by their deviation, times a scale and plus a bias: layer and instance normalisation. One workgroup a row.
struct Params {
    rows: u32,
    length: u32,
    period: u32,    // 0: a scale and a bias an element of the row, else one a row, again after so many rows
    epsilon: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const THREADS: u32 = 64u;
var<workgroup> parts: array<f32, 64>;

fn total(local: u32, part: f32) -> f32 {
    parts[local] = part;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if local < half {
            parts[local] += parts[local + half];
        }
        workgroupBarrier();
    }
    let sum = parts[0];
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let row = wg.y * groups.x + wg.x;
    if row >= params.rows {
        return;
    }
    let n = params.length;
    let begin = row * n;
    var part = 0.0;
    for (var i = local; i < n; i += THREADS) {
        part += x[begin + i];
    }
    let mean = total(local, part) / f32(n);
    part = 0.0;
    for (var i = local; i < n; i += THREADS) {
        let off = x[begin + i] - mean;
        part += off * off;
    }
    let by = 1.0 / sqrt(total(local, part) / f32(n) + params.epsilon);
    for (var i = local; i < n; i += THREADS) {
        var k = i;
        if params.period != 0u {
            k = row % params.period;
        }
        y[begin + i] = (x[begin + i] - mean) * by * scale[k] + bias[k];
    }
}
