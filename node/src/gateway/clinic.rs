//! What the running node's doctor looks at: its network and the other computers, then itself.

use pumasi_web::Mesh;
use pumasi_web::api;

use super::Gateway;
use crate::core::unix_ms;
use crate::doctor::{self, Patient, Target, good, skipped, trouble, warning};
use crate::net::NetHandle;

/// All findings; those about one computer, if `peer` names it. `None`: nobody is called so.
pub(super) async fn look(gateway: &Gateway, peer: Option<&str>) -> Option<Vec<api::Check>> {
    let (status, nodes) = (gateway.status().await, gateway.nodes().await);
    let target = match peer {
        Some(text) => doctor::target(text, &nodes).await?,
        None => Target::Everybody,
    };
    let patient = Patient {
        config: &gateway.config,
        net: &gateway.net,
        status: &status,
        nodes: &nodes,
        now_ms: unix_ms(),
    };
    let mut checks = doctor::diagnose(&doctor::examine(&patient, &target).await);
    if target != Target::Everybody {
        return Some(checks);
    }
    let is_told = |notice: &&api::Notice| DIAGNOSED.contains(&notice.code.as_str());
    let notices = status.notices.iter().filter(|notice| !is_told(notice));
    checks.extend(notices.map(noticed));
    checks.push(state_traffic(&gateway.net, &status));
    checks.push(usable_models(&gateway.models().await));
    checks.extend(doctor::local(&gateway.config, Some(&gateway.running)).await);
    Some(checks)
}

/// Notices of which the diagnosis says more.
const DIAGNOSED: [&str; 2] = ["same_key", "removed"];

/// What the state plane costs, so that it can be looked at in a real mesh.
fn state_traffic(net: &NetHandle, status: &api::Status) -> api::Check {
    let Some(rates) = net.state_traffic().filter(|_| status.mesh.is_some()) else {
        return skipped("state_traffic", "the state of other computers was not exchanged yet");
    };
    let kb = |bytes: u64| format!("{}.{:02} kB/s", bytes / 1_000, bytes % 1_000 / 10);
    let (sent, received) = (kb(rates.sent), kb(rates.received));
    let others = status.reachable.saturating_sub(1);
    let message = format!(
        "state of {others} other computers: {sent} sent, {received} received in the last minute, with headers"
    );
    good("state_traffic", message)
}

fn noticed(notice: &api::Notice) -> api::Check {
    let advice = "See the message; the log has the details.";
    match notice.level {
        api::NoticeLevel::Note => good(&notice.code, notice.message.clone()),
        api::NoticeLevel::Warning => warning(&notice.code, notice.message.clone(), advice),
        api::NoticeLevel::Trouble => trouble(&notice.code, notice.message.clone(), advice),
    }
}

fn usable_models(models: &[api::Model]) -> api::Check {
    match models.iter().filter(|model| model.best.is_some()).count() {
        0 => warning(
            "mesh_models",
            "no computer of the mesh has a usable model",
            "Put a GGUF file into the models folder of one of them.",
        ),
        1 => good("mesh_models", "1 model can be used".to_owned()),
        n => good("mesh_models", format!("{n} models can be used")),
    }
}
