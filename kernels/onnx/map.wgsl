// A function of the elements of one tensor or two, each of which lies by its own strides (0 along what is repeated), written by
// strides as well: so also copies, parts put together, transposes. One thread an element.
struct Params {
    count: u32,
    what: u32,              // which function, in the order below
    second: u32,            // 0: the second operand is `numbers.x`, 1: b
    pad: u32,
    first: vec4<u32>,       // first elements of a, b and y
    numbers: vec4<f32>,     // what the function needs beside
    dims: array<vec4<u32>, 2>,
    a: array<vec4<u32>, 2>,
    b: array<vec4<u32>, 2>,
    y: array<vec4<u32>, 2>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// Error function by Abramowitz and Stegun 7.1.26 (absolute error at most 1.5e-7).
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.3275911 * abs(x));
    let p = t * (0.2548296 + t * (-0.28449674 + t * (1.4214137 + t * (-1.4531521 + t * 1.0614054))));
    return sign(x) * (1.0 - p * exp(-x * x));
}

fn made(what: u32, u: f32, v: f32) -> f32 {
    let n = params.numbers;
    switch what {
        case 0u: { return u; }
        case 1u: { return u + v; }
        case 2u: { return u - v; }
        case 3u: { return u * v; }
        case 4u: { return u / v; }
        case 5u: { return select(u, v, u > v); }                         // What is no number stays, where the device lets it.
        case 6u: { return select(u, v, u < v); }
        case 7u: { return select(u, v * u, u < 0.0); }                   // PRelu, LeakyRelu
        case 8u: { return select(u, 0.0, u < 0.0); }
        case 9u: { return 0.5 * u * (1.0 + erf(u * 0.70710678)); }       // Gelu
        case 10u: { return 1.0 / (1.0 + exp(-u)); }                      // Sigmoid
        case 11u: { return tanh(clamp(u, -15.0, 15.0)); }
        case 12u: { return exp(u); }
        case 13u: { return log(u); }
        case 14u: { return sqrt(u); }
        case 15u: { return erf(u); }
        case 16u: { return abs(u); }
        case 17u: { return -u; }
        case 18u: {                                                      // Clip
            let low = select(u, n.x, u < n.x);
            return select(low, n.y, low > n.y);
        }
        case 19u: { return clamp(n.x * u + n.y, 0.0, 1.0); }             // HardSigmoid
        case 20u: { return u * clamp(u / 6.0 + 0.5, 0.0, 1.0); }         // HardSwish
        case 21u: { return 1.0 / u; }
        case 22u: { return select(n.x * (exp(u) - 1.0), u, u >= 0.0); }  // Elu
        case 23u: { return u * u; }
        default: {                                                       // 24: 0 of what is no number, told by its bits
            return select(u, 0.0, (bitcast<u32>(u) & 0x7fffffffu) > 0x7f800000u);
        }
    }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if i >= params.count {
        return;
    }
    var rest = i;
    var at = params.first.xyz;
    for (var k = 7i; k >= 0i; k--) {
        let side = params.dims[k / 4][k % 4];
        let place = rest % side;
        rest /= side;
        at += place * vec3<u32>(params.a[k / 4][k % 4], params.b[k / 4][k % 4], params.y[k / 4][k % 4]);
    }
    var v = params.numbers.x;
    if params.second == 1u {
        v = b[at.y];
    }
    y[at.z] = made(params.what, a[at.x], v);
}
