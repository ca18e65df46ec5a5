//! From planes that the card's decoder left to memory that kernels read: imported once, then copied into on the card.

use std::ffi::c_int;
use std::os::fd::IntoRawFd as _;

use cudarc::driver::sys;
use ffmpeg_next::frame;

use super::Card;
use super::calls::{Calls, Code, OUT_OF_MEMORY};
use crate::gpu::external::External;
use crate::gpu::{Buffer, Gpu, GpuError, Recorder};
use crate::video::hardware::{Held, Rows, Trouble};

/// Frames that are copied while the device converts those before.
const AHEAD: usize = 4;

/// Submits what was recorded.
pub type Submit<'s> = dyn FnMut(&mut Recorder) -> Result<(), GpuError> + 's;

/// A ring of memory that Vulkan and CUDA share.
pub(in crate::video) struct Bridge {
    card: Card,
    gpu: Gpu,
    /// Bytes of each of the ring.
    bytes: usize,
    slots: Vec<Slot>,
    /// The one that is written next.
    next: usize,
}

/// One memory of the ring.
struct Slot {
    external: External,
    imported: Imported,
}

/// CUDA's half of the memory.
struct Imported {
    card: Card,
    memory: sys::CUexternalMemory,
    at: sys::CUdeviceptr,
}

impl Drop for Imported {
    fn drop(&mut self) {
        // What fails here fails because the context is broken, and its memory is gone with it.
        let _ = self.card.with(|calls| {
            // SAFETY: the mapping is ours, every copy into it was waited for, and it goes before the memory that it is of.
            // Vulkan's half is its own.
            unsafe {
                (calls.free)(self.at);
                (calls.destroy_memory)(self.memory);
            }
            Ok(())
        });
    }
}

impl Imported {
    /// Imports the memory, whose descriptor is taken.
    fn new(card: &Card, external: &mut External, bytes: usize) -> Result<Self, String> {
        let fd = external.take_fd().ok_or("the memory has no descriptor")?;
        card.with(|calls| {
            let description = sys::CUDA_EXTERNAL_MEMORY_HANDLE_DESC {
                type_: sys::CUexternalMemoryHandleType::CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD,
                handle: sys::CUDA_EXTERNAL_MEMORY_HANDLE_DESC_st__bindgen_ty_1 {
                    fd: std::os::fd::AsRawFd::as_raw_fd(&fd) as c_int,
                },
                size: external.bytes(),
                // Vulkan's memory is this buffer's alone.
                flags: sys::CUDA_EXTERNAL_MEMORY_DEDICATED,
                reserved: [0; 16],
            };
            let mut memory = std::ptr::null_mut();
            // SAFETY: the descriptor is open and names an opaque allocation of this size on this very card, by their
            // identities; the handle is ours to be filled.
            let code = unsafe { (calls.import_memory)(&mut memory, &description) };
            calls.told("CUDA does not import Vulkan's memory", code)?;
            // An import that succeeded owns the descriptor.
            let _ = fd.into_raw_fd();
            let part = sys::CUDA_EXTERNAL_MEMORY_BUFFER_DESC {
                offset: 0,
                size: bytes as u64,
                flags: 0,
                reserved: [0; 16],
            };
            let mut at = 0;
            // SAFETY: the memory was imported above and is at least this large; the address is ours to be filled.
            let code = unsafe { (calls.map_buffer)(&mut at, memory, &part) };
            if let Err(why) = calls.told("CUDA does not map Vulkan's memory", code) {
                // SAFETY: imported above, and nothing is mapped of it.
                unsafe { (calls.destroy_memory)(memory) };
                return Err(why);
            }
            Ok(Self {
                card: card.clone(),
                memory,
                at,
            })
        })
    }

    /// Copies planes into the memory, each from its address and with its bytes from a row to the next, and waits for it.
    ///
    /// # Safety
    /// Each address is of this card, in its context, and holds the rows that are asked for; the memory here is as large as
    /// they go, and nothing else uses it meanwhile.
    unsafe fn copy(&self, planes: &[(u64, usize)], rows: &[Rows]) -> Result<(), (Code, String)> {
        let mut failed = 0;
        let told = |calls: &Calls, failed: &mut Code, what: &str, code: Code| {
            *failed = code;
            calls.told(what, code)
        };
        let done = self.card.with(|calls| {
            for (&(from, pitch), rows) in planes.iter().zip(rows) {
                let copy = sys::CUDA_MEMCPY2D {
                    srcXInBytes: 0,
                    srcY: 0,
                    srcMemoryType: sys::CUmemorytype::CU_MEMORYTYPE_DEVICE,
                    srcHost: std::ptr::null(),
                    srcDevice: from,
                    srcArray: std::ptr::null_mut(),
                    srcPitch: pitch,
                    dstXInBytes: 0,
                    dstY: 0,
                    dstMemoryType: sys::CUmemorytype::CU_MEMORYTYPE_DEVICE,
                    dstHost: std::ptr::null_mut(),
                    dstDevice: self.at + rows.at as u64,
                    dstArray: std::ptr::null_mut(),
                    dstPitch: rows.stride,
                    WidthInBytes: rows.row,
                    Height: rows.rows,
                };
                // SAFETY: as the caller has it. The stream is the default one, on which FFmpeg's decoder has put what makes
                // the planes, so the copy comes after it.
                let code = unsafe { (calls.copy_2d)(&copy, std::ptr::null_mut()) };
                if let Err(why) = told(calls, &mut failed, "the card does not copy a frame", code) {
                    // Copies before it may be under way, and the frame goes back to the decoder.
                    // SAFETY: the default stream.
                    let _ = unsafe { (calls.synchronize)(std::ptr::null_mut()) };
                    return Err(why);
                }
            }
            // SAFETY: the default stream. After this the copies are done, so that what is submitted to Vulkan from here on
            // sees them, and the frame may be given back to the decoder.
            let code = unsafe { (calls.synchronize)(std::ptr::null_mut()) };
            told(calls, &mut failed, "the card does not finish a copy", code)
        });
        done.map_err(|why| (failed, why))
    }
}

impl Bridge {
    pub fn new(card: Card, gpu: &Gpu) -> Self {
        Self {
            card,
            gpu: gpu.clone(),
            bytes: 0,
            slots: Vec::new(),
            next: 0,
        }
    }

    /// The next memory of the ring, of at least `bytes`, once the device has read what was there.
    fn slot(&mut self, bytes: usize) -> Result<&mut Slot, Trouble> {
        if bytes > self.bytes {
            // A ring of larger ones; what the device still reads of the old ones stays until it has.
            self.slots.clear();
            self.bytes = bytes;
        }
        if self.slots.len() < AHEAD {
            let short = |error| match error {
                GpuError::Lost(_) => Trouble::from(error),
                error => Trouble::Card(error.to_string()),
            };
            let mut external = self.gpu.external(self.bytes).map_err(short)?;
            let imported = Imported::new(&self.card, &mut external, self.bytes);
            self.next = self.slots.len();
            self.slots.push(Slot {
                external,
                imported: imported.map_err(Trouble::Card)?,
            });
        }
        let slot = &mut self.slots[self.next];
        self.next = (self.next + 1) % AHEAD;
        slot.external.wait()?;
        Ok(slot)
    }

    /// Carries a frame of the card over, and has `convert` record and submit what reads it.
    pub fn carry(
        &mut self,
        frame: &frame::Video,
        held: &Held,
        convert: impl FnOnce(&Buffer<u32>, &mut Submit<'_>) -> Result<Buffer<u32>, GpuError>,
    ) -> Result<Buffer<u32>, Trouble> {
        // SAFETY: the frame is alive; plain arrays of pointers and C ints are read. On a card pointers are addresses there.
        let (data, pitches) = unsafe { ((*frame.as_ptr()).data, (*frame.as_ptr()).linesize) };
        let mut planes = Vec::new();
        for (index, rows) in held.planes.iter().enumerate() {
            let (from, pitch) = (data[index] as u64, usize::try_from(pitches[index]));
            match pitch {
                Ok(pitch) if from != 0 && pitch >= rows.row => planes.push((from, pitch)),
                _ => {
                    return Err(Trouble::Card(
                        "NVDEC gave a frame without its planes".into(),
                    ));
                }
            }
        }
        // SAFETY: the frame is of FFmpeg's decoder on this card, in the same context, and it holds the rows of its size; it
        // lives until the copies are done.
        unsafe { self.over(&planes, held, convert) }
    }

    /// As [`Bridge::carry`], of planes by their addresses and bytes from a row to the next.
    ///
    /// # Safety
    /// Each address is of this card, in its context, and holds the rows that `held` names.
    unsafe fn over(
        &mut self,
        planes: &[(u64, usize)],
        held: &Held,
        convert: impl FnOnce(&Buffer<u32>, &mut Submit<'_>) -> Result<Buffer<u32>, GpuError>,
    ) -> Result<Buffer<u32>, Trouble> {
        let card = self.card.clone();
        let slot = self.slot(held.bytes)?;
        // SAFETY: as the caller has it; the slot has `held.bytes`, and the device has done with it.
        let copied = unsafe { slot.imported.copy(planes, &held.planes) };
        if let Err((code, why)) = copied {
            if code != OUT_OF_MEMORY {
                card.give_up(&why);
            }
            return Err(Trouble::Card(why));
        }
        let words = slot.external.words().clone();
        let external = &mut slot.external;
        Ok(convert(&words, &mut |recorder| external.submit(recorder))?)
    }
}

/// Has planes of noise go from memory of the card over the bridge to a kernel, a few frames of two sizes, and compares
/// what it makes of them with what it makes of the same planes from the host. Gives the bytes that were carried.
///
/// # Errors
/// In words.
pub(super) fn tried(card: &Card, gpu: &Gpu) -> Result<usize, String> {
    use crate::numeric::Rng;
    use crate::video::convert::{Converter, convert_held};
    use crate::video::layout::Colour;
    use ffmpeg_next::format::Pixel;

    let words = |trouble: Trouble| match trouble {
        Trouble::Card(why) => why,
        Trouble::Video(error) => error.to_string(),
    };
    let (mut bridge, mut rng, mut carried) = (Bridge::new(card.clone(), gpu), Rng::new(5), 0);
    let mut host = Converter::new(gpu);
    for size in [[62, 34], [320, 180]] {
        let held = Held::new(Pixel::YUV420P, Pixel::NV12, size, Colour::default(), None)?;
        for frame in 0..2 * AHEAD + 1 {
            // Rows further apart than they are long, as a decoder leaves them.
            let pitch = held.planes[0].row.next_multiple_of(512);
            let sizes = [held.planes[0].rows * pitch, held.planes[1].rows * pitch];
            let nv12 = sizes.map(|bytes| (0..bytes).map(|_| rng.next() as u8).collect::<Vec<u8>>());
            let from = Allocated::new(card, &nv12[0])?;
            let pairs = Allocated::new(card, &nv12[1])?;
            let at = [(from.at, pitch), (pairs.at, pitch)];
            // SAFETY: both were allocated on this card, in its context, with as many rows of as many bytes.
            let over = unsafe {
                bridge.over(&at, &held, |words, submit| {
                    convert_held(gpu, &held, words, size, 0, submit)
                })
            };
            let got = gpu.read(&over.map_err(words)?).map_err(|e| e.to_string())?;
            let planar = planar(&held, &nv12, pitch);
            let planes: Vec<&[u8]> = planar.iter().map(Vec::as_slice).collect();
            let want = host
                .convert(&held.layout, &planes, size, 0)
                .and_then(|rgba| gpu.read(&rgba))
                .map_err(|e| e.to_string())?;
            if got != want {
                return Err(format!(
                    "frame {frame} of {}x{} came out of the card's memory otherwise than it went in",
                    size[0], size[1]
                ));
            }
            carried += held.planes.iter().map(|p| p.row * p.rows).sum::<usize>();
        }
    }
    Ok(carried)
}

/// The planes that the host's decoder would give, as the layout has them.
fn planar(held: &Held, nv12: &[Vec<u8>; 2], pitch: usize) -> [Vec<u8>; 3] {
    let rows = held.layout.planes();
    let plane = |index: usize, byte: &dyn Fn(usize, usize) -> u8| {
        let stride = held.layout.stride(index) as usize;
        let (count, row) = rows[index];
        let mut bytes = vec![0; stride * (count - 1) + row];
        for y in 0..count {
            for x in 0..row {
                bytes[y * stride + x] = byte(x, y);
            }
        }
        bytes
    };
    [
        plane(0, &|x, y| nv12[0][y * pitch + x]),
        plane(1, &|x, y| nv12[1][y * pitch + 2 * x]),
        plane(2, &|x, y| nv12[1][y * pitch + 2 * x + 1]),
    ]
}

/// Memory of the card with a copy of bytes.
struct Allocated<'c> {
    card: &'c Card,
    at: sys::CUdeviceptr,
}

impl<'c> Allocated<'c> {
    fn new(card: &'c Card, bytes: &[u8]) -> Result<Self, String> {
        card.with(|calls| {
            let mut at = 0;
            // SAFETY: the address is ours to be filled.
            let code = unsafe { (calls.alloc)(&mut at, bytes.len()) };
            calls.told("the card has no memory", code)?;
            let allocated = Self { card, at };
            // SAFETY: both sides have as many bytes; the call returns when the host's are read.
            let code = unsafe { (calls.upload)(at, bytes.as_ptr().cast(), bytes.len()) };
            calls.told("the card does not take bytes", code)?;
            Ok(allocated)
        })
    }
}

impl Drop for Allocated<'_> {
    fn drop(&mut self) {
        let _ = self.card.with(|calls| {
            // SAFETY: allocated above, and every copy out of it was waited for.
            unsafe { (calls.free)(self.at) };
            Ok(())
        });
    }
}
