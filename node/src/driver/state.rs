//! The state file: node IDs and routing tables across restarts.
//!
//! The first line is `mdht-state VERSION SHA1`, where SHA1 is that of all
//! that follows: one JSON document. The file is written under a temporary
//! name, flushed to disk and renamed, so that there is always a whole one. What
//! cannot be read, for whatever reason, costs the node its memory and nothing
//! else.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mdht_krpc::{Contact, Family, Id};
use mdht_plugins::routing::{SavedContact, SavedTable};
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use crate::core::SavedNode;

#[cfg(test)]
mod tests;

const FILE_NAME: &str = "node.state";
/// Extension of the file while it is being written.
const TEMPORARY: &str = "tmp";
const VERSION: u32 = 1;
/// Largest file that is read: a table of ten thousand contacts has a tenth.
const MOST_BYTES: u64 = 16 << 20;

/// Why a state file was not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// It is no state file, was changed, or is of another version.
    #[error("{path}: {what}; starting with an empty table (the file is replaced at the next save)")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
struct Document {
    /// Seconds since the Unix epoch.
    saved_at: u64,
    overlays: Vec<OverlayEntry>,
}

#[derive(Serialize, Deserialize)]
struct OverlayEntry {
    ipv6: bool,
    id: String,
    contacts: Vec<ContactEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    private: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct ContactEntry {
    id: String,
    addr: SocketAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rtt_us: Option<u64>,
    idle_s: u64,
}

/// A folder that holds a node's state.
#[derive(Clone, Debug)]
pub(crate) struct StateDir(PathBuf);

impl StateDir {
    /// Makes the folder if it is not there, and sees whether it can be
    /// written to: the first save is minutes away. A disk that is full now need
    /// not be full then.
    pub(crate) fn open(dir: &Path) -> Result<Self, StateError> {
        let state = Self(dir.to_owned());
        let usable = fs::create_dir_all(dir).and_then(|()| {
            let temporary = state.file().with_extension(TEMPORARY);
            File::create(&temporary)?;
            fs::remove_file(temporary)
        });
        let unusable = |error| StateError::Io {
            path: dir.to_owned(),
            error,
        };
        match usable {
            Err(error) if !is_full(&error) => Err(unusable(error)),
            _ => Ok(state),
        }
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE_NAME)
    }

    /// What was saved; `None` if nothing was.
    pub(crate) fn load(&self, now: Duration) -> Result<Option<SavedNode>, StateError> {
        let path = self.file();
        let io_error = |error| StateError::Io {
            path: path.clone(),
            error,
        };
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(error)),
            // a pipe would be waited for without end
            Ok(meta) if !meta.is_file() => {
                return Err(StateError::Unusable {
                    path,
                    what: "not a file",
                });
            }
            Ok(meta) if meta.len() > MOST_BYTES => {
                return Err(StateError::Unusable {
                    path,
                    what: "far too large for a state file",
                });
            }
            Ok(_) => {}
        }
        let bytes = fs::read(&path).map_err(io_error)?;
        let unusable = |what| StateError::Unusable {
            path: path.clone(),
            what,
        };
        let document = read(&bytes).map_err(unusable)?;
        document.into_saved(now).map(Some).map_err(unusable)
    }

    /// Replaces what was saved before, whole or not at all.
    pub(crate) fn save(&self, node: &SavedNode, now: Duration) -> Result<(), StateError> {
        let path = self.file();
        self.replace(&path, &write(node, now))
            .map_err(|error| StateError::Io { path, error })
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_extension(TEMPORARY);
        let written = Self::write_to(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
        if let Err(error) = written {
            // half a file is of no use, and a full disk needs the room
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        // the rename itself must reach the disk too, where folders can be synced
        if let Ok(dir) = File::open(&self.0) {
            let _ = dir.sync_all();
        }
        Ok(())
    }

    fn write_to(temporary: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}

/// Whether there was no room to write.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn write(node: &SavedNode, now: Duration) -> Vec<u8> {
    let overlays = node
        .overlays
        .iter()
        .map(|(family, id, table)| OverlayEntry {
            ipv6: *family == Family::V6,
            id: id.to_string(),
            contacts: table.contacts.iter().map(ContactEntry::from).collect(),
            private: table.private.clone(),
        });
    let document = Document {
        saved_at: now.as_secs(),
        overlays: overlays.collect(),
    };
    // plain data with string keys: there is nothing in it that JSON cannot hold
    let json = serde_json::to_vec(&document).unwrap_or_default();
    let mut bytes = format!("mdht-state {VERSION} {}\n", checksum(&json)).into_bytes();
    bytes.extend_from_slice(&json);
    bytes
}

fn read(bytes: &[u8]) -> Result<Document, &'static str> {
    let header_len = bytes
        .iter()
        .position(|b| *b == b'\n')
        .ok_or("not a state file")?;
    let (header, json) = (&bytes[..header_len], &bytes[header_len + 1..]);
    let header = std::str::from_utf8(header).map_err(|_| "not a state file")?;
    let mut words = header.split(' ');
    if words.next() != Some("mdht-state") {
        return Err("not a state file");
    }
    if words.next().and_then(|version| version.parse().ok()) != Some(VERSION) {
        return Err("a state file of another version");
    }
    if words.next() != Some(checksum(json).as_str()) {
        return Err("damaged: its checksum does not fit");
    }
    serde_json::from_slice(json).map_err(|_| "damaged: its content cannot be read")
}

fn checksum(bytes: &[u8]) -> String {
    Sha1::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Document {
    /// Idle times grow by the time since the save; a clock that went back
    /// counts as no time.
    fn into_saved(self, now: Duration) -> Result<SavedNode, &'static str> {
        let stopped = now.as_secs().saturating_sub(self.saved_at);
        let id = |text: &str| text.parse::<Id>().map_err(|_| "damaged: a bad node ID");
        let mut overlays = Vec::new();
        for overlay in self.overlays {
            let mut contacts = Vec::new();
            for contact in &overlay.contacts {
                contacts.push(SavedContact {
                    contact: Contact::new(id(&contact.id)?, contact.addr),
                    rtt: contact.rtt_us.map(Duration::from_micros),
                    idle: Duration::from_secs(contact.idle_s.saturating_add(stopped)),
                });
            }
            let family = if overlay.ipv6 { Family::V6 } else { Family::V4 };
            let table = SavedTable {
                contacts,
                private: overlay.private,
            };
            overlays.push((family, id(&overlay.id)?, table));
        }
        Ok(SavedNode { overlays })
    }
}

impl From<&SavedContact> for ContactEntry {
    fn from(saved: &SavedContact) -> Self {
        Self {
            id: saved.contact.id.to_string(),
            addr: saved.contact.addr,
            rtt_us: saved
                .rtt
                .map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
            idle_s: saved.idle.as_secs(),
        }
    }
}
