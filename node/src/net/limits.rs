//! Bounds and deadlines of the network. Those of what is said lie in the protocol.

use std::time::Duration;

use super::bucket::Rate;

/// Events that wait for the node's loop; beyond it, visible refusals.
pub(crate) const EVENTS: usize = 1_024;
/// Commands of the loop that wait for the control plane.
pub(crate) const COMMANDS: usize = 1_024;
/// Notices of the network's own tasks that wait for the control plane.
pub(crate) const NOTICES: usize = 1_024;
/// Addresses of one node that are remembered.
pub(crate) const ADDRESSES: usize = 16;
/// Of these, how many one dial tries.
pub(crate) const DIALLED: usize = 8;
/// Nodes whose addresses are remembered (a few hundred members and some that left).
pub(crate) const KNOWN_NODES: usize = 1_024;

/// Nodes whose addresses are stored for the next start: one record, which must stay small.
pub(crate) const REMEMBERED_NODES: usize = 64;
/// Of each of these, how many addresses.
pub(crate) const REMEMBERED_ADDRESSES: usize = 2;

/// Control connections to one peer (one stays; both sides may have dialled).
pub(crate) const CONNECTIONS_PER_PEER: u32 = 4;
/// Control connections whose handshake is under way, in each direction: those of sixteen addresses,
/// see [`HANDSHAKES_PER_SOURCE`].
pub(crate) const PENDING_CONNECTIONS: u32 = 256;
/// Control connections in all.
pub(crate) const CONNECTIONS: u32 = 1_024;
/// Requests under way on one control connection.
pub(crate) const CONTROL_STREAMS: usize = 128;
/// Streams that a peer may have open on one control connection: its requests, and what else there is.
pub(crate) const CONTROL_STREAMS_IN_ALL: u32 = 144;
/// Of these, streams whose protocol is not agreed upon yet.
pub(crate) const CONTROL_STREAMS_UNNAMED: usize = 64;
/// Bytes that a peer may have under way on one stream of the control plane: a request and a half.
pub(crate) const CONTROL_STREAM_BYTES: u32 = 384 * 1024;
/// Bytes that a peer may have under way on one control connection (ten of the largest requests).
pub(crate) const CONTROL_CONNECTION_BYTES: u32 = 4 * 1024 * 1024;
/// Messages of gossip that wait for one peer; the next are left out.
pub(crate) const GOSSIP_OUTBOX: usize = 512;
/// How long a request may take.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Hashes in one message of the roster's synchronisation: 32 bytes each, within a control message.
pub(crate) const SYNC_HASHES: usize = 7_000;
/// Bytes of entries in one message of the roster's synchronisation.
pub(crate) const SYNC_BYTES: usize = pumasi_protocol::limits::CONTROL_BYTES - 1_024;

/// Time between two pings of libp2p on one connection. They find what the state plane does not see:
/// that a second connection, or one to a member that does not speak its protocol, is broken.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(60);
/// How long a pong may take.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an idle control connection gives a sign of life. The state plane notices deaths; this
/// only keeps firewalls from forgetting the connection (Linux forgets after 30 s).
pub(crate) const CONTROL_KEEP_ALIVE: Duration = Duration::from_secs(20);
/// When a control connection without a sign of life is given up.
pub(crate) const CONTROL_IDLE: Duration = Duration::from_secs(60);
/// How long dialling a control address may take.
pub(crate) const CONTROL_DIAL: Duration = Duration::from_secs(5);

/// Messages of the state plane that wait for one connection; the next are left out.
pub(crate) const STATE_OUTBOX: usize = 256;
/// Bytes that are read from a stream of states at a time.
pub(crate) const STATE_PIECE: usize = 1_024;
/// Streams of states that are opened on one connection, one after the other, if they end.
pub(crate) const STATE_STREAMS: u32 = 8;
/// How long the connections of a member that is down are kept: who only stood still answers on them,
/// and whoever must be dialled again has time for it within ten seconds (invariant I10).
pub(crate) const DOWN_GRACE: Duration = Duration::from_secs(4);
/// Two connections of a pair that came within this time were dialled at once.
pub(crate) const TWIN_WINDOW: Duration = Duration::from_secs(2);
/// How often members that do not speak the state plane's protocol are asked for their adverts.
pub(crate) const ADVERT_AGAIN: Duration = Duration::from_secs(30);

/// How often what is due is dialled.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// Head start of the node with the lower id, so that a pair connects once.
pub(crate) const DIAL_GRACE: Duration = Duration::from_secs(1);
/// First pause after a failed dial; doubles each time.
pub(crate) const BACK_OFF_MIN: Duration = Duration::from_millis(500);
/// Longest pause between two dials of one address, if few are dialled: with the time of a dial it
/// leaves room for the ten seconds of invariant I10.
pub(crate) const BACK_OFF_MAX: Duration = Duration::from_secs(3);
/// What each node that is dialled in vain adds to that pause if there are many. One of them that is
/// back is found by somebody soon, and its gossip makes all others dial it.
pub(crate) const BACK_OFF_EACH: Duration = Duration::from_millis(500);
/// How often a node tells its addresses, whoever comes and goes: a tenth of what it may say.
pub(crate) const ANNOUNCEMENTS: Rate = Rate { per_s: 2, burst: 16 };
/// How often a node repeats its addresses to the mesh, if nothing changes.
pub(crate) const ADDRESSES_INTERVAL: Duration = Duration::from_secs(600);

/// Messages that no honest node sends, from one member within [`MISBEHAVIOUR_WINDOW`], before it is
/// cut off (guess: one that is damaged comes now and then). How much it may send is
/// [`super::conduct::Allowance`].
pub(crate) const MISBEHAVIOUR: u32 = 32;
/// See [`MISBEHAVIOUR`].
pub(crate) const MISBEHAVIOUR_WINDOW: Duration = Duration::from_secs(60);
/// How long a member that was cut off stays so; doubles each time.
pub(crate) const CUT_OFF_MIN: Duration = Duration::from_secs(60);
/// The longest such time: a person may have mended what was broken there.
pub(crate) const CUT_OFF_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a member must behave until its former times are forgotten.
pub(crate) const CUT_OFF_FORGIVEN: Duration = Duration::from_secs(24 * 60 * 60);

/// Handshakes under way from one address, on each plane (a computer needs one; several nodes may run
/// on one).
pub(crate) const HANDSHAKES_PER_SOURCE: u32 = 16;
/// Addresses whose handshakes are counted.
pub(crate) const SOURCES: usize = 1_024;

/// Streams that one peer may have open here: of attempts, files, and answers of providers.
pub(crate) const ATTEMPT_STREAMS: u32 = 1_024;
/// Data connections from one peer.
pub(crate) const DATA_CONNECTIONS_PER_PEER: usize = 4;
/// Data-plane handshakes under way.
pub(crate) const DATA_HANDSHAKES: usize = 256;
/// Of these, how many may come from addresses that were not proven; then each must prove its own.
pub(crate) const DATA_UNPROVEN: usize = 32;
/// How long a peer that closes in good order may take to say why on its other connections (guess: both
/// packets leave within a millisecond of each other).
pub(crate) const DATA_FAREWELL: Duration = Duration::from_millis(500);
/// The same for one that may be dead: whoever waits for an answer of it waits this much longer.
pub(crate) const DATA_LAST_WORD: Duration = Duration::from_millis(50);
/// Bytes that come before a handshake is looked at, of one and of all together.
pub(crate) const DATA_EARLY_BYTES: u64 = 16 * 1024;
/// See [`DATA_EARLY_BYTES`].
pub(crate) const DATA_EARLY_BYTES_IN_ALL: u64 = 1024 * 1024;
/// Bytes that a peer may have under way on one stream of the data plane (quinn's default, for 100 ms
/// at 100 Mbit/s).
pub(crate) const DATA_STREAM_BYTES: u32 = 1_250_000;
/// Of its streams, how many may be that full at once.
pub(crate) const DATA_FULL_STREAMS: u32 = 8;
/// KiB of first frames that one peer may have here before they are whole: eight of the largest.
pub(crate) const DATA_FRAMES_KIB: usize = 8 * 4 * 1024;
/// Events of one attempt that wait in each direction before back-pressure.
pub(crate) const ATTEMPT_EVENTS: usize = 64;
/// How long dialling a data plane may take.
pub(crate) const DATA_DIAL: Duration = Duration::from_secs(3);
/// How long the system of a member may take to say that a port of it is closed.
pub(crate) const KNOCK: Duration = Duration::from_millis(250);
/// How long after opening a stream its first frame may take.
pub(crate) const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// How long one frame may take once it has begun, or wait for the reader's window.
pub(crate) const FRAME_DEADLINE: Duration = Duration::from_secs(30);
/// Bytes of a frame after whose sending it shows that the way there is open.
pub(crate) const FRAME_PIECE: usize = 64 * 1024;
/// When the stream of an attempt is given up by itself. Its owner judges silence earlier, and knows
/// more.
pub(crate) const ATTEMPT_SILENCE: Duration = Duration::from_secs(10);
/// How long the last event may take after a cancel.
pub(crate) const CANCEL_GRACE: Duration = Duration::from_secs(2);
/// When a data connection without a sign of life is given up.
pub(crate) const DATA_IDLE: Duration = Duration::from_secs(15);
/// How often an idle data connection gives one.
pub(crate) const DATA_KEEP_ALIVE: Duration = Duration::from_secs(4);

/// Files that are sent to members at a time; the next are told to come back.
pub(crate) const BLOBS_SENT: usize = 16;
/// Files that are fetched at a time: each may take memory up to its bound.
pub(crate) const BLOBS_FETCHED: usize = 4;
/// How long the first frame of a file may take, dial included.
pub(crate) const BLOB_START: Duration = Duration::from_secs(10);
/// Bytes in a second below which a file is given up (an old radio link carries twice that).
pub(crate) const BLOB_SLOWEST: u64 = 256 * 1024;

/// Readers of model files that are served at a time, each by a thread; the next come back later.
pub(crate) const COPIES_SERVED: usize = 16;
/// Of these, connections of one member: one for each of four models.
pub(crate) const COPIES_PER_READER: u32 = 4;
/// Largest ask for a part of a model file.
pub(crate) const COPY_ASK_BYTES: usize = 128;
/// Bytes that are read from a socket of a copy at a time.
pub(crate) const COPY_SOCKET_BYTES: usize = 256 * 1024;
/// Bytes that wait to be encrypted and written together: four records of TLS.
pub(crate) const COPY_WRITE_BYTES: usize = 64 * 1024;
/// Bytes that are decrypted ahead: hashes are read one by one.
pub(crate) const COPY_READ_BYTES: usize = 16 * 1024;
/// How long connecting over TCP may take before QUIC is used: the computer is known to be there.
pub(crate) const COPY_DIAL: Duration = Duration::from_secs(1);
/// When a partner that neither sends nor takes anything is given up. Readers ask ten times a second,
/// and what a silent holder was asked for is asked of others long before.
pub(crate) const COPY_SILENCE: Duration = Duration::from_secs(15);

/// Largest message of the join door, from a newcomer.
pub(crate) const JOIN_ASK_BYTES: usize = 1_024;
/// Largest message of the join door, to a newcomer.
pub(crate) const JOIN_ANSWER_BYTES: usize = pumasi_protocol::limits::CONTROL_BYTES;
/// Newcomers served at the same time.
pub(crate) const JOIN_CONNECTIONS: usize = 16;
/// Of these, from one address (a computer needs one; several nodes may run on one).
pub(crate) const JOIN_PER_SOURCE: usize = 8;
/// Messages that bring the roster to a newcomer, at most.
pub(crate) const JOIN_ANSWERS: usize = 1_024;
/// How long a member that closed its mesh door is not shown this node's chain again: the door there
/// ignores an address after [`JOIN_FAILURES`] in [`JOIN_WINDOW`].
pub(crate) const CHAIN_AGAIN: Duration = Duration::from_secs(10);
/// Computers that ask to be let in, as discovery sees them.
pub(crate) const ASKERS: usize = 64;
/// How long a newcomer has for the whole exchange.
pub(crate) const JOIN_DEADLINE: Duration = Duration::from_secs(10);
/// Wrong secrets and refused chains from one address within [`JOIN_WINDOW`] before it is ignored.
pub(crate) const JOIN_FAILURES: u32 = 10;
/// See [`JOIN_FAILURES`].
pub(crate) const JOIN_WINDOW: Duration = Duration::from_secs(60);

/// Installs that discovery remembers; the one seen longest ago gives way.
pub(crate) const CANDIDATES: usize = 256;
/// Characters of a text that discovery found.
pub(crate) const CANDIDATE_TEXT: usize = 64;

/// How long no more is told of the providers that are shared after something was told.
pub(crate) const OFFERS_PAUSE: Duration = Duration::from_secs(1);
/// When a member that does not say what it shares is asked again: it may be of a former version. One
/// whose stream broke is asked much sooner.
pub(crate) const OFFERS_AGAIN: Duration = Duration::from_secs(60);
/// Calls of providers that this node puts to one member: two thirds of what that one lets pass.
pub(crate) const BORROWED: Rate = Rate { per_s: 2_000, burst: 2_000 };
/// How long a call waits until one of the streams to a member is free.
pub(crate) const BORROW_WAIT: Duration = Duration::from_secs(2);
/// Pauses before the data plane of a member is dialled again to hear what it shares.
pub(crate) const OFFERS_REDIAL: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20)];
/// How long the body of a provider's call may take (32 MiB at 3 Mbit/s).
pub(crate) const PROVIDER_BODY_TIME: Duration = Duration::from_secs(90);
/// How long a piece of such a call or of its answer may wait for its reader's window: a client may pause
/// that long.
pub(crate) const PROVIDER_STALL: Duration = Duration::from_secs(90);
