//! The least that a server can do: take a batch of datagrams and send as many
//! of a given length back. It reads nothing but the transaction ID, at its
//! place, so that the generator can tell whose answer it is.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use mdht_krpc::{Body, Id, Message, Response};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg};
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};

/// Most datagrams of one call.
const BATCH: usize = 64;
/// Longest datagram.
const LONGEST: usize = 2048;
/// The generator's queries end with `1:t4:XXXX1:y1:qe`, answers likewise.
const BEHIND_ID: usize = b"1:y1:qe".len();
const ID: usize = 4;

/// Serves for ever. The order is `ADDR LEN=LEN...`: the address to bind, and for
/// each length of a query the length of its answer.
pub(crate) fn serve(order: &str) {
    let mut words = order.split_whitespace();
    let addr: SocketAddr = words.next().unwrap().parse().unwrap();
    let mut replies = vec![Vec::new(); LONGEST];
    for word in words {
        let (asked, answered) = word.split_once('=').unwrap();
        replies[asked.parse::<usize>().unwrap()] = reply(answered.parse().unwrap());
    }
    let socket = UdpSocket::bind(addr).unwrap();
    let _ = nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBuf, &(4 << 20));
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut input = vec![0; BATCH * LONGEST];
    let mut output = vec![0; BATCH * LONGEST];
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        {
            let mut buffers = input.chunks_exact_mut(LONGEST);
            let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
                std::array::from_fn(|_| [IoSliceMut::new(buffers.next().unwrap_or_default())]);
            let flags = MsgFlags::MSG_WAITFORONE;
            let fd = socket.as_raw_fd();
            let got = recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None).unwrap();
            batch.extend(got.map(|message| (message.bytes, message.address.unwrap())));
        }
        let mut outgoing = Vec::with_capacity(BATCH);
        let pairs = input
            .chunks_exact(LONGEST)
            .zip(output.chunks_exact_mut(LONGEST));
        for ((query, out), (len, from)) in pairs.zip(&batch) {
            let reply = &replies[*len];
            let Some(answered) = reply.len().checked_sub(BEHIND_ID) else {
                continue;
            };
            out[..reply.len()].copy_from_slice(reply);
            let id = &query[len - BEHIND_ID - ID..len - BEHIND_ID];
            out[answered - ID..answered].copy_from_slice(id);
            let to = SocketAddrV4::new(from.ip(), from.port());
            outgoing.push(([IoSlice::new(&out[..reply.len()])], to.as_any()));
        }
        let mut control: Vec<_> = outgoing
            .iter()
            .map(|_| SendAncillaryBuffer::default())
            .collect();
        let messages = outgoing.iter().zip(&mut control);
        let mut messages: Vec<_> = messages
            .map(|((slices, to), control)| MMsgHdr::new_with_addr(to, slices, control))
            .collect();
        let mut rest = &mut messages[..];
        while !rest.is_empty() {
            let sent = sendmmsg(&socket, rest, SendFlags::empty()).unwrap_or(1);
            rest = &mut rest[sent..];
        }
    }
}

/// A response of this length, or of the least there is.
fn reply(len: usize) -> Vec<u8> {
    let response = Response::new(Id::new([b'e'; 20]));
    let plain = Message::new(&[0; ID], Body::Response(response)).encode();
    // a key of no meaning in front, as in `1:p200:...`
    let key = |filler: usize| format!("1:p{filler}:");
    let room = len.saturating_sub(plain.len());
    let filler = (0..room)
        .rev()
        .find(|filler| key(*filler).len() + filler <= room);
    let Some(filler) = filler else { return plain };
    let mut reply = b"d".to_vec();
    reply.extend_from_slice(key(filler).as_bytes());
    reply.resize(reply.len() + filler, b'.');
    reply.extend_from_slice(&plain[1..]);
    reply
}
