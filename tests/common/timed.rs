//! Socket with a deadline, plain or with TLS.

use super::DEADLINE;
use futures_rustls::rustls::{self, ClientConnection};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A socket whose reads and writes fail once `until` has passed, however slowly bytes trickle.
pub(crate) struct Timed {
    pub(crate) tcp: TcpStream,
    pub(crate) tls: Option<Box<ClientConnection>>,
    pub(crate) until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(left))
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(self.left()?)?;
        match &mut self.tls {
            None => self.tcp.read(buffer),
            Some(tls) => {
                // The handshake writes, too.
                self.tcp.set_write_timeout(Some(DEADLINE))?;
                rustls::Stream::new(&mut **tls, &mut self.tcp).read(buffer)
            }
        }
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(self.left()?)?;
        match &mut self.tls {
            None => self.tcp.write(bytes),
            Some(tls) => {
                self.tcp.set_read_timeout(Some(DEADLINE))?;
                rustls::Stream::new(&mut **tls, &mut self.tcp).write(bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => self.tcp.flush(),
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.tcp).flush(),
        }
    }
}
