//! Messages of a takeover on a SOCK_SEQPACKET socket, with descriptors beside them. Every message
//! is bounded, and every wait has the socket's timeout.

use super::{SocketSet, TakeoverError};
use rustix::net::sockopt::socket_peercred;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use socket2::Socket;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Version of the protocol.
const VERSION: u32 = 1;

/// Longest message, in bytes.
const MAX_MESSAGE: usize = 256;

/// Descriptors per message; the kernel takes up to 253.
const BATCH: usize = 64;

/// Sockets that may be passed; one per shard and address, and then some.
const MAX_SOCKETS: usize = 4096;

/// Text of a message that carries descriptors.
const SOCKETS: &[u8] = b"sockets";

pub(super) const READY: &[u8] = b"ready";
pub(super) const DONE: &[u8] = b"done";
/// In place of the header, by a process that has nothing to pass any more.
pub(super) const HANDED_OVER: &[u8] = b"handed over";

/// First message: the numbers of sockets that follow.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    version: u32,
    public: usize,
    admin: usize,
}

/// Checks that the peer runs as the same user or as root (SO_PEERCRED, unix(7)).
pub(super) fn check_peer(connection: &Socket) -> Result<(), TakeoverError> {
    let peer = socket_peercred(connection).map_err(std::io::Error::from)?;
    if peer.uid == rustix::process::geteuid() || peer.uid.is_root() {
        Ok(())
    } else {
        Err(TakeoverError::OtherUser(peer.uid.as_raw()))
    }
}

/// Sends a message.
pub(super) fn send(connection: &Socket, message: &[u8]) -> Result<(), TakeoverError> {
    connection.send(message)?;
    Ok(())
}

/// Waits for a message of this text.
pub(super) fn expect(connection: &Socket, expected: &'static [u8]) -> Result<(), TakeoverError> {
    let (message, _) = receive(connection)?;
    if message == expected {
        return Ok(());
    }
    Err(TakeoverError::Protocol(if message.is_empty() {
        "it has closed the connection"
    } else {
        "an unexpected message"
    }))
}

/// Passes duplicates of all sockets.
pub(super) fn send_sockets(connection: &Socket, sockets: &SocketSet) -> Result<(), TakeoverError> {
    let header = Header {
        version: VERSION,
        public: sockets.public.len(),
        admin: sockets.admin.len(),
    };
    let text = serde_json::to_vec(&header).map_err(std::io::Error::from)?;
    send(connection, &text)?;
    let all = sockets.public.iter().chain(&sockets.admin);
    let all: Vec<BorrowedFd<'_>> = all.map(Socket::as_fd).collect();
    for batch in all.chunks(BATCH) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        if !rights.push(SendAncillaryMessage::ScmRights(batch)) {
            return Err(TakeoverError::Protocol("too many sockets in a message"));
        }
        let text = [IoSlice::new(SOCKETS)];
        sendmsg(connection, &text, &mut rights, SendFlags::NOSIGNAL)
            .map_err(std::io::Error::from)?;
    }
    Ok(())
}

/// Receives what [`send_sockets`] sends. Each is a listening TCP socket. `None` if the process has
/// [`HANDED_OVER`].
pub(super) fn receive_sockets(connection: &Socket) -> Result<Option<SocketSet>, TakeoverError> {
    let (text, _) = receive(connection)?;
    if text == HANDED_OVER {
        return Ok(None);
    }
    let header: Header = serde_json::from_slice(&text)
        .map_err(|_| TakeoverError::Protocol("no header came first"))?;
    if header.version != VERSION {
        return Err(TakeoverError::Protocol("it speaks another version"));
    }
    let expected = header.public.saturating_add(header.admin);
    if expected > MAX_SOCKETS {
        return Err(TakeoverError::Protocol("it has too many sockets"));
    }
    let mut all = Vec::new();
    while all.len() < expected {
        let (message, descriptors) = receive(connection)?;
        if message != SOCKETS || descriptors.is_empty() {
            return Err(TakeoverError::Protocol("sockets are missing"));
        }
        for descriptor in descriptors {
            all.push(checked(descriptor)?);
        }
    }
    let admin = all.split_off(header.public.min(all.len()));
    Ok(Some(SocketSet { public: all, admin }))
}

/// Returns `descriptor` as a non-blocking socket, if it is a listening TCP socket.
///
/// # Errors
/// [`TakeoverError::NotListening`], or an error of the system.
pub fn checked(descriptor: OwnedFd) -> Result<Socket, TakeoverError> {
    let socket = Socket::from(descriptor);
    let is_stream = matches!(socket.r#type(), Ok(socket2::Type::STREAM));
    let address = socket.local_addr();
    let is_tcp = is_stream && address.is_ok_and(|address| address.as_socket().is_some());
    if !(is_tcp && socket.is_listener().unwrap_or(false)) {
        return Err(TakeoverError::NotListening);
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Receives one message and the descriptors beside it; an empty one at the end.
fn receive(connection: &Socket) -> Result<(Vec<u8>, Vec<OwnedFd>), TakeoverError> {
    let mut message = [0; MAX_MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        connection,
        &mut [IoSliceMut::new(&mut message)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )
    .map_err(std::io::Error::from)?;
    let descriptors = ancillary
        .drain()
        .filter_map(|item| match item {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    let text = message.get(..received.bytes).unwrap_or(&message);
    Ok((text.to_vec(), descriptors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn pair() -> (Socket, Socket) {
        let kind = socket2::Type::SEQPACKET.cloexec();
        let (one, two) = Socket::pair(socket2::Domain::UNIX, kind, None).unwrap();
        let timeout = Some(std::time::Duration::from_secs(30));
        one.set_read_timeout(timeout).unwrap();
        two.set_read_timeout(timeout).unwrap();
        (one, two)
    }

    fn listeners(count: usize) -> Vec<Socket> {
        (0..count)
            .map(|_| Socket::from(TcpListener::bind("127.0.0.1:0").unwrap()))
            .collect()
    }

    #[test]
    fn every_socket_arrives_as_the_same_socket() {
        let (old, new) = pair();
        let sockets = SocketSet {
            public: listeners(2 * BATCH + 1),
            admin: listeners(1),
        };
        send_sockets(&old, &sockets).unwrap();
        let taken = receive_sockets(&new).unwrap().unwrap();
        let cookies = |sockets: &[Socket]| -> Vec<u64> {
            sockets.iter().map(|s| s.cookie().unwrap()).collect()
        };
        assert_eq!(cookies(&taken.public), cookies(&sockets.public));
        assert_eq!(cookies(&taken.admin), cookies(&sockets.admin));
        assert!(taken.public.iter().all(|s| s.nonblocking().unwrap()));
        let flags = |s: &Socket| rustix::io::fcntl_getfd(s).unwrap();
        let closes = |s| flags(s).contains(rustix::io::FdFlags::CLOEXEC);
        assert!(taken.public.iter().all(closes));
        send(&new, READY).unwrap();
        expect(&old, READY).unwrap();
    }

    #[test]
    fn a_socket_that_does_not_listen_is_refused() {
        let (old, new) = pair();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let sockets = SocketSet {
            public: vec![Socket::from(client)],
            admin: Vec::new(),
        };
        send_sockets(&old, &sockets).unwrap();
        let passed = receive_sockets(&new).err();
        let file = std::fs::File::open("/dev/null").unwrap();
        for refused in [passed, checked(file.into()).err()] {
            let said = refused.unwrap();
            assert!(matches!(said, TakeoverError::NotListening), "{said:?}");
        }
    }

    #[test]
    fn a_message_that_is_not_of_the_protocol_is_named() {
        let header = |version: u32, public: u64| {
            format!(r#"{{"version":{version},"public":{public},"admin":0}}"#)
        };
        for (sent, message) in [
            (None, "no header"),
            (Some("{}".to_owned()), "no header"),
            (Some(header(2, 1)), "another version"),
            (Some(header(1, 9_999_999_999)), "too many"),
            (Some(header(1, 1)), "missing"),
        ] {
            let (old, new) = pair();
            if let Some(sent) = &sent {
                send(&old, sent.as_bytes()).unwrap();
            }
            drop(old);
            let error = receive_sockets(&new).unwrap_err().to_string();
            assert!(error.contains(message), "{sent:?}: {error}");
        }
        let (old, new) = pair();
        send(&old, b"later").unwrap();
        assert!(expect(&new, READY).is_err());
        drop(old);
        assert!(expect(&new, READY).is_err());
    }

    #[test]
    fn a_peer_of_the_same_user_is_accepted() {
        let (old, new) = pair();
        assert!(check_peer(&old).is_ok() && check_peer(&new).is_ok());
    }
}
