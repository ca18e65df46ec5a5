// What splats become parts of others by: splat/choose, splat/clone and splat/share.

const NONE: u32 = 0xffffffffu;

// Uniform in 0 to 1, without the ends.
fn uniform_of(i: u32, draw: u32, seed: u32) -> f32 {
    return (f32(hashed(i, draw, seed) >> 9u) + 0.5) / 8388608.0;
}

// A draw from the normal distribution (Box and Muller).
fn normal_of(i: u32, draw: u32, seed: u32) -> f32 {
    // A logarithm near 1 may come out on the wrong side of 0.
    let radius = sqrt(max(-2.0 * log(uniform_of(i, draw, seed)), 0.0));
    return radius * cos(6.283185307179586 * uniform_of(i, draw + 1u, seed));
}

// One of `parts` splats in place of one: they let through together what it did (each from 1 to 99% at least), are smaller by parts^(2/3), and lie off
// its middle by a draw from what they are.
fn part_of(whole: Splat, parts: u32, i: u32, seed: u32) -> Splat {
    var s = whole;
    let clear = clamp(pow(1.0 / (1.0 + exp(s.centre.w)), 1.0 / f32(parts)), 0.01, 0.99);
    s.log_scale -= vec4<f32>(vec3<f32>(log(f32(parts)) * 2.0 / 3.0), 0.0);
    let q = s.rotation / sqrt(dot(s.rotation, s.rotation));
    let d = exp(s.log_scale.xyz) * vec3<f32>(normal_of(i, 100u, seed), normal_of(i, 102u, seed), normal_of(i, 104u, seed));
    let shift = d + 2.0 * cross(q.yzw, cross(q.yzw, d) + q.x * d);
    s.centre = vec4<f32>(s.centre.xyz + shift, log((1.0 - clear) / clear));
    return s;
}
