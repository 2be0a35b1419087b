//! How much memory a run takes.

use burn::tensor::Device;

/// What a backend's own allocator holds on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceMemory {
    /// Bytes in live allocations.
    pub in_use: u64,
    /// Bytes taken from the driver: those in use and those kept for later allocations.
    pub reserved: u64,
}

/// The memory that the backend holds on `device` right now.
///
/// `None` for `flex` and `ndarray`, which allocate from the process: look at [`peak_rss_bytes`] there. A
/// software adapter answers, and its memory counts into the process as well.
pub fn device_memory(device: &Device) -> Option<DeviceMemory> {
    let usage = device.memory_pool_usage()?;
    Some(DeviceMemory { in_use: usage.bytes_in_use, reserved: usage.bytes_reserved })
}

/// The largest resident set this process has had so far, in bytes: the kernel's own high-water mark, so that
/// no sampling can miss the peak.
///
/// `None` where the system does not tell without unsafe code, which is everywhere but on Linux.
pub fn peak_rss_bytes() -> Option<u64> {
    if cfg!(target_os = "linux") {
        high_water_mark(&std::fs::read_to_string("/proc/self/status").ok()?)
    } else {
        None
    }
}

/// The line `VmHWM:    123456 kB` of a process's status, in bytes. The kernel's kB are 1024 bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_from_its_line() {
        let status = "Name:\tgrpo\nVmPeak:\t  999999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(high_water_mark(status), Some(2048 * 1024));
        assert_eq!(high_water_mark("Name:\tgrpo\n"), None);
        assert_eq!(high_water_mark("VmHWM:\tmuch kB\n"), None);
        assert_eq!(high_water_mark("VmHWM:\t18446744073709551615 kB\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_grows_with_what_is_touched() {
        let before = peak_rss_bytes().unwrap();
        let touched = std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(peak_rss_bytes().unwrap() >= before.max(touched.len() as u64));
    }

    #[test]
    #[cfg(feature = "flex")]
    fn a_cpu_backend_has_no_memory_of_its_own() {
        assert_eq!(device_memory(&Device::flex()), None);
    }
}
