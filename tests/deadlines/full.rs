//! A listener whose queue is full: the kernel drops every further attempt to connect, as a firewall
//! does.

use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) struct FullListener {
    pub(crate) addr: SocketAddr,
    _listener: Socket,
    /// Connections that are never accepted, and fill the queue.
    _waiting: Vec<TcpStream>,
}

impl FullListener {
    pub(crate) fn start() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let addr = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        // A queue of length 0 still holds a connection or two.
        while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(500)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the queue never fills");
        }
        assert!(!waiting.is_empty(), "the queue was full from the start");
        Self {
            addr,
            _listener: listener,
            _waiting: waiting,
        }
    }
}
