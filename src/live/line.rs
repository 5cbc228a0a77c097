//! One line below a running lookup's peers: how far it is.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::Duration;

use mdht_node::{Dht, FoundPeer, Peers};

use super::View;

/// How often the line is drawn.
const PAUSE: Duration = Duration::from_millis(100);

/// The line. Where standard error is no terminal, there is none.
pub(crate) struct LiveLine {
    view: Option<View>,
}

impl LiveLine {
    /// A line for the lookups that are asked for from now on.
    pub(crate) fn follow(dht: &Dht) -> Self {
        let view = stderr().is_terminal().then(|| View::follow(dht));
        Self { view }
    }

    /// The next peer of a lookup; while none comes, the line is drawn.
    pub(crate) async fn next(&self, peers: &mut Peers) -> Option<FoundPeer> {
        let found = loop {
            tokio::select! {
                found = peers.next() => break found,
                () = tokio::time::sleep(PAUSE), if self.view.is_some() => self.draw(),
            }
        };
        self.write("\r\x1b[K");
        found
    }

    fn draw(&self) {
        let model = self.view.as_ref().and_then(|view| view.model.lock().ok());
        let text = model.and_then(|model| {
            let lookup = model.lookups.back()?;
            let (sent, answered) = (lookup.sent, lookup.answered());
            let peers = lookup.peers;
            Some(match sent {
                0 => "waiting for the DHT".to_owned(),
                _ => format!("{sent} queries, {answered} answered, {peers} peers"),
            })
        });
        self.write(&format!("\r\x1b[K{}", text.unwrap_or_default()));
    }

    fn write(&self, text: &str) {
        if self.view.is_some() {
            // a line that cannot be shown is no failure
            let _ = stderr().write_all(text.as_bytes());
        }
    }
}
