//! What a member may have asked of a real router, whatever it sends: the fake provider tells what came.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use pumasi_protocol::providing::ProviderCall;
use pumasi_protocol::roster::{Change, NodeRole};
use pumasi_protocol::{NodeId, NodeName};
use pumasi_tests::provider::{FakeProvider, Speech};
use pumasi_web::api::{self, ShareWith};
use tokio::sync::mpsc;

use super::*;
use crate::audit;
use crate::net::{Identity, NetConfig, NetHandle};
use crate::router::{Around, MeshDoor, Noting};
use crate::store::Store;

const MEMBER: [u8; 32] = [7; 32];

fn name(text: &str) -> NodeName {
    text.parse().expect("a name")
}

/// A router with one provider, shared with everyone, in a mesh with one other member.
struct Office {
    router: Arc<Router>,
    fake: FakeProvider,
    member: NodeId,
    _folder: tempfile::TempDir,
    _ends: Box<dyn std::any::Any>,
}

impl Office {
    async fn with(models: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path(), 1).expect("a new store");
        let identity = Identity::from_seed(store.identity_seed());
        let config = NetConfig::loopback(name("desk"), store.incarnation());
        let started = NetHandle::start(config, identity, store.clone()).await;
        let (net, net_events) = started.expect("free ports on loopback");
        net.found(name("office"), name("kim")).await.expect("founded");
        let member = NodeId(Identity::from_seed(MEMBER).node().0);
        let roles = BTreeSet::from([NodeRole::Member]);
        let admit =
            Change::Admit { node: member, name: name("lab"), person: Some(name("lee")), roles };
        net.change_roster(admit).await.expect("an admin lets in");
        let (events, event_receiver) = mpsc::channel(16);
        let (notes, noted) = audit::notes();
        let noting = Noting::new(net.me(), Some(name("kim")), notes);
        let (changes, heard) = tokio::sync::broadcast::channel(16);
        let around = Around { net, store, changes, name: name("desk") };
        let router = Router::of(folder.path().to_owned(), MeshDoor::new(events), noting, around);
        let router = router.await.expect("a new book");
        let fake = FakeProvider::start(Speech::OpenAi);
        let request = api::ProviderRequest {
            kind: "openai-compatible".to_owned(),
            id: Some("gpu".to_owned()),
            base: Some(fake.base.clone()),
            key: Some("sk-x".to_owned()),
            models: models.iter().map(ToString::to_string).collect(),
            keeps_nothing: None,
        };
        router.set_provider(request).await.expect("it is set up");
        let ends = Box::new((net_events, event_receiver, noted, heard));
        let office = Self { router, fake, member, _folder: folder, _ends: ends };
        office.share(ShareWith::Everyone, &[]).await;
        office
    }

    async fn share(&self, with: ShareWith, people: &[&str]) {
        let people = Some(people.iter().map(ToString::to_string).collect());
        let request = api::ShareRequest { with: Some(with), people, ..Default::default() };
        self.router.share_provider("gpu", request).await.expect("it is written down");
    }

    /// The word for why there is no answer; else the answer.
    async fn ask(&self, from: NodeId, call: ProviderCall, body: &str) -> Result<String, String> {
        let host = Host(Arc::clone(&self.router));
        let asked = host.ask(from, call, Bytes::copy_from_slice(body.as_bytes())).await;
        let mut lent = asked.map_err(|miss| miss.word)?;
        let mut text = Vec::new();
        while let Some(piece) = lent.body.next().await {
            text.extend_from_slice(&piece.map_err(|miss| miss.word)?);
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// What came to the provider, apart from questions for its list.
    fn came(&self) -> usize {
        self.fake.seen().iter().filter(|seen| seen.method == "POST").count()
    }
}

fn call(provider: &str, path: &str) -> ProviderCall {
    let (provider, path) = (provider.to_owned(), path.to_owned());
    ProviderCall { provider, path, headers: Vec::new(), body: 1 }
}

const CHAT: &str = r#"{"model":"fine","messages":[{"role":"user","content":"hi"}]}"#;
const PATH: &str = "/chat/completions";

fn refused(word: &str) -> Result<String, String> {
    Err(word.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_member_that_is_meant_is_asked_for_whatever_it_knows() {
    let office = Office::with(&[]).await;
    let lab = office.member;
    let answer = office.ask(lab, call("gpu", PATH), CHAT).await.expect("it is shared");
    assert!(answer.contains("You said: hi"), "{answer}");
    assert_eq!(office.came(), 1);
    let stranger = NodeId([9; 32]);
    assert_eq!(office.ask(stranger, call("gpu", PATH), CHAT).await, refused("not_shared"));
    for other in ["", "gpu2", "gpu.desk", "../gpu", "mesh"] {
        assert_eq!(
            office.ask(lab, call(other, PATH), CHAT).await,
            refused("not_shared"),
            "{other}"
        );
    }
    office.share(ShareWith::People, &["kim"]).await;
    assert_eq!(office.ask(lab, call("gpu", PATH), CHAT).await, refused("not_shared"));
    assert_eq!(office.router.shared_with(lab), []);
    office.share(ShareWith::Nobody, &[]).await;
    assert_eq!(office.ask(lab, call("gpu", PATH), CHAT).await, refused("not_shared"));
    assert_eq!(office.came(), 1, "none of it came to the provider");
    office.share(ShareWith::People, &["lee"]).await;
    assert!(office.ask(lab, call("gpu", PATH), CHAT).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_answers_of_the_models_that_are_meant_is_asked() {
    let office = Office::with(&["fine"]).await;
    let lab = office.member;
    for path in ["/files", "/models", "/fine_tuning/jobs", "/chat/completions/../files", ""] {
        assert_eq!(office.ask(lab, call("gpu", path), CHAT).await, refused("refused"), "{path}");
    }
    let other = CHAT.replace("fine", "thinks");
    assert_eq!(office.ask(lab, call("gpu", PATH), &other).await, refused("no_model"));
    for body in [
        r#"{"model":"fine","models":["thinks"]}"#,
        r#"{"model":"fine","model":"thinks"}"#,
        r#"{"model":"fine","provider":{"only":["x"]}}"#,
        "{}",
        "not json",
    ] {
        assert_eq!(office.ask(lab, call("gpu", PATH), body).await, refused("refused"), "{body}");
    }
    assert_eq!(office.came(), 0, "none of it came to the provider");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_a_member_do_not_reach_the_provider_and_its_key_does() {
    let office = Office::with(&[]).await;
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![
        header("authorization", "Bearer of-the-member"),
        header("cookie", "a=b"),
        header("x-forwarded-for", "10.0.0.1"),
        header("openai-organization", "other"),
        header("anthropic-beta", "some-2025"),
    ];
    let call = ProviderCall { headers, ..call("gpu", PATH) };
    office.ask(office.member, call, CHAT).await.expect("it answers");
    let seen = office.fake.seen().pop().expect("it came");
    assert_eq!(seen.header("authorization"), Some("Bearer sk-x"));
    assert_eq!(seen.header("anthropic-beta"), Some("some-2025"));
    for name in ["cookie", "x-forwarded-for", "openai-organization"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}
