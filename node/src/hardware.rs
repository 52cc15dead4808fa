//! What this computer is: its memory now, its devices as the engines see them, its name and system.

use pumasi_protocol::{Device, DeviceKind};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Main memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// All of it.
    pub(crate) total: u64,
    /// What a new program could take without swapping.
    pub(crate) free: u64,
}

/// Reads main memory from the operating system; zero where it does not tell.
#[must_use]
pub(crate) fn memory() -> Memory {
    let kinds = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let Ok(system) = System::new_with_specifics(kinds) else {
        return Memory { total: 0, free: 0 };
    };
    let total = system.total_memory();
    Memory { total, free: system.available_memory().min(total) }
}

/// Bytes that are free on the disk of a folder; none where the system does not say.
#[must_use]
pub(crate) fn disk_free(folder: &std::path::Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let disks = sysinfo::Disks::new_with_refreshed_list();
        let of_folder = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
        of_folder
            .max_by_key(|disk| disk.mount_point().as_os_str().len())
            .map(|d| d.available_space())
    }
}

/// Operating system and processor architecture, for people.
#[must_use]
pub(crate) fn platform() -> String {
    let system = System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned());
    format!("{system}, {}", std::env::consts::ARCH)
}

/// The devices that a worker reported, with graphics memory as the driver sees it at this moment
/// (an engine that is not running cannot tell), and the processor's memory as the system does.
#[must_use]
pub(crate) fn devices(reported: &[Device]) -> Vec<Device> {
    let memory = memory();
    let refresh = |device: &Device| match device.kind {
        DeviceKind::Cpu | DeviceKind::IntegratedGpu => {
            Device { memory_total: memory.total, memory_free: memory.free, ..device.clone() }
        }
        DeviceKind::Gpu | DeviceKind::Accelerator => device.clone(),
    };
    let mut devices: Vec<Device> = reported.iter().map(refresh).collect();
    refresh_nvidia(&mut devices);
    devices
}

/// Takes free memory of NVIDIA cards from the driver, where one is installed.
fn refresh_nvidia(devices: &mut [Device]) {
    if devices.iter().all(|device| device.backend != "CUDA") {
        return;
    }
    let Ok(driver) = nvml_wrapper::Nvml::init() else {
        return;
    };
    let cards = devices.iter_mut().filter(|device| device.backend == "CUDA");
    for (index, device) in (0..).zip(cards) {
        if let Ok(memory) = driver.device_by_index(index).and_then(|card| card.memory_info()) {
            device.memory_total = memory.total;
            device.memory_free = memory.free.min(memory.total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_plausible_and_the_processor_gets_it() {
        let now = memory();
        assert!(now.total > 64 << 20 && now.free <= now.total, "{now:?}");
        let cpu = Device {
            name: "processor".to_owned(),
            kind: DeviceKind::Cpu,
            backend: "CPU".to_owned(),
            memory_total: 0,
            memory_free: 0,
        };
        let devices = devices(&[cpu]);
        assert_eq!(devices[0].memory_total, now.total);
    }
}
