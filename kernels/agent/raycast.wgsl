// Batched closest-hit rays, one thread a ray; see kernels/shared/grid.wgsl for the stepping and its source.
struct Params {
    origin: vec4<f32>,
    dims: vec4<u32>,
    rays: u32,
    stop_unknown: u32,
    pad: vec2<u32>,
}
struct Ray {
    origin: vec4<f32>,
    direction: vec4<f32>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tags: array<u32>;
@group(0) @binding(2) var<storage, read> masks: array<u32>;
@group(0) @binding(3) var<storage, read> blocks: array<u32>;
@group(0) @binding(4) var<storage, read> regions: array<u32>;
@group(0) @binding(5) var<storage, read> rays: array<Ray>;
@group(0) @binding(6) var<storage, read_write> hits: array<Hit>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if (i >= params.rays) {
        return;
    }
    let ray = rays[i];
    let grid = Grid(params.origin.xyz, params.origin.w, params.dims.xyz);
    hits[i] = closest_hit(grid, ray.origin.xyz, ray.direction.xyz, ray.origin.w, params.stop_unknown != 0u);
}
