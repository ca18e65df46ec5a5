//! FFmpeg's set-up: registered once, its own chatter on stderr silenced.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;

/// Sets FFmpeg up; says why when it cannot be.
pub(super) fn start() -> Result<(), String> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    STARTED
        .get_or_init(|| {
            ffmpeg::init().map_err(|error| format!("FFmpeg did not start: {error}"))?;
            ffmpeg::log::set_level(ffmpeg::log::Level::Quiet);
            Ok(())
        })
        .clone()
}

/// Versions of the FFmpeg libraries that are linked.
pub fn versions() -> String {
    let dotted = |v: u32| format!("{}.{}.{}", v >> 16, v >> 8 & 255, v & 255);
    format!(
        "libavcodec {}, libavformat {}, libavutil {}",
        dotted(ffmpeg::codec::version()),
        dotted(ffmpeg::format::version()),
        dotted(ffmpeg::util::version())
    )
}

/// Codecs that videos usually come in, and whether this FFmpeg decodes them.
pub fn decoders() -> Vec<(&'static str, bool)> {
    const USUAL: [&str; 8] = [
        "h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "prores", "mjpeg",
    ];
    // Any decoder of the codec will do: FFmpeg's own for AV1 needs hardware, libdav1d does not.
    let there = |name: &str| match name {
        "av1" => ["libdav1d", "libaom-av1", "av1"]
            .iter()
            .any(|n| ffmpeg::decoder::find_by_name(n).is_some()),
        _ => ffmpeg::decoder::find_by_name(name).is_some(),
    };
    let started = start().is_ok();
    USUAL.map(|name| (name, started && there(name))).to_vec()
}

/// A kind of hardware device that FFmpeg was built for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HardwareDevice {
    /// FFmpeg's name, such as `cuda` or `vaapi`.
    pub kind: String,
    /// Why the default device of this kind does not open here; `None` when it does.
    pub fault: Option<String>,
}

/// The kinds of hardware devices that FFmpeg was built for, each opened once and closed again.
pub fn hardware_devices() -> Vec<HardwareDevice> {
    if start().is_err() {
        return Vec::new();
    }
    let none = ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_NONE;
    let mut found = Vec::new();
    let mut kind = none;
    loop {
        // SAFETY: any value of the type may be asked for the one after it.
        kind = unsafe { ffi::av_hwdevice_iterate_types(kind) };
        if kind == none {
            return found;
        }
        // SAFETY: the name of a kind that exists is a static C string, and null is looked for.
        let name = unsafe {
            let name = ffi::av_hwdevice_get_type_name(kind);
            match name.is_null() {
                true => continue,
                false => std::ffi::CStr::from_ptr(name),
            }
        };
        let mut device = std::ptr::null_mut();
        // SAFETY: the first argument is ours to be filled, null names the default device, there are no options; what
        // was opened is closed by `av_buffer_unref`, which takes null too.
        let code = unsafe {
            let code = ffi::av_hwdevice_ctx_create(
                &mut device,
                kind,
                std::ptr::null(),
                std::ptr::null_mut(),
                0,
            );
            ffi::av_buffer_unref(&mut device);
            code
        };
        found.push(HardwareDevice {
            kind: name.to_string_lossy().into_owned(),
            fault: (code < 0).then(|| ffmpeg::Error::from(code).to_string()),
        });
    }
}

/// The path as FFmpeg must see it: with its `file:` protocol, so that a colon in a name is not taken for
/// another protocol. `None` for a path with a NUL byte, which C cannot hold.
pub(super) fn url(path: &Path) -> Option<PathBuf> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return None;
    }
    let mut url = OsString::from("file:");
    url.push(path);
    Some(PathBuf::from(url))
}
