use super::*;
use crate::common::gpu;
use sora_director::splat::Renderer;

#[test]
#[ignore]
fn forward_time() {
    let gpu = gpu();
    for n in [15000usize, 30000] {
        let mut rng = Rng(3);
        let mut s = cloud(&mut rng, n, 1);
        for l in &mut s.log_scales { *l = std::array::from_fn(|_| rng.range(-5.2, -3.2)); }
        for p in &mut s.positions { *p = std::array::from_fn(|_| rng.range(-0.9, 0.9)); }
        let cam = camera(DVec3::new(0.4, 0.7, 2.5), 320, 180);
        let mut r = Renderer::new(&gpu, &s, 320, 180, 0).unwrap();
        r.render(&cam, [0.0; 3]).unwrap();
        let t = std::time::Instant::now();
        for _ in 0..5 { r.render(&cam, [0.0; 3]).unwrap(); }
        eprintln!("{n}: {:?} a render, {} instances", t.elapsed() / 5, r.most_instances().unwrap());
    }
}
