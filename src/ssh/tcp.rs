//! TCP connection to a target: socket options, then connect. Takes an address, never a name; does
//! nothing of SSH.

use crate::runtime::Stream;
use futures_lite::AsyncWrite;
use socket2::{Domain, Protocol, Socket, Type};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

/// Time without an acknowledgement after which the kernel ends the connection (RFC 5482).
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Connects to `address`. `receive_buffer`, in bytes, caps SO_RCVBUF: it bounds what the kernel
/// holds for a session whose reads are stopped, and so the time from Ctrl-C to silence. The caller
/// owns the deadline; dropping the future closes the socket.
///
/// # Errors
/// The system's, such as `ConnectionRefused`.
pub async fn connect_tcp(address: SocketAddr, receive_buffer: usize) -> io::Result<Stream> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    // The kernel doubles the value for its own bookkeeping (socket(7)).
    socket.set_recv_buffer_size(receive_buffer / 2)?;
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(e) => return Err(e),
    }
    let mut stream = Stream::new(socket)?;
    // A write of no bytes pends during the TCP handshake and then returns its result.
    poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, &[])).await?;
    Ok(stream)
}
