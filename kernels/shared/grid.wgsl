// Closest hit in a voxel grid by the stepping of Amanatides and Woo, "A Fast Voxel Traversal Algorithm for Ray Tracing"
// (1987). Crossings are computed afresh from integer planes, never summed up, so long rays do not drift.
// The including kernel declares `voxels: array<u32>`: two bits a voxel, 16 a word (0 unknown, 1 free, 2 solid).
const NONE: u32 = 0u;      // t_max came first
const SOLID: u32 = 1u;
const LEFT: u32 = 2u;      // left the grid, or never met it
const UNKNOWN: u32 = 3u;   // entered unknown space, where that stops rays
const INVALID: u32 = 4u;   // not finite, no direction, negative t_max, or beyond 1e18
const NOWHERE: u32 = 0xffffffffu;

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

fn closest_hit(grid: Grid, o: vec3<f32>, d: vec3<f32>, t_max: f32, stop_unknown: bool) -> Hit {
    let nan_limit = (bitcast<u32>(t_max) & 0x7fffffffu) > 0x7f800000u;
    let usable = sane(o.x) && sane(o.y) && sane(o.z) && sane(d.x) && sane(d.y) && sane(d.z);
    if (nan_limit || !usable || (bitcast<u32>(t_max) >> 31u) == 1u || t_max < 0.0) {
        return Hit(0.0, INVALID, NOWHERE, 7u);
    }
    let g = (o - grid.origin) * grid.per_voxel;
    let e = d * grid.per_voxel;
    let n = vec3<f32>(grid.dims);
    var enter = 0.0;
    var leave = 3.0e38;
    var face = 6u;
    var inverse = vec3<f32>(0.0);
    var moving = 0u;
    for (var a = 0u; a < 3u; a++) {
        if (abs(e[a]) < 1e-20) {
            if (g[a] < 0.0 || g[a] >= n[a]) {
                return Hit(0.0, LEFT, NOWHERE, 7u);
            }
        } else {
            moving += 1u;
            inverse[a] = 1.0 / e[a];
            let low = (0.0 - g[a]) * inverse[a];
            let high = (n[a] - g[a]) * inverse[a];
            let near = min(low, high);
            if (near > enter) {
                enter = near;
                face = 2u * a + select(1u, 0u, e[a] > 0.0);
            }
            leave = min(leave, max(low, high));
        }
    }
    if (moving == 0u) {
        return Hit(0.0, INVALID, NOWHERE, 7u);
    }
    if (!(enter < leave)) {
        return Hit(0.0, LEFT, NOWHERE, 7u);
    }
    if (enter > t_max) {
        return Hit(t_max, NONE, NOWHERE, 7u);
    }
    let start = floor(g + e * enter);
    var cell = vec3<i32>(clamp(start, vec3<f32>(0.0), n - 1.0));
    var direction = vec3<i32>(0);
    var crossing = vec3<f32>(3.0e38);
    for (var a = 0u; a < 3u; a++) {
        if (face < 6u && face / 2u == a) {
            cell[a] = select(i32(grid.dims[a]) - 1, 0, e[a] > 0.0);
        }
        if (inverse[a] != 0.0) {
            direction[a] = select(-1, 1, e[a] > 0.0);
            crossing[a] = (f32(cell[a] + select(0, 1, e[a] > 0.0)) - g[a]) * inverse[a];
        }
    }
    var t = enter;
    let most = grid.dims.x + grid.dims.y + grid.dims.z + 3u;
    for (var k = 0u; k < most; k++) {
        let at = u32(cell.x) + grid.dims.x * (u32(cell.y) + grid.dims.y * u32(cell.z));
        let state = (voxels[at >> 4u] >> (2u * (at & 15u))) & 3u;
        if (state == 2u) {
            return Hit(t, SOLID, at, face);
        }
        if (state == 0u && stop_unknown) {
            return Hit(t, UNKNOWN, at, face);
        }
        var a = 0u;
        if (crossing.y < crossing.x) {
            a = 1u;
        }
        if (crossing.z < min(crossing.x, crossing.y)) {
            a = 2u;
        }
        let next = max(t, crossing[a]);
        if (next > t_max) {
            return Hit(t_max, NONE, at, 7u);
        }
        t = next;
        cell[a] += direction[a];
        if (cell[a] < 0 || cell[a] >= i32(grid.dims[a])) {
            return Hit(t, LEFT, NOWHERE, 7u);
        }
        face = 2u * a + select(1u, 0u, direction[a] > 0);
        crossing[a] = (f32(cell[a] + select(0, 1, direction[a] > 0)) - g[a]) * inverse[a];
    }
    return Hit(t, LEFT, NOWHERE, 7u);
}
