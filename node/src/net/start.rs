//! Starting the network: each plane listens before anything is announced, so that a taken port is an
//! error of the start and nothing is half up.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::conduct::Conduct;
use super::config::NetConfig;
use super::control::{Asking, Control, Setup};
use super::data::DataPlane;
use super::discovery::{Announced, Discovery};
use super::event::{Listening, NetEvent};
use super::handle::{NetError, NetHandle, Pairing};
use super::identity::Identity;
use super::join::{Approvals, Askers, Door, DoorSetup, Host, Joiner, Porch, Presenter};
use super::limits::{COMMANDS, EVENTS, NOTICES};
use super::members::Membership;
use super::tls::Certificate;
use super::traffic::Traffic;
use crate::store::Store;

pub(super) async fn start(
    config: NetConfig,
    identity: Identity,
    store: Store,
) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), NetError> {
    let (events, event_receiver) = mpsc::channel(EVENTS);
    let (commands, command_receiver) = mpsc::channel(COMMANDS);
    let (notices, notice_receiver) = mpsc::channel(NOTICES);
    let (listening, listening_receiver) = watch::channel(Listening::default());
    let certificate = Certificate::make(&identity);
    let membership = Membership::load(identity.clone(), store.clone(), notices.clone())?;
    let members = membership.members();
    let at = |port| SocketAddr::new(config.listen, port);
    let conduct = Arc::new(Conduct::default());
    let data = DataPlane::start(
        at(config.data_port),
        certificate.clone(),
        membership.clone(),
        conduct.clone(),
        events.clone(),
        config.lent.clone(),
    )?;
    let traffic = Arc::new(Traffic::default());
    let setup = Setup {
        listen: at(config.control_port),
        name: config.name.clone(),
        incarnation: config.incarnation,
        identity: identity.clone(),
        membership: membership.clone(),
        store: store.clone(),
        data: data.clone(),
        presenter: Presenter {
            me: identity.node(),
            certificate: certificate.clone(),
            membership: membership.clone(),
        },
        events,
        notices: notices.clone(),
        traffic: traffic.clone(),
        conduct,
        listening,
    };
    let mut control = Control::listen(setup)?;
    let porch = Arc::new(Porch::new());
    let host = Host {
        me: identity.node(),
        name: config.name.clone(),
        person: config.person.clone(),
        porch: porch.clone(),
        commands: commands.downgrade(),
    };
    let door = Door::open(DoorSetup {
        address: at(config.join_port),
        certificate: certificate.clone(),
        membership: membership.clone(),
        store: store.clone(),
        host,
        control_port: control.control_port(),
        data_port: data.port(),
    })?;
    let announced = Announced {
        node: identity.node(),
        name: config.name.to_string(),
        version: config.version.clone(),
        run: config.incarnation,
        control_port: control.control_port(),
        join_port: door.port(),
        listen: config.listen,
    };
    let discovery = config.discovery.then(|| Discovery::start(announced, notices)).flatten();
    let approvals = Arc::new(Approvals {
        identity: identity.clone(),
        certificate: certificate.clone(),
        membership,
        control_port: control.control_port(),
        data_port: data.port(),
    });
    let askers = Arc::new(Askers::default());
    let asking = Asking { porch: porch.clone(), askers: askers.clone(), told: false };
    control.complete(door, config.peers, discovery, asking);
    tokio::spawn(control.run(command_receiver, notice_receiver));
    let me = identity.node();
    let joiner = Joiner { identity, certificate, store };
    let roster = members.watch();
    let listening = listening_receiver;
    let pairing = Pairing { porch, approvals, askers };
    let handle = NetHandle { me, commands, data, roster, listening, joiner, pairing, traffic };
    Ok((handle, event_receiver))
}
