//! What this machine has: devices as the library lists them, free memory, physical cores.

use llama_cpp_2::{LlamaBackendDevice, LlamaBackendDeviceType, list_llama_ggml_backend_devices};
use pumasi_protocol::{Device, DeviceKind};

#[cfg(target_os = "linux")]
use crate::limits::SPARE_MEMORY;

/// The devices that models can run on.
pub(crate) fn devices() -> Vec<Device> {
    list_llama_ggml_backend_devices().into_iter().map(device).collect()
}

fn device(found: LlamaBackendDevice) -> Device {
    let kind = match found.device_type {
        LlamaBackendDeviceType::Cpu => DeviceKind::Cpu,
        LlamaBackendDeviceType::Gpu => DeviceKind::Gpu,
        LlamaBackendDeviceType::IntegratedGpu => DeviceKind::IntegratedGpu,
        LlamaBackendDeviceType::Accelerator | LlamaBackendDeviceType::Unknown => {
            DeviceKind::Accelerator
        }
    };
    let memory_total = found.memory_total as u64;
    // ggml reports all of main memory as free.
    let free = if kind == DeviceKind::Cpu { available_memory() } else { None };
    let memory_free = free.unwrap_or(found.memory_free as u64).min(memory_total);
    let name = if found.description.is_empty() { found.name } else { found.description };
    let name = name.trim().chars().take(64).collect();
    let backend = found.backend.chars().take(8).collect();
    Device { name, kind, backend, memory_total, memory_free }
}

/// Main memory that can be taken without swapping, in bytes (`MemAvailable`, proc(5)).
pub(crate) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1_024)
}

/// Ends this process before the machine is out of memory, if it takes twice what its model needs and
/// [`SPARE_MEMORY`] more: a template, a grammar or a broken file can ask for any amount.
pub(crate) fn bound_memory(needed: u64) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let most = Some(needed.saturating_mul(2).saturating_add(SPARE_MEMORY));
        // What is mapped from the model's file does not count.
        if let Err(error) = setrlimit(Resource::Data, Rlimit { current: most, maximum: most }) {
            tracing::warn!(%error, "the memory of this engine is not bounded");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = needed;
}

/// Cores that this process may use, without counting hyper-threads twice: a second thread on a
/// core adds nothing to matrix products.
pub(crate) fn physical_cores() -> u16 {
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = core_count().map_or(usable, |cores| cores.min(usable));
    u16::try_from(cores.max(1)).unwrap_or(u16::MAX)
}

/// Each core lists its hyper-threads once (`topology/thread_siblings_list`, sysfs).
fn core_count() -> Option<usize> {
    let mut siblings = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir("/sys/devices/system/cpu").ok()? {
        let list = entry.ok()?.path().join("topology/thread_siblings_list");
        siblings.extend(std::fs::read_to_string(list).ok());
    }
    (!siblings.is_empty()).then_some(siblings.len())
}
