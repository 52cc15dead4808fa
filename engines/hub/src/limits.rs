//! Every bound of this crate.

use std::time::Duration;

/// Largest answer in JSON, in bytes. A repository of 10,000 files with hashes has some 3 MiB.
pub const JSON_BYTES_MAX: usize = 8 << 20;
/// Largest model card, in bytes; what follows is left out.
pub const CARD_BYTES_MAX: usize = 512 << 10;
/// Most files of one repository.
pub const FILES_MAX: usize = 20_000;
/// Most results on one page of a search.
pub const RESULTS_MAX: usize = 100;
/// Longest owner or name of a repository, in bytes (the Hub's own rule).
pub const REPO_PART_BYTES_MAX: usize = 96;
/// Longest path of a file in a repository, in bytes.
pub const FILE_PATH_BYTES_MAX: usize = 512;
/// Longest branch, tag or commit, in bytes.
pub const REVISION_BYTES_MAX: usize = 128;
/// Longest search text, in bytes.
pub const QUERY_BYTES_MAX: usize = 256;
/// Longest place to go on in a search, in bytes.
pub const CURSOR_BYTES_MAX: usize = 2_048;
/// Longest address of a hub, in bytes.
pub const ENDPOINT_BYTES_MAX: usize = 512;
/// Longest token, in bytes. Those of the Hub have 37.
pub const TOKEN_BYTES_MAX: usize = 1_024;
/// Longest text of a hub that is kept (a licence, a tag), in bytes.
pub const TEXT_BYTES_MAX: usize = 128;
/// Most tags of a repository that are kept.
pub const TAGS_MAX: usize = 64;
/// Most redirects for one request. The Hub needs two.
pub const REDIRECTS_MAX: usize = 5;
/// Most addresses of a host that are tried.
pub const ADDRESSES_MAX: usize = 16;

/// Longest head of an answer, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most headers of an answer. The Hub sends some 40.
pub const HEADERS_MAX: usize = 200;

/// Time for a connection, TLS included.
pub const CONNECT: Duration = Duration::from_secs(10);
/// Time for the head of an answer, and between two pieces of it.
pub const SILENCE: Duration = Duration::from_secs(30);
/// Time for a whole answer in JSON.
pub const ANSWER: Duration = Duration::from_secs(60);

/// Bytes of a file that are hashed or read at a time.
pub const PIECE_BYTES: usize = 256 << 10;
/// Pieces that may wait for the disk. With pieces of a connection's 16 to 256 KiB, below 4 MiB.
pub const PIECES_WAITING: usize = 16;
