//! The two macros behind the settings: `settings!` turns one table into the typed structs, their
//! defaults, the list of keys, what is said of each, and reading and writing by key; `choices!` makes an enum of words.
//!
//! They know nothing of layers, sources or relations between settings.

/// Declares every section and setting once. A line is
/// `/// doc` `name: Type = default;` or `name: Type = default, in lowest..=highest;`.
macro_rules! settings {
    ($(
        $(#[doc = $section_doc:literal])*
        $section:ident: $Section:ident {
            $( $(#[doc = $doc:literal])* $name:ident: $Type:ty = $default:expr $(, in $range:expr)?; )+
        }
    )+) => {
        /// The whole configuration: one field per section.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Config {
            $( $(#[doc = $section_doc])* pub $section: $Section, )+
        }

        $(
            $(#[doc = $section_doc])*
            #[derive(Debug, Clone, PartialEq)]
            pub struct $Section {
                $( $(#[doc = $doc])* pub $name: $Type, )+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $name: $default, )+ }
                }
            }
        )+

        /// Every key as `section.name`, in the order of the declaration.
        pub const KEYS: &[&str] = &[
            $( $( concat!(stringify!($section), ".", stringify!($name)), )+ )+
        ];

        /// Every section with its settings, in the order of the declaration.
        pub(super) const SECTIONS: &[Section] = &[
            $( Section {
                name: stringify!($section),
                doc: &[$($section_doc),*],
                settings: &[ $( Declared {
                    key: concat!(stringify!($section), ".", stringify!($name)),
                    doc: &[$($doc),*],
                    accepts: || settings!(@accepts $Type $(, $range)?),
                }, )+ ],
            }, )+
        ];

        impl Config {
            /// Reads `raw` into the setting named `key`. The error says what is accepted;
            /// the setting then keeps the value it had.
            pub(super) fn assign(&mut self, key: &str, raw: &Raw<'_>) -> Result<(), String> {
                match key {
                    $( $(
                        concat!(stringify!($section), ".", stringify!($name)) => {
                            self.$section.$name = settings!(@read $Type, raw $(, $range)?);
                        }
                    )+ )+
                    _ => return Err(String::from("a setting that exists")),
                }
                Ok(())
            }

            /// The value of the setting named `key`, written as TOML; None for an unknown key.
            pub(super) fn written(&self, key: &str) -> Option<String> {
                match key {
                    $( $(
                        concat!(stringify!($section), ".", stringify!($name)) =>
                            Some(self.$section.$name.write()),
                    )+ )+
                    _ => None,
                }
            }
        }
    };
    (@read $Type:ty, $raw:ident) => { <$Type as Value>::read($raw)? };
    (@read $Type:ty, $raw:ident, $range:expr) => { read_within::<$Type>($raw, $range)? };
    (@accepts $Type:ty) => { <$Type as Value>::accepts() };
    (@accepts $Type:ty, $range:expr) => { accepts_within::<$Type>($range) };
}

/// Declares a public enum whose variants are spelled as words in the configuration.
macro_rules! choices {
    (
        $(#[$meta:meta])*
        $Name:ident { $( $(#[$variant_meta:meta])* $Variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Name {
            $( $(#[$variant_meta])* $Variant, )+
        }

        impl $Name {
            /// The word that stands for this choice in the configuration.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $word, )+ }
            }
        }

        impl Value for $Name {
            fn read(raw: &Raw<'_>) -> Result<Self, String> {
                match raw.as_text() {
                    $( Some($word) => Ok(Self::$Variant), )+
                    _ => Err(Self::accepts()),
                }
            }

            fn accepts() -> String {
                format!("one of {}", [$($word),+].join(", "))
            }

            fn write(&self) -> String {
                quoted(self.as_str())
            }
        }
    };
}
