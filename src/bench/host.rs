//! The machine around the device.

use super::report::Host;

/// Processor, cores and memory.
pub fn host() -> Host {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    Host {
        cpu: model.unwrap_or("unknown").to_owned(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory_bytes: kib("/proc/meminfo", "MemTotal:"),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

/// A line of a file of `/proc` that is counted in KiB, in bytes.
fn kib(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// The most memory that this process held at once, since [`reset_peak`] where that worked.
pub fn peak() -> Option<u64> {
    kib("/proc/self/status", "VmHWM:")
}

/// Starts the peak anew; false where the system does not let it.
pub fn reset_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}
