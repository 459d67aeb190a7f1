//! `targets.named` as tables: accepted entries, and the errors of others.

use super::*;

fn named(text: &str) -> Result<Vec<NamedTarget>, String> {
    let loaded = load_text(text).map_err(|errors| errors.to_string())?;
    Ok(loaded.config.targets.named.clone())
}

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

#[test]
fn tables_and_short_forms_may_be_mixed() {
    let text = format!(
        "[[targets.named]]\nname = 'db'\nhost = 'db.internal'\nuser = 'ops'\n\
         host_keys = ['{KEY}']\nauth_methods = ['publickey', 'password']\n\
         agent_socket = '/run/agent'\n\n[[targets.named]]\nname = 'six'\nhost = '::1'\nport = 2222\n"
    );
    let entries = named(&text).unwrap();
    assert_eq!(entries[0].address, "db=db.internal:22");
    let overrides = &entries[0].overrides;
    assert_eq!(overrides.user.as_deref(), Some("ops"));
    assert_eq!(overrides.host_keys, [KEY]);
    let methods = overrides.auth_methods.as_ref().unwrap();
    assert!(methods.allow(AuthMethod::Password) && !methods.allow(AuthMethod::KeyboardInteractive));
    assert!(overrides.agent_socket.is_some());
    // Overrides nothing: the same as the short form.
    assert_eq!(entries[1], NamedTarget::short("six=[::1]:2222"));
    let mixed = "[targets]\nnamed = ['a=b:22', { name = 'c', host = 'd', user = 'e' }]";
    assert_eq!(named(mixed).unwrap().len(), 2);
}

#[test]
fn an_error_of_an_entry_names_the_entry_and_the_key() {
    for (fields, words) in [
        ("", "host is missing"),
        ("hots = 'h'", "did you mean host?"),
        ("host = 1", "host must be"),
        ("host = 'h'\nport = 0", "port must be"),
        ("host = 'h'\nport = 65536", "port must be"),
        ("host = 'h'\nport = '22'", "port must be"),
        ("host = 'h'\nusr = 'u'", "did you mean user?"),
        ("host = 'h'\nshell = 'u'", "the keys are name, host, "),
        ("host = 'h'\nuser = ''", "user must be"),
        ("host = 'h'\nuser = \"a\\nb\"", "user must be"),
        ("host = 'h'\nhost_keys = []", "host_keys must be"),
        ("host = 'h'\nhost_keys = 'SHA256:x'", "host_keys must be"),
        ("host = 'h'\nhost_keys = ['MD5:00']", "host_keys must be"),
        (
            "host = 'h'\nhost_keys = ['SHA256:47DEQpj8HBSa']",
            "host_keys must be",
        ),
        // The last letter has bits that no hash has.
        (
            "host = 'h'\nhost_keys = ['SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV']",
            "host_keys must be",
        ),
        ("host = 'h'\nauth_methods = []", "auth_methods must be"),
        (
            "host = 'h'\nauth_methods = ['none']",
            "auth_methods must be",
        ),
        ("host = 'h'\nagent_socket = '/x'", "needs a fixed user"),
        (
            "host = 'h'\nuser = 'u'\nagent_socket = '/x'\nauth_methods = ['password']",
            "needs publickey",
        ),
    ] {
        let error = named(&format!("[[targets.named]]\nname = 'db'\n{fields}")).unwrap_err();
        assert!(error.contains("\"db\""), "{fields}: {error}");
        assert!(error.contains(words), "{fields}: {error}");
    }
    assert!(
        named("[[targets.named]]\nnmae = 'db'\nhost = 'h'")
            .unwrap_err()
            .ends_with("expected a known key in place of \"nmae\" in an entry; did you mean name?")
    );
    for text in [
        "[[targets.named]]\nhost = 'h'",
        "[[targets.named]]\nname = 'a=b'\nhost = 'h'",
        "[targets]\nnamed = [1]",
        "[targets]\nnamed = ['']",
        "[targets]\nnamed = 1",
        "[targets.named]\nname = 'a'",
    ] {
        assert!(named(text).is_err(), "{text}");
    }
}

#[test]
fn authentication_methods_have_the_names_of_the_rfc() {
    for (value, fine) in [
        ("publickey", true),
        ("password,keyboard-interactive", true),
        ("", false),
        ("none", false),
        ("hostbased", false),
        ("Password", false),
    ] {
        let loaded = load_set(&[&format!("ssh.auth_methods={value}")]);
        assert_eq!(loaded.is_ok(), fine, "{value}");
    }
}
