// One step of Adam (Kingma and Ba, ICLR 2015) for the splats that this view saw. Each splat counts its own steps,
// so that the bias correction fits. A splat with a gradient that is not finite keeps its values.

struct Params {
    n: u32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    centre: f32, // learning rates
    opacity: f32,
    scale: f32,
    rotation: f32,
    sh0: f32,
    sh1: f32,
    least: f32, // bounds of the logarithm of the scale
    most: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grads: array<Splat>;
@group(0) @binding(2) var<storage, read_write> splats: array<Splat>;
@group(0) @binding(3) var<storage, read_write> first: array<Splat>;  // log_scale.w: steps
@group(0) @binding(4) var<storage, read_write> second: array<Splat>; // log_scale.w: largest sum of weights seen

fn whole(v: vec4<f32>) -> bool {
    return finite(v.x) && finite(v.y) && finite(v.z) && finite(v.w);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + lane;
    if i >= params.n {
        return;
    }
    let g = grads[i];
    if !(g.log_scale.w >= 0.0) || !whole(g.centre) || !whole(g.log_scale) || !whole(g.rotation)
        || !whole(g.sh[0]) || !whole(g.sh[1]) || !whole(g.sh[2]) {
        return;
    }
    var s = splats[i];
    var m = first[i];
    var v = second[i];
    let steps = m.log_scale.w + 1.0;
    let weight = max(v.log_scale.w, g.log_scale.w);
    let b1 = params.beta1;
    let b2 = params.beta2;
    let fix1 = 1.0 - pow(b1, steps);
    let fix2 = 1.0 - pow(b2, steps);
    m.centre = b1 * m.centre + (1.0 - b1) * g.centre;
    v.centre = b2 * v.centre + (1.0 - b2) * g.centre * g.centre;
    m.log_scale = b1 * m.log_scale + (1.0 - b1) * g.log_scale;
    v.log_scale = b2 * v.log_scale + (1.0 - b2) * g.log_scale * g.log_scale;
    m.rotation = b1 * m.rotation + (1.0 - b1) * g.rotation;
    v.rotation = b2 * v.rotation + (1.0 - b2) * g.rotation * g.rotation;
    for (var k = 0u; k < 3u; k++) {
        m.sh[k] = b1 * m.sh[k] + (1.0 - b1) * g.sh[k];
        v.sh[k] = b2 * v.sh[k] + (1.0 - b2) * g.sh[k] * g.sh[k];
        var rate = vec4<f32>(params.sh1);
        if k == 0u {
            rate = vec4<f32>(vec3<f32>(params.sh0), params.sh1);
        }
        s.sh[k] -= rate * (m.sh[k] / fix1) / (sqrt(v.sh[k] / fix2) + params.epsilon);
    }
    s.centre -= vec4<f32>(vec3<f32>(params.centre), params.opacity) * (m.centre / fix1)
        / (sqrt(v.centre / fix2) + params.epsilon);
    let grown = s.log_scale.xyz - params.scale * (m.log_scale.xyz / fix1)
        / (sqrt(v.log_scale.xyz / fix2) + params.epsilon);
    s.log_scale = vec4<f32>(clamp(grown, vec3<f32>(params.least), vec3<f32>(params.most)), s.log_scale.w);
    s.rotation -= params.rotation * (m.rotation / fix1) / (sqrt(v.rotation / fix2) + params.epsilon);
    s.rotation /= max(sqrt(dot(s.rotation, s.rotation)), 1e-12);
    m.log_scale.w = steps;
    v.log_scale.w = weight;
    splats[i] = s;
    first[i] = m;
    second[i] = v;
}
