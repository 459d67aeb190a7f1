//! Tests of the bounds within which clients can make the file grow.

use super::*;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use std::net::{IpAddr, Ipv4Addr};

const BOUNDS: NewKeyBounds = NewKeyBounds {
    per_client: 3,
    period: Duration::from_secs(600),
    max_lines: 1000,
};

fn client(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

fn key() -> PublicKey {
    shown(PrivateKey::from(Ed25519Keypair::from_seed(&[9; 32])).public_key())
}

fn ask(
    store: &Store,
    client: IpAddr,
    host: String,
    bounds: NewKeyBounds,
) -> Result<(), RememberError> {
    let (port, key) = (22, key());
    block_on(store.remember(NewKey {
        host,
        port,
        key,
        client,
        bounds,
    }))
}

fn lines(bench: &Bench) -> usize {
    fs::read_to_string(bench.path()).unwrap().lines().count()
}

#[test]
fn one_client_has_so_many_lines_and_others_have_theirs() {
    let bench = Bench::new();
    let store = Store::start(&bench.path()).unwrap();
    for number in 0..10 {
        let asked = ask(&store, client(1), format!("h{number}"), BOUNDS);
        match asked {
            Ok(()) => assert!(number < 3),
            Err(RememberError::TooMany { wait }) => {
                assert!(number >= 3 && wait <= BOUNDS.period, "{wait:?}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(lines(&bench), 3);
    // Neither what is known nor what is refused counts.
    assert!(matches!(
        ask(&store, client(2), "*".to_owned(), BOUNDS),
        Err(RememberError::BadHost)
    ));
    for _ in 0..5 {
        assert!(ask(&store, client(2), "h0".to_owned(), BOUNDS).is_ok());
    }
    for number in 0..3 {
        assert!(ask(&store, client(2), format!("g{number}"), BOUNDS).is_ok());
    }
    assert_eq!(lines(&bench), 6);
}

/// An IPv6 client is its /64.
#[test]
fn the_addresses_of_one_network_are_one_client() {
    let bench = Bench::new();
    let store = Store::start(&bench.path()).unwrap();
    let asked = (0..20).map(|n| {
        let client = format!("2001:db8::{n:x}").parse().unwrap();
        ask(&store, client, format!("h{n}"), BOUNDS).is_ok()
    });
    assert_eq!(asked.filter(|ok| *ok).count(), 3);
    assert_eq!(lines(&bench), 3);
}

#[test]
fn all_clients_together_have_sixteen_times_as_many() {
    let bench = Bench::new();
    let store = Store::start(&bench.path()).unwrap();
    let asked = (0..=255).flat_map(|c| (0..3).map(move |n| (c, n)));
    let kept = asked.filter(|(c, n)| ask(&store, client(*c), format!("h{c}-{n}"), BOUNDS).is_ok());
    assert_eq!(kept.count(), 48);
    assert_eq!(lines(&bench), 48);
}

#[test]
fn the_file_has_so_many_lines() {
    let bench = Bench::new();
    fs::write(bench.path(), "# a\n\n# b\n").unwrap();
    let store = Store::start(&bench.path()).unwrap();
    let bounds = NewKeyBounds {
        per_client: 100,
        max_lines: 5,
        ..BOUNDS
    };
    for number in 0..10 {
        let asked = ask(&store, client(1), format!("h{number}"), bounds);
        assert_eq!(asked.is_ok(), number < 2, "{asked:?}");
    }
    assert_eq!(lines(&bench), 5);
    assert_eq!(store.current().record("h2", 22).check(&key()), Unknown);
}

/// A file that would be too large to be read again is not made.
#[test]
fn the_file_has_so_many_bytes() {
    let bench = Bench::new();
    let mut full = b"#".repeat(64 * 1024 * 1024 - 20);
    full.push(b'\n');
    fs::write(bench.path(), &full).unwrap();
    let store = Store::start(&bench.path()).unwrap();
    let asked = ask(&store, client(1), "h".to_owned(), BOUNDS);
    assert!(matches!(asked, Err(RememberError::NoRoom(_))), "{asked:?}");
    assert_eq!(fs::metadata(bench.path()).unwrap().len(), full.len() as u64);
    assert!(block_on(store.reload(&bench.path())).is_ok());
}
