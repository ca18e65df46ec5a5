// The backward pass of shared/blend: the pixels of a column, and what one splat's sums get of them.

// With s the gradient by the exponent and (dx, dy) the pixel less the splat's centre:
struct Moments {
    a: vec4<f32>, // sums of s, s dx, s dy, s dx^2
    b: vec4<f32>, // sums of s dx dy, s dy^2, weight * gradient of depth, weight
    c: vec4<f32>, // sums of weight * gradient of RGB; w is 0
}

// Gradients by R, G, B and depth; what is still to come of their products with the splats' values; transmittance.
struct Back {
    gr0: vec4<f32>, gr1: vec4<f32>,
    gg0: vec4<f32>, gg1: vec4<f32>,
    gb0: vec4<f32>, gb1: vec4<f32>,
    gd0: vec4<f32>, gd1: vec4<f32>,
    rest0: vec4<f32>, rest1: vec4<f32>,
    t0: vec4<f32>, t1: vec4<f32>,
}

// Pixels whose transmittance is under 1e-4, and those outside the image, get nothing.
fn blend_back(p: ptr<function, Back>, at: Column, centre: vec4<f32>, conic: vec4<f32>, colour: vec3<f32>) -> Moments {
    let dx = at.x - centre.x;
    let dy0 = at.y0 - centre.y;
    let dy1 = at.y1 - centre.y;
    let q0 = conic.x * dx * dx + dy0 * (2.0 * conic.y * dx + conic.z * dy0);
    let q1 = conic.x * dx * dx + dy1 * (2.0 * conic.y * dx + conic.z * dy1);
    let raw0 = centre.w * exp(-0.5 * q0);
    let raw1 = centre.w * exp(-0.5 * q1);
    let cutoff = vec4<f32>(conic.w);
    let alpha0 = select(vec4<f32>(0.0), min(raw0, vec4<f32>(0.99)), (q0 <= cutoff) & ((*p).t0 >= DONE));
    let alpha1 = select(vec4<f32>(0.0), min(raw1, vec4<f32>(0.99)), (q1 <= cutoff) & ((*p).t1 >= DONE));
    let w0 = (*p).t0 * alpha0;
    let w1 = (*p).t1 * alpha1;
    let wv0 = w0 * ((*p).gr0 * colour.x + (*p).gg0 * colour.y + (*p).gb0 * colour.z + (*p).gd0 * centre.z);
    let wv1 = w1 * ((*p).gr1 * colour.x + (*p).gg1 * colour.y + (*p).gb1 * colour.z + (*p).gd1 * centre.z);
    (*p).rest0 -= wv0;
    (*p).rest1 -= wv1;
    (*p).t0 -= w0;
    (*p).t1 -= w1;
    let s0 = select(wv0 - (*p).rest0 * (alpha0 / (1.0 - alpha0)), vec4<f32>(0.0), raw0 > vec4<f32>(0.99));
    let s1 = select(wv1 - (*p).rest1 * (alpha1 / (1.0 - alpha1)), vec4<f32>(0.0), raw1 > vec4<f32>(0.99));
    let sy0 = s0 * dy0;
    let sy1 = s1 * dy1;
    let s = dot(s0 + s1, ONE);
    let sy = dot(sy0 + sy1, ONE);
    return Moments(
        vec4<f32>(s, dx * s, sy, dx * dx * s),
        vec4<f32>(dx * sy, dot(sy0, dy0) + dot(sy1, dy1), dot(w0, (*p).gd0) + dot(w1, (*p).gd1), dot(w0 + w1, ONE)),
        vec4<f32>(dot(w0, (*p).gr0) + dot(w1, (*p).gr1), dot(w0, (*p).gg0) + dot(w1, (*p).gg1),
            dot(w0, (*p).gb0) + dot(w1, (*p).gb1), 0.0),
    );
}
