// What is counted of agents, one thread an agent: whether it still walks, how it ended (and 16 more where it ran into
// something), its steps, how far it went, and of what it went the share that the shortest way is (0 unless it arrived and ran
// into nothing).
struct Params {
    n: u32,
    pad: u32,
    pad2: vec2<u32>,
}
struct Walker {
    place: vec4<f32>,
    reach: vec2<f32>,
    counts: vec2<u32>,
    goal: u32,
    state: u32,
    steps: u32,
    pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> walkers: array<Walker>;
@group(0) @binding(2) var<storage, read_write> walking: array<u32>;
@group(0) @binding(3) var<storage, read_write> ends: array<u32>;
@group(0) @binding(4) var<storage, read_write> steps: array<u32>;
@group(0) @binding(5) var<storage, read_write> lengths: array<f32>;
@group(0) @binding(6) var<storage, read_write> shares: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if (i >= params.n) {
        return;
    }
    let w = walkers[i];
    walking[i] = select(0u, 1u, w.state == 0u);
    ends[i] = w.state + select(0u, 16u, w.counts.x > 0u);
    steps[i] = w.steps;
    lengths[i] = w.place.w;
    let clean = w.state == 1u && w.counts.x == 0u;
    shares[i] = select(0.0, min(w.reach.x, w.place.w) / max(w.place.w, 1e-9), clean);
}
