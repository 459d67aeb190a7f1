//! Prompts in many languages, and whether each asks for the password.

use super::*;

/// Prompts for the password.
const FOR_THE_PASSWORD: &[&str] = &[
    "Password: ",
    "password:",
    "Password for me: ",
    "me@host's password: ",
    "(me@code.example.org) Password: ",
    "pin@token's password: ",
    "Password for pin:",
    "Password for pin@OTP.EXAMPLE.ORG: ",
    "LDAP Password: ",
    "Enter password: ",
    "Enter passphrase: ",
    "Please enter your password: ",
    "[sudo] password for me: ",
    "Login password:",
    "Current password: ",
    "(current) UNIX password: ",
    "",
    ":",
    "> ",
    "Secret:",
    "Your secret, please:",
    "Credentials:",
    "RADIUS:",
    "Password (opinions?)",
    "Kennwort: ",
    "Passwort:",
    "Mot de passe : ",
    "Contraseña: ",
    "Senha: ",
    "Пароль: ",
    "密码:",
    "密碼：",
    "请输入口令:",
    "パスワード:",
    "비밀번호:",
    "Hasło: ",
    "Heslo: ",
    "Lösenord: ",
    "Adgangskode: ",
    "Salasana: ",
    "Wachtwoord: ",
    "Parola: ",
    "Şifre: ",
    "كلمة المرور:",
    "סיסמה:",
    "पासवर्ड:",
    "Mật khẩu:",
    "รหัสผ่าน:",
    "Kata sandi:",
];

/// Prompts of modules for second factors, of RADIUS, and of `passwd`.
const FOR_SOMETHING_ELSE: &[&str] = &[
    "Verification code: ",
    "Code: ",
    "Enter code:",
    "CODE",
    "Passcode:",
    "Enter PASSCODE: ",
    "PIN:",
    "Enter your PIN: ",
    "OTP: ",
    "One-time password (OATH) for `me': ",
    "One time password:",
    "Onetime password",
    "TOTP:",
    "Token: ",
    "Enter token code: ",
    "Token_Response:",
    "Tokencode:",
    "Password + token:",
    "Password & OTP: ",
    "2FA:",
    "Second factor: ",
    "Two-factor code:",
    "MFA token",
    "Duo passcode:",
    "Passcode or option (1-3): ",
    "Google Authenticator:",
    "SecurID:",
    "Touch your YubiKey:",
    "Response: ",
    "Challenge 123:",
    "Dynamic password:",
    "Enter 6 digits:",
    "Enter the 6-digit number:",
    "SMS:",
    "Security code:",
    "Access code: ",
    "TAN: ",
    "Bestätigungscode: ",
    "Einmalpasswort:",
    "Einmal-Kennwort: ",
    "Sicherheitscode:",
    "Code de vérification : ",
    "Jeton : ",
    "Mot de passe à usage unique : ",
    "Código de verificación: ",
    "Contraseña de un solo uso:",
    "Codice: ",
    "Gettone:",
    "Password monouso:",
    "Senha de uso único:",
    "Verificatiecode:",
    "Eenmalig wachtwoord:",
    "Engångslösenord:",
    "Engangskode:",
    "Kode:",
    "Kertakäyttösalasana:",
    "Vahvistuskoodi:",
    "Hasło jednorazowe:",
    "Kod: ",
    "Jednorázové heslo:",
    "Код подтверждения: ",
    "Одноразовый пароль:",
    "ПИН:",
    "Doğrulama kodu: ",
    "Tek kullanımlık şifre:",
    "Ellenőrző kód:",
    "验证码:",
    "请输入动态口令:",
    "动态密码：",
    "一次性密码:",
    "令牌:",
    "驗證碼：",
    "認証コード:",
    "ワンタイムパスワード:",
    "パスコード:",
    "인증번호:",
    "OTP 코드:",
    "일회용 비밀번호:",
    "رمز التحقق:",
    "קוד אימות:",
    "New password: ",
    "Retype new password:",
    "Enter new UNIX password: ",
    "Confirm password:",
    "Neues Passwort:",
];

#[test]
fn prompts_for_the_password_are_recognised() {
    for prompt in FOR_THE_PASSWORD {
        assert!(asks_for_password("pin", "", "", prompt), "{prompt:?}");
    }
}

#[test]
fn prompts_for_something_else_are_not_taken_for_the_password() {
    for prompt in FOR_SOMETHING_ELSE {
        assert!(!asks_for_password("me", "", "", prompt), "{prompt:?}");
    }
}

#[test]
fn the_text_around_a_prompt_counts_where_the_prompt_is_unclear() {
    let asks = |name, instruction, prompt| asks_for_password("me", name, instruction, prompt);
    assert!(!asks("", "Enter the verification code we sent", ": "));
    assert!(!asks("Two-factor authentication", "", "> "));
    assert!(asks(
        "Two-factor authentication",
        "First your password",
        "Password: "
    ));
    assert!(asks("Authentication", "Welcome to code.example.org", ": "));
}
