//! Twin of `kernels/gpu/dispatch_args.wgsl`.

use crate::gpu::Call;
use crate::gpu::indirect::ArgsParams;

/// Workgroup counts and numbers of elements, one for each level.
pub fn dispatch_args(p: &ArgsParams, count: &[u32]) -> Vec<[u32; 4]> {
    let mut n = count[p.count_at as usize].min(p.cap).div_ceil(p.per) * p.times;
    let mut args = Vec::new();
    for _ in 0..p.levels {
        let groups = n.div_ceil(p.per_group).max(p.least);
        let x = groups.min(65_535);
        let y = groups.div_ceil(x.max(1)).max(1);
        args.push([x, y, 1, n]);
        n = n.div_ceil(p.shrink);
    }
    args
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let args = dispatch_args(&call.params(), call.read(0));
    call.put(1, 0, &args);
}
