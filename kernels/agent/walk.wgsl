// Agents walk, one thread an agent, some steps a dispatch: down the costs to their goals over the columns where their middle
// may stand, a capsule against the voxels all the way. A step goes `stride` columns on, straight. What the body meets over
// what it can climb, it slides along; then the floor is looked for under its middle, else under its rim; without one it falls.
struct Params {
    origin: vec4<f32>,
    dims: vec4<u32>,
    radius: f32,         // of the body, less what rounding to voxels takes
    height: f32,
    climb: f32,
    voxel: f32,
    rim: f32,            // of the foot
    stride: u32,
    limit: u32,
    stop_unknown: u32,
    diagonal: f32,       // of a voxel
    pad0: u32,
    pad1: u32,
    pad2: u32,
}
struct Walker {
    place: vec4<f32>,    // of its feet, and how far it went
    reach: vec2<f32>,    // the shortest way there is, the least cost that it came to
    counts: vec2<u32>,   // what it ran into, steps in a row that brought it no nearer
    goal: u32,
    state: u32,
    steps: u32,
    pad: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tags: array<u32>;
@group(0) @binding(2) var<storage, read> masks: array<u32>;
@group(0) @binding(3) var<storage, read> blocks: array<u32>;
@group(0) @binding(4) var<storage, read> regions: array<u32>;
// Heights of the floor where an agent may stand (NO_FLOOR elsewhere), then costs to each goal (FAR where no way leads).
@group(0) @binding(5) var<storage, read> fields: array<f32>;
@group(0) @binding(6) var<storage, read> count: array<u32>;
@group(0) @binding(7) var<storage, read> list: array<u32>;
@group(0) @binding(8) var<storage, read_write> walkers: array<Walker>;

// Loops are bounded by constants: some drivers compile a kernel anew for each value of a bound.
const STEPS: u32 = 16u;
const MOST_STRIDE: u32 = 64u;
const PATIENCE: u32 = 8u;
const NO_FLOOR: f32 = -3.0e38;

const WALKING: u32 = 0u;
const ARRIVED: u32 = 1u;
const STUCK: u32 = 2u;
const FELL: u32 = 3u;
const OUTSIDE: u32 = 4u;
const UNSEEN: u32 = 5u;
const INSIDE: u32 = 6u;
const ASTRAY: u32 = 7u;
const TIRED: u32 = 8u;

fn columns() -> u32 {
    return params.dims.x * params.dims.z;
}

// Column of a place; NOWHERE outside.
fn column(p: vec2<f32>) -> u32 {
    let c = floor((p - params.origin.xz) * params.origin.w);
    if (any(c < vec2<f32>(0.0)) || any(c >= vec2<f32>(params.dims.xz))) {
        return NOWHERE;
    }
    return u32(c.x) + params.dims.x * u32(c.y);
}

// The neighbour by which the way to a goal is the shortest; NOWHERE where none is nearer to it.
fn downhill(costs: u32, at: u32) -> u32 {
    let size = vec2<i32>(params.dims.xz);
    let c = vec2<i32>(vec2<u32>(at % params.dims.x, at / params.dims.x));
    let own = fields[costs + at];
    let floor = fields[at];
    var best = FAR;
    var next = NOWHERE;
    for (var k = 0u; k < 8u; k++) {
        var d = vec2<i32>(select(0, 1, k == 0u) - select(0, 1, k == 1u), select(0, 1, k == 2u) - select(0, 1, k == 3u));
        if (k > 3u) {
            d = vec2<i32>(select(-1, 1, (k & 2u) == 0u), select(-1, 1, (k & 1u) == 0u));
        }
        let q = c + d;
        if (any(q < vec2<i32>(0)) || any(q >= size)) {
            continue;
        }
        let j = u32(q.x + size.x * q.y);
        let cost = fields[costs + j];
        if (cost >= own || (floor > NO_FLOOR && abs(fields[j] - floor) > params.climb + 0.01 * params.voxel)) {
            continue;
        }
        if (k > 3u && (fields[u32(q.x + size.x * c.y)] <= NO_FLOOR || fields[u32(c.x + size.x * q.y)] <= NO_FLOOR)) {
            continue;
        }
        // A sum, with nothing to contract: ways are often as long, and every device shall take the same.
        let whole = cost + select(params.voxel, params.diagonal, k > 3u);
        if (whole < best) {
            best = whole;
            next = j;
        }
    }
    return next;
}

// One step; the walker is on its way.
fn walk(grid: Grid, before: Walker) -> Walker {
    var w = before;
    var p = w.place.xyz;
    if (!(sane(p.x) && sane(p.y) && sane(p.z))) {
        w.state = ASTRAY;
        return w;
    }
    let here = column(p.xz);
    if (here == NOWHERE) {
        w.state = OUTSIDE;
        return w;
    }
    let costs = (w.goal + 1u) * columns();
    let there = fields[costs + here] == 0.0;
    // The way, and the floor along it.
    var at = here;
    var top = p.y;
    var bottom = p.y;
    for (var k = 0u; k < MOST_STRIDE; k++) {
        if (k >= params.stride || fields[costs + at] == 0.0) {
            break;
        }
        let next = downhill(costs, at);
        if (next == NOWHERE) {
            break;
        }
        at = next;
        top = max(top, fields[at]);
        bottom = min(bottom, fields[at]);
    }
    var motion = vec2<f32>(0.0);
    if (at != here) {
        let aim = (vec2<f32>(vec2<u32>(at % params.dims.x, at / params.dims.x)) + 0.5) * params.voxel + params.origin.xz;
        motion = aim - p.xz;
    }
    // The body over what it can climb. A new agent is looked at where it stands.
    let per = params.origin.w;
    let foot = top + params.climb + 0.5 * params.voxel;
    let head = max(bottom + params.height, foot + 0.5 * params.voxel);
    // A squat body is no wider there than it is high, or it would reach into the floor that it stands on.
    let radius = min(params.radius, 0.5 * (head - foot));
    let half = 0.5 * (head - foot) - radius;
    var end = WALKING;
    for (var k = select(1u, 0u, w.steps == 0u); k < 4u; k++) {
        let way = select(motion, vec2<f32>(0.0), k == 0u);
        if (k > 0u && length(way) < 1e-3 * params.voxel) {
            break;
        }
        let middle = (vec3<f32>(p.x, 0.5 * (foot + head), p.z) - params.origin.xyz) * per;
        let moving = Moving(middle, vec3<f32>(way.x, 0.0, way.y) * per, half * per, radius * per);
        let met = touch(grid, moving, params.stop_unknown != 0u);
        if (k == 0u) {
            if (met.voxel != NOWHERE) {
                w.state = select(INSIDE, UNSEEN, met.state == UNKNOWN);
                return w;
            }
            continue;
        }
        p.x += way.x * met.t;
        p.z += way.y * met.t;
        w.place.w += length(way) * met.t;
        if (met.voxel == NOWHERE) {
            break;
        }
        if (met.state == UNKNOWN) {
            end = UNSEEN;
            break;
        }
        w.counts.x += 1u;
        let away = length(met.normal.xz);
        if (away < 1e-3) {
            break;
        }
        let n = met.normal.xz / away;
        p.x += 0.01 * params.voxel * n.x;
        p.z += 0.01 * params.voxel * n.y;
        let rest = way * (1.0 - met.t);
        motion = rest - n * min(dot(rest, n), 0.0);
    }
    // The floor: under the middle, under the rim, or far below.
    let start = foot;
    let deep = start - bottom + params.climb + 0.5 * params.voxel;
    var floor = NO_FLOOR;
    for (var k = 0u; k < 6u; k++) {
        if ((k == 1u || k == 5u) && floor > NO_FLOOR) {
            break;
        }
        var o = vec3<f32>(p.x, start, p.z);
        if (k == 1u) { o.x -= params.rim; }
        if (k == 2u) { o.x += params.rim; }
        if (k == 3u) { o.z -= params.rim; }
        if (k == 4u) { o.z += params.rim; }
        let hit = closest_hit(grid, o, vec3<f32>(0.0, -1.0, 0.0), select(deep, 1e18, k == 5u), k == 5u);
        if (k < 5u) {
            if (hit.state == SOLID && hit.face == 3u) {
                floor = max(floor, start - hit.t);
            }
        } else if (end == WALKING) {
            if (hit.state == SOLID && hit.face == 6u) {
                end = STUCK;
            } else {
                end = select(FELL, UNSEEN, hit.state == UNKNOWN);
                p.y = select(params.origin.y, start - hit.t, hit.state == SOLID || hit.state == UNKNOWN);
            }
        }
    }
    if (floor > NO_FLOOR) {
        p.y = floor;
    }
    w.place = vec4<f32>(p, w.place.w);
    w.steps += 1u;
    let now = column(p.xz);
    if (end == WALKING && now == NOWHERE) {
        end = OUTSIDE;
    }
    if (end == WALKING) {
        let cost = fields[costs + now];
        if (there || cost == 0.0) {
            end = ARRIVED;
        } else if (cost < w.reach.y) {
            w.reach.y = cost;
            w.counts.y = 0u;
        } else {
            w.counts.y += 1u;
        }
        if (end == WALKING && (at == here || w.counts.y >= PATIENCE)) {
            end = STUCK;
        } else if (end == WALKING && w.steps >= params.limit) {
            end = TIRED;
        }
    }
    w.state = end;
    return w;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if (i >= count[0]) {
        return;
    }
    let grid = Grid(params.origin.xyz, params.origin.w, params.dims.xyz);
    var w = walkers[list[i]];
    for (var k = 0u; k < STEPS; k++) {
        if (w.state != WALKING) {
            break;
        }
        w = walk(grid, w);
    }
    walkers[list[i]] = w;
}
