//! Elements that are held, or lie in a file that is mapped.

use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;

/// A list of elements.
#[derive(Clone)]
pub(super) struct Cells<T> {
    held: Vec<T>,
    /// The file and the bytes of it that the elements are, in place of those held.
    mapped: Option<(Arc<Mmap>, Range<usize>)>,
}

impl<T: Pod> Cells<T> {
    /// Whole elements at an aligned place of a map, that place in bytes; a copy of them where it is not.
    pub(super) fn mapped(map: &Arc<Mmap>, range: Range<usize>) -> Self {
        match bytemuck::try_cast_slice::<u8, T>(&map[range.clone()]) {
            Ok(_) => Self {
                held: Vec::new(),
                mapped: Some((map.clone(), range)),
            },
            Err(_) => bytemuck::pod_collect_to_vec(&map[range]).into(),
        }
    }

    /// The elements to be changed: held from now on.
    pub(super) fn held(&mut self) -> &mut Vec<T> {
        if let Some((map, range)) = self.mapped.take() {
            self.held = bytemuck::pod_collect_to_vec(&map[range]);
        }
        &mut self.held
    }
}

impl<T> From<Vec<T>> for Cells<T> {
    fn from(held: Vec<T>) -> Self {
        Self { held, mapped: None }
    }
}

impl<T: Pod> Deref for Cells<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match &self.mapped {
            None => &self.held,
            Some((map, range)) => bytemuck::cast_slice(&map[range.clone()]),
        }
    }
}
