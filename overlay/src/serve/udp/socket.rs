//! A socket that serves one port of every address of the range: it learns from
//! packet-info whom a datagram was for, and sends under any of the addresses.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::sockopt::{
    Ipv4PacketInfo, RcvBuf, RcvBufForce, ReceiveTimestampns, SndBuf, SndBufForce,
};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrIn, recvmmsg,
    sendmsg, setsockopt,
};

/// Most datagrams of one call.
const BATCH: usize = 64;
/// Longest datagram that is read whole: KRPC messages fit a packet.
const LONGEST: usize = 2048;
/// Buffers asked of the kernel, in bytes: what comes in a few milliseconds of
/// full load.
const BUFFER: usize = 16 << 20;

/// One port of all addresses.
#[derive(Debug)]
pub(crate) struct Socket {
    inner: UdpSocket,
    port: u16,
}

impl Socket {
    pub(crate) fn bind(port: u16) -> io::Result<Self> {
        let inner = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
        inner.set_nonblocking(true)?;
        setsockopt(&inner, Ipv4PacketInfo, &true)?;
        setsockopt(&inner, ReceiveTimestampns, &true)?;
        // without privilege there is a limit to what is granted
        if setsockopt(&inner, RcvBufForce, &BUFFER).is_err() {
            let _ = setsockopt(&inner, RcvBuf, &BUFFER);
        }
        if setsockopt(&inner, SndBufForce, &BUFFER).is_err() {
            let _ = setsockopt(&inner, SndBuf, &BUFFER);
        }
        Ok(Self { inner, port })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Sends a datagram as if `from` had sent it. One call each: nix's
    /// `sendmmsg` gives all datagrams of a call the same sender.
    pub(crate) fn send(&self, from: Ipv4Addr, to: SocketAddrV4, payload: &[u8]) -> io::Result<()> {
        let info = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr {
                s_addr: u32::from_ne_bytes(from.octets()),
            },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let control = [ControlMessage::Ipv4PacketInfo(&info)];
        let (slices, to) = ([IoSlice::new(payload)], SockaddrIn::from(to));
        let fd = self.inner.as_raw_fd();
        sendmsg(fd, &slices, &control, MsgFlags::empty(), Some(&to))?;
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// A datagram that has come in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) from: SocketAddrV4,
    /// Whom it was for.
    pub(crate) to: Ipv4Addr,
    /// When the kernel received it, since the Unix epoch.
    pub(crate) date: Option<Duration>,
    pub(crate) payload: &'a [u8],
}

/// Memory for a batch of datagrams.
pub(crate) struct Inbox {
    buffers: Box<[u8]>,
    headers: MultiHeaders<SockaddrIn>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let control = nix::cmsg_space!(libc::in_pktinfo, libc::timespec);
        Self {
            buffers: vec![0; BATCH * LONGEST].into(),
            headers: MultiHeaders::preallocate(BATCH, Some(control)),
        }
    }

    /// Hands each datagram of a batch to `each`; whether there may be more.
    pub(crate) fn receive(
        &mut self,
        socket: &Socket,
        mut each: impl FnMut(Incoming<'_>),
    ) -> io::Result<bool> {
        let mut buffers = self.buffers.chunks_exact_mut(LONGEST);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(buffers.next().unwrap_or_default())]);
        let (fd, flags) = (socket.inner.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let batch = match recvmmsg(fd, &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(batch) => batch,
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut count = 0;
        for message in batch {
            count += 1;
            if let Some(incoming) = incoming(&message) {
                each(incoming);
            }
        }
        Ok(count == BATCH)
    }
}

fn incoming<'a>(message: &RecvMsg<'_, 'a, SockaddrIn>) -> Option<Incoming<'a>> {
    let from = message.address.as_ref()?;
    let (mut to, mut date) = (None, None);
    for control in message.cmsgs().ok()? {
        match control {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                to = Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()));
            }
            ControlMessageOwned::ScmTimestampns(time) => date = Some(Duration::from(time)),
            _ => {}
        }
    }
    Some(Incoming {
        from: SocketAddrV4::new(from.ip(), from.port()),
        to: to?,
        date,
        payload: message.iovs().next().unwrap_or_default(),
    })
}
