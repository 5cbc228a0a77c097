//! The stream of peers that a lookup finds.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};

use super::{FoundPeer, Stopped};
use crate::core::LookupReport;

/// Peers as a lookup finds them. It ends with the lookup; dropping it ends
/// the lookup.
#[derive(Debug)]
pub struct Peers {
    found: mpsc::Receiver<FoundPeer>,
    report: oneshot::Receiver<LookupReport>,
}

impl Peers {
    pub(crate) const fn new(
        found: mpsc::Receiver<FoundPeer>,
        report: oneshot::Receiver<LookupReport>,
    ) -> Self {
        Self { found, report }
    }

    /// The next peer; `None` when the lookup is over.
    pub async fn next(&mut self) -> Option<FoundPeer> {
        poll_fn(|cx| self.found.poll_recv(cx)).await
    }

    /// Waits for the end of the lookup, and for its announces where there are
    /// any. Peers not taken before are passed over.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn report(mut self) -> Result<LookupReport, Stopped> {
        while self.next().await.is_some() {}
        self.report.await.map_err(|_| Stopped)
    }
}

impl Stream for Peers {
    type Item = FoundPeer;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FoundPeer>> {
        self.found.poll_recv(cx)
    }
}
