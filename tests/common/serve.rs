//! TCP servers and proxies of a few lines: on a free port of 127.0.0.1 for as long as the test
//! program runs, with a thread for each connection.

use std::io::{self, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

/// Calls `handle` with each connection.
pub(crate) fn serve(handle: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, handle) = (stream.unwrap(), handle.clone());
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || handle(stream));
        }
    });
    addr
}

/// Listens in front of `server`. Passes the client's bytes on as they are; `relay` is called with
/// the stream to a client, and what it returns with the server's bytes for that client.
pub(crate) fn serve_in_front_of<R: FnMut(&[u8]) -> io::Result<()>>(
    server: SocketAddr,
    relay: impl Fn(TcpStream) -> R + Clone + Send + 'static,
) -> SocketAddr {
    // Either side may close at any point.
    serve(move |client| drop(pass(&client, server, &relay)))
}

fn pass<R: FnMut(&[u8]) -> io::Result<()>>(
    client: &TcpStream,
    server: SocketAddr,
    relay: &impl Fn(TcpStream) -> R,
) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    server.set_nodelay(true)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    let mut relay = relay(client.try_clone()?);
    let mut buffer = [0; 16 * 1024];
    loop {
        match server.read(&mut buffer)? {
            0 => return client.shutdown(Shutdown::Write),
            count => relay(&buffer[..count])?,
        }
    }
}
