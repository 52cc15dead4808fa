//! The records that `record.c` wrote: what a process asked of the disk, in order.

/// One call. Names are below the recorded folder; files are known by the number the system gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    OpenFile {
        inode: u64,
        name: String,
        truncated: bool,
    },
    OpenFolder {
        inode: u64,
        name: String,
    },
    Write {
        inode: u64,
        at: u64,
        data: Vec<u8>,
    },
    Truncate {
        inode: u64,
        length: u64,
    },
    /// `fsync` or `fdatasync`.
    Sync {
        inode: u64,
    },
    /// `sync_file_range`: no sync, since it stops short of the platter.
    SyncRange {
        inode: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        name: String,
    },
    MakeFolder {
        name: String,
    },
    RemoveFolder {
        name: String,
    },
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n);
        self.0 = rest;
        taken
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    fn counted(&mut self) -> &'a [u8] {
        let n = u32::from_le_bytes(self.take(4).try_into().expect("four bytes"));
        self.take(usize::try_from(n).expect("fits"))
    }
}

pub(crate) fn parse(log: &[u8]) -> Vec<Call> {
    let mut bytes = Bytes(log);
    let mut calls = Vec::new();
    while !bytes.0.is_empty() {
        let kind = bytes.take(1)[0];
        let (inode, a, _b) = (bytes.number(), bytes.number(), bytes.number());
        let name = String::from_utf8(bytes.counted().to_vec()).expect("names here are text");
        let data = bytes.counted().to_vec();
        let text = |data: Vec<u8>| String::from_utf8(data).expect("names here are text");
        calls.push(match kind {
            b'O' => Call::OpenFile { inode, name, truncated: a != 0 },
            b'D' => Call::OpenFolder { inode, name },
            b'W' => Call::Write { inode, at: a, data },
            b'T' => Call::Truncate { inode, length: a },
            b'S' => Call::Sync { inode },
            b'R' => Call::SyncRange { inode },
            b'N' => Call::Rename { from: name, to: text(data) },
            b'U' => Call::Unlink { name },
            b'M' => Call::MakeFolder { name },
            b'r' => Call::RemoveFolder { name },
            other => panic!("the recorder wrote kind {other}"),
        });
    }
    calls
}
