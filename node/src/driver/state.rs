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

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> SavedNode {
        let contact = |n: u8, addr: &str| SavedContact {
            contact: Contact::new(Id::new([n; 20]), addr.parse().unwrap()),
            rtt: (n == 1).then(|| Duration::from_micros(1234)),
            idle: Duration::from_secs(60),
        };
        let v4 = vec![contact(1, "1.2.3.4:5"), contact(2, "1.2.3.5:5")];
        let table = |contacts| SavedTable {
            contacts,
            private: vec![1, 2],
        };
        SavedNode {
            overlays: vec![
                (Family::V4, Id::new([7; 20]), table(v4)),
                (
                    Family::V6,
                    Id::new([8; 20]),
                    table(vec![contact(3, "[2a00::1]:5")]),
                ),
            ],
        }
    }

    fn temporary_dir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("mdht-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn what_was_saved_comes_back_older() {
        let dir = temporary_dir("state");
        let state = StateDir::open(&dir).unwrap();
        let at = Duration::from_secs;
        assert!(state.load(at(0)).unwrap().is_none());
        state.save(&node(), at(1000)).unwrap();
        let mut expected = node();
        for saved in expected
            .overlays
            .iter_mut()
            .flat_map(|(_, _, table)| &mut table.contacts)
        {
            saved.idle += at(500);
        }
        assert_eq!(state.load(at(1500)).unwrap(), Some(expected));
        assert_eq!(
            state.load(at(0)).unwrap(),
            Some(node()),
            "a clock that went back"
        );
        fs::remove_dir_all(&dir).unwrap();
    }

    /// Names the folder for the process that saves without end.
    const SAVES_TO: &str = "MDHT_TEST_SAVES_TO";

    /// Not a test by itself: what the next one starts and kills.
    #[test]
    fn saves_without_end() {
        let Some(dir) = std::env::var_os(SAVES_TO) else {
            return;
        };
        let state = StateDir::open(Path::new(&dir)).unwrap();
        for number in 1..100_000 {
            // as large as a table is, so that the write takes its time
            state.save(&numbered(number), Duration::ZERO).unwrap();
            println!("saved {number}");
        }
    }

    /// A node whose every contact carries this number.
    fn numbered(number: u64) -> SavedNode {
        let contact = |port: u16| SavedContact {
            contact: Contact::new(Id::new([9; 20]), ([8, 8, 8, 8], port).into()),
            rtt: Some(Duration::from_micros(number)),
            idle: Duration::from_secs(number),
        };
        let table = SavedTable {
            contacts: (1..=300).map(contact).collect(),
            private: Vec::new(),
        };
        SavedNode {
            overlays: vec![(Family::V4, Id::new([7; 20]), table)],
        }
    }

    #[test]
    fn killed_in_the_middle_of_any_save_at_most_that_one_is_lost() {
        const KILLS: u64 = 40;
        let dir = temporary_dir("killed");
        let state = StateDir::open(&dir).unwrap();
        let mut rng = mdht_krpc::Rng::from_u64(1);
        for kill in 0..KILLS {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "driver::state::tests::saves_without_end"])
                .args(["--nocapture", "--test-threads=1"])
                .env(SAVES_TO, &dir)
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut out = io::BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            // the first save is told, so that there is one to lose
            while !line.contains("saved") {
                line.clear();
                assert!(io::BufRead::read_line(&mut out, &mut line).unwrap() > 0);
            }
            std::thread::sleep(Duration::from_micros(rng.next_u64() % 20_000));
            child.kill().unwrap();
            child.wait().unwrap();
            let mut rest = String::new();
            io::Read::read_to_string(&mut out, &mut rest).unwrap();
            let told = format!("{line}{rest}");
            // the last line may be cut
            let whole = told.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let mut numbers = whole.lines().filter_map(|line| line.split("saved ").nth(1));
            let last: u64 = numbers.next_back().unwrap().trim().parse().unwrap();
            let loaded = state.load(Duration::ZERO).unwrap().unwrap();
            let (.., table) = &loaded.overlays[0];
            let number = table.contacts[0].idle.as_secs();
            assert!(
                number == last || number == last + 1,
                "kill {kill}: {number} after {last}"
            );
            assert_eq!(loaded, numbered(number), "kill {kill}: a mixture");
        }
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn whatever_is_in_the_files_place_is_told_and_waited_for_by_nobody() {
        let dir = temporary_dir("foreign");
        let state = StateDir::open(&dir).unwrap();
        let load = || state.load(Duration::ZERO);
        let huge = || {
            let file = File::create(state.file()).unwrap();
            file.set_len(MOST_BYTES + 1).unwrap();
        };
        huge();
        assert!(matches!(load(), Err(StateError::Unusable { .. })));
        fs::remove_file(state.file()).unwrap();
        fs::create_dir(state.file()).unwrap();
        assert!(matches!(load(), Err(StateError::Unusable { .. })));
        // it cannot be replaced, which is told; nothing is left behind
        assert!(state.save(&node(), Duration::ZERO).is_err());
        assert!(!state.file().with_extension(TEMPORARY).exists());
        fs::remove_dir(state.file()).unwrap();
        // a pipe that nobody writes to
        #[cfg(unix)]
        {
            let made = std::process::Command::new("mkfifo")
                .arg(state.file())
                .status();
            assert!(made.unwrap().success());
            assert!(matches!(load(), Err(StateError::Unusable { .. })));
            fs::remove_file(state.file()).unwrap();
        }
        // any bytes at all under a header that fits them
        let mut rng = mdht_krpc::Rng::from_u64(2);
        for _ in 0..2000 {
            let mut json = vec![0; rng.below(200)];
            rng.fill(&mut json);
            let header = format!("mdht-state {VERSION} {}\n", checksum(&json));
            fs::write(state.file(), [header.as_bytes(), &json].concat()).unwrap();
            assert!(matches!(load(), Err(StateError::Unusable { .. })));
        }
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn any_damage_is_found() {
        let whole = write(&node(), Duration::from_secs(1));
        assert!(read(&whole).is_ok());
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_err(), "cut at {len}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            for bit in 0..8 {
                damaged[at] ^= 1 << bit;
                assert!(read(&damaged).is_err(), "changed at {at}, bit {bit}");
                damaged[at] ^= 1 << bit;
            }
        }
        assert!(read(b"mdht-state 2 0\n{}").is_err());
    }
}
