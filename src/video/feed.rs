//! Demuxes and decodes on a thread of its own, ahead of who converts, through a bounded queue.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec;
use ffmpeg_next::codec::threading::Config;
use ffmpeg_next::{format, frame};

use super::VideoError;
use super::alpha::Alpha;
use super::cuda::Card;
use super::scan::PATIENCE;
use super::source::{self, Source};

/// Frames that may wait in the queue; the decoder's threads hold some more.
const QUEUE: usize = 4;

/// What comes out, in order.
pub(super) enum Item {
    /// Another packet of the video stream was read.
    Packet,
    /// What the frames after it, which a card holds, are to the host's decoder.
    Nominal(format::Pixel),
    /// A frame; its timestamp is the number of its packet.
    Frame(frame::Video),
    /// Something did not decode.
    Failed(ffmpeg::Error),
}

/// The thread and its queue. Dropping it ends the thread.
pub(super) struct Feed {
    items: Option<Receiver<Item>>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Starts to decode `source` with `threads`, on `card` where there is one.
    pub fn start(
        path: &Path,
        source: Source,
        threads: Config,
        card: Option<&Card>,
    ) -> Result<Self, VideoError> {
        let decoder = open_decoder(path, &source, threads, card)?;
        let (to, items) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("decode".into())
            .spawn(move || {
                // Nobody listens any more: that is no fault.
                let _ = run(source, decoder, Alpha::new(threads), &to);
            })
            .map_err(|error| VideoError::input(path, format!("no thread to decode it: {error}")))?;
        Ok(Self {
            items: Some(items),
            thread: Some(thread),
        })
    }

    /// What comes next; `None` at the end.
    pub fn next(&mut self) -> Option<Item> {
        let item = self.items.as_ref()?.recv().ok();
        // A panic over there is one here, not the end of the file.
        if item.is_none()
            && let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
        item
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.items = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The receiver is gone.
struct Gone;

fn run(
    mut source: Source,
    mut decoder: ffmpeg::decoder::Video,
    mut alpha: Alpha,
    to: &SyncSender<Item>,
) -> Result<(), Gone> {
    let send = |item| to.send(item).map_err(|_| Gone);
    let (mut number, mut bad_reads) = (0, 0);
    loop {
        // A new one each time: reading does not give back what the last one holds.
        let mut packet = ffmpeg::Packet::empty();
        match packet.read(&mut source.input) {
            Ok(()) if packet.stream() == source.stream => {
                bad_reads = 0;
                send(Item::Packet)?;
                // Frames come out in another order than packets, with the timestamp of theirs: the scan knows its time.
                packet.set_pts(Some(number));
                number += 1;
                if let Err(error) = alpha.send(&source, &packet) {
                    send(Item::Failed(error))?;
                }
                if let Err(error) = decoder.send_packet(&packet) {
                    send(Item::Failed(error))?;
                }
                drain(&mut decoder, &mut alpha, false, to)?;
            }
            Ok(()) => {}
            Err(ffmpeg::Error::InvalidData) if bad_reads < PATIENCE => bad_reads += 1,
            // How the file ends was told by the scan.
            Err(_) => break,
        }
    }
    alpha.end();
    // A decoder that refuses the end has nothing more to give.
    let _ = decoder.send_eof();
    drain(&mut decoder, &mut alpha, true, to)
}

/// Sends every frame that the decoder has ready; `last` when it has no more to come.
fn drain(
    decoder: &mut ffmpeg::decoder::Video,
    alpha: &mut Alpha,
    last: bool,
    to: &SyncSender<Item>,
) -> Result<(), Gone> {
    let send = |item| to.send(item).map_err(|_| Gone);
    let (mut in_a_row, mut nominal) = (0, None);
    while in_a_row < PATIENCE {
        let mut frame = frame::Video::empty();
        match decoder.receive_frame(&mut frame) {
            Ok(()) => {
                in_a_row = 0;
                if frame.format() == format::Pixel::CUDA {
                    let now = nominal_of(decoder);
                    if now != nominal {
                        nominal = now;
                        send(Item::Nominal(now.unwrap_or(format::Pixel::None)))?;
                    }
                }
                alpha.take(frame);
                while let Some(frame) = alpha.next(false) {
                    send(Item::Frame(frame))?;
                }
            }
            Err(ffmpeg::Error::Eof) => break,
            Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => break,
            Err(error) => {
                in_a_row += 1;
                send(Item::Failed(error))?;
            }
        }
    }
    while let Some(frame) = alpha.next(last) {
        send(Item::Frame(frame))?;
    }
    Ok(())
}

/// The pixel format that the decoder would give on the host.
fn nominal_of(decoder: &ffmpeg::decoder::Video) -> Option<format::Pixel> {
    // SAFETY: the decoder owns the struct for as long as it is borrowed; only the address of a field is taken.
    let field = unsafe { &raw const (*decoder.as_ptr()).sw_pix_fmt };
    source::pixel_format(source::number(field))
}

fn open_decoder(
    path: &Path,
    source: &Source,
    threads: Config,
    card: Option<&Card>,
) -> Result<ffmpeg::decoder::Video, VideoError> {
    let refuse = |reason: String| VideoError::input(path, reason);
    let no_stream = || refuse("its video stream is gone".to_owned());
    let stream = source.input.stream(source.stream).ok_or_else(no_stream)?;
    let mut context = codec::Context::from_parameters(stream.parameters())
        .map_err(|error| refuse(format!("its codec parameters are damaged: {error}")))?;
    context.set_threading(threads);
    if let Some(card) = card {
        // The queue's, one on its way there, two where they are picked, one in reserve.
        card.lend(&mut context, QUEUE + 4).map_err(refuse)?;
    }
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(source.time_base);
    decoder.video().map_err(|error| {
        refuse(match error {
            ffmpeg::Error::DecoderNotFound => format!(
                "this FFmpeg has no decoder for {}; convert it first, such as to H.264",
                source.info.codec
            ),
            error => format!(
                "the {} decoder does not open: {error}; the file may be damaged",
                source.info.codec
            ),
        })
    })
}
