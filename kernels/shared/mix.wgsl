// Between a and b, written out: what WGSL's mix makes of an infinity is the device's choice, since a + t (b - a) is as
// good an answer for finite numbers and NaN for others.
fn mix1(a: f32, b: f32, t: f32) -> f32 { return a * (1.0 - t) + b * t; }
fn mix2(a: vec2<f32>, b: vec2<f32>, t: f32) -> vec2<f32> { return a * (1.0 - t) + b * t; }
