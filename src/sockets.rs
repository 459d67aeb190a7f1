//! Sockets made with options of our own, handed to glommio.

use glommio::net::TcpStream;
use socket2::Socket;

/// Makes a glommio stream of a socket, on the calling executor.
///
/// glommio takes sockets in the terms of an older socket2; the standard
/// library's type is what both agree on. Only the descriptor is moved.
pub fn adopt(socket: Socket) -> TcpStream {
    TcpStream::from(glommio_socket2::Socket::from(std::net::TcpStream::from(
        socket,
    )))
}
