// Products of matrices, a batch of them: c = a b + bias. Each operand lies by its own strides, so that transposed and picked ones
// need no copy. One workgroup a tile of 64 by 64.
struct Params {
    size: vec4<u32>,   // rows, columns, terms of a sum, matrices
    a: vec4<u32>,      // first element, from row to row, from term to term, from matrix to matrix
    b: vec4<u32>,      // first element, from term to term, from column to column, from matrix to matrix
    bias: u32,         // 0: none, 1: one a column
    pad: u32,
    scale: vec2<f32>,  // of the product, of the bias
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) thread: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
    let rows = params.size.x;
    let columns = params.size.y;
    let terms = params.size.z;
    let top = group.y * TILE;
    let first = group.x * TILE;
    let from_a = params.a.x + group.z * params.a.w;
    let from_b = params.b.x + group.z * params.b.w;
    // Neighbouring threads read neighbouring elements.
    let along_a = params.a.z <= params.a.y;
    let along_b = params.b.z <= params.b.y;
    var sums = array<vec4<f32>, 4>();
    for (var begun = 0u; begun < terms; begun += TERMS) {
        for (var part = 0u; part < 4u; part++) {
            let e = part * 256u + index;
            var row = e / TERMS;
            var term = e % TERMS;
            if !along_a {
                row = e % TILE;
                term = e / TILE;
            }
            var value = 0.0;
            if top + row < rows && begun + term < terms {
                value = a[from_a + (top + row) * params.a.y + (begun + term) * params.a.z];
            }
            left[row * TERMS + term] = value;
            var column = e % TILE;
            term = e / TILE;
            if !along_b {
                column = e / TERMS;
                term = e % TERMS;
            }
            value = 0.0;
            if first + column < columns && begun + term < terms {
                value = b[from_b + (begun + term) * params.b.y + (first + column) * params.b.z];
            }
            right[term * TILE + column] = value;
        }
        workgroupBarrier();
        add_terms(&sums, thread.xy);
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let row = top + 4u * thread.y + i;
        for (var j = 0u; j < 4u; j++) {
            let column = first + 4u * thread.x + j;
            if row < rows && column < columns {
                var value = params.scale.x * sums[i][j];
                if params.bias == 1u {
                    value += params.scale.y * bias[column];
                }
                c[(group.z * rows + row) * columns + column] = value;
            }
        }
    }
}
