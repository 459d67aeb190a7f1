//! Finds a secret in a text, in the forms in which secrets leak.

/// Every form that holds `secret`, by its name.
fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    let json = serde_json::to_string(secret).unwrap();
    let debug = format!("{secret:?}");
    let list = format!("{bytes:?}");
    let percent = bytes.iter().map(|byte| match byte {
        b if b.is_ascii_alphanumeric() || b"-._~".contains(b) => char::from(*b).to_string(),
        b => format!("%{b:02X}"),
    });
    let inner = |text: &str| text[1..text.len() - 1].to_owned();
    vec![
        ("plain", secret.to_owned()),
        ("JSON", inner(&json)),
        ("Debug", inner(&debug)),
        ("HEX", hex.to_uppercase()),
        ("hex", hex),
        ("bytes", inner(&list)),
        ("percent", percent.collect()),
        ("base64", base64_within(bytes, 0)),
        ("base64 behind one byte", base64_within(bytes, 1)),
        ("base64 behind two bytes", base64_within(bytes, 2)),
        ("reversed", secret.chars().rev().collect()),
    ]
}

/// The part of the base64 text that is the same whatever stands around the secret, `before` bytes
/// of something else in front.
fn base64_within(secret: &[u8], before: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // Only whole groups: what is next to others is mixed with them.
    let skip = (3 - before) % 3;
    let whole = secret.get(skip..).unwrap_or_default().chunks_exact(3);
    whole
        .flat_map(|group| {
            let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
            [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
        })
        .collect()
}

/// The forms in which `secret` is in `text`.
pub(crate) fn found(text: &str, secret: &str) -> Vec<&'static str> {
    assert!(secret.len() >= 12, "too short to rule out a chance match");
    let forms = forms(secret).into_iter();
    let within = forms.filter(|(_, form)| text.contains(form.as_str()));
    within.map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leak is planted in each form, and found in that form.
    #[test]
    fn every_form_of_a_secret_is_found() {
        let secret = "ca\"na\\ry /Zf83kq";
        for (name, form) in forms(secret) {
            let text = format!("2026-01-01 INFO something=\"{form}\" else");
            assert!(found(&text, secret).contains(&name), "{name}: {text}");
        }
        assert_eq!(
            found("2026-01-01 INFO nothing of the kind", secret),
            [""; 0]
        );
    }

    #[test]
    fn base64_is_found_at_each_alignment() {
        // Made with base64(1) of 0, 1 and 2 bytes 'x' before it.
        for text in [
            "Y2FuYXJ5LVpmODNrcQ==",
            "eGNhbmFyeS1aZjgza3E=",
            "eHhjYW5hcnktWmY4M2tx",
        ] {
            assert!(!found(text, "canary-Zf83kq").is_empty(), "{text}");
        }
    }
}
