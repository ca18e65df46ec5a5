//! The calls of libcuda, each looked for before any is made. cudarc finds and opens the library and declares its
//! structures; its own functions are not called, since they panic where a symbol is missing, and since an error code
//! that their enum does not know would be undefined behaviour. Here codes are numbers.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

use cudarc::driver::sys;

/// What a call answers; 0 is success.
pub type Code = c_uint;

/// The card ran out of memory; it is as good as before.
pub const OUT_OF_MEMORY: Code = 2;

macro_rules! calls {
    ($($field:ident = $symbol:literal ($($kind:ty),*);)*) => {
        /// The calls that are made of libcuda.
        pub struct Calls {
            /// Version of CUDA that the driver speaks, as 1000 major + 10 minor.
            pub version: c_int,
            $(pub $field: unsafe extern "C" fn($($kind),*) -> Code,)*
        }

        impl Calls {
            /// Looks for all of them, in the library that cudarc opens.
            fn find() -> Result<Self, String> {
                // SAFETY: opening the driver's library runs its own set-up and nothing else; it is never closed.
                if !unsafe { sys::is_culib_present() } {
                    return Err(ABSENT.to_owned());
                }
                // SAFETY: as above; it panics only where the library is not there, which was looked for.
                let library = unsafe { sys::culib() };
                let mut missing = Vec::new();
                $(
                    // SAFETY: the symbol has this signature in every version of CUDA's driver interface that has it
                    // (cuda.h), with its result as the number that a C enum is.
                    let $field = unsafe {
                        library.get::<unsafe extern "C" fn($($kind),*) -> Code>($symbol.as_bytes())
                    };
                    if $field.is_err() {
                        missing.push($symbol);
                    }
                )*
                match ($($field,)*) {
                    ($(Ok($field),)*) => Ok(Self { version: 0, $($field: *$field,)* }),
                    _ => Err(format!(
                        "libcuda is of another version: it lacks {}; install an NVIDIA driver for CUDA 11.4 or newer",
                        missing.join(", ")
                    )),
                }
            }
        }
    };
}

calls! {
    init = "cuInit" (c_uint);
    driver_get_version = "cuDriverGetVersion" (*mut c_int);
    get_error_name = "cuGetErrorName" (Code, *mut *const c_char);
    device_get_count = "cuDeviceGetCount" (*mut c_int);
    device_get = "cuDeviceGet" (*mut sys::CUdevice, c_int);
    device_get_name = "cuDeviceGetName" (*mut c_char, c_int, sys::CUdevice);
    device_get_uuid = "cuDeviceGetUuid" (*mut sys::CUuuid, sys::CUdevice);
    primary_set_flags = "cuDevicePrimaryCtxSetFlags_v2" (sys::CUdevice, c_uint);
    primary_retain = "cuDevicePrimaryCtxRetain" (*mut sys::CUcontext, sys::CUdevice);
    context_push = "cuCtxPushCurrent_v2" (sys::CUcontext);
    context_pop = "cuCtxPopCurrent_v2" (*mut sys::CUcontext);
    import_memory = "cuImportExternalMemory" (*mut sys::CUexternalMemory, *const sys::CUDA_EXTERNAL_MEMORY_HANDLE_DESC);
    map_buffer = "cuExternalMemoryGetMappedBuffer"
        (*mut sys::CUdeviceptr, sys::CUexternalMemory, *const sys::CUDA_EXTERNAL_MEMORY_BUFFER_DESC);
    destroy_memory = "cuDestroyExternalMemory" (sys::CUexternalMemory);
    alloc = "cuMemAlloc_v2" (*mut sys::CUdeviceptr, usize);
    free = "cuMemFree_v2" (sys::CUdeviceptr);
    upload = "cuMemcpyHtoD_v2" (sys::CUdeviceptr, *const c_void, usize);
    copy_2d = "cuMemcpy2DAsync_v2" (*const sys::CUDA_MEMCPY2D, sys::CUstream);
    synchronize = "cuStreamSynchronize" (sys::CUstream);
}

const ABSENT: &str = "libcuda was not found: there is no NVIDIA driver, or its libcuda.so.1 is not where the loader looks (in a container, NVIDIA_DRIVER_CAPABILITIES must name compute and video)";

impl Calls {
    /// The library, opened and started once a process.
    ///
    /// # Errors
    /// In words: it is not there, it lacks a call, or it does not start.
    pub fn get() -> Result<&'static Self, String> {
        static CALLS: OnceLock<Result<Calls, String>> = OnceLock::new();
        let calls = CALLS.get_or_init(|| {
            let mut calls = Self::find()?;
            // SAFETY: the flags must be 0.
            let code = unsafe { (calls.init)(0) };
            calls.told("libcuda does not start", code)?;
            let mut version = 0;
            // SAFETY: the number is ours to be filled.
            let code = unsafe { (calls.driver_get_version)(&mut version) };
            calls.told("libcuda does not tell its version", code)?;
            calls.version = version;
            Ok(calls)
        });
        calls.as_ref().map_err(Clone::clone)
    }

    /// The version, such as `12.4`.
    pub fn version(&self) -> String {
        format!("{}.{}", self.version / 1000, self.version % 1000 / 10)
    }

    /// An error in words, unless the call succeeded.
    pub fn told(&self, what: &str, code: Code) -> Result<(), String> {
        if code == 0 {
            return Ok(());
        }
        let mut name = std::ptr::null();
        // SAFETY: the pointer is ours to be filled, with a static string; a code that it does not know leaves it null.
        let known = unsafe { (self.get_error_name)(code, &mut name) } == 0 && !name.is_null();
        if !known {
            return Err(format!("{what} (CUDA error {code})"));
        }
        // SAFETY: libcuda's names of errors are static C strings.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
        Err(format!("{what} ({name})"))
    }
}
