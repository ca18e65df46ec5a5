// What an upright capsule first touches on its way through voxels: the cells about each piece of the way are looked at, by
// blocks, bricks and voxels; src/world/sweep.rs says why that is exact. Joined behind shared/grid.
const PIECE: f32 = 4.0;       // voxels that a capsule moves at most before what lies around it is looked for again
const PIECES: f32 = 4096.0;   // pieces of a motion at most; longer ones are cut into longer pieces

struct Moving {
    start: vec3<f32>,   // the capsule's middle; all in voxels
    way: vec3<f32>,     // where it moves
    half: f32,          // its core is an upright line, so long up and down from the middle
    radius: f32,
}

struct Touch {
    normal: vec3<f32>,  // from the voxel to the capsule; 0 where its core lies in it
    t: f32,             // share of the way before
    state: u32,
    voxel: u32,
}

// From a voxel to the core at `t`.
fn apart(m: Moving, cell: vec3<i32>, t: f32) -> vec3<f32> {
    let more = vec3<f32>(0.0, m.half, 0.0);
    let p = m.start + m.way * t;
    return p - clamp(p, vec3<f32>(cell) - more, vec3<f32>(cell + 1) + more);
}

// The first `t` of `begin..=end` at which the capsule reaches into a voxel; FAR where it does not.
fn touches(m: Moving, cell: vec3<i32>, begin: f32, end: f32) -> f32 {
    let more = vec3<f32>(0.0, m.half, 0.0);
    let low = vec3<f32>(cell) - more;
    let high = vec3<f32>(cell + 1) + more;
    let still = m.way == vec3<f32>(0.0);
    if (any(still & ((m.start + m.radius <= low) | (m.start - m.radius >= high)))) {
        return FAR;
    }
    let p = select((low - m.radius - m.start) / m.way, vec3<f32>(begin), still);
    let q = select((high + m.radius - m.start) / m.way, vec3<f32>(end), still);
    let enters = min(p, q);
    let leaves = max(p, q);
    var first = max(begin, max(enters.x, max(enters.y, enters.z)));
    let leave = min(end, min(leaves.x, min(leaves.y, leaves.z)));
    if (first > leave) {
        return FAR;
    }
    // The distance is a quadratic between the times at which the core passes the planes of the voxel.
    let a = select((low - m.start) / m.way, vec3<f32>(end), still);
    let b = select((high - m.start) / m.way, vec3<f32>(end), still);
    for (var k = 0u; k < 8u; k++) {
        let next = min(select(vec3<f32>(leave), a, a > vec3<f32>(first)), select(vec3<f32>(leave), b, b > vec3<f32>(first)));
        let last = min(leave, min(next.x, min(next.y, next.z)));
        let counts = select(vec3<f32>(0.0), vec3<f32>(1.0), apart(m, cell, 0.5 * (first + last)) != vec3<f32>(0.0));
        let off = apart(m, cell, first);
        let square = dot(counts, m.way * m.way);
        let along = dot(counts, off * m.way);
        let rest = dot(counts, off * off) - m.radius * m.radius;
        if (rest < 0.0) {
            return first;
        }
        let root = along * along - square * rest;
        if (along < 0.0 && root > 0.0) {
            let t = first + rest / (sqrt(root) - along);
            if (t <= last) {
                return t;
            }
        }
        first = last;
        if (first >= leave) {
            break;
        }
    }
    return FAR;
}

// Bits `low..=high` of four.
fn four(low: i32, high: i32) -> u32 {
    return (2u << u32(high)) - (1u << u32(low));
}

// The places of the four along each axis from `4 * at` on that lie in `low..=high`; places are `1 << shift` voxels wide.
fn among(at: vec3<i32>, shift: u32, low: vec3<i32>, high: vec3<i32>) -> vec2<u32> {
    let corner = at << vec3<u32>(shift + 2u);
    let l = clamp((low - corner) >> vec3<u32>(shift), vec3<i32>(0), vec3<i32>(3));
    let h = clamp((high - corner) >> vec3<u32>(shift), vec3<i32>(0), vec3<i32>(3));
    let rows = 0x1111u & ((16u << u32(4 * h.y)) - (1u << u32(4 * l.y)));
    let plane = four(l.x, h.x) * rows;
    let planes = four(l.z, h.z);
    return vec2<u32>(plane * ((planes & 1u) | ((planes & 2u) << 15u)), plane * (((planes >> 2u) & 1u) | ((planes & 8u) << 13u)));
}

// The lowest bit of 64.
fn lowest(word: vec2<u32>) -> u32 {
    return select(firstTrailingBit(word.x), 32u + firstTrailingBit(word.y), word.x == 0u);
}

fn without(word: vec2<u32>) -> vec2<u32> {
    return select(vec2<u32>(word.x & (word.x - 1u), word.y), vec2<u32>(0u, word.y & (word.y - 1u)), word.x == 0u);
}

fn place(bit: u32) -> vec3<i32> {
    return vec3<i32>(vec3<u32>(bit & 3u, (bit >> 2u) & 3u, bit >> 4u));
}

// What is first touched in `begin..=end`.
fn touch_piece(grid: Grid, m: Moving, begin: f32, end: f32, stop: bool) -> Touch {
    let a = m.start + m.way * begin;
    let b = m.start + m.way * end;
    let more = vec3<f32>(m.radius, m.radius + m.half, m.radius);
    let most = vec3<f32>(grid.dims) - 1.0;
    let low = vec3<i32>(clamp(floor(min(a, b) - more), vec3<f32>(0.0), most));
    let high = vec3<i32>(clamp(floor(max(a, b) + more), vec3<f32>(0.0), most));
    var best = Touch(vec3<f32>(0.0), 1.0, NONE, NOWHERE);
    let first = low >> vec3<u32>(4u);
    let count = (high >> vec3<u32>(4u)) - first + 1;
    for (var k = 0; k < count.x * count.y * count.z; k++) {
        let block = first + vec3<i32>(k % count.x, k / count.x % count.y, k / count.x / count.y);
        let at = 4u * part(grid, vec3<u32>(block) * 16u, 4u);
        var held = vec2<u32>(blocks[at], blocks[at + 1u]);
        if (stop) {
            held |= vec2<u32>(blocks[at + 2u], blocks[at + 3u]);
        }
        held &= among(block, 2u, low, high);
        while (any(held != vec2<u32>(0u))) {
            let brick = 4 * block + place(lowest(held));
            held = without(held);
            let tag = tags[part(grid, vec3<u32>(brick) * 4u, 2u)];
            var solid = vec2<u32>(select(0u, 0xffffffffu, tag == TAG_SOLID));
            var left = solid;
            if (tag >= FIRST) {
                let mask = 4u * (tag - FIRST);
                solid = vec2<u32>(masks[mask], masks[mask + 1u]);
                left = solid;
                if (stop) {
                    left |= ~vec2<u32>(masks[mask + 2u], masks[mask + 3u]);
                }
            } else if (tag == TAG_UNKNOWN && stop) {
                left = vec2<u32>(0xffffffffu);
            }
            left &= among(brick, 0u, low, high);
            while (any(left != vec2<u32>(0u))) {
                let at = lowest(left);
                left = without(left);
                let cell = 4 * brick + place(at);
                let t = touches(m, cell, begin, min(end, best.t));
                let voxel = voxel_of(grid, cell);
                if (t < FAR && (best.voxel == NOWHERE || t < best.t || (t == best.t && voxel < best.voxel))) {
                    let way = apart(m, cell, t);
                    let is_solid = ((select(solid.x, solid.y, at >= 32u) >> (at & 31u)) & 1u) == 1u;
                    best = Touch(way / max(length(way), 1.1754944e-38), t, select(UNKNOWN, SOLID, is_solid), voxel);
                }
            }
        }
    }
    return best;
}

// What a capsule first touches; only what lies in the grid is met.
fn touch(grid: Grid, m: Moving, stop: bool) -> Touch {
    let more = vec3<f32>(m.radius, m.radius + m.half, m.radius);
    let low = -more;
    let high = vec3<f32>(grid.dims) + more;
    let nothing = Touch(vec3<f32>(0.0), 1.0, NONE, NOWHERE);
    let still = m.way == vec3<f32>(0.0);
    if (any(grid.dims == vec3<u32>(0u)) || any(still & ((m.start < low) | (m.start > high)))) {
        return nothing;
    }
    let q = select((low - m.start) / m.way, vec3<f32>(0.0), still);
    let r = select((high - m.start) / m.way, vec3<f32>(1.0), still);
    let enters = min(q, r);
    let leaves = max(q, r);
    let begin = max(0.0, max(enters.x, max(enters.y, enters.z)));
    let end = min(1.0, min(leaves.x, min(leaves.y, leaves.z)));
    if (begin > end) {
        return nothing;
    }
    let pieces = clamp(ceil(length(m.way) * (end - begin) / PIECE), 1.0, PIECES);
    for (var k = 0.0; k < pieces; k += 1.0) {
        let found = touch_piece(grid, m, begin + (end - begin) * (k / pieces), begin + (end - begin) * ((k + 1.0) / pieces), stop);
        if (found.voxel != NOWHERE) {
            return found;
        }
    }
    return nothing;
}
