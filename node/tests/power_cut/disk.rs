//! What a power cut may leave: the synced part of every file and folder, and of what was not synced
//! any part, in any order, cut at sectors. Stricter than the file systems in use: a new name lasts only
//! once its folder was synced, and unsynced names are lost one by one.

use std::collections::BTreeMap;
use std::path::Path;

use crate::log::Call;

const SECTOR: usize = 512;
const PAGE: usize = 4096;

/// A deterministic source of choices (xorshift64*).
#[derive(Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() >> 16).expect("48 bits") % n.max(1)
    }

    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(usize),
    Folder,
}

/// A change that no sync has covered yet.
#[derive(Debug, Clone)]
enum Pending {
    Write { file: usize, at: usize, data: Vec<u8> },
    Truncate { file: usize, length: usize },
    Set { name: String, entry: Entry },
    Remove { name: String },
    Rename { from: String, to: String, entry: Entry },
}

impl Pending {
    fn file(&self) -> Option<usize> {
        match self {
            Self::Write { file, .. } | Self::Truncate { file, .. } => Some(*file),
            Self::Set { .. } | Self::Remove { .. } | Self::Rename { .. } => None,
        }
    }

    /// Whether syncing `folder` makes it last. A rename is one step of a journal: either folder does.
    fn in_folder(&self, folder: &str) -> bool {
        match self {
            Self::Write { .. } | Self::Truncate { .. } => false,
            Self::Set { name, .. } | Self::Remove { name } => parent(name) == folder,
            Self::Rename { from, to, .. } => parent(from) == folder || parent(to) == folder,
        }
    }
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Files by number, and which names they have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Image {
    names: BTreeMap<String, Entry>,
    files: BTreeMap<usize, Vec<u8>>,
}

impl Image {
    fn apply(&mut self, change: &Pending) {
        match change {
            Pending::Write { file, at, data } => {
                let bytes = self.files.entry(*file).or_default();
                if bytes.len() < at + data.len() {
                    bytes.resize(at + data.len(), 0);
                }
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
            Pending::Truncate { file, length } => {
                self.files.entry(*file).or_default().resize(*length, 0);
            }
            Pending::Set { name, entry } => {
                self.names.insert(name.clone(), *entry);
            }
            Pending::Remove { name } => {
                self.names.remove(name);
            }
            Pending::Rename { from, to, entry } => self.rename(from, to, *entry),
        }
    }

    fn rename(&mut self, from: &str, to: &str, entry: Entry) {
        self.names.remove(from);
        self.names.insert(to.to_owned(), entry);
        if entry == Entry::Folder {
            let prefix = format!("{from}/");
            let inside: Vec<_> =
                self.names.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
            for name in inside {
                let entry = self.names.remove(&name).expect("listed above");
                self.names.insert(format!("{to}/{}", &name[prefix.len()..]), entry);
            }
        }
    }

    /// A part of a write: whole sectors or pages, some of them lost.
    fn tear(&mut self, file: usize, at: usize, data: &[u8], chance: &mut Chance) {
        let unit = if chance.percent(50) { SECTOR } else { PAGE };
        let in_order = chance.percent(50);
        let keep = chance.below(100);
        let mut start = 0;
        while start < data.len() {
            let end = ((at + start) / unit * unit + unit - at).min(data.len());
            if chance.percent(keep) {
                let data = data[start..end].to_vec();
                self.apply(&Pending::Write { file, at: at + start, data });
            } else if in_order {
                return;
            }
            start = end;
        }
    }

    /// Writes it into an empty folder. Names in folders that are not there are lost.
    pub(crate) fn write_to(&self, root: &Path) {
        for (name, entry) in &self.names {
            let path = root.join(name);
            if !path.parent().expect("below the root").is_dir() {
                continue;
            }
            match entry {
                Entry::Folder => std::fs::create_dir(&path).expect("a new folder"),
                Entry::File(file) => {
                    let bytes = self.files.get(file).map_or(&[][..], Vec::as_slice);
                    std::fs::write(&path, bytes).expect("a new file");
                }
            }
        }
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for (name, entry) in &self.names {
            hasher.update(name.as_bytes()).update(&[0]);
            if let Entry::File(file) = entry {
                let bytes = self.files.get(file).map_or(&[][..], Vec::as_slice);
                hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
            }
        }
        *hasher.finalize().as_bytes()
    }
}

/// The disk at one moment of a recorded run.
#[derive(Default)]
pub(crate) struct Disk {
    lasting: Image,
    pending: Vec<Pending>,
    /// As the running process sees it.
    names: BTreeMap<String, Entry>,
    inodes: BTreeMap<u64, usize>,
    folders: BTreeMap<u64, String>,
    files: usize,
}

impl Disk {
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    fn file(&self, inode: u64) -> usize {
        *self.inodes.get(&inode).expect("a file is opened before it is used")
    }

    /// Takes the next call. Says whether what would survive a cut now has changed.
    pub(crate) fn take(&mut self, call: &Call) -> bool {
        match call {
            Call::OpenFile { inode, name, truncated } => self.open(*inode, name, *truncated),
            // The system gives the number of what was removed to something new.
            Call::OpenFolder { inode, name } => {
                self.inodes.remove(inode);
                self.folders.insert(*inode, name.clone());
            }
            Call::Write { inode, at, data } => {
                let (file, at) = (self.file(*inode), usize::try_from(*at).expect("small files"));
                self.pending.push(Pending::Write { file, at, data: data.clone() });
            }
            Call::Truncate { inode, length } => {
                let length = usize::try_from(*length).expect("small files");
                self.pending.push(Pending::Truncate { file: self.file(*inode), length });
            }
            Call::Sync { inode } => return self.sync(*inode),
            Call::SyncRange { .. } => {}
            Call::Rename { from, to } => {
                let entry = *self.names.get(from).expect("only what is there is renamed");
                let mut view =
                    Image { names: std::mem::take(&mut self.names), files: BTreeMap::new() };
                view.rename(from, to, entry);
                self.names = view.names;
                self.change(Pending::Rename { from: from.clone(), to: to.clone(), entry });
            }
            Call::Unlink { name } | Call::RemoveFolder { name } => {
                self.names.remove(name);
                self.change(Pending::Remove { name: name.clone() });
            }
            Call::MakeFolder { name } => {
                self.names.insert(name.clone(), Entry::Folder);
                self.change(Pending::Set { name: name.clone(), entry: Entry::Folder });
            }
        }
        false
    }

    fn open(&mut self, inode: u64, name: &str, truncated: bool) {
        self.folders.remove(&inode);
        let known = self.inodes.get(&inode).copied();
        if let (Some(file), Some(Entry::File(named))) = (known, self.names.get(name))
            && file == *named
        {
            if truncated {
                self.pending.push(Pending::Truncate { file, length: 0 });
            }
            return;
        }
        let file = self.files;
        self.files += 1;
        self.inodes.insert(inode, file);
        self.names.insert(name.to_owned(), Entry::File(file));
        self.change(Pending::Set { name: name.to_owned(), entry: Entry::File(file) });
    }

    /// The folder above all is there before the run, and what it holds directly is no part of it.
    fn change(&mut self, change: Pending) {
        if change.in_folder("") { self.lasting.apply(&change) } else { self.pending.push(change) }
    }

    fn sync(&mut self, inode: u64) -> bool {
        let folder = self.folders.get(&inode).cloned();
        let file = self.inodes.get(&inode).copied();
        let covered = |change: &Pending| match (&folder, file) {
            (Some(folder), _) => change.in_folder(folder),
            (None, file) => change.file().is_some() && change.file() == file,
        };
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(covered);
        self.pending = later;
        now.iter().for_each(|change| self.lasting.apply(change));
        !now.is_empty()
    }

    /// Nothing that was not synced has survived.
    pub(crate) fn without_pending(&self) -> Image {
        self.lasting.clone()
    }

    /// All has survived, as when only the process is killed.
    pub(crate) fn with_pending(&self) -> Image {
        let mut image = self.lasting.clone();
        self.pending.iter().for_each(|change| image.apply(change));
        image
    }

    /// Any part has survived.
    pub(crate) fn with_some(&self, chance: &mut Chance) -> Image {
        let mut image = self.lasting.clone();
        let (keep, tear) = (chance.below(101), chance.below(101));
        let sizes_survive = chance.percent(30);
        let names_in_order = chance.percent(50);
        let mut names_end = false;
        for change in &self.pending {
            let kept = chance.percent(keep);
            match change {
                Pending::Write { file, at, data } if kept && chance.percent(tear) => {
                    image.tear(*file, *at, data, chance);
                }
                Pending::Write { file, at, data } if !kept && sizes_survive => {
                    let bytes = image.files.entry(*file).or_default();
                    if bytes.len() < at + data.len() {
                        bytes.resize(at + data.len(), 0);
                    }
                }
                Pending::Write { .. } | Pending::Truncate { .. } if kept => image.apply(change),
                Pending::Write { .. } | Pending::Truncate { .. } => {}
                Pending::Set { .. } | Pending::Remove { .. } | Pending::Rename { .. } => {
                    if kept && !names_end {
                        image.apply(change);
                    } else {
                        names_end = names_in_order;
                    }
                }
            }
        }
        image
    }
}
