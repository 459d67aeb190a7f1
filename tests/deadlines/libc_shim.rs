//! A C library function replaced in the bridge's process, by LD_PRELOAD: name servers that do not
//! answer cannot be had otherwise without touching the machine's configuration.

use std::process::Command;

/// Longer than most deadlines that are tried, short enough for the workers to be back in time.
const SLOW_RESOLVER: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    sleep(2);
    if (strcmp(name, "slow.example") != 0)
        return EAI_AGAIN;
    return real("127.0.0.1", service, hints, result);
}
"#;

pub(crate) struct Shim {
    library: String,
    _directory: tempfile::TempDir,
}

impl Shim {
    /// The variable that has the bridge load it.
    pub(crate) fn preload(&self) -> (&str, &str) {
        ("LD_PRELOAD", &self.library)
    }
}

/// Every look-up takes two seconds. Then `slow.example` is 127.0.0.1, and all else fails.
pub(crate) fn slow_resolver() -> Shim {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("shim.c");
    let library = directory.path().join("shim.so");
    std::fs::write(&source, SLOW_RESOLVER).unwrap();
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .output()
        .expect("cc starts; run tests/setup.sh first");
    let complaint = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "cc: {complaint}");
    Shim {
        library: library.display().to_string(),
        _directory: directory,
    }
}
