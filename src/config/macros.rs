//! The two macros behind the settings: `settings!` turns one table into the typed structs, their
//! defaults, the list of keys, their documentation, and access to each value; `choices!` makes an
//! enum whose variants are words.
//!
//! They know nothing of layers, sources or relations between settings.

/// Declares every section and setting once. A line is `/// doc`, then `name: Type = default;`, with
/// `, in lowest..=highest` for a range, and `, at restart` or `, at switch` for a setting that a
/// reload does not (or not always) apply: see `Applies`.
macro_rules! settings {
    ($(
        $(#[doc = $section_doc:literal])*
        $section:ident: $Section:ident {
            $(
                $(#[doc = $doc:literal])*
                $name:ident: $Type:ty = $default:expr $(, in $range:expr)? $(, at $applies:ident)?;
            )+
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
        pub(super) const SECTIONS: &[SectionSpec] = &[
            $( SectionSpec {
                name: stringify!($section),
                doc: &[$($section_doc),*],
                settings: &[ $( SettingSpec {
                    key: concat!(stringify!($section), ".", stringify!($name)),
                    name: stringify!($name),
                    doc: &[$($doc),*],
                    accepts: || settings!(@accepts $Type $(, $range)?),
                    applies: settings!(@applies $($applies)?),
                    assign: |config, raw| {
                        config.$section.$name = settings!(@read $Type, raw $(, $range)?);
                        Ok(())
                    },
                    copy: |config, from| config.$section.$name.clone_from(&from.$section.$name),
                    write: |config| config.$section.$name.write(),
                }, )+ ],
            }, )+
        ];
    };
    (@read $Type:ty, $raw:ident) => { <$Type as Value>::read($raw)? };
    (@read $Type:ty, $raw:ident, $range:expr) => { read_within::<$Type>($raw, $range)? };
    (@accepts $Type:ty) => { <$Type as Value>::accepts() };
    (@accepts $Type:ty, $range:expr) => { accepts_within::<$Type>($range) };
    (@applies) => { Applies::AtReload };
    (@applies restart) => { Applies::AtRestart };
    (@applies switch) => { Applies::SwitchAtRestart };
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
            /// Word that stands for this choice in the configuration.
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
                toml_string(self.as_str())
            }
        }
    };
}
