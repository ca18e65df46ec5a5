// What the kernels of the loss share. SSIM: Wang et al., IEEE TIP 13(4), 2004; Gaussian window of 11 taps and
// sigma 1.5, zeros outside the image. A lane makes four neighbouring outputs from the 14 inputs they need.

struct Params {
    taps: array<vec4<f32>, 14>, // weights of input k for the four outputs
    background: vec4<f32>,
    size: vec2<u32>,
    l1: f32,    // weight of each channel's absolute error
    ssim: f32,  // weight of each channel's 1 - SSIM
    depth: f32, // weight of each pixel's error of inverse depth
    marked: u32, // 1 where a negative inverse depth marks a pixel that counts for nothing
    pad2: vec2<u32>,
}

fn target_colour(packed: u32, background: vec3<f32>) -> vec3<f32> {
    let c = unpack4x8unorm(packed);
    return c.xyz * c.w + background * (1.0 - c.w);
}
