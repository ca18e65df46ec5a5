// Closest hit in bricks of voxels by the stepping of Amanatides and Woo, "A Fast Voxel Traversal Algorithm for Ray Tracing"
// (1987), with each empty cube of 2 to 64 voxels crossed in one step; src/world/walk.rs says why that changes nothing.
// Crossings are computed afresh from integer planes, never summed up, so long rays do not drift.
// The including kernel declares, all `array<u32>` (see src/world/bricks.rs): `tags` of bricks, `masks` of those that are not
// one state (solid, known; low words first), `blocks` and `regions` (parts with anything solid, with anything unknown).
const NONE: u32 = 0u;      // t_max came first
const SOLID: u32 = 1u;
const LEFT: u32 = 2u;      // left the grid, or never met it
const UNKNOWN: u32 = 3u;   // entered unknown space, where that stops rays
const INVALID: u32 = 4u;   // not finite, no direction, negative t_max, or beyond 1e18
const NOWHERE: u32 = 0xffffffffu;

const TAG_UNKNOWN: u32 = 0u;
const TAG_FREE: u32 = 1u;
const TAG_SOLID: u32 = 2u;
const FIRST: u32 = 3u;     // tags from here on are places among the masks
const FAR: f32 = 3.0e38;
const OCTANT: u32 = 0x00330033u;   // parts of the lowest octant in a word of masks

struct Hit {
    t: f32,
    state: u32,
    voxel: u32,
    face: u32,   // face of the voxel that was entered: 0 -x, 1 +x, 2 -y, 3 +y, 4 -z, 5 +z; 6 started inside; 7 none
}

struct Grid {
    origin: vec3<f32>,
    per_voxel: f32,      // voxels a unit of length
    dims: vec3<u32>,
}

fn sane(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) <= 0x5d5e0b6bu;   // |x| <= 1e18; not NaN, not infinite
}

fn part(grid: Grid, c: vec3<u32>, shift: u32) -> u32 {
    let n = (grid.dims.xy + vec2<u32>((1u << shift) - 1u)) >> vec2<u32>(shift);
    let p = c >> vec3<u32>(shift);
    return p.x + n.x * (p.y + n.y * p.z);
}

fn bit(c: vec3<u32>, shift: u32) -> u32 {
    let p = (c >> vec3<u32>(shift)) & vec3<u32>(3u);
    return p.x + 4u * (p.y + 4u * p.z);
}

// Edge of the largest empty cube around the bit `at` of a word of masks.
fn cube(word: u32, at: u32, edge: i32) -> i32 {
    return select(edge, 2 * edge, ((word >> (at & 0xau)) & OCTANT) == 0u);
}

// Edge of an empty cube that holds a voxel, the largest that the levels tell; 0 for a solid voxel, -1 for an unknown one
// that stops rays.
fn clear(grid: Grid, c: vec3<u32>, stop: bool) -> i32 {
    let region = 4u * part(grid, c, 6u);
    var low = regions[region];
    var high = regions[region + 1u];
    if (stop) {
        low |= regions[region + 2u];
        high |= regions[region + 3u];
    }
    if ((low | high) == 0u) {
        return 64;
    }
    var at = bit(c, 4u);
    var word = select(low, high, at >= 32u);
    if (((word >> (at & 31u)) & 1u) == 0u) {
        return cube(word, at, 16);
    }
    at = bit(c, 2u);
    let block = 4u * part(grid, c, 4u) + (at >> 5u);
    word = blocks[block];
    if (stop) {
        word |= blocks[block + 2u];
    }
    if (((word >> (at & 31u)) & 1u) == 0u) {
        return cube(word, at, 4);
    }
    let tag = tags[part(grid, c, 2u)];
    if (tag < FIRST) {
        if (tag == TAG_SOLID) {
            return 0;
        }
        return select(4, -1, tag == TAG_UNKNOWN && stop);
    }
    at = bit(c, 0u);
    let mask = 4u * (tag - FIRST) + (at >> 5u);
    word = masks[mask];
    if (((word >> (at & 31u)) & 1u) == 1u) {
        return 0;
    }
    if (stop) {
        word |= ~masks[mask + 2u];
        if (((word >> (at & 31u)) & 1u) == 1u) {
            return -1;
        }
    }
    return cube(word, at, 1);
}

// A ray on its way, in voxels; `far` is FAR along axes that it does not move on, whose speed and inverse are 0.
struct Way {
    start: vec3<f32>,
    speed: vec3<f32>,
    inverse: vec3<f32>,
    far: vec3<f32>,
    up: vec3<bool>,
}

fn crossings(way: Way, plane: vec3<i32>) -> vec3<f32> {
    return (vec3<f32>(plane) - way.start) * way.inverse + way.far;
}

// The cells after all planes before `t`, and at `t` those of the axes that `tied` says; from `first` and no further than
// to `last`.
fn advance(way: Way, first: vec3<i32>, last: vec3<i32>, t: f32, tied: vec3<bool>) -> vec3<i32> {
    let ahead = select(vec3<i32>(0), vec3<i32>(1), way.up);
    let step = 2 * ahead - 1;
    let low = vec3<f32>(min(first, last));
    let high = vec3<f32>(max(first, last));
    // A guess, mended by the planes themselves.
    var cell = vec3<i32>(clamp(way.start + way.speed * t, low, high));
    loop {
        let next = crossings(way, cell + ahead);
        let go = (cell != last) & ((next < vec3<f32>(t)) | ((next == vec3<f32>(t)) & tied));
        if (!any(go)) {
            break;
        }
        cell += select(vec3<i32>(0), step, go);
    }
    loop {
        let before = crossings(way, cell + 1 - ahead);
        let back = (cell != first) & !((before < vec3<f32>(t)) | ((before == vec3<f32>(t)) & tied));
        if (!any(back)) {
            break;
        }
        cell -= select(vec3<i32>(0), step, back);
    }
    return cell;
}

fn voxel_of(grid: Grid, cell: vec3<i32>) -> u32 {
    let c = vec3<u32>(cell);
    return c.x + grid.dims.x * (c.y + grid.dims.y * c.z);
}

fn closest_hit(grid: Grid, o: vec3<f32>, d: vec3<f32>, t_max: f32, stop_unknown: bool) -> Hit {
    let nan_limit = (bitcast<u32>(t_max) & 0x7fffffffu) > 0x7f800000u;
    let usable = sane(o.x) && sane(o.y) && sane(o.z) && sane(d.x) && sane(d.y) && sane(d.z);
    if (nan_limit || !usable || (bitcast<u32>(t_max) >> 31u) == 1u || t_max < 0.0) {
        return Hit(0.0, INVALID, NOWHERE, 7u);
    }
    let n = vec3<f32>(grid.dims);
    var way: Way;
    way.start = (o - grid.origin) * grid.per_voxel;
    way.speed = d * grid.per_voxel;
    let still = abs(way.speed) < vec3<f32>(1e-20);
    if (any(still & ((way.start < vec3<f32>(0.0)) | (way.start >= n)))) {
        return Hit(0.0, LEFT, NOWHERE, 7u);
    }
    if (all(still)) {
        return Hit(0.0, INVALID, NOWHERE, 7u);
    }
    way.far = select(vec3<f32>(0.0), vec3<f32>(FAR), still);
    way.inverse = select(1.0 / way.speed, vec3<f32>(0.0), still);
    way.speed = select(way.speed, vec3<f32>(0.0), still);
    way.up = way.speed > vec3<f32>(0.0);
    var enter = 0.0;
    var leave = FAR;
    var face = 6u;
    for (var a = 0u; a < 3u; a++) {
        if (!still[a]) {
            let low = (0.0 - way.start[a]) * way.inverse[a];
            let high = (n[a] - way.start[a]) * way.inverse[a];
            let near = min(low, high);
            if (near > enter) {
                enter = near;
                face = 2u * a + select(1u, 0u, way.up[a]);
            }
            leave = min(leave, max(low, high));
        }
    }
    if (!(enter < leave)) {
        return Hit(0.0, LEFT, NOWHERE, 7u);
    }
    if (enter > t_max) {
        return Hit(t_max, NONE, NOWHERE, 7u);
    }
    let dims = vec3<i32>(grid.dims);
    let edge_cell = select(dims - 1, vec3<i32>(0), way.up);
    let entered = vec3<u32>(face / 2u) == vec3<u32>(0u, 1u, 2u);
    var cell = vec3<i32>(clamp(way.start + way.speed * enter, vec3<f32>(0.0), n - 1.0));
    cell = select(cell, edge_cell, entered);
    let above = select(vec3<i32>(0), vec3<i32>(1), way.up);
    var t = enter;
    // Ends at the latest with the grid: each step leaves a voxel for good.
    for (var k = 0u; k < 0xffffffffu; k++) {
        let edge = clear(grid, vec3<u32>(cell), stop_unknown);
        if (edge <= 0) {
            return Hit(t, select(UNKNOWN, SOLID, edge == 0), voxel_of(grid, cell), face);
        }
        // The planes by which the ray would leave the cube, and the cells before them.
        let plane = min((cell & vec3<i32>(-edge)) + edge * above, dims);
        let last = plane - above;
        let crossing = crossings(way, plane);
        var a = 0u;
        if (crossing.y < crossing.x) {
            a = 1u;
        }
        if (crossing.z < min(crossing.x, crossing.y)) {
            a = 2u;
        }
        let out = min(min(crossing.x, crossing.y), crossing.z);
        if (max(t, out) > t_max) {
            cell = advance(way, cell, last, t_max, vec3<bool>(true));
            return Hit(t_max, NONE, voxel_of(grid, cell), 7u);
        }
        t = max(t, out);
        let axis = vec3<u32>(0u, 1u, 2u);
        if (edge > 1) {
            cell = advance(way, cell, last, out, axis < vec3<u32>(a));
        }
        cell = select(cell, plane - 1 + above, axis == vec3<u32>(a));
        if (any((cell < vec3<i32>(0)) | (cell >= dims))) {
            return Hit(t, LEFT, NOWHERE, 7u);
        }
        face = 2u * a + select(1u, 0u, way.up[a]);
    }
    return Hit(t, LEFT, NOWHERE, 7u);
}
