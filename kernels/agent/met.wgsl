// Which rays met something: 1 or 0, one thread a hit.
struct Params {
    n: u32,
    pad: u32,
    pad2: vec2<u32>,
}
struct Hit {
    t: f32,
    state: u32,
    voxel: u32,
    face: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> hits: array<Hit>;
@group(0) @binding(2) var<storage, read_write> flags: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if (i < params.n) {
        let state = hits[i].state;
        flags[i] = select(0u, 1u, state == 1u || state == 3u);
    }
}
