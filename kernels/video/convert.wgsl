// One stored frame to packed sRGB at the working size.
//
// Matrix and range: ITU-R BT.601-7 2.5, BT.709-6 3.2 to 3.5, BT.2020-2 tables 4 and 5, folded by the host into
// three affine rows over raw sample values. The transform is affine, so raw samples are averaged and transformed once.

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.size.x || id.y >= params.size.y) {
        return;
    }
    let mean = mean_of(id.xy);
    store(id.xy, nonlinear(mean.raw), mean.alpha);
}
