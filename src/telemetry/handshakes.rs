//! Why a connection did not get as far as its HTTP request, in words that
//! metrics keep.

/// The causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// `server.max_handshakes` were in progress, and its client had the most.
    Full,
    /// Not a peer that may speak the PROXY protocol.
    UntrustedPeer,
    /// No PROXY protocol header, or a broken one.
    ProxyHeader,
    /// The TLS handshake failed, or the client spoke no TLS.
    Tls,
    /// A deadline passed.
    Timeout,
}

impl HandshakeFailure {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Full,
        Self::UntrustedPeer,
        Self::ProxyHeader,
        Self::Tls,
        Self::Timeout,
    ];

    /// Its stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::UntrustedPeer => "proxy-stranger",
            Self::ProxyHeader => "proxy-header",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
        }
    }
}
