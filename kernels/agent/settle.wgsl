// Drops bodies onto the world and lets them rest, one thread a body: semi-implicit Euler, a disc foot of five down-rays,
// Coulomb friction on the plane through their hits. rests: horizontal drift, highest rise of energy over the start
// (J/kg), fall of the foot, and what ended it (0 rests, 1 fell, 2 met unknown space, 3 invalid).
struct Params {
    origin: vec4<f32>,
    dims: vec4<u32>,
    bodies: u32,
    steps: u32,
    dt: f32,
    gravity: f32,
    radius: f32,
    reach: f32,
    friction: f32,
    drop: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tags: array<u32>;
@group(0) @binding(2) var<storage, read> masks: array<u32>;
@group(0) @binding(3) var<storage, read> blocks: array<u32>;
@group(0) @binding(4) var<storage, read> regions: array<u32>;
@group(0) @binding(5) var<storage, read> bodies: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> rests: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if (i >= params.bodies) {
        return;
    }
    let start = bodies[i].xyz;
    let grid = Grid(params.origin.xyz, params.origin.w, params.dims.xyz);
    let r = params.radius;
    if (!(sane(start.x) && sane(start.y) && sane(start.z))) {
        rests[i] = vec4<f32>(0.0, 0.0, 0.0, 3.0);
        return;
    }
    var p = start;
    var velocity = vec3<f32>(0.0);
    var rise = 0.0;
    var end = 0.0;
    for (var step = 0u; step < params.steps; step++) {
        velocity.y -= params.gravity * params.dt;
        p += velocity * params.dt;
        var contact = -3.0e38;
        var heights = array<f32, 5>(-3.0e38, -3.0e38, -3.0e38, -3.0e38, -3.0e38);
        var unknown = false;
        for (var k = 0u; k < 5u; k++) {
            var o = vec3<f32>(p.x, p.y + params.reach, p.z);
            if (k == 1u) { o.x -= r; }
            if (k == 2u) { o.x += r; }
            if (k == 3u) { o.z -= r; }
            if (k == 4u) { o.z += r; }
            let hit = closest_hit(grid, o, vec3<f32>(0.0, -1.0, 0.0), params.reach + params.drop + 4.0 * r, true);
            if (hit.state == SOLID) {
                heights[k] = o.y - hit.t;
                contact = max(contact, heights[k]);
            }
            unknown = unknown || hit.state == UNKNOWN;
        }
        if (contact > -1.0e38 && p.y <= contact) {
            p.y = contact;
            velocity.y = 0.0;
            var slope = vec2<f32>(0.0);
            if (heights[1] > -1.0e38 && heights[2] > -1.0e38) {
                slope.x = (heights[2] - heights[1]) / (2.0 * r);
            }
            if (heights[3] > -1.0e38 && heights[4] > -1.0e38) {
                slope.y = (heights[4] - heights[3]) / (2.0 * r);
            }
            let steep = length(slope);
            if (steep > params.friction) {
                let pull = params.gravity * (steep - params.friction) / (1.0 + steep * steep) * params.dt / steep;
                velocity.x -= slope.x * pull;
                velocity.z -= slope.y * pull;
            } else {
                velocity.x = 0.0;
                velocity.z = 0.0;
            }
        } else if (contact <= -1.0e38 && unknown) {
            end = 2.0;
            break;
        }
        rise = max(rise, 0.5 * dot(velocity, velocity) + params.gravity * (p.y - start.y));
        if (start.y - p.y > params.drop) {
            end = 1.0;
            break;
        }
    }
    rests[i] = vec4<f32>(length(p.xz - start.xz), rise, start.y - p.y, end);
}
