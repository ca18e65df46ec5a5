//! Ctrl-C and SIGTERM: the first asks the batch to stop after saving, the second leaves at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit code of an interrupted run.
pub const INTERRUPTED: u8 = 130;

/// Seconds after the first signal at which the program leaves in any case: everything paid for is on disk by then,
/// and what is not finished is made again.
const GRACE: Duration = Duration::from_secs(18);

/// Installs the handlers; the flag is true once a signal came.
///
/// # Errors
/// When the system refuses a handler.
pub fn install() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    // Apart from `stop`, which a batch sets too when nothing can be saved any more.
    let signalled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Order matters: the shutdown is armed by the flag that the next line sets on the first signal.
        flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), signalled.clone())?;
        flag::register(signal, signalled.clone())?;
        flag::register(signal, stop.clone())?;
    }
    std::thread::spawn(move || {
        while !signalled.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
        std::thread::sleep(GRACE);
        // On a thread of its own: a reader of standard error that stalls must not hold up the end.
        std::thread::spawn(|| {
            crate::progress::tell(
                "a step did not stop in time; leaving: the same command again makes it anew",
            );
        });
        std::thread::sleep(Duration::from_millis(100));
        signal_hook::low_level::exit(i32::from(INTERRUPTED));
    });
    Ok(stop)
}
