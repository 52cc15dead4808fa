//! Invitations: who gets in, who does not, and what the others hear of it.

use std::net::{IpAddr, SocketAddr};

use pumasi_protocol::invitation::Token;
use pumasi_tests::peer;

use super::*;
use crate::net::limits::JOIN_FAILURES;

#[tokio::test]
async fn one_joins_with_an_invitation_and_both_know_the_same_roster() {
    let (a, b) = pair().await;
    let (ours, theirs) = (a.net.roster().expect("a mesh"), b.net.roster().expect("a mesh"));
    assert_eq!(ours, theirs);
    assert_eq!(ours.members.len(), 2);
    assert_eq!(ours.members[&b.id()].name, name("second"));
    assert_eq!(ours.members[&b.id()].admitted_by, a.id());
    assert!(!ours.has_role(&b.id(), NodeRole::Admin));
    let refused = b.net.invite(Invite::one()).await;
    assert!(matches!(refused, Err(InviteError::Net(NetError::NotAdmin))), "{refused:?}");
}

#[tokio::test]
async fn a_token_admits_as_many_as_it_says_and_the_same_node_twice() {
    let a = Node::founder("first").await;
    let token = a.net.invite(Invite::one()).await.expect("an admin invites");
    let text = token.to_string();
    let token: Token = text.parse().expect("a token");
    let (b, c) = (Node::start("second").await, Node::start("third").await);
    let who = |called| JoinAs { name: name(called), person: None };
    b.net.join(&token, who("second")).await.expect("joins");
    let refused = c.net.join(&token, who("third")).await;
    assert!(matches!(refused, Err(JoinError::Refused(JoinRefusal::Used))), "{refused:?}");
    let again = b.net.join(&token, who("second")).await;
    assert!(matches!(again, Err(JoinError::HasMesh)), "{again:?}");
    // A newcomer that lost the answer may ask again: nothing more is spent.
    let welcome = b.net.joiner.join(&token, who("second")).await;
    assert_eq!(welcome.expect("still welcome").issuer, a.id());
    let own = a.net.joiner.join(&token, who("first")).await;
    assert!(matches!(own, Err(JoinError::Own)), "{own:?}");
}

#[tokio::test]
async fn of_two_that_come_at_once_with_an_invitation_for_one_exactly_one_gets_in() {
    let a = Node::founder("first").await;
    let token = a.net.invite(Invite::one()).await.expect("an admin invites");
    let (b, c) = (Node::start("second").await, Node::start("third").await);
    let who = |called| JoinAs { name: name(called), person: None };
    let both = tokio::join!(b.net.join(&token, who("second")), c.net.join(&token, who("third")));
    let outcomes = [both.0, both.1];
    let joined = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let used = |outcome: &&Result<_, JoinError>| {
        matches!(outcome, Err(JoinError::Refused(JoinRefusal::Used)))
    };
    assert_eq!((joined, outcomes.iter().filter(used).count()), (1, 1), "{outcomes:?}");
    assert_eq!(a.net.roster().expect("a mesh").members.len(), 2);
    let in_mesh = [&b, &c].iter().filter(|node| node.net.roster().is_some()).count();
    assert_eq!(in_mesh, 1);
}

#[tokio::test]
async fn cat_p25_the_issuers_clock_decides_and_not_what_the_token_says() {
    let a = Node::founder("first").await;
    let token = a.net.invite(Invite::one()).await.expect("an admin invites");
    let b = Node::start("second").await;
    let who = || JoinAs { name: name("second"), person: None };
    // For the newcomer, whose clock is ahead, it is long over; for the issuer it is good.
    let by_its_word = Token { expires_s: 1, ..token.clone() };
    b.net.join(&by_its_word, who()).await.expect("the issuer says so");
    // And the other way round: over at the issuer, whatever the token says.
    let second = Invite { valid: Duration::from_secs(1), ..Invite::one() };
    let token = a.net.invite(second).await.expect("an admin invites");
    let (id, kept) = a
        .store
        .invitations()
        .expect("whole")
        .into_iter()
        .find(|(_, i)| i.uses_left == 1)
        .expect("the open one");
    a.store
        .add_invitation(id, crate::store::Invitation { expires_s: 1, ..kept })
        .await
        .expect("kept");
    let c = Node::start("third").await;
    let hopeful = Token { expires_s: u64::MAX, ..token };
    let refused = c.net.join(&hopeful, who()).await;
    assert!(matches!(refused, Err(JoinError::Refused(JoinRefusal::Expired))), "{refused:?}");
}

#[tokio::test]
async fn no_more_invitations_are_open_than_may_be_and_old_ones_are_forgotten() {
    let a = Node::founder("first").await;
    let first = a.net.invite(Invite::one()).await.expect("an admin invites");
    let (id, kept) = a.store.invitations().expect("whole").remove(0);
    let long_over = crate::store::Invitation { expires_s: 1, ..kept.clone() };
    a.store.add_invitation(id, long_over).await.expect("kept");
    a.net.invite(Invite::one()).await.expect("an admin invites");
    let kept_ids: Vec<_> =
        a.store.invitations().expect("whole").into_iter().map(|(id, _)| id).collect();
    assert!(!kept_ids.contains(&id) && kept_ids.len() == 1, "{first:?} was forgotten");
    for n in 1..=255 {
        let other = crate::store::Invitation { expires_s: 1 << 40, ..kept.clone() };
        a.store.add_invitation([n; 32], other).await.expect("kept");
    }
    let refused = a.net.invite(Invite::one()).await;
    assert!(matches!(refused, Err(InviteError::TooMany)), "{refused:?}");
    a.store.forget_invitations(vec![[1; 32]]).await.expect("withdrawn");
    a.net.invite(Invite::one()).await.expect("there is room again");
}

#[tokio::test]
async fn wrong_expired_and_foreign_tokens_are_refused_with_a_sentence() {
    let a = Node::founder("first").await;
    let good = a.net.invite(Invite::one()).await.expect("an admin invites");
    let b = Node::start("second").await;
    let who = || JoinAs { name: name("second"), person: None };
    let wrong = Token { secret: [0; 16], ..good.clone() };
    let refused = b.net.join(&wrong, who()).await;
    assert!(matches!(refused, Err(JoinError::Refused(JoinRefusal::Unknown))), "{refused:?}");
    // The key at the door is not the issuer's: the secret is never shown.
    let elsewhere = Token { issuer: b.id(), ..good.clone() };
    let c = Node::start("third").await;
    let refused = c.net.join(&elsewhere, who()).await;
    assert!(matches!(refused, Err(JoinError::Unreachable { .. })), "{refused:?}");
    let foreign = Token { mesh: pumasi_protocol::MeshId([1; 32]), ..good.clone() };
    let refused = b.net.join(&foreign, who()).await;
    assert!(matches!(refused, Err(JoinError::Answer)), "{refused:?}");
    assert!(b.net.roster().is_none());
    for terms in [Invite { uses: 0, ..Invite::one() }, Invite { roles: [].into(), ..Invite::one() }]
    {
        let refused = a.net.invite(terms).await;
        assert!(matches!(refused, Err(InviteError::Terms)), "{refused:?}");
    }
    let refused = b.net.invite(Invite::one()).await;
    assert!(matches!(refused, Err(InviteError::Net(NetError::NoMesh))), "{refused:?}");
}

#[tokio::test]
async fn a_newcomer_cannot_take_the_name_of_a_person_that_the_mesh_knows() {
    let a = Node::founder("first").await;
    let token = a.net.invite(Invite::one()).await.expect("an admin invites");
    let b = Node::start("second").await;
    let as_person = |person| JoinAs { name: name("second"), person: Some(name(person)) };
    let refused = b.net.join(&token, as_person("Kim")).await;
    assert!(matches!(refused, Err(JoinError::Refused(JoinRefusal::PersonTaken))), "{refused:?}");
    let roster = b.net.join(&token, as_person("lee")).await.expect("a new person");
    assert_eq!(roster.members[&b.id()].person, Some(name("lee")));
    let kims = Invite { person: Some(name("kim")), ..Invite::one() };
    let token = a.net.invite(kims).await.expect("an admin invites");
    let c = Node::start("third").await;
    let roster = c.net.join(&token, as_person("lee")).await.expect("the invitation decides");
    assert_eq!(roster.person(&c.id()), roster.person(&a.id()));
}

#[tokio::test]
async fn a_revoked_member_is_cut_off_on_both_planes_and_stays_out() {
    let (mut a, mut b) = pair().await;
    let gone = b.id();
    let attempt = b.net.open_attempt(a.id(), attempt_id(1), "m".parse().expect("good"), work());
    let opened = a.until(|event| matches!(event, NetEvent::AttemptOpened(_))).await;
    let NetEvent::AttemptOpened(opened) = opened else { unreachable!("waited for it") };
    let token = a.net.invite(Invite::one()).await.expect("an admin invites");
    let revoke = Change::Revoke { node: gone, heads: Vec::new() };
    let roster = a.net.change_roster(revoke).await.expect("an admin revokes");
    assert!(!roster.contains(&gone));
    a.until_down(gone).await;
    timeout(PATIENCE, opened.cancelled.cancelled()).await.expect("its attempt is cancelled");
    let mut events = attempt.events;
    let last = timeout(PATIENCE, events.recv()).await.expect("in time");
    assert_eq!(last, Some(AttemptEvent::Failed(Fault::Connection)));
    b.until_down(a.id()).await;
    // It hears why, believes it, and has nothing to do with the others any more.
    let mut roster = b.net.roster.clone();
    let knows = |roster: &Option<Arc<Roster>>| {
        roster.as_ref().is_some_and(|roster| roster.revoked.contains(&gone))
    };
    drop(timeout(PATIENCE, roster.wait_for(knows)).await.expect("in time").expect("runs"));
    let work = b.net.open_attempt(a.id(), attempt_id(2), "m".parse().expect("good"), work());
    let Attempt { mut events, .. } = work;
    let last = timeout(PATIENCE, events.recv()).await.expect("in time");
    assert_eq!(last, Some(AttemptEvent::Failed(Fault::Connection)));
    let refused = b.net.joiner.join(&token, JoinAs { name: name("second"), person: None }).await;
    assert!(matches!(refused, Err(JoinError::Refused(JoinRefusal::Revoked))), "{refused:?}");
}

#[tokio::test]
async fn cat_p06_a_removed_computer_does_not_come_back_by_the_invitation_that_it_used() {
    let a = Node::founder("first").await;
    let token = a.net.invite(Invite::one()).await.expect("an admin invites");
    let b = Node::start("second").await;
    let who = || JoinAs { name: name("second"), person: None };
    b.net.join(&token, who()).await.expect("joins");
    b.net.joiner.join(&token, who()).await.expect("it may ask again");
    let revoke = Change::Revoke { node: b.id(), heads: Vec::new() };
    a.net.change_roster(revoke).await.expect("an admin revokes");
    let refused = b.net.joiner.join(&token, who()).await;
    assert!(matches!(refused, Err(JoinError::Refused(JoinRefusal::Revoked))), "{refused:?}");
}

#[tokio::test]
async fn cat_p19_after_ten_wrong_secrets_the_right_one_is_not_heard_either() {
    let a = Node::founder("first").await;
    let right = a.net.invite(Invite::one()).await.expect("an admin invites");
    let wrong = Token { secret: [0; 16], ..right.clone() };
    let b = Node::start("second").await;
    let who = || JoinAs { name: name("second"), person: None };
    for _ in 0..JOIN_FAILURES {
        let refused = b.net.join(&wrong, who()).await;
        assert!(matches!(refused, Err(JoinError::Refused(JoinRefusal::Unknown))), "{refused:?}");
    }
    let refused = b.net.join(&right, who()).await;
    assert!(matches!(refused, Err(JoinError::Unreachable { .. })), "{refused:?}");
}

/// Whether a data plane answers somebody with this key.
async fn is_answered(at: SocketAddr, seed: [u8; 32]) -> bool {
    let endpoint = peer::socket(IpAddr::from([127, 0, 0, 1]));
    let tried = async {
        let connection = peer::dial(&endpoint, &peer::key(seed), at, peer::DATA).await.ok()?;
        let (mut out, mut input) = connection.open_bi().await.ok()?;
        out.write_all(&[0; 4]).await.ok()?;
        input.read(&mut [0; 64]).await.ok()?
    };
    timeout(PATIENCE, tried).await.expect("decided soon").is_some()
}

#[tokio::test]
async fn cat_p06_to_a_removed_computer_nobody_is_a_member() {
    let (mut a, b) = pair().await;
    let (gone, at, seed) = (b.id(), b.net.listening().data[0], a.store.identity_seed());
    // A connection on which it is told.
    let model = "m".parse().expect("a good name");
    let _attempt = b.net.open_attempt(a.id(), attempt_id(1), model, work());
    a.until(|event| matches!(event, NetEvent::AttemptOpened(_))).await;
    assert!(is_answered(at, seed).await);
    let revoke = Change::Revoke { node: gone, heads: Vec::new() };
    a.net.change_roster(revoke).await.expect("an admin revokes");
    let mut roster = b.net.roster.clone();
    let knows = |roster: &Option<Arc<Roster>>| {
        roster.as_ref().is_some_and(|roster| roster.revoked.contains(&gone))
    };
    drop(timeout(PATIENCE, roster.wait_for(knows)).await.expect("in time").expect("runs"));
    assert!(b.net.roster().expect("it knows the mesh").contains(&a.id()));
    assert!(!is_answered(at, seed).await);
}

#[tokio::test]
async fn the_roster_outlives_a_restart() {
    let (a, b) = pair().await;
    let before = a.net.roster().expect("a mesh");
    let Node { net, events, store, dir } = a;
    net.shutdown().await;
    drop((net, events, store));
    let again = Node::start_in(dir, "first").await;
    assert_eq!(again.net.roster().expect("still in the mesh"), before);
    assert_eq!(b.net.roster().expect("a mesh").mesh, before.mesh);
    let refused = again.net.found(name("other"), name("kim")).await;
    assert!(matches!(refused, Err(NetError::HasMesh)), "{refused:?}");
}
