// Sources of splat/clone become parts of themselves, and start anew; what was judged is judged afresh.

struct Params {
    n: u32,
    seed: u32,
    planes: u32,
    views: f32, // that a judgement takes
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> copies: array<u32>;
@group(0) @binding(2) var<storage, read_write> splats: array<Splat>;
@group(0) @binding(3) var<storage, read_write> mean: array<Splat>;
@group(0) @binding(4) var<storage, read_write> square: array<Splat>;
@group(0) @binding(5) var<storage, read_write> sh_mean: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> sh_square: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> credit: array<Credit>;
@group(0) @binding(8) var<storage, read_write> moved: array<u32>; // of the fit so far

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + lane;
    if i == 0u {
        moved[0] += copies[params.n];
    }
    if i >= params.n {
        return;
    }
    let parts = copies[i] + 1u;
    if parts > 1u {
        splats[i] = part_of(splats[i], parts, i, params.seed);
        mean[i] = Splat();
        square[i] = Splat();
        for (var plane = 0u; plane < params.planes; plane++) {
            sh_mean[plane * params.n + i] = vec4<f32>(0.0);
            sh_square[plane * params.n + i] = vec4<f32>(0.0);
        }
    }
    if parts > 1u || credit[i].views >= params.views {
        credit[i] = Credit();
    }
}
