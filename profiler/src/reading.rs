//! KRPC messages out of a capture, recognised by content on any port.

use mdht_krpc::{Message, Oddities};
use serde::Serialize;

use crate::Timestamp;
use crate::capture::{Capture, CaptureError, Content, Datagram, content};
use crate::timestamp::seconds;

/// What was in a capture. `packets` = `krpc_messages` + `not_krpc` +
/// `malformed` + `snapped`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CaptureSummary {
    /// The capture as it was named.
    pub path: String,
    /// Its format: `pcap`.
    pub format: &'static str,
    /// Packets of any kind.
    pub packets: u64,
    /// Packets that hold a KRPC message.
    pub krpc_messages: u64,
    /// Packets that hold something else, fragments included.
    pub not_krpc: u64,
    /// UDP datagrams that start like KRPC and cannot be read.
    pub malformed: u64,
    /// KRPC messages that were read although they are not canonical bencode.
    pub noncanonical: u64,
    /// Pieces of fragmented UDP datagrams; they are not put together.
    pub fragments: u64,
    /// UDP datagrams that start like KRPC, of which the capture holds too
    /// little (`tcpdump -s`) to be read.
    pub snapped: u64,
    /// Packets that are older than the one before.
    pub time_steps_back: u64,
    /// The capture ends inside a record, or at one of impossible length.
    /// Everything before it was read.
    pub truncated: bool,
    /// Offset in bytes of that record.
    pub truncated_at: Option<u64>,
    /// Time of the first packet.
    pub start: Option<Timestamp>,
    /// Seconds from the first packet to the latest.
    pub duration_s: Option<f64>,
    /// Time of the latest packet.
    #[serde(skip)]
    pub end: Option<Timestamp>,
}

impl CaptureSummary {
    fn of(path: String, format: &'static str) -> Self {
        Self {
            path,
            format,
            packets: 0,
            krpc_messages: 0,
            not_krpc: 0,
            malformed: 0,
            noncanonical: 0,
            fragments: 0,
            snapped: 0,
            time_steps_back: 0,
            truncated: false,
            truncated_at: None,
            start: None,
            duration_s: None,
            end: None,
        }
    }

    fn on_time(&mut self, time: Timestamp, last: &mut Timestamp) {
        if time < *last {
            self.time_steps_back += 1;
        }
        *last = time;
        self.start.get_or_insert(time);
        self.end = self.end.max(Some(time));
    }
}

/// Reads `capture` to its end. `on_message` gets every KRPC message in the
/// order of the capture; `on_progress` is called at times with the bytes and
/// packets read so far.
///
/// # Errors
/// Reading failed; a capture that is cut short is no error.
pub(crate) fn read_messages(
    mut capture: Capture,
    name: String,
    mut on_message: impl FnMut(&Datagram<'_>, &Message<'_>),
    mut on_progress: impl FnMut(u64, u64),
) -> Result<CaptureSummary, CaptureError> {
    let mut summary = CaptureSummary::of(name, capture.format());
    let mut last = Timestamp::default();
    let mut reported = 0;
    while let Some(packet) = capture.next_packet()? {
        summary.packets += 1;
        summary.on_time(packet.time, &mut last);
        match content(&packet) {
            Content::Udp(datagram) if starts_like_krpc(datagram.payload) => {
                match Message::scan(datagram.payload) {
                    Ok(message) => {
                        summary.krpc_messages += 1;
                        let odd = message.oddities.contains(Oddities::NON_CANONICAL);
                        summary.noncanonical += u64::from(odd);
                        on_message(&datagram, &message);
                    }
                    Err(_) if datagram.snapped => summary.snapped += 1,
                    Err(_) => summary.malformed += 1,
                }
            }
            Content::Fragment => {
                summary.not_krpc += 1;
                summary.fragments += 1;
            }
            Content::Udp(_) | Content::Other => summary.not_krpc += 1,
        }
        if summary.packets - reported >= PACKETS_PER_REPORT {
            reported = summary.packets;
            on_progress(capture.position(), summary.packets);
        }
    }
    on_progress(capture.position(), summary.packets);
    summary.truncated_at = capture.cut_at();
    summary.truncated = summary.truncated_at.is_some();
    if let (Some(start), Some(end)) = (summary.start, summary.end) {
        summary.duration_s = Some(seconds(end.since(start)));
    }
    Ok(summary)
}

/// A KRPC message is a bencoded dictionary that is not empty: `d` and the
/// length of a key. No other protocol that is common on UDP starts so.
fn starts_like_krpc(payload: &[u8]) -> bool {
    matches!(payload, [b'd', b'0'..=b'9', ..])
}

const PACKETS_PER_REPORT: u64 = 1 << 16;
