//! Tests of the bounds within which clients can make the file grow.

use super::*;
use russh::keys::ssh_key::Mpint;
use russh::keys::ssh_key::public::RsaPublicKey;
use std::net::{IpAddr, Ipv4Addr};

const BOUNDS: NewKeyBounds = NewKeyBounds {
    per_client: 3,
    period: Duration::from_secs(600),
    max_lines: 1000,
};

fn client(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

fn store_key(
    store: &Store,
    client: IpAddr,
    host: &str,
    bounds: NewKeyBounds,
) -> Result<(), RememberError> {
    let new = new(host, 22, key(9));
    let bounded = NewKey {
        client,
        bounds,
        ..new
    };
    remember(store, bounded)
}

fn lines(dir: &HostsDir) -> usize {
    dir.text().lines().count()
}

#[test]
fn each_client_may_store_its_own_number_of_keys() {
    let dir = HostsDir::new();
    let store = dir.store();
    for number in 0..10 {
        let stored = store_key(&store, client(1), &format!("h{number}"), BOUNDS);
        match stored {
            Ok(()) => assert!(number < 3),
            Err(RememberError::TooMany { wait }) => {
                assert!(number >= 3 && wait <= BOUNDS.period, "{wait:?}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(lines(&dir), 3);
    // Neither known keys nor refused ones count.
    assert!(matches!(
        store_key(&store, client(2), "*", BOUNDS),
        Err(RememberError::BadHost)
    ));
    for _ in 0..5 {
        assert!(store_key(&store, client(2), "h0", BOUNDS).is_ok());
    }
    for number in 0..3 {
        assert!(store_key(&store, client(2), &format!("g{number}"), BOUNDS).is_ok());
    }
    assert_eq!(lines(&dir), 6);
}

#[test]
fn the_addresses_of_an_ipv6_network_are_one_client() {
    let dir = HostsDir::new();
    let store = dir.store();
    let stored = (0..20).map(|n| {
        let client = format!("2001:db8::{n:x}").parse().unwrap();
        store_key(&store, client, &format!("h{n}"), BOUNDS).is_ok()
    });
    assert_eq!(stored.filter(|ok| *ok).count(), 3);
    assert_eq!(lines(&dir), 3);
}

#[test]
fn all_clients_together_may_store_sixteen_times_as_many() {
    let dir = HostsDir::new();
    let store = dir.store();
    let stored = (0..=255).flat_map(|c| (0..3).map(move |n| (c, n)));
    let kept =
        stored.filter(|(c, n)| store_key(&store, client(*c), &format!("h{c}-{n}"), BOUNDS).is_ok());
    assert_eq!(kept.count(), 48);
    assert_eq!(lines(&dir), 48);
}

#[test]
fn no_key_is_stored_beyond_the_maximum_of_lines() {
    let dir = HostsDir::new();
    fs::write(dir.path(), "# a\n\n# b\n").unwrap();
    let store = dir.store();
    let bounds = NewKeyBounds {
        per_client: 100,
        max_lines: 5,
        ..BOUNDS
    };
    for number in 0..10 {
        let stored = store_key(&store, client(1), &format!("h{number}"), bounds);
        assert_eq!(stored.is_ok(), number < 2, "{stored:?}");
    }
    assert_eq!(lines(&dir), 5);
    assert_eq!(verdict_of(&store, "h2", &key(9)), Unknown);
}

#[test]
fn no_key_is_stored_whose_line_is_longer_than_4_kib() {
    let dir = HostsDir::new();
    let store = dir.store();
    let (e, n) = ([1; 900], [1; 2048]);
    let [e, n] = [&e[..], &n].map(Mpint::from_positive_bytes);
    let public = RsaPublicKey::new(e, n).unwrap();
    let key = PublicKey::new(public.into(), "");
    // With a blank between.
    let host = "h".repeat(4096 - 1 - text(&key).len());
    remember(&store, new(&host, 22, key.clone())).unwrap();
    let before = dir.text();
    let longer = format!("{host}h");
    let stored = remember(&store, new(&longer, 22, key.clone()));
    assert!(
        matches!(stored, Err(RememberError::NoRoom(_))),
        "{stored:?}"
    );
    assert_eq!(dir.text(), before);
    assert_eq!(verdict_of(&store, &longer, &key), Unknown);
    assert_eq!(verdict_of(&dir.store(), &host, &key), Known);
}

/// Otherwise the file could not be read again.
#[test]
fn no_key_is_stored_beyond_the_maximum_of_bytes() {
    let dir = HostsDir::new();
    let mut full = b"#".repeat(64 * 1024 * 1024 - 20);
    full.push(b'\n');
    fs::write(dir.path(), &full).unwrap();
    let store = dir.store();
    let stored = store_key(&store, client(1), "h", BOUNDS);
    assert!(
        matches!(stored, Err(RememberError::NoRoom(_))),
        "{stored:?}"
    );
    assert_eq!(fs::metadata(dir.path()).unwrap().len(), full.len() as u64);
    assert!(block_on(store.reload(&dir.path())).is_ok());
}
