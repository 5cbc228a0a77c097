//! Files that hold the secret key of mutable items.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use mdht_node::item::{PublicKey, SecretKey};

use crate::output::{Failure, note};

/// Makes a new key in a new file, which only its owner can read.
pub(crate) fn make(path: &Path) -> Result<PublicKey, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::Failed(format!("no randomness from the system: {error}")))?;
    let cannot = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::AlreadyExists => " (keys are never overwritten: name another file)",
            _ => "",
        };
        Failure::Failed(format!("cannot make {}: {error}{hint}", path.display()))
    };
    let mut file = create(path).map_err(cannot)?;
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{hex}")
        .and_then(|()| file.sync_all())
        .map_err(cannot)?;
    Ok(SecretKey::from_seed(&seed).public_key())
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Reads a key, and says so where others can read it too.
pub(crate) fn read(path: &Path) -> Result<SecretKey, Failure> {
    /// Longer than any key.
    const MOST: u64 = 1024;
    let shown = path.display();
    let mut text = String::new();
    let file = File::open(path).map_err(|error| {
        Failure::Failed(format!(
            "cannot read the key {shown}: {error}\nmake one with `mdht put --make-key {shown}`"
        ))
    })?;
    warn_if_open(&file, path);
    let read = file.take(MOST).read_to_string(&mut text);
    let key = read.ok().and_then(|_| SecretKey::from_text(text.trim()));
    key.ok_or_else(|| {
        Failure::Failed(format!(
            "{shown} holds no secret key: it takes 64 hexadecimal digits, as `mdht put --make-key FILE` \
             writes them, or 128 as libtorrent has them"
        ))
    })
}

#[cfg(unix)]
fn warn_if_open(file: &File, path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map_or(0, |data| data.permissions().mode());
    if mode & 0o077 != 0 {
        let path = path.display();
        note(&format!(
            "warning: others can read the secret key {path}; chmod 600 {path}"
        ));
    }
}

#[cfg(not(unix))]
fn warn_if_open(_: &File, _: &Path) {}
