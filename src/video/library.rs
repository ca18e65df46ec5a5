//! FFmpeg's set-up: registered once, its own chatter on stderr silenced.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ffmpeg_next as ffmpeg;

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
