//! The sockets of sessions, and who tells when they have something.
//!
//! `reactor` asks the kernel, once for all sockets of a shard, and wakes their
//! tasks; `stream` is a TCP connection on it, `listener` a socket that accepts,
//! `line` where sessions wait for each other that flood, `budget` how much of a
//! peer is read at a time.
//! What is rare (timers, the agent's socket) stays with glommio's ring, which
//! `reactor` parks on.

mod budget;
mod delayed_ack;
mod line;
mod listener;
mod reactor;
mod readiness;
mod stream;
#[cfg(test)]
mod tests;

pub use budget::ReadBudget;
pub use line::Place;
pub use listener::Listener;
pub use reactor::{install, spawn, spawn_task, turn};
pub use stream::TcpStream;

use futures_lite::AsyncRead;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;

/// Waits until `fd` polls readable, on glommio's ring. It must be of a kind
/// that cannot be read with recv(2), as an epoll instance is.
///
/// glommio has no call for this, but its streams wait for readiness before they
/// first read: one on such a descriptor becomes ready, reads an error, and is
/// dropped without harm.
///
/// # Errors
/// None but those of a ring that does not work.
async fn wait_readable(fd: OwnedFd) -> io::Result<()> {
    let socket = glommio_socket2::Socket::from(std::net::TcpStream::from(fd));
    let mut probe = glommio::net::TcpStream::from(socket);
    let mut byte = [0];
    match poll_fn(|cx| Pin::new(&mut probe).poll_read(cx, &mut byte)).await {
        Ok(_) => Ok(()),
        Err(error) => match error
            .raw_os_error()
            .map(rustix::io::Errno::from_raw_os_error)
        {
            Some(rustix::io::Errno::NOTSOCK) => Ok(()),
            _ => Err(error),
        },
    }
}
