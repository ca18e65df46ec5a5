//! What the timestamps of a container tell, and what stands in where they tell nothing.

use ffmpeg_next::{self as ffmpeg, Rational, codec, ffi, format};

/// What the timestamps of a stream's packets tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// When frames are shown.
    Shown,
    /// When they are decoded, which in AVI counts the frames: the first that is shown has the first time.
    Decoded,
    /// Nothing: FFmpeg counts, by the stream's rate or by its default.
    Nothing,
}

/// How the times of a stream are to be taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub told: Told,
    /// The format knows of timestamps that jump ahead.
    pub jumps: bool,
    /// Coded as fields, each of which may have a packet of its own.
    pub fields: bool,
    /// Frames are shown in another order than they are decoded.
    pub reorders: bool,
    /// Frames per second, where the timestamps do not say.
    pub rate: f64,
}

impl Clock {
    /// That of `stream` in `input`.
    pub fn of(input: &format::context::Input, stream: &ffmpeg::Stream<'_>) -> Self {
        let parameters = stream.parameters();
        let id = parameters.id();
        // SAFETY: input and parameters are alive, and so is the format, which is static; plain fields are read, the
        // field order as a number.
        let (flags, class, delay, order) = unsafe {
            let (format, raw) = (&*(*input.as_ptr()).iformat, parameters.as_ptr());
            let order = super::source::number(&raw const (*raw).field_order);
            (format.flags, format.priv_class, (*raw).video_delay, order)
        };
        // SAFETY: a pointer to a class stands for an object of it in such a search; null has no options.
        let counts = !class.is_null()
            && !unsafe {
                ffi::av_opt_find(
                    (&raw const class).cast_mut().cast(),
                    c"framerate".as_ptr(),
                    std::ptr::null(),
                    0,
                    ffi::AV_OPT_SEARCH_FAKE_OBJ,
                )
            }
            .is_null();
        let told = match input.format().name() {
            "avi" => Told::Decoded,
            // Pictures of MPEG-4 Visual carry their times themselves.
            _ if counts && id != codec::Id::MPEG4 => Told::Nothing,
            _ => Told::Shown,
        };
        let known = |rate: Rational| Some(super::source::ratio(rate)).filter(|&rate| rate > 0.0);
        // FFmpeg's average counts fields as frames; it is all there is where it does not know the rate itself.
        let (average, base) = (known(stream.avg_frame_rate()), known(stream.rate()));
        let rate = match told {
            Told::Nothing => base.or(average),
            _ => average.or(base),
        };
        let progressive = ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE as i32;
        let unknown = ffi::AVFieldOrder::AV_FIELD_UNKNOWN as i32;
        Self {
            told,
            jumps: flags & ffi::AVFMT_TS_DISCONT != 0,
            fields: id == codec::Id::H264 && order != progressive && order != unknown,
            reorders: delay > 0,
            rate: rate.unwrap_or(24.0),
        }
    }

    /// Seconds from a frame to the next, where the timestamps do not say.
    pub fn step(&self) -> f64 {
        1.0 / self.rate
    }
}
