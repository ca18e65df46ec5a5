//! Ctrl-C, SIGTERM and a terminal that hangs up: the first signal asks the batch to stop after saving, the second leaves
//! at once, but for temporary folders, which go before.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Exit code of an interrupted run.
pub const INTERRUPTED: u8 = 130;

/// Seconds after the first signal at which the program leaves in any case: everything paid for is on disk by then,
/// and what is not finished is made again.
const GRACE: Duration = Duration::from_secs(18);

/// Folders that are removed before a signal ends the program.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn folders() -> MutexGuard<'static, Vec<PathBuf>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary folder that is removed with this value, and also where a signal ends the program ([`install`]).
#[derive(Debug)]
pub struct Temporary(tempfile::TempDir);

impl Temporary {
    /// A new one, in the folder of `TMPDIR`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> std::io::Result<Self> {
        let mut folders = folders();
        let folder = tempfile::tempdir()?;
        folders.push(folder.path().to_owned());
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        folders().retain(|path| path != self.0.path());
    }
}

/// Ends the program without what it leaves in temporary folders.
fn leave() -> ! {
    for path in folders().iter() {
        // Another thread may write into it still.
        for _ in 0..3 {
            if std::fs::remove_dir_all(path).is_ok() {
                break;
            }
        }
    }
    low_level::exit(i32::from(INTERRUPTED))
}

/// The signals that end a program, but for a hang-up that is ignored, as `nohup` has it.
fn ending() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let heard = mask.is_some_and(|mask| mask & 1 << (SIGHUP - 1) == 0);
    let mut signals = vec![SIGINT, SIGTERM];
    signals.extend(heard.then_some(SIGHUP));
    signals
}

/// Installs the handlers; the flag is true once a signal came.
///
/// # Errors
/// When the system refuses a handler.
pub fn install() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    // Apart from `stop`, which a batch sets too when nothing can be saved any more.
    let came = Arc::new(AtomicUsize::new(0));
    let leaving = Arc::new(AtomicBool::new(false));
    for signal in ending() {
        // Where the removal of folders hangs, a further signal does not wait for it.
        flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), leaving.clone())?;
        flag::register(signal, stop.clone())?;
        let came = came.clone();
        let count = move || {
            came.fetch_add(1, Ordering::Relaxed);
        };
        // SAFETY: the handler adds to an atomic and does nothing else.
        unsafe { low_level::register(signal, count)? };
    }
    std::thread::spawn(move || {
        let mut first = None;
        loop {
            std::thread::sleep(Duration::from_millis(20));
            match came.load(Ordering::Relaxed) {
                0 => {}
                1 if first.get_or_insert_with(Instant::now).elapsed() < GRACE => {}
                1 => {
                    // On a thread of its own: a reader of standard error that stalls must not hold up the end.
                    std::thread::spawn(|| {
                        crate::progress::tell(
                            "a step did not stop in time; leaving: the same command again makes it anew",
                        );
                    });
                    std::thread::sleep(Duration::from_millis(100));
                    break;
                }
                _ => break,
            }
        }
        leaving.store(true, Ordering::Relaxed);
        leave();
    });
    Ok(stop)
}
