//! Datagrams in and out, in batches.

use std::io;

use super::Notice;
use super::batch::{BATCH, Inbox};
use super::task::Task;
use crate::core::{SocketId, Transmit};

impl Task {
    /// Takes the datagrams that are there, a batch at most, and sends all that
    /// they set off. Nothing is waited for, so that nothing is late.
    pub(super) async fn receive(&mut self, index: usize, inbox: &mut Inbox) {
        self.first_socket = (index + 1) % self.sockets.len();
        // an error is none, or that of an earlier datagram: silence will tell
        if self.sockets[index].try_receive_batch(inbox).is_err() {
            return;
        }
        let now = self.clock.now();
        for n in 0..inbox.len() {
            let asked = self.core.stats().queries_sent.total();
            let (received, payload) = inbox.datagram(n);
            if let Some(tap) = &mut self.tap {
                let (socket, addrs) = (&self.sockets[index], (received.from, received.to));
                let written = tap.received((&self.clock, now), (index, socket), addrs, payload);
                self.check_tap(written);
            }
            self.core
                .handle_datagram(now, SocketId(index), received.from, payload);
            while let Some(transmit) = self.core.poll_transmit() {
                self.outbox.push(transmit);
            }
            self.take_events();
            // answers may wait for each other; queries leave at once, so that
            // what was asked before an answer came is so on the wire too
            let has_asked = self.core.stats().queries_sent.total() > asked;
            if has_asked || self.outbox.len() >= BATCH {
                self.send_outbox().await;
            }
        }
        self.send_outbox().await;
    }

    /// Sends what is to be sent, and tells what is to be told.
    pub(super) async fn flush(&mut self) {
        while let Some(transmit) = self.core.poll_transmit() {
            self.outbox.push(transmit);
        }
        self.send_outbox().await;
        self.take_events();
        if let Some(tap) = &mut self.tap {
            let flushed = tap.flush();
            self.check_tap(flushed);
        }
    }

    /// Sends all that waits, in order, with one call for as many as leave by
    /// the same socket. The core gets their memory back.
    async fn send_outbox(&mut self) {
        let outbox = std::mem::take(&mut self.outbox);
        for datagrams in outbox.chunk_by(|a, b| a.socket == b.socket) {
            for datagrams in datagrams.chunks(BATCH) {
                self.send_by_one_socket(datagrams).await;
            }
        }
        self.outbox = outbox;
        for transmit in self.outbox.drain(..) {
            self.core.recycle(transmit.payload);
        }
    }

    async fn send_by_one_socket(&mut self, mut datagrams: &[Transmit]) {
        let index = datagrams.first().map_or(0, |first| first.socket.0);
        if self.tap.is_some() {
            self.record_sent(index, datagrams);
        }
        while !datagrams.is_empty() {
            let sent = self.sockets[index].send_batch(datagrams).await;
            // one that cannot be sent keeps no other from leaving
            let done = sent.as_ref().map_or(1, |sent| (*sent).max(1));
            datagrams = &datagrams[done.min(datagrams.len())..];
            self.note_sent(sent.map(drop));
        }
    }

    fn record_sent(&mut self, index: usize, datagrams: &[Transmit]) {
        let clock = self.clock;
        let at = (&clock, clock.now());
        for Transmit { to, payload, .. } in datagrams {
            if let Some(tap) = &mut self.tap {
                let written = tap.sent(at, (index, &self.sockets[index]), *to, payload);
                self.check_tap(written);
            }
        }
    }

    /// Tells of a fault in sending once, and of its end.
    fn note_sent(&mut self, sent: io::Result<()>) {
        let fault = sent.as_ref().err().map(io::Error::kind);
        if fault != self.send_fault {
            self.send_fault = fault;
            self.notify(match sent {
                Ok(()) => Notice::SendingAgain,
                Err(error) => Notice::CannotSend(error.to_string()),
            });
        }
    }

    /// A full disk ends the capture, not the node.
    fn check_tap(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && let Some(tap) = self.tap.take()
        {
            let path = tap.path().display().to_string();
            self.notify(Notice::CaptureStopped(format!("{path}: {error}")));
        }
    }
}
