//! The card's own decoder (NVDEC) through FFmpeg's cuda device, and its planes to kernels without a way over the host:
//! copied on the card into memory that Vulkan exported. `docs/cuda.md`.

mod bridge;
mod calls;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_int};
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::sys;
use ffmpeg_next::{self as ffmpeg, codec, ffi};

use self::calls::Calls;
use super::{CudaFindings, library};
use crate::gpu::Gpu;

pub(super) use self::bridge::Bridge;

#[cfg(not(target_os = "linux"))]
compile_error!("the cuda feature is for Linux: memory is shared by file descriptors");

/// The card of an adapter, with the context that FFmpeg and this program share: the device's primary one.
#[derive(Clone)]
pub(super) struct Card(Arc<Opened>);

struct Opened {
    calls: &'static Calls,
    name: String,
    context: sys::CUcontext,
    /// FFmpeg's device.
    device: *mut ffi::AVBufferRef,
    /// Why it is not used any more.
    broken: Mutex<Option<String>>,
}

// SAFETY: a context may be made current on any thread, and CUDA's calls may come from several at once; FFmpeg counts the
// references of its device atomically, and the pointer itself never changes.
unsafe impl Send for Opened {}
// SAFETY: as above.
unsafe impl Sync for Opened {}

/// Cards that were opened, by their identity. They are never closed: the next clip wants them again, and opening one takes
/// longer than decoding a short clip.
static CARDS: Mutex<BTreeMap<[u8; 16], Card>> = Mutex::new(BTreeMap::new());

/// A device as CUDA lists it.
struct Listed {
    ordinal: c_int,
    device: sys::CUdevice,
    name: String,
    uuid: [u8; 16],
}

fn list(calls: &Calls) -> Result<Vec<Listed>, String> {
    let mut count = 0;
    // SAFETY: the number is ours to be filled; the library was started.
    let code = unsafe { (calls.device_get_count)(&mut count) };
    calls.told("CUDA does not list its devices", code)?;
    let one = |ordinal: c_int| {
        let (mut device, mut name) = (0, [0; 256]);
        let mut uuid = sys::CUuuid { bytes: [0; 16] };
        // SAFETY: the ordinal is below the count, the handle is ours to be filled.
        let code = unsafe { (calls.device_get)(&mut device, ordinal) };
        calls.told("CUDA does not give a device that it lists", code)?;
        // SAFETY: the device is one of CUDA's, the text has as many bytes as is said, and is ended within them.
        let code = unsafe { (calls.device_get_name)(name.as_mut_ptr(), 256, device) };
        calls.told("a CUDA device does not tell its name", code)?;
        // SAFETY: the device is one of CUDA's, the identity is ours to be filled.
        let code = unsafe { (calls.device_get_uuid)(&mut uuid, device) };
        calls.told("a CUDA device does not tell its identity", code)?;
        name[255] = 0;
        // SAFETY: the text ends within the array, as was just seen to.
        let name = unsafe { CStr::from_ptr(name.as_ptr()) };
        Ok(Listed {
            ordinal,
            device,
            name: name.to_string_lossy().into_owned(),
            uuid: uuid.bytes.map(|byte| byte as u8),
        })
    };
    (0..count).map(one).collect()
}

/// The CUDA device that is the adapter's card.
fn find(calls: &Calls, gpu: &Gpu) -> Result<Listed, String> {
    let adapter = &gpu.summary().name;
    let uuid = gpu.uuid().ok_or_else(|| {
        format!("the driver of the adapter '{adapter}' does not tell which card it is")
    })?;
    let devices = list(calls)?;
    let names: Vec<_> = devices.iter().map(|d| format!("'{}'", d.name)).collect();
    devices
        .into_iter()
        .find(|device| device.uuid == uuid)
        .ok_or_else(|| match names.len() {
            0 => "CUDA has no device here".to_owned(),
            _ => format!(
                "the adapter '{adapter}' is none of CUDA's devices ({}); choose it with --adapter",
                names.join(", ")
            ),
        })
}

/// FFmpeg was built with the cuda device.
fn has_device() -> bool {
    let mut kind = ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_NONE;
    loop {
        // SAFETY: any value of the type may be asked for the one after it.
        kind = unsafe { ffi::av_hwdevice_iterate_types(kind) };
        match kind {
            ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_CUDA => return true,
            ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_NONE => return false,
            _ => {}
        }
    }
}

/// FFmpeg's decoder of this codec hands its packets to NVDEC when it is given a cuda device. The decoder's own choice of
/// the format, which it makes then, takes NVDEC where that is offered, and the host's format where it is not.
fn has_nvdec(id: codec::Id) -> bool {
    let Some(decoder) = codec::decoder::find(id) else {
        return false;
    };
    let by_device = ffi::AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX as c_int;
    (0..)
        .map_while(|index| {
            // SAFETY: the decoder is a static of FFmpeg; past the last configuration it gives null.
            unsafe { ffi::avcodec_get_hw_config(decoder.as_ptr(), index).as_ref() }
        })
        .any(|config| {
            config.methods & by_device != 0
                && config.device_type == ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_CUDA
        })
}

impl Card {
    /// The card of the adapter, where FFmpeg can decode `codec` on it.
    ///
    /// # Errors
    /// In words, with the mend.
    pub fn open(gpu: &Gpu, codec: codec::Id) -> Result<Self, String> {
        let card = Self::of(gpu)?;
        if !has_nvdec(codec) {
            return Err(format!(
                "this FFmpeg has no NVDEC for {}; take one that was built with it (--enable-ffnvcodec)",
                codec.name()
            ));
        }
        Ok(card)
    }

    /// The card of the adapter.
    fn of(gpu: &Gpu) -> Result<Self, String> {
        let calls = Calls::get()?;
        library::start()?;
        if !has_device() {
            return Err(
                "this FFmpeg was built without cuda; take one that was built with it (--enable-ffnvcodec)"
                    .to_owned(),
            );
        }
        let shares = wgpu::Features::VULKAN_EXTERNAL_MEMORY_FD;
        if !gpu.device().features().contains(shares) {
            return Err(format!(
                "the driver of '{}' has no VK_KHR_external_memory_fd",
                gpu.summary().name
            ));
        }
        let found = find(calls, gpu)?;
        let mut cards = CARDS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(card) = cards.get(&found.uuid) {
            let broken = card.0.broken.lock().unwrap_or_else(PoisonError::into_inner);
            return match &*broken {
                Some(why) => Err(why.clone()),
                None => Ok(card.clone()),
            };
        }
        let card = Self(Arc::new(Opened::new(calls, &found)?));
        cards.insert(found.uuid, card.clone());
        Ok(card)
    }

    /// Has a decoder that is not open yet decode on the card; `held` frames of it may be held at once.
    ///
    /// # Errors
    /// Out of memory.
    pub fn lend(&self, context: &mut codec::Context, held: usize) -> Result<(), String> {
        // SAFETY: the device is alive as long as the card, and a new reference keeps it for the decoder, which gives it
        // back when it is closed. The fields are to be set before it is opened, as here.
        unsafe {
            let device = ffi::av_buffer_ref(self.0.device);
            if device.is_null() {
                return Err("out of memory".to_owned());
            }
            let raw = context.as_mut_ptr();
            (*raw).hw_device_ctx = device;
            (*raw).extra_hw_frames = held as c_int;
        }
        Ok(())
    }

    /// A way for its frames to the kernels of `gpu`.
    pub fn bridge(&self, gpu: &Gpu) -> Bridge {
        Bridge::new(self.clone(), gpu)
    }

    /// Does `work` with the card's context current on this thread.
    fn with<T>(&self, work: impl FnOnce(&Calls) -> Result<T, String>) -> Result<T, String> {
        let calls = self.0.calls;
        // SAFETY: the context is retained as long as the card, which is never closed.
        let code = unsafe { (calls.context_push)(self.0.context) };
        calls.told("the card's context cannot be made current", code)?;
        let done = work(calls);
        let mut popped = std::ptr::null_mut();
        // SAFETY: it was pushed above, on this thread; the handle is ours to be filled.
        let code = unsafe { (calls.context_pop)(&mut popped) };
        done.and_then(|value| {
            calls.told("the card's context does not come off", code)?;
            Ok(value)
        })
    }

    /// It is not used any more: an error of a context stays, whatever is called next.
    fn give_up(&self, why: &str) {
        let mut broken = self.0.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.get_or_insert_with(|| format!("the card failed before: {why}"));
    }
}

impl Opened {
    fn new(calls: &'static Calls, found: &Listed) -> Result<Self, String> {
        // FFmpeg wants this flag (`CU_CTX_SCHED_BLOCKING_SYNC`), and refuses a primary context that is active with others.
        // What it makes of it is seen below.
        let flags = sys::CUctx_flags::CU_CTX_SCHED_BLOCKING_SYNC as u32;
        // SAFETY: the device is one of CUDA's.
        let _ = unsafe { (calls.primary_set_flags)(found.device, flags) };
        let number = CString::new(found.ordinal.to_string()).map_err(|e| e.to_string())?;
        let mut device = std::ptr::null_mut();
        // SAFETY: the first argument is ours to be filled; the name is a C string; the options are a dictionary of
        // FFmpeg's, which takes what it knows and whose rest is freed here, null or not.
        let code = unsafe {
            let mut options = std::ptr::null_mut();
            ffi::av_dict_set(&mut options, c"primary_ctx".as_ptr(), c"1".as_ptr(), 0);
            let code = ffi::av_hwdevice_ctx_create(
                &mut device,
                ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_CUDA,
                number.as_ptr(),
                options,
                0,
            );
            ffi::av_dict_free(&mut options);
            code
        };
        if code < 0 {
            return Err(format!(
                "FFmpeg does not open the CUDA device '{}': {}",
                found.name,
                ffmpeg::Error::from(code)
            ));
        }
        let mut context = std::ptr::null_mut();
        // SAFETY: the device is one of CUDA's, the handle is ours to be filled. It is never released: cards stay open.
        let code = unsafe { (calls.primary_retain)(&mut context, found.device) };
        if let Err(why) = calls.told("the card's primary context cannot be had", code) {
            // SAFETY: opened above, and nobody else has it.
            unsafe { ffi::av_buffer_unref(&mut device) };
            return Err(why);
        }
        Ok(Self {
            calls,
            name: found.name.clone(),
            context,
            device,
            broken: Mutex::new(None),
        })
    }
}

/// What this machine has for decoding on the card of `gpu`; memory is carried over to a kernel to see that it can be.
pub fn cuda_findings(gpu: Option<&Gpu>) -> CudaFindings {
    let mut found = CudaFindings {
        built: true,
        ..CudaFindings::default()
    };
    let tried = || -> Result<(), String> {
        found.driver = Some(Calls::get()?.version());
        library::start()?;
        let codecs = super::hardware::CODECS;
        let names = codecs.into_iter().filter(|&id| has_nvdec(id));
        found.nvdec = names.map(|id| id.name()).collect();
        let gpu = gpu.ok_or("there is no adapter")?;
        let card = Card::of(gpu)?;
        found.card = Some(card.0.name.clone());
        found.carried = Some(bridge::tried(&card, gpu)?);
        if found.nvdec.is_empty() {
            return Err("this FFmpeg has no NVDEC for any codec".to_owned());
        }
        Ok(())
    };
    found.fault = { tried }().err();
    found
}
