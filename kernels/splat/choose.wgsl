// For each splat that shows next to nothing, the one that it becomes a part of.
// Kheradmand et al., "3D Gaussian splatting as Markov chain Monte Carlo", NeurIPS 2024; what is drawn, and by what, is our own: of some
// splats drawn alike the one that a draw by their scores gives (Efraimidis and Spirakis, 2006).

struct Params {
    n: u32,
    seed: u32,
    limit: u32,  // of a hash: the share of those that show nothing that move now
    unseen: f32, // a splat whose weights stayed under this shows nothing ...
    views: f32,  // ... once so many images had it in view
    pad: u32,
    pad2: vec2<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> splats: array<Splat>;
@group(0) @binding(2) var<storage, read> square: array<Splat>; // second moments
@group(0) @binding(3) var<storage, read> credit: array<Credit>;
@group(0) @binding(4) var<storage, read_write> source: array<u32>; // NONE where a splat stays
@group(0) @binding(5) var<storage, read_write> copies: array<atomic<u32>>; // of each splat; then of all

// Opacity logit under which a splat is dead: opacity 0.005.
const DEAD: f32 = -5.3;
// Splats of which one is drawn.
const DRAWN: u32 = 16u;

fn is_dead(i: u32) -> bool {
    let logit = splats[i].centre.w;
    return !finite(logit) || logit <= DEAD || (credit[i].views >= params.views && credit[i].weight < params.unseen);
}

// One that began not long ago counts for less, until the mean of its squares has settled.
fn score(i: u32) -> f32 {
    let opacity = 1.0 / (1.0 + exp(-splats[i].centre.w));
    let g = square[i].centre;
    return opacity * sqrt(g.x + g.y + g.z);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + lane;
    if i >= params.n {
        return;
    }
    var found = NONE;
    if is_dead(i) && hashed(i, 0u, params.seed) < params.limit {
        var best = 0.0;
        for (var k = 0u; k < DRAWN; k++) {
            let c = hashed(i, 1u + 2u * k, params.seed) % params.n;
            let s = score(c);
            if s > 0.0 && finite(s) && !is_dead(c) {
                let time = max(-log(uniform_of(i, 2u + 2u * k, params.seed)), 0.0) / s;
                if found == NONE || time < best {
                    found = c;
                    best = time;
                }
            }
        }
    }
    source[i] = found;
    if found != NONE {
        atomicAdd(&copies[found], 1u);
        atomicAdd(&copies[params.n], 1u);
    }
}
