// Blending of one splat into eight pixels of a column, forward and backward, for kernels that hand the splats out in
// ways of their own. A pixel is done once its transmittance is under 1e-4.

const DONE: vec4<f32> = vec4<f32>(1e-4);
const ONE: vec4<f32> = vec4<f32>(1.0);

// Pixel centres: one x, eight y.
struct Column { x: f32, y0: vec4<f32>, y1: vec4<f32> }

fn column_of(column: u32, row: u32) -> Column {
    let y0 = f32(row) + vec4<f32>(0.5, 1.5, 2.5, 3.5);
    return Column(f32(column) + 0.5, y0, y0 + 4.0);
}

// Sums over the splats so far.
struct Blend {
    t0: vec4<f32>, t1: vec4<f32>, // transmittance
    r0: vec4<f32>, r1: vec4<f32>,
    g0: vec4<f32>, g1: vec4<f32>,
    b0: vec4<f32>, b1: vec4<f32>,
    d0: vec4<f32>, d1: vec4<f32>, // weight * z
}

fn blend_start() -> Blend {
    var s: Blend;
    s.t0 = ONE;
    s.t1 = ONE;
    return s;
}

fn blend_done(t0: vec4<f32>, t1: vec4<f32>) -> bool {
    return all(max(t0, t1) < DONE);
}

fn alphas(q: vec4<f32>, cutoff: f32, opacity: f32, clear: vec4<f32>) -> vec4<f32> {
    let alpha = min(opacity * exp(-0.5 * q), vec4<f32>(0.99));
    return select(vec4<f32>(0.0), alpha, (q <= vec4<f32>(cutoff)) & (clear >= DONE));
}

fn blend(s: ptr<function, Blend>, at: Column, centre: vec4<f32>, conic: vec4<f32>, colour: vec3<f32>) {
    let dx = at.x - centre.x;
    let dy0 = at.y0 - centre.y;
    let dy1 = at.y1 - centre.y;
    let q0 = conic.x * dx * dx + dy0 * (2.0 * conic.y * dx + conic.z * dy0);
    let q1 = conic.x * dx * dx + dy1 * (2.0 * conic.y * dx + conic.z * dy1);
    let w0 = (*s).t0 * alphas(q0, conic.w, centre.w, (*s).t0);
    let w1 = (*s).t1 * alphas(q1, conic.w, centre.w, (*s).t1);
    (*s).t0 -= w0;
    (*s).t1 -= w1;
    (*s).r0 += w0 * colour.x;
    (*s).r1 += w1 * colour.x;
    (*s).g0 += w0 * colour.y;
    (*s).g1 += w1 * colour.y;
    (*s).b0 += w0 * colour.z;
    (*s).b1 += w1 * colour.z;
    (*s).d0 += w0 * centre.z;
    (*s).d1 += w1 * centre.z;
}
