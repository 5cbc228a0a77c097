//! The profile as text for a person.

use std::fmt::{self, Display, Formatter};

use crate::measurement::Row;
use crate::{BusyAddress, CaptureSummary, Fault, NodeProfile, Profile};

impl Display for Profile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for capture in &self.captures {
            write_capture(f, capture)?;
        }
        if self.nodes.is_empty() {
            writeln!(f, "\nNo address both sends and receives KRPC messages.")?;
        } else if !self.addresses.is_empty() {
            write_addresses(f, &self.addresses)?;
        }
        self.nodes.iter().try_for_each(|node| write_node(f, node))
    }
}

fn write_capture(f: &mut Formatter<'_>, capture: &CaptureSummary) -> fmt::Result {
    let CaptureSummary { path, packets, .. } = capture;
    write!(f, "{path} ({}): {packets} packets", capture.format)?;
    if let (Some(seconds), Some(start)) = (capture.duration_s, capture.start) {
        write!(f, " in {seconds:.3} s from {start}")?;
    }
    let CaptureSummary {
        krpc_messages,
        not_krpc,
        ..
    } = capture;
    writeln!(
        f,
        "\n  {krpc_messages} KRPC messages, {not_krpc} other packets"
    )?;
    if capture.noncanonical > 0 {
        let count = capture.noncanonical;
        writeln!(f, "  {count} not canonical bencode, read all the same")?;
    }
    if capture.fragments > 0 {
        let CaptureSummary {
            fragments,
            reassembled,
            ..
        } = capture;
        writeln!(
            f,
            "  {fragments} fragments, of which {reassembled} datagrams were put together"
        )?;
    }
    for fault in &capture.faults {
        let Fault { kind, count, .. } = fault;
        writeln!(f, "  {kind}: {count}, first at byte {}", fault.first_offset)?;
    }
    if capture.skipped_bytes > 0 {
        let bytes = capture.skipped_bytes;
        writeln!(f, "  {bytes} bytes passed over to find the next record")?;
    }
    Ok(())
}

fn write_addresses(f: &mut Formatter<'_>, addresses: &[BusyAddress]) -> fmt::Result {
    writeln!(f, "\nNo node was named; the busiest is profiled:")?;
    for busy in addresses.iter().take(MAX_LISTED) {
        let address = busy.address.to_string();
        let BusyAddress { sent, received, .. } = busy;
        writeln!(f, "  {address:<22} {sent} sent, {received} received")?;
    }
    match addresses.len().checked_sub(MAX_LISTED) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(f, "  and at least {more} more"),
    }
}

fn write_node(f: &mut Formatter<'_>, node: &NodeProfile) -> fmt::Result {
    write!(f, "\nNode {}", node.node)?;
    if let Some(label) = &node.node.label {
        write!(f, " ({label})")?;
    }
    if node.messages == 0 {
        return writeln!(f, ": not one of its KRPC messages is in the captures");
    }
    writeln!(f)?;
    write!(f, "  {:NAME$}{:>9}", "", "count")?;
    for heading in ["p50", "p75", "p98", "p99", "max"] {
        write!(f, " {heading:>8}")?;
    }
    writeln!(f)?;
    let rows = || node.sections.iter().flat_map(|section| &section.rows);
    for row in rows() {
        if let Row::Spread {
            name,
            count,
            figures,
        } = row
        {
            write!(f, "  {name:NAME$}{count:>9}")?;
            for figure in figures {
                match figure {
                    Some(figure) => write!(f, " {figure:>8.1}")?,
                    None => write!(f, " {:>8}", "-")?,
                }
            }
            writeln!(f)?;
        }
    }
    for row in rows() {
        if let Row::Line { name, text } = row {
            writeln!(f, "  {name:NAME$}{text}")?;
        }
    }
    Ok(())
}

/// Width of the column of names.
const NAME: usize = 22;

/// Most addresses that are listed.
const MAX_LISTED: usize = 10;
