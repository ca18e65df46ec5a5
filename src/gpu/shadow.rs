//! Dispatches beside their twins: each kernel checked on the data of a real chain, or a whole chain run on twins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::agree::Place;
use super::{Access, AnyBuffer, Gpu, GpuError, Kernel};

/// What becomes of a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Kernel and twin both run on what was there before, and are compared; the kernel's answer goes on.
    Check,
    /// The twin runs in the kernel's place.
    Twins,
}

/// Watches the dispatches of a [`Gpu`] handle, each of them alone and with its buffers read back. Clones share what is
/// found.
#[derive(Clone, Debug)]
pub struct Shadow {
    mode: Mode,
    found: Arc<Mutex<BTreeMap<&'static str, Finding>>>,
}

/// What was found of one kernel.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Finding {
    /// The kernel's stem.
    pub kernel: &'static str,
    /// How often it was dispatched.
    pub dispatches: u64,
    /// Words that it changed, all dispatches together.
    pub words: u64,
    /// Words further from the twin's than most may be.
    pub apart: u64,
    /// The difference that is largest for what is allowed; `None` where kernel and twin are the same to the bit, and of
    /// twins that ran in the kernel's place.
    pub worst: Option<Place>,
    /// What does not agree.
    pub fault: Option<Fault>,
}

/// The first dispatch of a kernel that does not agree with its twin.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Fault {
    /// Which dispatch of this kernel, from 1.
    pub dispatch: u64,
    /// What is wrong, in words.
    pub words: String,
    /// The first place; `None` where the twin could not run on what it was given.
    pub place: Option<Place>,
}

impl Finding {
    /// Kernel and twin agree.
    pub fn agrees(&self) -> bool {
        self.fault.is_none()
    }
}

impl Shadow {
    /// A shadow that has seen nothing.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            found: Arc::default(),
        }
    }

    /// Whether what both find goes to one place.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.found, &other.found)
    }

    /// What becomes of a dispatch.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The kernels that were dispatched so far, by their stems.
    pub fn findings(&self) -> Vec<Finding> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.values().cloned().collect()
    }

    fn note(&self, kernel: &'static Kernel, note: impl FnOnce(&mut Finding)) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let finding = found.entry(kernel.stem).or_insert_with(|| Finding {
            kernel: kernel.stem,
            dispatches: 0,
            words: 0,
            apart: 0,
            worst: None,
            fault: None,
        });
        finding.dispatches += 1;
        note(finding);
    }

    /// One dispatch of `groups` workgroups; `run` runs the kernel and returns once its work is submitted.
    pub(super) fn dispatch(
        &self,
        gpu: &Gpu,
        kernel: &'static Kernel,
        params: &[u8],
        buffers: &[&dyn AnyBuffer],
        groups: [u32; 3],
        run: impl FnOnce() -> Result<(), GpuError>,
    ) -> Result<(), GpuError> {
        let mut before = Vec::new();
        for buffer in buffers {
            before.push(gpu.read_words(buffer.raw(), 0, buffer.raw().size())?);
        }
        // Counts over the adapter's limit run nothing.
        let limit = gpu.caps().workgroups;
        let groups = if groups.iter().any(|n| *n > limit) {
            [0; 3]
        } else {
            groups
        };
        let twin = kernel.run_twin(params, groups, &before);
        match self.mode {
            Mode::Check => {
                run()?;
                self.compare(gpu, kernel, buffers, &before, twin)
            }
            Mode::Twins => {
                let after = twin.map_err(|reason| GpuError::Validation {
                    doing: format!("the twin of '{}'", kernel.stem),
                    reason,
                })?;
                let mut words = 0;
                for ((buffer, after), before) in buffers.iter().zip(after).zip(&before) {
                    let Some(after) = after else { continue };
                    words += changed(before, &after);
                    gpu.queue()
                        .write_buffer(buffer.raw(), 0, bytemuck::cast_slice(&after));
                }
                self.note(kernel, |finding| finding.words += words);
                Ok(())
            }
        }
    }

    fn compare(
        &self,
        gpu: &Gpu,
        kernel: &'static Kernel,
        buffers: &[&dyn AnyBuffer],
        before: &[Vec<u32>],
        twin: Result<Vec<Option<Vec<u32>>>, String>,
    ) -> Result<(), GpuError> {
        let twin = match twin {
            Ok(twin) => twin,
            Err(words) => {
                self.note(kernel, |finding| {
                    let dispatch = finding.dispatches;
                    finding.fault.get_or_insert(Fault {
                        dispatch,
                        words: format!("the twin cannot run on this: {words}"),
                        place: None,
                    });
                });
                return Ok(());
            }
        };
        let mut compared = Vec::new();
        for (((buffer, binding), before), twin) in
            buffers.iter().zip(kernel.bindings).zip(before).zip(&twin)
        {
            let Some(twin) = twin else { continue };
            debug_assert_eq!(binding.access, Access::ReadWrite);
            let after = gpu.read_words(buffer.raw(), 0, buffer.raw().size())?;
            compared.push(binding.compare(before, &after, twin));
        }
        self.note(kernel, |finding| {
            for one in compared {
                finding.words += one.changed;
                finding.apart += one.apart;
                let weight = |p: &Place| p.difference / p.allowed.max(1e-30);
                if let Some(place) = one.worst
                    && finding
                        .worst
                        .as_ref()
                        .is_none_or(|worst| weight(&place) > weight(worst))
                {
                    finding.worst = Some(place);
                }
                if let Some((words, place)) = one.fault {
                    let dispatch = finding.dispatches;
                    finding.fault.get_or_insert(Fault {
                        dispatch,
                        words,
                        place: Some(place),
                    });
                }
            }
        });
        Ok(())
    }
}

fn changed(before: &[u32], after: &[u32]) -> u64 {
    before.iter().zip(after).filter(|(a, b)| a != b).count() as u64
}

impl Gpu {
    /// The same GPU, whose recorders' dispatches `shadow` watches. What is made with this handle is watched, and what is
    /// made with others is not.
    pub fn shadowed(&self, shadow: &Shadow) -> Self {
        Self(self.0.clone(), Some(shadow.clone()), self.2)
    }

    /// Whether a shadow watches what is made with this handle.
    pub fn is_shadowed(&self) -> bool {
        self.1.is_some()
    }
}
