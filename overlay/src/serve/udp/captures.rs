//! A capture of each client's packets, as they pass the server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_node::CaptureWriter;

/// One client's capture.
#[derive(Debug)]
struct Writer {
    packets: CaptureWriter<BufWriter<File>>,
    /// Date of the last packet.
    last: Duration,
}

/// Writes `DIR/IP_PORT.pcap` for each client.
#[derive(Debug)]
pub(crate) struct Captures {
    dir: PathBuf,
    files: HashMap<SocketAddrV4, Writer, FixedState>,
}

impl Captures {
    pub(crate) fn new(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            files: HashMap::default(),
        })
    }

    /// A client's datagram, or one to it.
    pub(crate) fn datagram(
        &mut self,
        client: SocketAddrV4,
        date: Duration,
        (from, to): (SocketAddrV4, SocketAddrV4),
        payload: &[u8],
    ) -> io::Result<()> {
        let writer = match self.files.entry(client) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let name = format!("{}_{}.pcap", client.ip(), client.port());
                let file = File::create(self.dir.join(name))?;
                let packets = CaptureWriter::new(BufWriter::new(file))?;
                let last = Duration::ZERO;
                entry.insert(Writer { packets, last })
            }
        };
        // what waited in the socket is older than what was sent meanwhile
        writer.last = writer.last.max(date);
        let (from, to) = (from.into(), to.into());
        writer.packets.datagram(writer.last, from, to, payload)
    }

    /// Writes out what is buffered, so that a running capture can be read.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let mut files = self.files.values_mut();
        files.try_for_each(|writer| writer.packets.flush())
    }
}
