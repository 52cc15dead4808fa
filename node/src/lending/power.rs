//! Whether this computer runs on battery. Linux tells it under `/sys/class/power_supply`; elsewhere it
//! is not known, which counts as mains.

use std::fs;
use std::path::Path;

/// Where the power comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    /// The mains, or there is no battery.
    Mains,
    /// A battery.
    Battery,
    /// It cannot be told.
    Unknown,
}

/// As the system tells it at this moment.
pub(crate) fn power() -> Power {
    if cfg!(target_os = "linux") {
        read(Path::new("/sys/class/power_supply"))
    } else {
        Power::Unknown
    }
}

/// Battery: no supply is connected, and the battery of the machine itself (not that of a mouse, whose
/// scope is `Device`) discharges.
fn read(supplies: &Path) -> Power {
    let Ok(entries) = fs::read_dir(supplies) else { return Power::Unknown };
    let text = |path: &Path, name: &str| {
        fs::read_to_string(path.join(name)).map(|t| t.trim().to_owned()).unwrap_or_default()
    };
    let (mut connected, mut discharging) = (false, false);
    for entry in entries.flatten().map(|entry| entry.path()) {
        if text(&entry, "type") == "Battery" {
            let own = text(&entry, "scope") != "Device";
            discharging |= own && text(&entry, "status") == "Discharging";
        } else {
            connected |= text(&entry, "online") == "1";
        }
    }
    if discharging && !connected { Power::Battery } else { Power::Mains }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supplies(entries: &[(&str, &[(&str, &str)])]) -> Power {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, files) in entries {
            let path = folder.path().join(name);
            fs::create_dir(&path).expect("a folder");
            for (file, text) in *files {
                fs::write(path.join(file), format!("{text}\n")).expect("a file");
            }
        }
        read(folder.path())
    }

    #[test]
    fn a_laptop_runs_on_battery_when_nothing_is_plugged_in() {
        let battery = |status| ("BAT0", [("type", "Battery"), ("status", status)]);
        let mains = |online| ("AC", [("type", "Mains"), ("online", online)]);
        let (out, plugged) = (battery("Discharging"), battery("Charging"));
        let (off, on) = (mains("0"), mains("1"));
        assert_eq!(supplies(&[(out.0, &out.1), (off.0, &off.1)]), Power::Battery);
        assert_eq!(supplies(&[(plugged.0, &plugged.1), (on.0, &on.1)]), Power::Mains);
        // A weak charger: the battery goes down although it is plugged in.
        assert_eq!(supplies(&[(out.0, &out.1), (on.0, &on.1)]), Power::Mains);
    }

    #[test]
    fn a_desktop_has_mains_whatever_its_mouse_has() {
        let mouse = [("type", "Battery"), ("scope", "Device"), ("status", "Discharging")];
        assert_eq!(supplies(&[("hid", &mouse)]), Power::Mains);
        assert_eq!(supplies(&[]), Power::Mains);
        assert_eq!(read(Path::new("/nowhere/at/all")), Power::Unknown);
    }
}
