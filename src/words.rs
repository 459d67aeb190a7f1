//! Enums of stable words, for logs, statistics and the wire: each variant has one. Once published,
//! a word does not change.

/// Declares an enum with a word for each variant, the list of its variants, and their words.
macro_rules! words {
    (
        $(#[$of_enum:meta])*
        $vis:vis enum $Enum:ident { $( $(#[$doc:meta])* $Name:ident = $word:literal, )+ }
    ) => {
        $(#[$of_enum])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $Enum {
            $( $(#[$doc])* $Name, )+
        }

        impl $Enum {
            /// All of them, in the order of their numbers (`as usize`).
            $vis const ALL: &[Self] = &[ $( Self::$Name, )+ ];

            /// Returns the stable word.
            $vis const fn as_str(self) -> &'static str {
                match self { $( Self::$Name => $word, )+ }
            }
        }
    };
}

pub(crate) use words;
