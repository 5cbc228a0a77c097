//! The messages of one node, handed on as they come: for whoever wants them
//! themselves and no figures.

use std::ops::ControlFlow;

use mdht_krpc::Message;

use crate::capture::Datagram;
use crate::merge::{Captures, Merge, Sink, Standing};
use crate::{CaptureSummary, Direction, Error, Input, NodeSpec, Observed};

/// Reads `inputs`, merged by time, and hands every KRPC message that `node`
/// sent or received to `on_message`, until that asks to stop. Returns what was
/// in the captures.
///
/// # Errors
/// No capture was given, or nothing of one can be read. What of a capture
/// cannot be read is otherwise no error but in its
/// [faults](CaptureSummary::faults).
pub fn read_messages(
    inputs: Vec<Input>,
    node: &NodeSpec,
    on_message: impl FnMut(&Observed<'_>) -> ControlFlow<()>,
) -> Result<Vec<CaptureSummary>, Error> {
    if inputs.is_empty() {
        return Err(Error::NoCapture);
    }
    let mut merge = Merge::of(Captures::survey(inputs)?);
    let mut handing = Handing {
        node,
        on_message,
        flow: ControlFlow::Continue(()),
    };
    let _ = merge.read(&mut handing)?;
    Ok(merge.summaries())
}

/// The way of a node's messages to whom they are for.
struct Handing<'n, F> {
    node: &'n NodeSpec,
    on_message: F,
    flow: ControlFlow<()>,
}

impl<F: FnMut(&Observed<'_>) -> ControlFlow<()>> Sink for Handing<'_, F> {
    fn on_message(&mut self, datagram: &Datagram<'_>, message: &Message<'_>) {
        let (source, destination) = (datagram.source, datagram.destination);
        for (direction, local, remote) in [
            (Direction::Sent, source, destination),
            (Direction::Received, destination, source),
        ] {
            // the rest of a block of packets still comes after a stop
            if self.flow.is_continue() && self.node.matches(&local) {
                self.flow = (self.on_message)(&Observed {
                    time: datagram.time,
                    direction,
                    local,
                    remote,
                    ip_len: datagram.ip_len,
                    message,
                });
            }
        }
    }

    fn on_report(&mut self, _: &dyn Standing) -> ControlFlow<()> {
        self.flow
    }
}
