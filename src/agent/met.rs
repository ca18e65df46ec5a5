//! Hits alone: what met nothing stays on the GPU.

use super::AgentError;
use super::raycast::{Caster, Hit, Path, RAYCAST, Ray};
use crate::gpu::{Kernel, compact::Compact, groups_1d};
use crate::monitor::Monitor;

crate::gpu_struct! {
    /// Params of `agent/met` and `agent/gather`.
    pub struct MetParams {
        /// Elements.
        pub n: u32,
        /// Padding.
        pub pad: u32,
        /// Padding.
        pub pad2: [u32; 2],
    }
}

/// Which hits met something.
pub static MET: Kernel = crate::kernel!(
    "agent/met", shared [], twin crate::agent::twins::met::twin,
    workgroup [64, 1, 1], params MetParams,
    bind [read hits: Hit, write flags: u32]
);

/// Hits by a list.
pub static GATHER: Kernel = crate::kernel!(
    "agent/gather", shared [], twin crate::agent::twins::gather::twin,
    workgroup [64, 1, 1], params MetParams,
    bind [read list: u32, read hits: Hit, write kept: Hit]
);

impl Caster {
    /// The rays that something stopped, by their places among `rays` and in that order, with their hits.
    ///
    /// # Errors
    /// GPU errors, [`AgentError::Interrupted`].
    pub fn met(
        &self,
        rays: &[Ray],
        stop_unknown: bool,
        monitor: &dyn Monitor,
    ) -> Result<Vec<(usize, Hit)>, AgentError> {
        let mut first = 0;
        self.batches(rays, monitor, |batch| {
            let at = first;
            first += batch.len();
            let found = match self.path() {
                Path::Host => {
                    let hits = self.world().cast(batch, stop_unknown);
                    let all = hits.into_iter().enumerate();
                    all.filter(|(_, hit)| hit.met()).collect()
                }
                Path::Kernel => self.compact(batch, stop_unknown)?,
            };
            Ok(found.into_iter().map(|(i, hit)| (at + i, hit)).collect())
        })
    }

    fn compact(&self, batch: &[Ray], stop_unknown: bool) -> Result<Vec<(usize, Hit)>, AgentError> {
        let (gpu, n) = (self.gpu(), batch.len());
        let (_, hits) = self.dispatch::<Hit>(&RAYCAST, batch, stop_unknown)?;
        let flags = gpu.alloc::<u32>(n)?;
        let (list, count) = (gpu.alloc::<u32>(n)?, gpu.alloc::<u32>(1)?);
        let params = |n: usize| MetParams {
            n: n as u32,
            ..MetParams::default()
        };
        let mut recorder = gpu.recorder();
        recorder.run(
            &MET,
            &params(n),
            &[&hits, &flags],
            groups_1d(n, MET.workgroup[0]),
        )?;
        Compact::new(gpu, n)?.record(&mut recorder, &flags, None, n, &list, (&count, 0))?;
        recorder.submit()?;
        let met = gpu.read(&count)?.first().map_or(0, |&n| n as usize);
        if met == 0 {
            return Ok(Vec::new());
        }
        let kept = gpu.alloc::<Hit>(met)?;
        let mut recorder = gpu.recorder();
        let groups = groups_1d(met, GATHER.workgroup[0]);
        recorder.run(&GATHER, &params(met), &[&list, &hits, &kept], groups)?;
        recorder.submit()?;
        let rays = gpu.read_range(&list, 0, met)?;
        let hits = gpu.read(&kept)?;
        Ok(rays.into_iter().map(|i| i as usize).zip(hits).collect())
    }
}
