//! Whether the system confines the engine: what a hostile model file could reach if it took over the
//! program that reads it.

use pumasi_protocol::worker::{Confinement, Hold};
use pumasi_web::api::Check;

use super::{good, warning};

const CODE: &str = "sandbox";

/// What to do where the system offers nothing.
const CAREFUL: &str = "Use only models from sources that you trust on this computer.";
const NEWER: &str = "Use a newer kernel; until then, use only models from sources that you trust.";
const LANDLOCK: &str = "Use Linux 5.13 or later with Landlock switched on (`landlock` in \
    /sys/kernel/security/lsm); until then, use only models from sources that you trust.";

pub(super) fn check(confinement: Confinement) -> Check {
    if !cfg!(target_os = "linux") {
        let text = "the engine is not confined: Pumasi can do that on Linux only, so far";
        return warning(CODE, text, CAREFUL);
    }
    let Confinement { files, calls } = confinement;
    match (files, calls) {
        (Hold::Whole, Hold::Whole) => good(
            CODE,
            "the engine is confined: no network, no other program, no file but its model",
        ),
        (Hold::Partial, Hold::Whole) => {
            let text = "the engine is confined in part: this kernel does not know all the rules";
            warning(CODE, text, NEWER)
        }
        (Hold::Absent, Hold::Whole) => {
            let text = "the engine has no network and no other program, but it can read your files";
            warning(CODE, text, LANDLOCK)
        }
        (_, Hold::Absent | Hold::Partial) => {
            let text = "the engine is not confined: this kernel refuses system call filters";
            warning(CODE, text, CAREFUL)
        }
    }
}

#[cfg(test)]
mod tests {
    use pumasi_web::api::CheckOutcome;

    use super::*;

    #[test]
    fn what_is_missing_is_said_with_advice() {
        let of = |files, calls| check(Confinement { files, calls });
        for (files, calls) in [
            (Hold::Absent, Hold::Absent),
            (Hold::Absent, Hold::Whole),
            (Hold::Partial, Hold::Whole),
            (Hold::Whole, Hold::Absent),
        ] {
            let found = of(files, calls);
            assert_eq!((found.outcome, found.advice.is_some()), (CheckOutcome::Warning, true));
        }
        let whole = of(Hold::Whole, Hold::Whole).outcome;
        assert_eq!(whole == CheckOutcome::Good, cfg!(target_os = "linux"));
    }
}
