//! Keys in files: one for each provider, in a folder that only this user enters. A key is whole under
//! its name or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keystore::{KeyStoreError, key};
use crate::limits;
use crate::secret::Secret;
use crate::settings::ProviderId;

pub(super) fn get(folder: &Path, id: &ProviderId) -> Result<Option<Secret>, KeyStoreError> {
    match check_folder(folder) {
        Err(KeyStoreError::Disk(ErrorKind::NotFound)) => return Ok(None),
        checked => checked?,
    }
    let file = match open(&place(folder, id)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk(error)),
        Ok(file) => file,
    };
    check_file(&file)?;
    // What is longer is no key, whatever comes behind.
    let most = limits::KEY_BYTES + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    file.take(most as u64).read_to_end(&mut bytes).map_err(disk)?;
    key(std::mem::take(&mut *bytes)).map(Some)
}

pub(super) fn put(folder: &Path, id: &ProviderId, key: &Secret) -> Result<(), KeyStoreError> {
    make_folder(folder).map_err(disk)?;
    check_folder(folder)?;
    let draw = getrandom::u64().map_err(|_| KeyStoreError::Disk(ErrorKind::Other))?;
    let fresh = folder.join(format!(".{id}.{draw:016x}"));
    let written = write(&fresh, key).and_then(|()| fs::rename(&fresh, place(folder, id)));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written.and_then(|()| sync(folder)).map_err(disk)
}

pub(super) fn remove(folder: &Path, id: &ProviderId) -> Result<bool, KeyStoreError> {
    match fs::remove_file(place(folder, id)) {
        Ok(()) => sync(folder).map(|()| true).map_err(disk),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(disk(error)),
    }
}

/// An id is a slug, so that the place is in the folder.
fn place(folder: &Path, id: &ProviderId) -> PathBuf {
    folder.join(format!("{id}.key"))
}

fn write(place: &Path, key: &Secret) -> io::Result<()> {
    let mut file = mine(OpenOptions::new().write(true).create_new(true)).open(place)?;
    file.write_all(key.reveal())?;
    file.sync_all()
}

fn disk(error: io::Error) -> KeyStoreError {
    KeyStoreError::Disk(error.kind())
}

#[cfg(unix)]
fn mine(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn mine(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Opens what lies there itself: not what a link points to, and without waiting for a pipe's other end.
#[cfg(unix)]
fn open(place: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(place)
}

#[cfg(not(unix))]
fn open(place: &Path) -> io::Result<File> {
    File::open(place)
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Only this user may enter it, or replace what lies in it.
#[cfg(unix)]
fn check_folder(folder: &Path) -> Result<(), KeyStoreError> {
    let found = fs::symlink_metadata(folder).map_err(disk)?;
    if found.is_dir() && is_mine(&found) { Ok(()) } else { Err(KeyStoreError::Exposed) }
}

/// The folder of a user's own data is theirs by what it inherits.
#[cfg(not(unix))]
fn check_folder(folder: &Path) -> Result<(), KeyStoreError> {
    fs::symlink_metadata(folder).map(|_| ()).map_err(disk)
}

#[cfg(unix)]
fn check_file(file: &File) -> Result<(), KeyStoreError> {
    use std::os::unix::fs::MetadataExt;
    let found = file.metadata().map_err(disk)?;
    if !found.is_file() {
        return Err(KeyStoreError::Odd);
    }
    if is_mine(&found) && found.nlink() == 1 { Ok(()) } else { Err(KeyStoreError::Exposed) }
}

#[cfg(not(unix))]
fn check_file(file: &File) -> Result<(), KeyStoreError> {
    let found = file.metadata().map_err(disk)?;
    if found.is_file() { Ok(()) } else { Err(KeyStoreError::Odd) }
}

#[cfg(unix)]
fn is_mine(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.mode() & 0o077 == 0 && found.uid() == rustix::process::geteuid().as_raw()
}

/// What the folder lists is on the disk, too.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
