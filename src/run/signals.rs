//! Ctrl-C and SIGTERM: the first asks the walk to stop after saving, the second leaves at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit code of an interrupted run.
pub const INTERRUPTED: u8 = 130;

/// Installs the handlers; the flag is true once a signal came.
///
/// # Errors
/// When the system refuses a handler.
pub fn install() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Order matters: the shutdown is armed by the flag that the next line sets on the first signal.
        flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}
