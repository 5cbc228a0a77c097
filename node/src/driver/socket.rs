//! UDP sockets that tell which of our addresses a datagram was sent to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use tokio::net::UdpSocket;

use super::batch::Inbox;
use crate::core::Transmit;

/// Receive buffer asked of the kernel: a burst of answers should fit.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A bound UDP socket, for those who drive a [`Core`](crate::core::Core)
/// themselves.
#[derive(Debug)]
pub struct Socket {
    inner: UdpSocket,
    local: SocketAddr,
}

/// A datagram that was received into the caller's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Its length in the buffer, in bytes.
    pub len: usize,
    /// Where it came from.
    pub from: SocketAddr,
    /// Our address that it was sent to, where the system tells.
    pub to: Option<IpAddr>,
}

impl Socket {
    /// Binds a socket; an IPv6 one takes no IPv4 traffic. Needs a tokio runtime.
    ///
    /// # Errors
    /// The system's word: the port is taken, or the address is not ours.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        let raw = RawSocket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        if addr.is_ipv6() {
            raw.set_only_v6(true)?;
        }
        // the system may grant less; that is no reason not to run
        let _ = raw.set_recv_buffer_size(RECEIVE_BUFFER);
        raw.set_nonblocking(true)?;
        raw.bind(&addr.into())?;
        let inner = UdpSocket::from_std(raw.into())?;
        system::ask_for_destination(&inner, addr, true)?;
        let local = inner.local_addr()?;
        Ok(Self { inner, local })
    }

    /// The address bound to; the IP may be unspecified, the port is not.
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Ready when there may be something to receive.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_recv_ready(cx)
    }

    /// Receives one datagram.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; others tell of an earlier one that was sent.
    pub fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        system::receive(&self.inner, buffer)
    }

    /// Receives what has come, up to a batch; nothing is waited for.
    ///
    /// # Errors
    /// As of [`Socket::try_receive`].
    pub(crate) fn try_receive_batch(&self, inbox: &mut Inbox) -> io::Result<()> {
        system::receive_batch(&self.inner, self.local, inbox)
    }

    /// Sends datagrams, the first of which are taken; how many, at least one.
    ///
    /// # Errors
    /// The system's word on the first of them, which was not sent.
    pub(crate) async fn send_batch(&self, datagrams: &[Transmit]) -> io::Result<usize> {
        loop {
            match system::send_batch(&self.inner, datagrams) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.inner.writable().await?;
                }
                sent => return sent,
            }
        }
    }

    /// Whether received datagrams tell which of our addresses they were sent
    /// to, as they do at first where the system can. It costs a little time.
    pub(crate) fn tell_destinations(&self, tell: bool) {
        // at worst they are told and nobody asks
        let _ = system::ask_for_destination(&self.inner, self.local, tell);
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// The system's word.
    pub async fn send(&self, payload: &[u8], to: SocketAddr) -> io::Result<()> {
        self.inner.send_to(payload, to).await.map(drop)
    }

    /// The address that the system would send from toward `remote`; nothing is
    /// sent to find out.
    pub fn source_toward(&self, remote: SocketAddr) -> Option<IpAddr> {
        if !self.local.ip().is_unspecified() {
            return Some(self.local.ip());
        }
        let probe = std::net::UdpSocket::bind(SocketAddr::new(self.local.ip(), 0)).ok()?;
        probe.connect(remote).ok()?;
        Some(probe.local_addr().ok()?.ip())
    }

    /// Whether what this socket sends to `remote`, another address of this
    /// machine, is handed over without any network, as systems do unless they
    /// are told otherwise. `None` where the system does not tell (elsewhere
    /// than on Linux, and with IPv6). Nothing is sent to find out.
    pub fn is_short_cut(&self, remote: SocketAddr) -> Option<bool> {
        let own = self.source_toward(remote)?;
        let loopback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), remote.port());
        let loopback = system::route_mtu(loopback.ip(), loopback)?;
        Some(system::route_mtu(own, remote)? == loopback)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io::{self, IoSlice, IoSliceMut};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::sockopt::{IpMtu, Ipv4PacketInfo, Ipv6RecvPacketInfo};
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike,
        SockaddrStorage, getsockopt, recvmmsg, recvmsg, setsockopt,
    };
    use rustix::net::addr::SocketAddrArg as _;
    use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};
    use tokio::io::Interest;
    use tokio::net::UdpSocket;

    use super::Received;
    use crate::core::Transmit;
    use crate::driver::batch::Inbox;

    pub(super) fn ask_for_destination(
        socket: &UdpSocket,
        addr: SocketAddr,
        ask: bool,
    ) -> io::Result<()> {
        match addr {
            SocketAddr::V4(_) => setsockopt(socket, Ipv4PacketInfo, &ask)?,
            SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvPacketInfo, &ask)?,
        }
        Ok(())
    }

    pub(super) fn receive_batch(
        socket: &UdpSocket,
        local: SocketAddr,
        inbox: &mut Inbox,
    ) -> io::Result<()> {
        let v4 = |addr: &SockaddrIn| SocketAddr::from((addr.ip(), addr.port()));
        let v6 = |addr: &SockaddrIn6| SocketAddr::from((addr.ip(), addr.port()));
        socket.try_io(Interest::READABLE, || match local {
            SocketAddr::V4(_) => receive_many(socket, inbox, v4),
            SocketAddr::V6(_) => receive_many(socket, inbox, v6),
        })
    }

    fn receive_many<S: SockaddrLike + Copy>(
        socket: &UdpSocket,
        inbox: &mut Inbox,
        sender: impl Fn(&S) -> SocketAddr,
    ) -> io::Result<()> {
        let (places, received) = inbox.places();
        let mut slices: Vec<_> = places.map(|place| [IoSliceMut::new(place)]).collect();
        let control = nix::cmsg_space!(nix::libc::in6_pktinfo);
        // made anew each time: a task that holds such headers could not change threads
        let mut headers = MultiHeaders::<S>::preallocate(slices.len(), Some(control));
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        for message in recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None)? {
            let from = message.address.as_ref().map(&sender);
            let from = from.ok_or_else(|| io::Error::other("a datagram without a source"))?;
            received.push(Received {
                len: message.bytes,
                from,
                to: message.cmsgs()?.find_map(|control| destination(&control)),
            });
        }
        Ok(())
    }

    pub(super) fn send_batch(socket: &UdpSocket, datagrams: &[Transmit]) -> io::Result<usize> {
        if let [only] = datagrams {
            return socket.try_send_to(&only.payload, only.to).map(|_| 1);
        }
        let parts: Vec<_> = datagrams
            .iter()
            .map(|datagram| (datagram.to.as_any(), [IoSlice::new(&datagram.payload)]))
            .collect();
        let mut controls: Vec<_> = parts
            .iter()
            .map(|_| SendAncillaryBuffer::default())
            .collect();
        let mut messages: Vec<_> = parts
            .iter()
            .zip(&mut controls)
            .map(|((to, payload), control)| MMsgHdr::new_with_addr(to, payload, control))
            .collect();
        socket.try_io(Interest::WRITABLE, || {
            Ok(sendmmsg(socket, &mut messages, SendFlags::DONTWAIT)?)
        })
    }

    pub(super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
        socket.try_io(Interest::READABLE, || {
            let mut control = nix::cmsg_space!(nix::libc::in6_pktinfo);
            let mut slices = [IoSliceMut::new(buffer)];
            let fd = socket.as_raw_fd();
            let flags = MsgFlags::empty();
            let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut control), flags)?;
            let from = message.address.as_ref().and_then(socket_addr);
            let from = from.ok_or_else(|| io::Error::other("a datagram without a source"))?;
            let to = message.cmsgs()?.find_map(|control| destination(&control));
            Ok(Received {
                len: message.bytes,
                from,
                to,
            })
        })
    }

    /// MTU of the way: loopback's own where no network is used. IPv4 only.
    pub(super) fn route_mtu(from: IpAddr, to: SocketAddr) -> Option<i32> {
        let probe = std::net::UdpSocket::bind(SocketAddr::new(from, 0)).ok()?;
        probe.connect(to).ok()?;
        getsockopt(&probe, IpMtu).ok()
    }

    fn socket_addr(addr: &SockaddrStorage) -> Option<SocketAddr> {
        if let Some(v4) = addr.as_sockaddr_in() {
            return Some((v4.ip(), v4.port()).into());
        }
        let v6 = addr.as_sockaddr_in6()?;
        Some((v6.ip(), v6.port()).into())
    }

    fn destination(control: &ControlMessageOwned) -> Option<IpAddr> {
        match control {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into())
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::net::{IpAddr, SocketAddr};

    use tokio::net::UdpSocket;

    use super::Received;
    use crate::core::Transmit;
    use crate::driver::batch::Inbox;

    pub(super) fn ask_for_destination(_: &UdpSocket, _: SocketAddr, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn receive_batch(
        socket: &UdpSocket,
        _: SocketAddr,
        inbox: &mut Inbox,
    ) -> io::Result<()> {
        let (places, received) = inbox.places();
        for place in places {
            match receive(socket, place) {
                Ok(one) => received.push(one),
                Err(error) if received.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    }

    pub(super) fn send_batch(socket: &UdpSocket, datagrams: &[Transmit]) -> io::Result<usize> {
        for (sent, datagram) in datagrams.iter().enumerate() {
            match socket.try_send_to(&datagram.payload, datagram.to) {
                Ok(_) => {}
                Err(error) if sent == 0 => return Err(error),
                Err(_) => return Ok(sent),
            }
        }
        Ok(datagrams.len())
    }

    pub(super) fn route_mtu(_: IpAddr, _: SocketAddr) -> Option<i32> {
        None
    }

    pub(super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
        let (len, from) = socket.try_recv_from(buffer)?;
        Ok(Received {
            len,
            from,
            to: None,
        })
    }
}
