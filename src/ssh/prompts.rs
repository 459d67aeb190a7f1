//! Recognition of hidden prompts that ask for the password. RFC 4256 has no field for that, so the
//! prompt's words decide. A prompt for a code, a token or a new password goes to the user: the
//! password would be wrong there, might appear in a log of failed codes, and the user would not be
//! asked again. Any other prompt that is hidden and alone gets the password.
//!
//! Pure. The words are those of PAM and RADIUS modules, and their translations.

/// Parts of words in prompts for something else, in lower case. Long enough that no prompt for the
/// password contains one by chance.
const PARTS: &[&str] = &[
    // Second factors.
    "token",
    "factor",
    "faktor",
    "facteur",
    "фактор",
    "2fa",
    "mfa",
    "two-step",
    "2-step",
    "multi-step",
    "authenticator",
    "securid",
    "yubikey",
    "one-time",
    "one time",
    "onetime",
    "totp",
    "hotp",
    "verif",
    "vérif",
    "weryfik",
    "challenge",
    "response",
    "dynamic pass",
    "secondary",
    "digits",
    "digit ",
    "s/key",
    "scratch",
    "duo ",
    "sms",
    "captcha",
    // Codes.
    "passcode",
    "código",
    "codigo",
    "codice",
    "koodi",
    "κωδικό μίας",
    "κωδικός επ",
    "код",
    "codul",
    "verificatie",
    "bestätig",
    "einmal",
    "eenmalig",
    "engång",
    "engang",
    "jednoraz",
    "jednoráz",
    "kertakäyt",
    "usage unique",
    "uso único",
    "uso unico",
    "solo uso",
    "un solo uso",
    "monouso",
    "jeton",
    "gettone",
    "одноразов",
    "подтвержд",
    "токен",
    "пин-",
    "egyszer",
    "tek kullan",
    "doğrulama",
    "مرة واحدة",
    "رمز",
    "קוד",
    "कोड",
    "ओटीपी",
    "mã xác",
    "รหัสยืนยัน",
    "验证",
    "驗證",
    "动态",
    "動態",
    "一次性",
    "令牌",
    "校验码",
    "认证码",
    "認證碼",
    "短信",
    "コード",
    "ワンタイム",
    "確認",
    "トークン",
    "暗証番号",
    "코드",
    "인증",
    "일회용",
    "토큰",
    // Another password than the current one.
    "new pass",
    "new unix",
    "new kerberos",
    "retype",
    "re-enter",
    "reenter",
    "repeat",
    "again",
    "confirm",
    "neues pass",
    "neues kennwort",
    "nouveau mot",
    "nueva contra",
    "нов",
    "新密码",
    "新しい",
];

/// Whole words of the same kind, too short to be searched for within others.
const WORDS: &[&str] = &[
    "otp", "pin", "tan", "kod", "kód", "kode", "kodu", "cod", "пин", "new", "answer", "duo",
];

/// Endings of such words: Bestätigungscode, toegangscode, engangskode.
const ENDINGS: &[&str] = &["code", "codes", "kode", "kod", "otp"];

/// Parts of words for "password": a prompt with one asks for it, whatever the text around it says.
const PASSWORDS: &[&str] = &[
    "passw",
    "passphrase",
    "kennwort",
    "mot de passe",
    "contrase",
    "senha",
    "palavra-passe",
    "парол",
    "密码",
    "密碼",
    "口令",
    "パスワード",
    "비밀번호",
    "암호",
    "hasł",
    "hesl",
    "lösenord",
    "adgangskode",
    "salasana",
    "wachtwoord",
    "parol",
    "şifre",
    "jelszó",
    "كلمة",
    "סיסמ",
    "पासवर्ड",
    "mật khẩu",
    "รหัสผ่าน",
    "kata sandi",
    "συνθηματικό",
    "κωδικός πρόσβασης",
];

/// Returns whether a hidden prompt, alone in a round with this name and instruction, asks for the
/// password of `user`.
pub(super) fn asks_for_password(user: &str, name: &str, instruction: &str, prompt: &str) -> bool {
    let prompt = relevant(prompt, user);
    if asks_for_something_else(&prompt) {
        return false;
    }
    let is_clear = PASSWORDS.iter().any(|part| prompt.contains(part));
    is_clear
        || ![name, instruction]
            .map(|text| relevant(text, user))
            .iter()
            .any(|text| asks_for_something_else(text))
}

fn asks_for_something_else(text: &str) -> bool {
    // Danish for password ends as a code does.
    let text = text.replace("adgangskode", "password");
    PARTS.iter().any(|part| text.contains(part))
        || text
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| WORDS.contains(&word) || ENDINGS.iter().any(|end| word.ends_with(end)))
}

/// Characters of a text that are examined: no prompt needs more, and the server chooses the length.
const MAX_CHARS: usize = 1024;

/// Returns the text in lower case, without names of the user or of hosts (`me@code.example.org's`).
fn relevant(text: &str, user: &str) -> String {
    let user = user.to_lowercase();
    let text: String = text.chars().take(MAX_CHARS).collect();
    let text = text.to_lowercase();
    let words = text.split_whitespace().filter(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let name = word.strip_suffix("'s").unwrap_or(word);
        !word.contains('@') && name != user && !is_host(name)
    });
    // The blank at the end ends a word.
    words.flat_map(|word| [word, " "]).collect()
}

/// Returns whether a word has the form of a host name: dots with characters around each.
fn is_host(word: &str) -> bool {
    word.contains('.') && word.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests;
