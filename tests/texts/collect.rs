//! Collects the texts of one source file by its tokens: log lines, `#[error]` texts, and every
//! other string that reads as a sentence. Code under `cfg(test)`, doc comments and other
//! attributes, and the messages of assertions are passed over.

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

/// Texts of a file, in the order of the source; one line each.
#[derive(Default)]
pub(crate) struct Texts {
    /// Level, text and fields of log lines.
    pub(crate) logs: Vec<String>,
    /// `#[error]` texts.
    pub(crate) errors: Vec<String>,
    /// All other sentences: answers over HTTP, lines of subcommands, causes put into other texts.
    pub(crate) others: Vec<String>,
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Macros whose texts only a programmer sees.
const INTERNAL: [&str; 6] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "unreachable",
];

pub(crate) fn collect(source: TokenStream, texts: &mut Texts) {
    let tokens: Vec<TokenTree> = source.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let inner = usize::from(is_punct(tokens.get(at), '!'));
                if let Some(TokenTree::Group(group)) = tokens.get(at + inner)
                    && group.delimiter() == Delimiter::Bracket
                {
                    at += inner + 1;
                    if attribute(group, texts) {
                        at += item_length(&tokens[at..]);
                    }
                }
            }
            TokenTree::Ident(name) if is_punct(tokens.get(at), '!') => {
                let Some(TokenTree::Group(group)) = tokens.get(at + 1) else {
                    continue;
                };
                let name = name.to_string();
                if is_tracing(&tokens, at - 1) {
                    texts.logs.push(log_line(&name, group));
                    at += 2;
                } else if INTERNAL.contains(&name.as_str()) {
                    at += 2;
                }
            }
            TokenTree::Group(group) => collect(group.stream(), texts),
            TokenTree::Literal(literal) => texts.others.extend(sentence(literal)),
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// Takes the text of `#[error("...")]`. Returns true for `#[cfg(test)]`.
fn attribute(group: &Group, texts: &mut Texts) -> bool {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let [TokenTree::Ident(name), TokenTree::Group(inner)] = &tokens[..] else {
        return false;
    };
    if name == "error"
        && let Some(TokenTree::Literal(literal)) = inner.stream().into_iter().next()
    {
        let text = value(&literal).filter(|text| text.contains(' '));
        texts.errors.extend(text);
    }
    name == "cfg" && inner.stream().to_string() == "test"
}

/// Returns the number of tokens of the item that begins here.
fn item_length(tokens: &[TokenTree]) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    tokens
        .iter()
        .position(is_end)
        .map_or(tokens.len(), |at| at + 1)
}

/// Returns true for a level after `tracing::`, or after `tracing::$` in a local macro.
fn is_tracing(tokens: &[TokenTree], at: usize) -> bool {
    let is_level = LEVELS.contains(&tokens[at].to_string().as_str());
    let before = tokens[..at]
        .iter()
        .rev()
        .filter(|t| !is_punct(Some(t), '$'));
    let path: Vec<String> = before.take(3).map(ToString::to_string).collect();
    path == [":", ":", "tracing"] && (is_level || is_punct(tokens.get(at.wrapping_sub(1)), '$'))
}

fn log_line(level: &str, group: &Group) -> String {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let parts = tokens.split(|token| is_punct(Some(token), ','));
    let (mut text, mut fields) = (String::new(), Vec::new());
    for part in parts {
        match part {
            [TokenTree::Literal(literal)] => text = value(literal).unwrap_or_default(),
            [TokenTree::Ident(target), colon, ..]
                if target == "target" && is_punct(Some(colon), ':') => {}
            _ => fields.extend(field_name(part)),
        }
    }
    let level = if LEVELS.contains(&level) {
        level
    } else {
        "any"
    };
    format!("{level:5} {text} [{}]", fields.join(" ")).replace(" []", "")
}

/// Returns the name of `name = value`, `%name` and `?name`; of a path the last part.
fn field_name(part: &[TokenTree]) -> Option<String> {
    let name = part.split(|token| is_punct(Some(token), '=')).next()?;
    name.iter().rev().find_map(|token| match token {
        TokenTree::Ident(name) => Some(name.to_string()),
        _ => None,
    })
}

/// Returns a string of two words or more.
fn sentence(literal: &Literal) -> Option<String> {
    let text = value(literal)?;
    let is_word = |word: &&str| {
        let letters = word.chars().filter(char::is_ascii_alphabetic).count();
        letters >= 2 && !word.contains(['<', '>', '\u{1b}', '\\'])
    };
    (text.split_whitespace().filter(is_word).count() >= 2).then_some(text)
}

/// Returns the value of a string literal, on one line.
fn value(literal: &Literal) -> Option<String> {
    let parsed = syn::parse_str::<syn::LitStr>(&literal.to_string()).ok()?;
    Some(parsed.value().trim_end().replace('\n', "\\n"))
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}
