//! Offered SSH algorithms, and every other option of russh's client. Leaves nothing to russh's
//! defaults.

use crate::config;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Limits, Names, Preferred, cipher, client, compression, kex, mac};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Post-quantum hybrid first. Group exchange is not offered: with an 8192-bit group, which the
/// server chooses, it takes most of a second of CPU at once.
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// Group 1 is last: it can be broken at great cost, but some equipment has nothing else. Group
/// exchange is limited to 2048 bits, because of the CPU time on the shard.
const LEGACY_KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_G14_SHA256,
    kex::DH_GEX_SHA256,
    kex::DH_G14_SHA1,
    kex::DH_GEX_SHA1,
    kex::DH_G1_SHA1,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// Size of a group that a server chooses, in bits.
const GEX_BITS: usize = 2048;

/// Ciphers with a MAC of their own. ChaCha20 is last, so that it is agreed on only with servers
/// that offer nothing else: without strict key exchange it is open to prefix truncation (see
/// [`is_open_to_truncation`]).
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
];

const LEGACY_CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CBC,
    cipher::AES_192_CBC,
    cipher::AES_128_CBC,
    cipher::TRIPLE_DES_CBC,
];

/// Used with the CTR and CBC ciphers only. Encrypt-then-MAC comes last, for the same reason as
/// ChaCha20.
const MACS: &[mac::Name] = &[
    mac::HMAC_SHA512,
    mac::HMAC_SHA256,
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA256_ETM,
];

const LEGACY_MACS: &[mac::Name] = &[
    mac::HMAC_SHA512,
    mac::HMAC_SHA256,
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA256_ETM,
    mac::HMAC_SHA1,
    mac::HMAC_SHA1_ETM,
];

/// MACs that are open to prefix truncation without strict key exchange.
const ETM: &[mac::Name] = &[
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA256_ETM,
    mac::HMAC_SHA1_ETM,
];

/// Returns whether a man in the middle can remove the first packets, because the two sides agreed
/// on ChaCha20-Poly1305 or an encrypt-then-MAC mode, and not on strict key exchange (Terrapin,
/// CVE-2023-48795).
pub(super) fn is_open_to_truncation(names: &Names) -> bool {
    let etm = ETM.contains(&names.client_mac) || ETM.contains(&names.server_mac);
    let open = names.cipher == cipher::CHACHA20_POLY1305 || etm && !CIPHERS.contains(&names.cipher);
    open && !names.strict_kex()
}

const COMPRESSION: &[compression::Name] = &[compression::NONE];

/// SSH window for output, in bytes. russh re-opens it on receipt, so it bounds no memory here; the
/// read credit does. But up to a window of output may be in the kernels' buffers on the way, and
/// delays a reply of the server (see the downlink) and the silence after Ctrl-C. So it is no larger
/// than a terminal needs: 10 Mbit/s from a server 100 ms away, and the full rate of one nearby.
/// With 64 KiB silence comes sooner, at half as much again of CPU per byte (perf/TRIED.md).
pub const OUTPUT_WINDOW: u32 = 128 * 1024;
/// Most bytes of channel data in one packet of the server. RFC 4253 section 6.1 requires at least
/// 32 KiB.
pub(super) const MAX_OUTPUT_PACKET: u32 = 32 * 1024;
/// RFC 4253 section 9: new keys after a gigabyte or an hour.
const REKEY_BYTES: usize = 1 << 30;
const REKEY_TIME: Duration = Duration::from_secs(3600);

const HOST_KEY_ALGORITHMS: usize = 6;

fn host_key_algorithms() -> [Algorithm; HOST_KEY_ALGORITHMS] {
    [
        Algorithm::Ed25519,
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        },
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP384,
        },
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP521,
        },
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha512),
        },
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        },
    ]
}

/// Returns the types of host key that `known` contains, as a bit for each of our algorithms.
fn kinds(known: &[Algorithm]) -> usize {
    let is_rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
    let is_known = |ours: &Algorithm| {
        let mut known = known.iter();
        known.any(|known| known == ours || is_rsa(known) && is_rsa(ours))
    };
    let ours = host_key_algorithms().into_iter().enumerate();
    let bits = ours.map(|(bit, algorithm)| usize::from(is_known(&algorithm)) << bit);
    bits.sum()
}

/// Returns our host-key algorithms, those of `kinds` first, so that a host with several keys
/// presents one that can be checked.
fn ordered_host_keys(kinds: usize) -> Vec<Algorithm> {
    let ours = host_key_algorithms().into_iter().enumerate();
    let (mut first, rest): (Vec<_>, Vec<_>) = ours.partition(|(bit, _)| kinds >> bit & 1 == 1);
    first.extend(rest);
    first.into_iter().map(|(_, algorithm)| algorithm).collect()
}

/// russh configurations of a shard. Each is made when it is first needed, and shared by the
/// connections to all hosts with the same types of known key.
#[derive(Debug)]
pub(super) struct ClientConfigs {
    /// Indexed by the known types of host key, then by whether an authority is known.
    made: [[OnceLock<Arc<client::Config>>; 2]; 1 << HOST_KEY_ALGORITHMS],
}

impl ClientConfigs {
    pub(super) fn new() -> Self {
        Self {
            made: std::array::from_fn(|_| Default::default()),
        }
    }

    /// Returns the configuration for a host with known keys of these algorithms and, with
    /// `certificates`, a known authority. `ssh` must be the same section at each call.
    pub(super) fn get(
        &self,
        ssh: &config::Ssh,
        known: &[Algorithm],
        certificates: bool,
    ) -> Arc<client::Config> {
        let kinds = kinds(known);
        #[expect(
            clippy::indexing_slicing,
            reason = "the array has an element for every set of algorithms"
        )]
        let made = &self.made[kinds][usize::from(certificates)];
        let made = made.get_or_init(|| Arc::new(client_config(ssh, kinds, certificates)));
        Arc::clone(made)
    }
}

fn client_config(ssh: &config::Ssh, kinds: usize, certificates: bool) -> client::Config {
    let mut keys = ordered_host_keys(kinds);
    let (kex, ciphers, macs) = if ssh.legacy_algorithms {
        keys.push(Algorithm::Rsa { hash: None });
        (LEGACY_KEX, LEGACY_CIPHERS, LEGACY_MACS)
    } else {
        (KEX, CIPHERS, MACS)
    };
    let gex = client::GexParams::new(GEX_BITS, GEX_BITS, GEX_BITS);
    client::Config {
        client_id: russh::SshId::Standard(Cow::Borrowed(concat!(
            "SSH-2.0-sshard_",
            env!("CARGO_PKG_VERSION")
        ))),
        limits: Limits::new(REKEY_BYTES, REKEY_BYTES, REKEY_TIME),
        window_size: OUTPUT_WINDOW,
        maximum_packet_size: MAX_OUTPUT_PACKET,
        // Not read: the handler gets the channel's messages.
        channel_buffer_size: 1,
        preferred: Preferred {
            kex: Cow::Borrowed(kex),
            key: Cow::Owned(keys),
            host_key_certificates: if certificates {
                Cow::Owned(host_key_algorithms().to_vec())
            } else {
                Cow::Borrowed(&[])
            },
            cipher: Cow::Borrowed(ciphers),
            mac: Cow::Borrowed(macs),
            compression: Cow::Borrowed(COMPRESSION),
        },
        // The session owns all timeouts. russh's own keep-alive would end the connection where
        // reads are stopped and replies therefore unread.
        inactivity_timeout: None,
        keepalive_interval: None,
        keepalive_max: 0,
        anonymous: false,
        // Never fails: the bounds are constants in order.
        gex: gex.unwrap_or_default(),
        // Not used: russh gets a connected stream; `tcp` sets TCP_NODELAY.
        nodelay: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_key_types_come_first_and_configurations_are_shared() {
        let ssh = config::Config::default().ssh;
        let configs = ClientConfigs::new();
        let rsa = [Algorithm::Rsa { hash: None }];
        let config = configs.get(&ssh, &rsa, false);
        let mut expected = host_key_algorithms();
        expected.rotate_right(2);
        assert_eq!(config.preferred.key, expected.as_slice());
        assert!(Arc::ptr_eq(&config, &configs.get(&ssh, &rsa, false)));
        let unknown = configs.get(&ssh, &[], true);
        assert_eq!(unknown.preferred.key, host_key_algorithms().as_slice());
        assert!(!unknown.preferred.host_key_certificates.is_empty());
        assert!(config.preferred.host_key_certificates.is_empty());
    }
}
