//! The certificate for other computers, when it is another one.

use pumasi_web::api;

use super::Core;
use crate::https::Renewed;

impl Core {
    /// The certificate for other computers is another one, or is not, because what came cannot be used.
    pub(super) fn on_renewed(&mut self, renewed: Renewed) {
        let code = "certificate";
        match renewed {
            Renewed::Served(fingerprint) => {
                self.notices.remove(code);
                let endpoint = self.endpoint.iter_mut();
                endpoint.for_each(|endpoint| endpoint.fingerprint.clone_from(&fingerprint));
            }
            Renewed::Kept(why) => {
                let message = format!("{why}. What was served before is still served.");
                let (code, level) = (code.to_owned(), api::NoticeLevel::Warning);
                self.notices.insert("certificate", api::Notice { level, code, message });
            }
        }
    }
}
