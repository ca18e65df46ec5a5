// One stored HDR frame (BT.2020 primaries, PQ or HLG) to packed sRGB at the working size, tone-mapped.
//
// PQ: SMPTE ST 2084. HLG: ITU-R BT.2100-2 table 5, shown at 1000 cd/m2 with a system gamma of 1.2. Tone mapping: the
// EETF of ITU-R BT.2390-10 5.4.1 on the largest of R, G and B, so that hues stay, to a peak of 203 cd/m2, the
// reference white of ITU-R BT.2408. Gamut: ITU-R BT.2087-0 inverted, clipped. Averages are of nonlinear samples, as
// in SDR.

const WHITE: f32 = 203.0;

// cd/m2 over 10000 to PQ.
fn pq(light: f32) -> f32 {
    let y = pow(max(light, 0.0), 0.1593017578125);
    return pow((0.8359375 + 18.8515625 * y) / (1.0 + 18.6875 * y), 78.84375);
}

// PQ to cd/m2 over 10000.
fn pq_inverse(value: f32) -> f32 {
    let v = pow(clamp(value, 0.0, 1.0), 1.0 / 78.84375);
    return pow(max(v - 0.8359375, 0.0) / (18.8515625 - 18.6875 * v), 1.0 / 0.1593017578125);
}

fn hlg_inverse(value: f32) -> f32 {
    let v = clamp(value, 0.0, 1.0);
    let high = (exp((v - 0.55991073) / 0.17883277) + 0.28466892) / 12.0;
    return select(high, v * v / 3.0, v <= 0.5);
}

// Display light in cd/m2.
fn light(colour: vec3<f32>) -> vec3<f32> {
    let from_pq = 10000.0 * vec3<f32>(pq_inverse(colour.x), pq_inverse(colour.y), pq_inverse(colour.z));
    let scene = vec3<f32>(hlg_inverse(colour.x), hlg_inverse(colour.y), hlg_inverse(colour.z));
    let luminance = dot(scene, vec3<f32>(0.2627, 0.6780, 0.0593));
    let from_hlg = 1000.0 * pow(max(luminance, 1e-6), 0.2) * scene;
    return select(from_pq, from_hlg, params.hlg != 0u);
}

// cd/m2 of at most `peak` to cd/m2 of at most WHITE.
fn eetf(value: f32, peak: f32) -> f32 {
    let top = pq(peak / 10000.0);
    let most = min(pq(WHITE / 10000.0) / top, 1.0);
    let knee = 1.5 * most - 0.5;
    let e = clamp(pq(value / 10000.0) / top, 0.0, 1.0);
    let t = clamp((e - knee) / max(1.0 - knee, 1e-6), 0.0, 1.0);
    let t2 = t * t;
    let t3 = t2 * t;
    let spline = (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) + (3.0 * t2 - 2.0 * t3) * most;
    return 10000.0 * pq_inverse(select(spline, e, e < knee) * top);
}

fn srgb(value: f32) -> f32 {
    let v = clamp(value, 0.0, 1.0);
    return select(1.055 * pow(v, 1.0 / 2.4) - 0.055, 12.92 * v, v <= 0.0031308);
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.size.x || id.y >= params.size.y) {
        return;
    }
    let mean = mean_of(id.xy);
    let shown = light(nonlinear(mean.raw));
    let largest = max(max(shown.x, shown.y), shown.z);
    let wide = shown * (eetf(largest, params.peak) / max(largest, 1e-6)) / WHITE;
    let colour = vec3<f32>(
        dot(wide, vec3<f32>(1.660491, -0.587641, -0.072850)),
        dot(wide, vec3<f32>(-0.124550, 1.132900, -0.008349)),
        dot(wide, vec3<f32>(-0.018151, -0.100579, 1.118730)),
    );
    store(id.xy, vec3<f32>(srgb(colour.x), srgb(colour.y), srgb(colour.z)), mean.alpha);
}
